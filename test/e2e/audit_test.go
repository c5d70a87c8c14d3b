package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weir/internal/audit"
	"weir/internal/org"
	"weir/internal/sqldb"
	"weir/internal/sqlstore"
)

// auditLog returns the actions in the log of every organization in a data
// directory that no weir works on, oldest first, after following the chain by
// docs/formats/audit-chain.md alone: not by the code that made it.
func auditLog(t *testing.T, dir string) map[string][]string {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(dir, "weir.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store, err := sqlstore.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	actions := map[string][]string{}
	if err := store.View(t.Context(), func(r org.Reader) error {
		organizations, err := r.Organizations(t.Context())
		if err != nil {
			return err
		}
		for _, o := range organizations {
			prev, seq := "", int64(0)
			if err := r.AuditChain(t.Context(), o.ID, 0, func(e audit.Event) error {
				seq++
				switch want := chainHash(t, e); {
				case e.Seq != seq || e.PrevHash != prev:
					t.Errorf("event %s (%s) has sequence %d behind %q, want %d behind %q", e.ID, e.Action, e.Seq, e.PrevHash, seq, prev)
				case e.Hash != want:
					t.Errorf("event %s (%s) has hash %s, want %s", e.ID, e.Action, e.Hash, want)
				}
				prev = e.Hash
				actions[o.ID] = append(actions[o.ID], e.Action)
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return actions
}

// chainHash is the hash that the documented form gives an event.
func chainHash(t *testing.T, e audit.Event) string {
	t.Helper()
	actor := "{"
	for i, field := range [][2]string{
		{"type", string(e.Actor.Type)}, {"user_id", e.Actor.UserID}, {"user_email", e.Actor.UserEmail},
		{"service_account_id", e.Actor.ServiceAccountID}, {"api_key_id", e.Actor.APIKeyID}, {"session_id", e.Actor.SessionID},
		{"ip_address", e.Actor.IPAddress}, {"user_agent", e.Actor.UserAgent},
	} {
		if i > 0 && field[1] == "" {
			continue
		}
		if i > 0 {
			actor += ","
		}
		actor += text(t, field[0]) + ":" + text(t, field[1])
	}
	array := "[" + strings.Join([]string{
		`"weir-audit-1"`, text(t, e.OrganizationID), fmt.Sprint(e.Seq), text(t, e.PrevHash), text(t, e.ID), text(t, e.Action),
		text(t, e.Type), fmt.Sprint(e.EffectiveAt.UnixMicro()), text(t, e.ProjectID), text(t, e.ProjectName), actor + "}",
		text(t, e.ResourceID), text(t, string(e.Details)),
	}, ",") + "]"
	sum := sha256.Sum256([]byte(array))
	return hex.EncodeToString(sum[:])
}

func text(t *testing.T, s string) string {
	t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// firstEvents are what the first start leaves.
var firstEvents = []string{"weir.organization.created", "project.created", "user.added", "api_key.created", "weir.workspace.created"}

// TestEveryMutationLeavesItsEvents makes every kind of change through the real
// binary, and some that are refused, which leave nothing.
func TestEveryMutationLeavesItsEvents(t *testing.T) {
	dir := t.TempDir()
	p := serve(t, dir)
	want := slices.Clone(firstEvents)
	do := func(method, path string, body any, events ...string) string {
		t.Helper()
		var made struct {
			ID     string     `json:"id"`
			APIKey identified `json:"api_key"`
		}
		must(t, method, p.address+path, adminKey, body, &made)
		want = append(want, events...)
		return made.ID + " " + made.APIKey.ID
	}
	create := func(path string, body any, events ...string) string {
		t.Helper()
		id, _, _ := strings.Cut(do("POST", path, body, events...), " ")
		return id
	}
	refused := func(method, path string, body any) {
		t.Helper()
		if status, raw := call(t, method, p.address+path, adminKey, body, nil); status < 400 || status >= 500 {
			t.Errorf("%s %s %v: %d %s", method, path, body, status, raw)
		}
	}
	type m = map[string]any

	workspace := create("/weir/v1/workspaces", m{"name": "lab"}, "weir.workspace.created")
	refused("POST", "/weir/v1/workspaces", m{"name": "lab"})
	refused("POST", "/weir/v1/workspaces", m{"name": "v1"})
	do("POST", "/weir/v1/workspaces/"+workspace, m{"name": "lab-2"}, "weir.workspace.updated")
	refused("POST", "/weir/v1/workspaces/"+workspace, m{"name": "default"})
	project := create("/v1/organization/projects", m{"name": "<&> \u00a0 é"}, "project.created")
	refused("POST", "/v1/organization/projects", m{"name": ""})
	do("POST", "/v1/organization/projects/"+project, m{"name": "New name"}, "project.updated")
	accounts := "/v1/organization/projects/" + project + "/service_accounts"
	account, key, _ := strings.Cut(do("POST", accounts, m{"name": "bot"}, "service_account.created", "api_key.created"), " ")
	quiet := create(accounts, m{"name": "quiet", "create_service_account_only": true}, "service_account.created")
	do("POST", accounts+"/"+quiet, m{"role": "owner"}, "service_account.updated")
	refused("POST", accounts+"/"+quiet, m{"role": "emperor"})
	second := create("/weir/v1/projects/"+project+"/api_keys", m{"name": "mine"}, "api_key.created")
	refused("POST", "/weir/v1/projects/"+project+"/api_keys", m{"name": "x", "scopes": []string{"everything"}})
	do("POST", "/weir/v1/projects/"+project+"/api_keys/"+key+"/rotate", m{"overlap_seconds": 60}, "api_key.updated")
	do("DELETE", "/v1/organization/projects/"+project+"/api_keys/"+second, nil, "api_key.deleted")
	refused("DELETE", "/v1/organization/projects/"+project+"/api_keys/"+second, nil) // a retry
	member := "/weir/v1/workspaces/" + workspace + "/members"
	do("POST", member, m{"principal_id": account, "role": "member"}, "weir.workspace.member.added")
	do("POST", member, m{"principal_id": account, "role": "admin"}, "weir.workspace.member.updated")
	refused("POST", member, m{"principal_id": "user-nobody", "role": "admin"})
	do("DELETE", member+"/"+account, nil, "weir.workspace.member.removed")
	connection := create("/weir/v1/connections", m{"name": "sandbox", "provider": "sandbox"}, "weir.connection.created")
	do("POST", "/weir/v1/connections/"+connection, m{"description": "new"}, "weir.connection.updated")
	refused("POST", "/weir/v1/connections", m{"name": "x", "provider": "nobody"})
	endpoint := create("/weir/v1/model_endpoints", m{"name": "chat", "upstreams": []m{{"connection_id": connection, "model": "gpt-4o"}}}, "weir.model_endpoint.created")
	do("POST", "/weir/v1/model_endpoints/"+endpoint, m{"enabled": false}, "weir.model_endpoint.updated")
	refused("DELETE", "/weir/v1/connections/"+connection, nil) // the endpoint stands on it
	do("DELETE", "/weir/v1/model_endpoints/"+endpoint, nil, "weir.model_endpoint.deleted")
	do("DELETE", "/weir/v1/connections/"+connection, nil, "weir.connection.deleted")
	do("DELETE", "/weir/v1/workspaces/"+workspace, nil, "weir.workspace.deleted")
	admin := create("/v1/organization/admin_api_keys", m{"name": "second"}, "api_key.created")
	do("POST", "/weir/v1/admin_api_keys/"+admin+"/rotate", m{}, "api_key.updated")
	do("DELETE", "/v1/organization/admin_api_keys/"+admin, nil, "api_key.deleted")
	do("DELETE", accounts+"/"+account, nil, "service_account.deleted", "api_key.deleted")
	do("POST", "/v1/organization/projects/"+project+"/archive", nil, "project.archived")
	refused("POST", "/v1/organization/projects/"+project+"/archive", nil) // a retry
	refused("POST", accounts, m{"name": "too late"})

	cookie, csrf := signIn(t, p.address)
	want = append(want, "login.succeeded")
	status, _ := call(t, "POST", p.address+"/weir/v1/session", "", m{"email": "OWNER@localhost", "password": "wrong"}, nil)
	if status != http.StatusUnauthorized {
		t.Errorf("a wrong password: %d", status)
	}
	want = append(want, "login.failed")
	if status := byCookie(t, "DELETE", p.address+"/weir/v1/session", cookie, csrf); status != http.StatusOK {
		t.Errorf("signing out: %d", status)
	}
	want = append(want, "logout.succeeded")

	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	for _, got := range auditLog(t, dir) {
		if !slices.Equal(got, want) {
			t.Errorf("the log holds\n%v\nwant\n%v", got, want)
		}
	}
}
