package e2e

import (
	"net/http"
	"slices"
	"testing"
)

// What was refused just before the end is in the log all the same.
func TestDenialsSurviveTheEndOfTheProcess(t *testing.T) {
	dir := t.TempDir()
	p := serve(t, dir)
	for range 5 {
		if status, raw := call(t, "GET", p.address+"/v1/organization/projects", "sk-admin-nobodys-0123456789abcdefghijklmnop", nil, nil); status != http.StatusUnauthorized {
			t.Fatalf("%d %s", status, raw)
		}
	}
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	want := append(slices.Clone(firstEvents), "weir.access.denied")
	for _, got := range auditLog(t, dir) {
		if !slices.Equal(got, want) {
			t.Errorf("the log holds %v, want %v", got, want)
		}
	}
}
