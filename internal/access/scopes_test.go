package access

import (
	"testing"

	"pgregory.net/rapid"
)

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		scopes []string
		asks   Permission
		want   bool
	}{
		{nil, ModelsRequest, true},
		{[]string{}, ConnectionsWrite, true},
		{[]string{"api.model.request"}, ModelsRequest, true},
		{[]string{"api.model.request"}, ModelsRead, false},
		{[]string{AllRead}, ModelsRead, true},
		{[]string{AllRead}, APIKeysRead, true},
		{[]string{AllRead}, ModelsRequest, false},
		{[]string{AllRead}, APIKeysWrite, false},
		{[]string{AllRead}, ConnectionsRead, false},
		{[]string{"api.model.read"}, AllRead, false},
	} {
		if got := Covers(c.scopes, c.asks); got != c.want {
			t.Errorf("%q covers %s: %v", c.scopes, c.asks, got)
		}
	}
}

// A key as wide as another covers all that the other does.
func TestWiderKeysCoverAll(t *testing.T) {
	scopes := rapid.SliceOf(rapid.SampledFrom([]string{AllRead, "api.model.read", "api.model.request", "weir.requests.read"}))
	rapid.Check(t, func(rt *rapid.T) {
		held, asked := scopes.Draw(rt, "held"), scopes.Draw(rt, "asked")
		if !CoversScopes(held, asked) {
			return
		}
		for _, p := range append(permissions, ModelsRead) {
			if Covers(asked, p) && !Covers(held, p) {
				rt.Fatalf("%q is as wide as %q and does not cover %s", held, asked, p)
			}
		}
	})
}
