//go:build !contract

package adminapi_test

import "testing"

// books are the descriptions that every answer in these tests is held against.
func books(t *testing.T) []book {
	t.Helper()
	return []book{ownBook(t)}
}
