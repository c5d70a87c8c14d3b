package endpoint_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/id"
	"weir/internal/identity"
	"weir/internal/org"
)

func TestGuarded(t *testing.T) {
	env := endpointtest.New(t)
	ctx := t.Context()
	owner := audit.Actor{OrganizationID: env.Organization.ID, Type: audit.ActorAPIKey, UserID: env.Owner.ID}
	served := 0
	url := endpointtest.Serve(t, endpoint.Guarded(env.Identity, "GET /metrics", access.ManagementRead, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		served++
		_, _ = io.WriteString(w, "weir_up 1\n")
	})))

	reader := org.User{ID: id.New(id.User), OrganizationID: env.Organization.ID, Email: "reader@example.com", Role: access.OrganizationReader, CreatedAt: env.Org.Now()}
	if _, err := env.Store.Update(ctx, audit.System(env.Organization.ID), func(tx org.Tx) error { return tx.InsertUser(ctx, reader) }); err != nil {
		t.Fatal(err)
	}
	_, readerKey, err := env.Org.CreateAdminKey(ctx, owner, org.NewAdminKey{Name: "reader", UserID: reader.ID})
	if err != nil {
		t.Fatal(err)
	}
	_, projectKey, err := env.Org.CreateAPIKey(ctx, owner, env.Organization.DefaultProjectID, org.NewAPIKey{UserID: env.Owner.ID})
	if err != nil {
		t.Fatal(err)
	}
	signedIn, err := env.Identity.SignIn(ctx, identity.Credentials{Email: env.Owner.Email, Password: endpointtest.Password}, identity.From{})
	if err != nil {
		t.Fatal(err)
	}

	for _, tt := range []struct {
		name          string
		header, value string
		status        int
		code          string
	}{
		{"an admin key", "Authorization", "Bearer " + env.AdminKey, 200, ""},
		{"a session", "Cookie", endpoint.SessionCookie + "=" + signedIn.Token, 200, ""},
		{"nobody", "", "", 401, ""},
		{"an unknown key", "Authorization", "Bearer sk-admin-unknown-0123456789", 401, "invalid_api_key"},
		{"a key without the scheme", "Authorization", env.AdminKey, 401, ""},
		{"an ended session", "Cookie", endpoint.SessionCookie + "=nothing", 401, "session_expired"},
		{"an admin key of a reader", "Authorization", "Bearer " + readerKey, 403, "insufficient_permissions"},
		{"a project key", "Authorization", "Bearer " + projectKey, 403, "insufficient_permissions"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := served
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.header != "" {
				req.Header.Set(tt.header, tt.value)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != tt.status || res.Header.Get("X-Request-Id") == "" {
				t.Fatalf("%d %s", res.StatusCode, body)
			}
			if passed := served > before; passed != (tt.status == 200) {
				t.Fatalf("the handler was called: %t", passed)
			}
			if tt.status == 200 {
				return
			}
			var e struct{ Error map[string]*string }
			if err := json.Unmarshal(body, &e); err != nil {
				t.Fatal(err)
			}
			code := ""
			if e.Error["code"] != nil {
				code = *e.Error["code"]
			}
			if code != tt.code || len(e.Error) != 4 {
				t.Errorf("%s", body)
			}
		})
	}
}
