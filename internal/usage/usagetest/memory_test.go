package usagetest_test

import (
	"testing"

	"weir/internal/usage"
	"weir/internal/usage/usagetest"
)

// The suite holds for the store it measures others by.
func TestMemory(t *testing.T) {
	usagetest.Run(t, func(*testing.T) usage.Store { return new(usagetest.Memory) })
}
