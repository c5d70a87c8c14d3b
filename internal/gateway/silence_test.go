package gateway

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s silence
		expired := make(chan time.Time, 1)
		s.watch(10*time.Second, func() { expired <- time.Now() })
		quiet := func(d time.Duration) {
			t.Helper()
			select {
			case <-expired:
				t.Fatal("expired early")
			case <-time.After(d):
			}
		}
		quiet(9 * time.Second)
		s.end()
		quiet(time.Minute) // nobody waits
		for range 10 {
			s.begin()
			quiet(9 * time.Second)
			s.end()
		}
		s.bound(time.Second)
		quiet(time.Minute)
		s.begin()
		began := time.Now()
		if took := (<-expired).Sub(began); took < time.Second || took > 2*time.Second {
			t.Errorf("noticed after %s", took)
		}
	})
}

func TestSilenceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s silence
		s.watch(time.Second, func() { t.Error("expired") })
		s.stop()
		s.look() // as one that had begun when it was stopped
		<-time.After(time.Minute)
	})
}
