//go:build scale

package org_test

import (
	"testing"
	"time"
)

// The contract's bound: a second, for a user with 10,000 keys.
func TestScaleDeletingAUser(t *testing.T) {
	took := deleteUserWithKeys(t, 10_000)
	t.Logf("deleting a user with 10,000 keys takes %s", took)
	if took > time.Second {
		t.Errorf("%s is more than a second", took)
	}
}
