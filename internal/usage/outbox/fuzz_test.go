package outbox

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"weir/internal/usage"
)

// FuzzFrames feeds the reader bytes from a damaged disk: it must not panic, must
// not return a record whose checksum is wrong, and must agree with itself.
func FuzzFrames(f *testing.F) {
	b, err := appendEvent(beginFrame(nil), new(typicalEvent("req_1")))
	must(f, err)
	endFrame(b, kindSettled, 7)
	f.Add(b)
	f.Add(append(b, b[:50]...))
	f.Add(append(make([]byte, 40), b...))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := framesOf(bytes.NewReader(b), 0, int64(len(b)))
		for rest := b; ; {
			got, err := r.next()
			want, size, wantErr := frameAt(rest)
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, errBadFrame) || wantErr == nil || errors.Is(err, io.EOF) != (len(rest) == 0) {
					t.Fatalf("next: %v, frameAt: %v", err, wantErr)
				}
				knownSynced(rest, 5)
				return
			}
			if wantErr != nil || got.kind != want.kind || got.durable != want.durable || !bytes.Equal(got.payload, want.payload) {
				t.Fatalf("next %+v, frameAt %+v, %v", got, want, wantErr)
			}
			again := append(beginFrame(nil), got.payload...)
			endFrame(again, got.kind, got.durable)
			if !bytes.Equal(again, rest[:size]) {
				t.Fatal("a record came back that nobody wrote")
			}
			rest = rest[size:]
			if r.offset != int64(len(b)-len(rest)) {
				t.Fatalf("offset %d after %d bytes", r.offset, len(b)-len(rest))
			}
		}
	})
}

// FuzzOpen starts on a damaged log: a clear error or a log that works.
func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	log := open(f, dir, Options{SegmentSize: 2000})
	must(f, log.AppendOpen(usage.Event{ID: "req_1"}))
	_, err := log.AppendSettled(usage.Event{ID: "req_2"})
	must(f, err)
	must(f, log.Close())
	b, err := os.ReadFile(segmentPath(dir, 1))
	must(f, err)
	f.Add(b)
	f.Add(b[:len(b)-10])
	f.Add(b[:10])
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		must(t, os.WriteFile(segmentPath(dir, 1), b, 0o600))
		log, err := Open(dir, Options{SegmentSize: 2000, FS: newTestDisk(dir)})
		if err != nil {
			return
		}
		defer log.Close()
		before, err := log.ReadFrom(0, 1<<20)
		if err != nil {
			return // sound records of something that is no event
		}
		settle(t, log, "req_new")
		after, err := log.ReadFrom(0, 1<<20)
		if err != nil || len(after) != len(before)+1 {
			t.Fatalf("%d events, then %d, %v", len(before), len(after), err)
		}
	})
}
