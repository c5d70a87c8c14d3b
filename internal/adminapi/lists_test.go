package adminapi_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"

	"weir/internal/access"
	"weir/internal/identity"
	"weir/internal/org"
)

func identityFrom() identity.From { return identity.From{IPAddress: "127.0.0.1"} }

// pager is what the client's auto-pagers have in common.
type pager[T any] interface {
	Next() bool
	Current() T
	Err() error
}

func walk[T any](t *testing.T, p pager[T], id func(T) string) []string {
	t.Helper()
	var ids []string
	for p.Next() {
		if ids = append(ids, id(p.Current())); len(ids) > 1000 {
			t.Fatal("the pager does not end")
		}
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	return ids
}

// Every list walked one row at a time by the client's own pager is the list
// read whole, in the same order.
func TestListsWalkedByOne(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	one, most := openai.Int(1), openai.Int(100)
	p := w.project("home")
	for i := range 4 {
		w.project(fmt.Sprintf("project %d", i))
		w.person(fmt.Sprintf("person%d@example.com", i), access.OrganizationReader)
		w.adminKeyOf(w.Owner.ID)
		w.account(p.ID, access.ProjectMember)
		if i%2 == 0 {
			idle, _, _, err := w.Org.CreateServiceAccount(ctx, w.actor(), p.ID, org.NewServiceAccount{Name: "idle", AccountOnly: true})
			must(t, idle, err)
			_, _, err = w.Org.CreateAPIKey(ctx, w.actor(), p.ID, org.NewAPIKey{Name: "idle", ServiceAccountID: idle.ID})
			must(t, idle, err)
		}
	}
	o := w.client.Admin.Organization
	lists := map[string]func(limit param.Opt[int64]) []string{
		"admin keys": func(limit param.Opt[int64]) []string {
			return walk(t, o.AdminAPIKeys.ListAutoPaging(ctx, openai.AdminOrganizationAdminAPIKeyListParams{Limit: limit}),
				func(k openai.AdminAPIKey) string { return k.ID })
		},
		"admin keys, newest first": func(limit param.Opt[int64]) []string {
			return walk(t, o.AdminAPIKeys.ListAutoPaging(ctx, openai.AdminOrganizationAdminAPIKeyListParams{Limit: limit, Order: "desc"}),
				func(k openai.AdminAPIKey) string { return k.ID })
		},
		"projects": func(limit param.Opt[int64]) []string {
			return walk(t, o.Projects.ListAutoPaging(ctx, openai.AdminOrganizationProjectListParams{Limit: limit}),
				func(p openai.Project) string { return p.ID })
		},
		"service accounts": func(limit param.Opt[int64]) []string {
			return walk(t, o.Projects.ServiceAccounts.ListAutoPaging(ctx, p.ID, openai.AdminOrganizationProjectServiceAccountListParams{Limit: limit}),
				func(s openai.ProjectServiceAccount) string { return s.ID })
		},
		"keys": func(limit param.Opt[int64]) []string {
			return walk(t, o.Projects.APIKeys.ListAutoPaging(ctx, p.ID, openai.AdminOrganizationProjectAPIKeyListParams{Limit: limit}),
				func(k openai.ProjectAPIKey) string { return k.ID })
		},
		"all keys": func(limit param.Opt[int64]) []string {
			return walk(t, o.Projects.APIKeys.ListAutoPaging(ctx, p.ID, openai.AdminOrganizationProjectAPIKeyListParams{Limit: limit, OwnerProjectAccess: "any"}),
				func(k openai.ProjectAPIKey) string { return k.ID })
		},
		"keys of the inactive": func(limit param.Opt[int64]) []string {
			return walk(t, o.Projects.APIKeys.ListAutoPaging(ctx, p.ID, openai.AdminOrganizationProjectAPIKeyListParams{Limit: limit, OwnerProjectAccess: "inactive"}),
				func(k openai.ProjectAPIKey) string { return k.ID })
		},
		"users": func(limit param.Opt[int64]) []string {
			return walk(t, o.Users.ListAutoPaging(ctx, openai.AdminOrganizationUserListParams{Limit: limit}),
				func(u openai.OrganizationUser) string { return u.ID })
		},
		"audit logs": func(limit param.Opt[int64]) []string {
			return walk(t, o.AuditLogs.ListAutoPaging(ctx, openai.AdminOrganizationAuditLogListParams{Limit: limit}),
				func(l openai.AdminOrganizationAuditLogListResponse) string { return l.ID })
		},
	}
	want := map[string]int{
		"admin keys": 5, "admin keys, newest first": 5, "projects": 6, "service accounts": 6, "keys": 4, "all keys": 6,
		"keys of the inactive": 2, "users": 5,
	}
	got := map[string][]string{}
	for name, list := range lists {
		whole, walked := list(most), list(one)
		if !slices.Equal(whole, walked) {
			t.Errorf("%s: walked %q, whole %q", name, walked, whole)
		}
		if n := want[name]; n != 0 && len(whole) != n {
			t.Errorf("%s: %d rows, want %d", name, len(whole), n)
		}
		got[name] = whole
	}
	slices.Reverse(got["admin keys, newest first"])
	if !slices.Equal(got["admin keys"], got["admin keys, newest first"]) {
		t.Error("order=desc is not order=asc turned round")
	}
}

// Keys are filtered by their owners however many of others lie between.
func TestKeysAreFilteredThroughout(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p := w.project("crowded")
	w.account(p.ID, access.ProjectMember) // its key is the oldest
	idle, _, _, err := w.Org.CreateServiceAccount(ctx, w.actor(), p.ID, org.NewServiceAccount{Name: "idle", AccountOnly: true})
	must(t, idle, err)
	const crowd = 230
	for range crowd {
		_, _, err := w.Org.CreateAPIKey(ctx, w.actor(), p.ID, org.NewAPIKey{Name: "idle", ServiceAccountID: idle.ID})
		must(t, idle, err)
	}
	path := "/v1/organization/projects/" + p.ID + "/api_keys"
	if list := w.get(path + "?limit=1"); len(list["data"].([]any)) != 1 || list["has_more"] != false {
		t.Errorf("%v", list)
	}
	n, after := 0, ""
	for {
		list := w.get(path + "?limit=100&owner_project_access=inactive" + after)
		n += len(list["data"].([]any))
		if list["has_more"] != true {
			break
		}
		after = "&after=" + list["last_id"].(string)
	}
	if n != crowd {
		t.Errorf("%d idle keys, want %d", n, crowd)
	}
}

// The envelope of lists says exactly whether there is more, and where it stands.
func TestListEnvelope(t *testing.T) {
	w := newWorld(t)
	w.project("second")
	for path, want := range map[string]struct {
		rows int
		more bool
	}{
		"/v1/organization/projects?limit=1":                 {1, true},
		"/v1/organization/projects?limit=2":                 {2, false},
		"/v1/organization/projects?limit=3":                 {2, false},
		"/v1/organization/users?emails[]=nobody@a.b":        {0, false},
		"/v1/organization/users?emails[0]=nobody@a.b":       {0, false},
		"/v1/organization/users?emails=owner@example.com":   {1, false},
		"/v1/organization/users?emails[1]=nobody@a.b&limit": {0, false},
	} {
		list := w.get(path)
		data := list["data"].([]any)
		if list["object"] != "list" || len(data) != want.rows || list["has_more"] != want.more {
			t.Errorf("%s: %v", path, list)
			continue
		}
		var first, last any
		if len(data) > 0 {
			first, last = data[0].(map[string]any)["id"], data[len(data)-1].(map[string]any)["id"]
		}
		if list["first_id"] != first || list["last_id"] != last {
			t.Errorf("%s: first %v and last %v of %v", path, list["first_id"], list["last_id"], data)
		}
	}
	if list := w.get("/v1/organization/projects?limit=1"); w.get("/v1/organization/projects?limit=1&after=" + list["last_id"].(string))["has_more"] != false {
		t.Error("the last full page claims that there is more")
	}
}
