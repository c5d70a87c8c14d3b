package scim

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/org"
)

// world is an organization whose people an identity provider keeps, with SCIM
// served on loopback.
type world struct {
	*endpointtest.Env
	t     *testing.T
	url   string
	token string
	known org.SCIMToken
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Env: endpointtest.New(t), t: t}
	w.url = endpointtest.Serve(t, New(Options{Org: w.Org, Identity: w.Identity, Logger: slog.New(slog.DiscardHandler), PublicURL: "https://weir.example.com"}))
	w.known, w.token = w.newToken(w.Organization.ID)
	return w
}

func (w *world) newToken(organizationID string) (org.SCIMToken, string) {
	w.t.Helper()
	token, secret, err := w.Org.CreateSCIMToken(w.t.Context(), audit.System(organizationID), org.NewSCIMToken{Name: "provider"})
	if err != nil {
		w.t.Fatal(err)
	}
	return token, secret
}

// answer is a response, read.
type answer struct {
	call   string
	status int
	header http.Header
	raw    string
	body   map[string]any
}

// do sends a body as it stands. headers are pairs of name and value.
func (w *world) do(method, path, body string, headers ...string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+root+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := answer{call: method + " " + path, status: res.StatusCode, header: res.Header, raw: string(raw)}
	if len(raw) > 0 {
		if got := res.Header.Get("Content-Type"); got != "application/scim+json" {
			w.t.Errorf("%s: the content type is %q", a.call, got)
		}
		if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&a.body); err != nil {
			w.t.Fatalf("%s: %v in %s", a.call, err, raw)
		}
	}
	return a
}

func (w *world) want(a answer, status int) answer {
	w.t.Helper()
	if a.status != status {
		w.t.Fatalf("%s: %d %s, want %d", a.call, a.status, a.raw, status)
	}
	return a
}

func (w *world) refused(a answer, status int, scimType string) {
	w.t.Helper()
	got, _ := a.body["scimType"].(string)
	if a.status != status || got != scimType || a.body["detail"] == "" {
		w.t.Errorf("%s: %d %s, want %d %q", a.call, a.status, a.raw, status, scimType)
	}
}

// at returns a part of a body: at(v, "emails", 0, "value").
func at(v any, steps ...any) any {
	for _, s := range steps {
		switch s := s.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[s]
		case int:
			list, _ := v.([]any)
			if s >= len(list) {
				return nil
			}
			v = list[s]
		}
	}
	return v
}

func (w *world) is(a answer, want any, steps ...any) {
	w.t.Helper()
	if got := at(a.body, steps...); got != want {
		w.t.Errorf("%s: %v is %v, want %v in %s", a.call, steps, got, want, a.raw)
	}
}

func (w *world) user(userName string) string {
	w.t.Helper()
	a := w.want(w.do("POST", "/Users", `{"schemas":["`+userSchema+`"],"userName":"`+userName+`","externalId":"ext-`+userName+`"}`), http.StatusCreated)
	return a.body["id"].(string)
}

func (w *world) group(name string, members ...string) string {
	w.t.Helper()
	list := []map[string]string{}
	for _, m := range members {
		list = append(list, map[string]string{"value": m})
	}
	raw, err := json.Marshal(map[string]any{"schemas": []string{groupSchema}, "displayName": name, "members": list})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.want(w.do("POST", "/Groups", string(raw)), http.StatusCreated).body["id"].(string)
}

func (w *world) members(groupID string) []string {
	w.t.Helper()
	people, err := w.Org.DirectoryMembers(w.t.Context(), w.Organization.ID, groupID, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	ids := []string{}
	for _, u := range people {
		ids = append(ids, u.ID)
	}
	return ids
}

// events are the actions recorded since a sequence, oldest first, all by the
// provider.
func (w *world) events(since int64) []string {
	w.t.Helper()
	actions := []string{}
	err := w.Store.View(w.t.Context(), func(r org.Reader) error {
		return r.AuditChain(w.t.Context(), w.Organization.ID, since, func(e audit.Event) error {
			actions = append(actions, e.Action)
			if e.Actor.Type != audit.ActorSCIM || e.Actor.APIKeyID != w.known.ID {
				w.t.Errorf("%s: the actor is %+v", e.Action, e.Actor)
			}
			return nil
		})
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return actions
}

func (w *world) seq() int64 {
	w.t.Helper()
	rows, err := w.Org.AuditEvents(w.t.Context(), w.Organization.ID, audit.Query{Limit: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	return rows.Items[0].Seq
}

func (w *world) grant(principalID string, role access.OrganizationRole) {
	w.t.Helper()
	by := org.SystemGrantor(w.Organization.ID)
	kind := org.PrincipalGroup
	if strings.HasPrefix(principalID, "user-") {
		kind = org.PrincipalUser
	}
	_, err := w.Store.Update(w.t.Context(), by.Actor, func(tx org.Tx) error {
		return tx.InsertRoleAssignment(w.t.Context(), org.RoleAssignment{
			OrganizationID: w.Organization.ID, PrincipalID: principalID, PrincipalKind: kind,
			RoleID: role.ID(w.Organization.ID), CreatedAt: w.Organization.CreatedAt,
		})
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
