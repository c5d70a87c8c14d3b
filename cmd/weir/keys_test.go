package main

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/org"
)

// system is who sets a test up behind the API.
func (u *town) system() audit.Actor {
	u.t.Helper()
	var organizationID string
	err := u.n.store.View(u.t.Context(), func(r org.Reader) error {
		ids, err := r.OrganizationsAudited(u.t.Context())
		organizationID = ids[0]
		return err
	})
	if err != nil {
		u.t.Fatal(err)
	}
	return audit.System(organizationID)
}

func newProjectNamed(name string) org.NewProject { return org.NewProject{Name: name} }

// status is what a call to url with a key is answered with.
func status(t *testing.T, ctx context.Context, url, key string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// post makes a call that no command makes.
func (u *town) post(path, body string) (status int) {
	u.t.Helper()
	req, err := http.NewRequestWithContext(u.t.Context(), http.MethodPost, u.url+path, strings.NewReader(body))
	if err != nil {
		u.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+townKey)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		u.t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

func TestProjectKeysCommand(t *testing.T) {
	u := newTown(t)
	u.id("projects", "create", "Chat")
	works := func(key string, want int) {
		t.Helper()
		if got := status(t, t.Context(), u.url+"/v1/models", key); got != want {
			t.Errorf("a call with the key: %d, want %d", got, want)
		}
	}
	secret := u.id("keys", "create", "ci", "--project", "Chat", "--expires", "90d", "--scope", "api.model.request,api.model.read")
	works(secret, http.StatusOK)
	type key struct {
		ID, Name, Value string
		Scopes          []string
		ExpiresAt       int64 `json:"expires_at"`
		Owner           struct {
			Type string
			User struct{ Email string }
		}
	}
	got := objects[key](u, "keys", "get", "ci", "--project", "Chat")
	if got.Name != "ci" || len(got.Scopes) != 2 || got.Owner.User.Email != "owner@localhost" || got.Value != "" {
		t.Errorf("%+v", got)
	}
	if left := time.Until(time.Unix(got.ExpiresAt, 0)); left > 90*24*time.Hour || left < 89*24*time.Hour {
		t.Errorf("it ends in %s", left)
	}
	if out := u.must("keys", "list", "--project", "Chat"); !strings.Contains(out, "\tci\tsk-proj-") || !strings.Contains(out, "\towner@localhost\tapi.model.request,api.model.read\t") {
		t.Errorf("%q", out)
	}
	u.must("keys", "update", "ci", "--project", "Chat", "--all-scopes")
	if got := objects[key](u, "keys", "get", got.ID, "--project", "Chat"); len(got.Scopes) != 0 {
		t.Errorf("%+v", got)
	}

	next := u.id("keys", "rotate", "ci", "--project", "Chat", "--overlap", "1h")
	works(next, http.StatusOK)
	works(secret, http.StatusOK)
	last := u.id("keys", "rotate", "ci", "--project", "Chat")
	works(last, http.StatusOK)
	works(next, http.StatusUnauthorized)

	u.must("keys", "delete", "ci", "--project", "Chat") // one is not asked about
	works(last, http.StatusUnauthorized)
	u.refused(1, `there is no key "ci"`, "keys", "delete", "ci", "--project", "Chat")
	u.refused(1, "not found", "keys", "get", got.ID, "--project", "Chat")

	a, b := u.id("keys", "create", "a", "--project", "Chat"), u.id("keys", "create", "b", "--project", "Chat", "--owner", "owner@localhost")
	u.refused(2, "delete 2 keys; nobody can be asked here", "keys", "delete", "a", "b", "--project", "Chat")
	works(a, http.StatusOK)
	u.must("keys", "delete", "a", "b", "--project", "Chat", "--yes")
	works(a, http.StatusUnauthorized)
	works(b, http.StatusUnauthorized)
}

func TestAdminKeysCommand(t *testing.T) {
	u := newTown(t)
	secret := u.id("keys", "create", "terraform", "--admin")
	if !strings.HasPrefix(secret, "sk-admin-") {
		t.Fatalf("%q", secret)
	}
	out := u.must("keys", "create", "other", "--admin", "--expires", "2w")
	shown := regexp.MustCompile("^id\tkey_\\w+\nname\tother\nexpires\t20\\S+Z\nsecret\tsk-admin-\\w+\n$")
	if !shown.MatchString(out) {
		t.Errorf("%q", out)
	}
	if out := u.must("keys", "list", "--admin"); strings.Count(out, "\n") != 3 || !strings.Contains(out, "\tterraform\tsk-admin-") || strings.Contains(out, secret) {
		t.Errorf("%q", out)
	}
	rotated := u.id("keys", "rotate", "terraform", "--admin")
	if status(t, t.Context(), u.url+"/v1/organization/projects", secret) != http.StatusUnauthorized || status(t, t.Context(), u.url+"/v1/organization/projects", rotated) != http.StatusOK {
		t.Error("the old secret works, or the new one does not")
	}
	u.must("keys", "delete", "terraform", "other", "--admin", "--yes")
	u.refused(1, "code ", "keys", "delete", "--admin", objects[[]struct{ ID string }](u, "keys", "list", "--admin")[0].ID) // the last one
	if said := u.said.String(); strings.Contains(said, "sk-admin-") {
		t.Errorf("a secret was written to standard error:\n%s", said)
	}
}

func TestServiceAccountsCommand(t *testing.T) {
	u := newTown(t)
	u.id("projects", "create", "Chat")
	at := []string{"--project", "Chat"}
	do := func(args ...string) []string { return append(append([]string{"service-accounts"}, args...), at...) }
	key := u.id(do("create", "bot", "--expires", "30d")...)
	if got := status(t, t.Context(), u.url+"/v1/models", key); got != http.StatusOK {
		t.Errorf("a call with its key: %d", got)
	}
	if id := u.id(do("create", "bare", "--without-key")...); !strings.HasPrefix(id, "svc_acct_") {
		t.Errorf("%q", id)
	}
	if out := u.must(do("list")...); !strings.Contains(out, "\tbare\tnone\t") || !strings.Contains(out, "\tbot\tmember\t") {
		t.Errorf("%q", out)
	}
	second := u.id("keys", "create", "second", "--project", "Chat", "--service-account", "bot", "--scope", "api.model.read")
	if out := u.must("keys", "list", "--project", "Chat"); strings.Count(out, "\tbot\t") != 2 {
		t.Errorf("%q", out)
	}
	u.must(do("update", "bot", "--name", "robot", "--role", "owner")...)
	if got := objects[struct{ Name, Role string }](u, do("get", "robot")...); got.Role != "owner" {
		t.Errorf("%+v", got)
	}
	u.refused(2, "delete the service account robot, with its keys; nobody can be asked here", do("delete", "robot")...)
	u.refused(1, `no service account "bot"`, do("delete", "bot", "--yes")...)
	u.must(do("delete", "robot", "bare", "--yes")...)
	for _, key := range []string{key, second} {
		if got := status(t, t.Context(), u.url+"/v1/models", key); got != http.StatusUnauthorized {
			t.Errorf("a call with a key of an account that is gone: %d", got)
		}
	}
	if out := u.must(do("list", "--json")...); out != "[]\n" {
		t.Errorf("%q", out)
	}
}
