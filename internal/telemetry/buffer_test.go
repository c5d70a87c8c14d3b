package telemetry

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// writes remembers each write, or fails it.
type writes struct {
	all []string
	err error
}

func (w *writes) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	w.all = append(w.all, string(p))
	return len(p), nil
}

func plainLogger(t *testing.T, w *writes) (*slog.Logger, func() error) {
	t.Helper()
	log, flush, err := NewLogger(w, FormatText, "info")
	if err != nil {
		t.Fatal(err)
	}
	return log, flush
}

// count is how many lines each write held.
func (w *writes) count() []int {
	var n []int
	for _, text := range w.all {
		n = append(n, strings.Count(text, "\n"))
	}
	return n
}

func TestLinesReachTheLogInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &writes{}
		log, _ := plainLogger(t, w)
		for range 2 { // the timer serves more than once
			log.Info("one")
			log.Info("two")
			time.Sleep(lingering - time.Millisecond)
			log.Info("three") // does not put the others off
			time.Sleep(time.Millisecond)
			synctest.Wait()
		}
		if got := w.count(); !slices.Equal(got, []int{3, 3}) {
			t.Errorf("written %v lines at a time", got)
		}
	})
}

func TestWarningsGoOutAtOnceAndInOrder(t *testing.T) {
	w := &writes{}
	log, flush := plainLogger(t, w)
	log.Info("first")
	log.With("a", 1).WithGroup("g").Warn("second")
	if got := w.count(); !slices.Equal(got, []int{2}) || !strings.Contains(w.all[0], "msg=first") {
		t.Fatalf("%q", w.all)
	}
	log.Error("third")
	log.Info("fourth")
	if err := flush(); err != nil {
		t.Fatal(err)
	}
	if got := w.count(); !slices.Equal(got, []int{2, 1, 1}) {
		t.Errorf("%q", w.all)
	}
}

func TestManyLinesAreNotHeld(t *testing.T) {
	w := &writes{}
	log, flush := plainLogger(t, w)
	line := strings.Repeat("x", 1000)
	for range 100 {
		log.Info("line", "text", line)
	}
	if len(w.all) == 0 || len(w.all[0]) > maxGathered+2000 {
		t.Fatalf("%d writes", len(w.all))
	}
	if err := flush(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(strings.Join(w.all, ""), line+"\n"); got != 100 {
		t.Errorf("%d lines of 100", got)
	}
}

func TestAWriteThatFailsIsTold(t *testing.T) {
	w := &writes{err: errors.New("the disk is full")}
	log, flush := plainLogger(t, w)
	log.Info("lost")
	if err := flush(); !errors.Is(err, w.err) {
		t.Errorf("flush said %v", err)
	}
	if err := flush(); err != nil {
		t.Errorf("said again: %v", err)
	}
}
