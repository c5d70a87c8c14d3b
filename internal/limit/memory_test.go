package limit_test

import (
	"testing"
	"time"

	"weir/internal/limit"
	"weir/internal/limit/limittest"
)

func TestMemory(t *testing.T) {
	limittest.Run(t, func(_ *testing.T, now func() time.Time) limit.Source { return limit.NewMemory(now) })
}
