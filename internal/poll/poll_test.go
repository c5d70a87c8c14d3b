package poll

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// More work is done at once; an error and the end of the work are waited out.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began, failures := time.Now(), 0
		var at []time.Duration
		turn := func(context.Context) (bool, error) {
			at = append(at, time.Since(began))
			switch len(at) {
			case 1:
				return true, nil
			case 3:
				return true, errors.New("no")
			case 4:
				cancel()
			}
			return false, nil
		}
		Run(ctx, time.Second, turn, func(error) { failures++ })
		if want := []time.Duration{0, 0, time.Second, 2 * time.Second}; !slices.Equal(at, want) || failures != 1 {
			t.Errorf("turns at %v, want %v; %d failures", at, want, failures)
		}
	})
}
