package outbox

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
)

func cpu(b *testing.B) int64 {
	var r syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	return r.Utime.Nano() + r.Stime.Nano()
}

// BenchmarkSettle is one request's life in the log: open, settle (durable), and
// its part in being read and released in batches of 512. CPU is that of the
// whole process, the kernel's part in it included.
func BenchmarkSettle(b *testing.B) {
	for _, parallel := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("inflight=%d", parallel), func(b *testing.B) {
			log := open(b, b.TempDir(), Options{})
			var n atomic.Int64
			todo := make(chan struct{}, 1024)
			done := make(chan struct{}, parallel)
			b.ReportAllocs()
			before := cpu(b)
			b.ResetTimer()
			for range parallel {
				go func() {
					defer func() { done <- struct{}{} }()
					for range todo {
						ev := typicalEvent(fmt.Sprintf("req_%024d", n.Add(1)))
						if err := log.AppendOpen(ev); err != nil {
							b.Error(err)
						}
						if _, err := log.AppendSettled(ev); err != nil {
							b.Error(err)
						}
					}
				}()
			}
			var mark uint64
			for i := range b.N {
				todo <- struct{}{}
				if i%512 == 511 {
					events, err := log.ReadFrom(mark, 512)
					must(b, err)
					if len(events) > 0 {
						mark = events[len(events)-1].Position
						must(b, log.Release(mark))
					}
				}
			}
			close(todo)
			for range parallel {
				<-done
			}
			b.StopTimer()
			b.ReportMetric(float64(cpu(b)-before)/float64(b.N)/1000, "cpu-µs/op")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	ev := typicalEvent("req_1")
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		buf, err = appendEvent(buf[:0], &ev)
		must(b, err)
	}
}
