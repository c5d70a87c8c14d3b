package nativeapi

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"weir/internal/org"
)

func (f *fixture) scimToken() org.SCIMToken {
	f.t.Helper()
	token, _, err := f.Org.CreateSCIMToken(f.t.Context(), f.actor(), org.NewSCIMToken{Name: f.name()})
	return must[org.SCIMToken](f.t)(token, err)
}

// scimTokenTarget makes the token that a call of the pattern is about, beside
// one other, and removes those of earlier calls: there is room for 20.
func (f *fixture) scimTokenTarget(method, pattern string) (path string, body any) {
	f.t.Helper()
	for _, old := range must[org.Rows[org.SCIMToken]](f.t)(f.Org.SCIMTokens(f.t.Context(), f.Organization.ID, org.Page{Limit: 100})).Items {
		if err := f.Org.DeleteSCIMToken(f.t.Context(), f.actor(), old.ID); err != nil {
			f.t.Fatal(err)
		}
	}
	f.scimToken()
	path = strings.Replace(pattern, "{scim_token_id}", f.scimToken().ID, 1)
	return path, changeIf(method == http.MethodPost, "name", "Entra ID")
}

func TestSCIMTokens(t *testing.T) {
	f := newFixture(t)
	before := f.lastSeq()
	made := ok[scimToken](t, f.owner().call(http.MethodPost, "/scim_tokens", map[string]any{"name": "Entra ID", "expires_in_seconds": 3600}))
	if !strings.HasPrefix(made.Value, "weir-scim-") || made.Name != "Entra ID" || *made.CreatedBy != f.Owner.ID || *made.ExpiresAt != made.CreatedAt+3600 {
		t.Errorf("made %+v", made)
	}
	shown := ok[scimToken](t, f.owner().get("/scim_tokens/"+made.ID))
	if shown.Value != "" || shown.RedactedValue != made.RedactedValue || shown.LastUsedAt != nil {
		t.Errorf("shown %+v", shown)
	}
	other := ok[scimToken](t, f.owner().call(http.MethodPost, "/scim_tokens", map[string]any{"name": "second"}))
	for _, token := range []scimToken{made, other} {
		ok[map[string]any](t, f.owner().call(http.MethodDelete, "/scim_tokens/"+token.ID, nil))
	}
	got := slices.Collect(names(f.events(before)))
	want := []string{
		"weir.scim_token.created", "scim.enabled", "weir.scim_token.created",
		"weir.scim_token.deleted", "weir.scim_token.deleted", "scim.disabled",
	}
	if !slices.Equal(got, want) {
		t.Errorf("recorded %v, want %v", got, want)
	}
	refused(t, f.owner().get("/scim_tokens/"+made.ID), http.StatusNotFound, "not_found", "")
	refused(t, f.as(made.Value).get("/scim_tokens"), http.StatusUnauthorized, "invalid_api_key", "")
	refused(t, f.owner().call(http.MethodPost, "/scim_tokens", map[string]any{"name": " "}), http.StatusBadRequest, "invalid_value", "name")
	refused(t, f.owner().call(http.MethodPost, "/scim_tokens", map[string]any{"name": "x", "expires_in_seconds": 0}), http.StatusBadRequest, "integer_below_min_value", "expires_in_seconds")
	refused(t, f.owner().call(http.MethodPost, "/scim_tokens", map[string]any{"name": "x", "id": "scimtok_1"}), http.StatusBadRequest, "unknown_parameter", "id")
	for range 20 {
		f.scimToken()
	}
	refused(t, f.owner().call(http.MethodPost, "/scim_tokens", map[string]any{"name": "x"}), http.StatusBadRequest, "scim_token_limit_reached", "")
}

// A token of one organization is not there for another.
func TestSCIMTokensOfOthers(t *testing.T) {
	f := newFixture(t)
	_, _, key := f.NewOrganization(t, "other@example.com")
	token := f.scimToken()
	refused(t, f.as(key).get("/scim_tokens/"+token.ID), http.StatusNotFound, "not_found", "")
	refused(t, f.as(key).call(http.MethodDelete, "/scim_tokens/"+token.ID, nil), http.StatusNotFound, "not_found", "")
}
