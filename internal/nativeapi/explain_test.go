package nativeapi

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"weir/internal/access"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
	"weir/internal/verdict"
)

// explainer knows the keys of its fixture and says of every call what it was
// asked.
type explainer struct{ f *fixture }

// Explain implements Explainer.
func (e explainer) Explain(ctx context.Context, q verdict.Question) (verdict.Explanation, error) {
	var found verdict.Explanation
	err := e.f.Org.Store.View(ctx, func(r org.Reader) error {
		return r.EachAPIKey(ctx, func(k org.APIKey) error {
			if k.OrganizationID == q.OrganizationID && (k.ID == q.KeyID || q.KeyID == "" && k.Hash == q.Secret) {
				found = verdict.Explanation{KeyID: k.ID, ProjectID: k.ProjectID}
			}
			return nil
		})
	})
	if err == nil && found.KeyID == "" {
		err = fault.NotFoundf("No such key.")
	}
	found.Steps = []verdict.Step{{Rule: verdict.Route, Outcome: verdict.Passed, Detail: q.Method + " " + q.Path + " " + string(q.Body)}}
	if q.Address.IsValid() {
		found.Err = fault.New(fault.Forbidden, "some_code", "some_param", "Not from %s.", q.Address)
		found.Steps = append(found.Steps, verdict.Step{Rule: verdict.IPAllowlist, Outcome: verdict.Refused, SourceID: "src"})
	}
	return found, err
}

func TestExplanationsOnTheWire(t *testing.T) {
	f := newFixture(t)
	_, key, secret := f.serviceAccount(f.Organization.DefaultProjectID, access.ProjectMember)
	owner := f.owner()
	asked := func(body any) explanation { return ok[explanation](t, owner.post("/explain", body)) }

	got := asked(map[string]any{"api_key_id": key.ID, "model": `a"b`})
	if !got.Allowed || got.Refusal != nil || got.APIKeyID != key.ID || *got.Rules[0].Detail != `POST /v1/chat/completions {"model":"a\"b"}` {
		t.Errorf("%+v %s", got, *got.Rules[0].Detail)
	}
	got = asked(`{"api_key": "` + secret + `", "path": "/v1/responses", "method": "PUT", "body": {"x": 1.0}, "ip_address": "192.0.2.7"}`)
	if got.Allowed || got.Refusal.Rule != "ip_allowlist" || got.Refusal.Status != 403 || *got.Refusal.Code != "some_code" || got.Refusal.Message != "Not from 192.0.2.7." ||
		*got.Rules[0].Detail != `PUT /v1/responses {"x": 1.0}` || *got.Rules[1].SourceID != "src" {
		t.Errorf("%+v", got)
	}
	for body, want := range map[string][2]string{
		`{"model":"x"}`: {"missing_required_parameter", "api_key_id"},
		`{"api_key_id":"` + key.ID + `","api_key":"` + secret + `"}`: {"missing_required_parameter", "api_key_id"},
		`{"api_key_id":""}`: {"empty_string", "api_key_id"},
		`{"api_key_id":"` + key.ID + `","model":"x","body":{}}`:       {"invalid_value", "model"},
		`{"api_key_id":"` + key.ID + `","path":"v1/x"}`:               {"invalid_value", "path"},
		`{"api_key_id":"` + key.ID + `","ip_address":"192.0.2.0/24"}`: {"invalid_value", "ip_address"},
		`{"api_key_id":"` + key.ID + `","modelx":"x"}`:                {"unknown_parameter", "modelx"},
	} {
		refused(t, owner.post("/explain", body), http.StatusBadRequest, want[0], want[1])
	}
	refused(t, owner.post("/explain", `{"api_key_id":"key_none"}`), http.StatusNotFound, "not_found", "")
	refused(t, owner.post("/explain", map[string]any{"api_key": id.Secret(id.ProjectSecret)}), http.StatusNotFound, "not_found", "")

	// Who owns another project learns nothing of this one's keys.
	p, err := f.Org.CreateProject(t.Context(), f.actor(), org.NewProject{Name: "other"})
	if err != nil {
		t.Fatal(err)
	}
	_, mine, elsewhere := f.serviceAccount(p.ID, access.ProjectOwner)
	refused(t, f.as(elsewhere).post("/explain", map[string]any{"api_key_id": key.ID}), http.StatusForbidden, "insufficient_permissions", "")
	if got := ok[explanation](t, f.as(elsewhere).post("/explain", map[string]any{"api_key_id": mine.ID})); got.ProjectID != p.ID {
		t.Errorf("%+v", got)
	}
	for _, body := range f.seen {
		if strings.Contains(body, secret) {
			t.Error("an answer holds the secret")
		}
	}
}
