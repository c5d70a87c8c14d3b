package adminapi_test

import (
	"fmt"
	"strings"

	"weir/internal/access"
	"weir/internal/optional"
	"weir/internal/org"
)

// newcomer is a person nobody has seen before.
func (w *world) newcomer() org.User {
	w.t.Helper()
	w.people++
	return w.person(fmt.Sprintf("newcomer%d@example.com", w.people), access.OrganizationReader)
}

func (w *world) newGroup() org.Group {
	w.t.Helper()
	g, err := w.Org.CreateGroup(w.t.Context(), w.actor(), "a group")
	return must(w.t, g, err)
}

// newRole makes a custom role of the organization (project id "") or a project.
func (w *world) newRole(projectID string, permissions ...string) org.Role {
	w.t.Helper()
	w.people++
	r, err := w.Org.CreateRole(w.t.Context(), w.grantor(), org.NewRole{ProjectID: projectID, Name: fmt.Sprint("role ", w.people), Permissions: permissions})
	return must(w.t, r, err)
}

func (w *world) assign(to org.Assignee, roleID string) {
	w.t.Helper()
	r, _, err := w.Org.AssignRole(w.t.Context(), w.grantor(), to, roleID)
	must(w.t, r, err)
}

// enter puts a person into a project.
func (w *world) enter(projectID, userID, role string) {
	w.t.Helper()
	u, err := w.Org.AddProjectUser(w.t.Context(), w.grantor(), projectID, org.NewProjectUser{UserID: optional.Of(userID), Role: role})
	must(w.t, u, err)
}

// filled puts values into the variables of a path, in their order.
func filled(path string, values ...string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if strings.HasPrefix(segment, "{") {
			segments[i], values = values[0], values[1:]
		}
	}
	return strings.Join(segments, "/")
}

const customRole = `{"role_name": "example %d", "permissions": ["api.files.read"]}`

// roleExamples are of the two families that hang at the organization and in
// projects.
func roleExamples() map[string]func(w *world) (path, body string) {
	all := map[string]func(w *world) (path, body string){}
	for _, root := range []string{"/v1/organization", "/v1/projects/{project_id}"} {
		// in makes a project where there is one in the path, and fills the rest.
		in := func(w *world, path string, fill func(projectID string) []string) string {
			if !strings.Contains(root, "{") {
				return filled(root+path, fill("")...)
			}
			p := w.project("example").ID
			return filled(root+path, append([]string{p}, fill(p)...)...)
		}
		none := func(string) []string { return nil }
		all["GET "+root+"/roles"] = func(w *world) (string, string) { return in(w, "/roles", none), "" }
		all["POST "+root+"/roles"] = func(w *world) (string, string) {
			w.people++
			return in(w, "/roles", none), fmt.Sprintf(customRole, w.people)
		}
		one := func(w *world) string {
			return in(w, "/roles/{role_id}", func(p string) []string { return []string{w.newRole(p, "api.files.read").ID} })
		}
		all["GET "+root+"/roles/{role_id}"] = func(w *world) (string, string) { return one(w), "" }
		all["POST "+root+"/roles/{role_id}"] = func(w *world) (string, string) { return one(w), `{"description": "example"}` }
		all["DELETE "+root+"/roles/{role_id}"] = func(w *world) (string, string) { return one(w), "" }

		for _, of := range []string{"/users/{user_id}", "/groups/{group_id}"} {
			who := func(w *world, p string) org.Assignee {
				if of == "/groups/{group_id}" {
					return org.Assignee{ProjectID: p, GroupID: w.newGroup().ID}
				}
				return org.Assignee{ProjectID: p, UserID: w.newcomer().ID}
			}
			assigned := func(w *world) string {
				return in(w, of+"/roles/{role_id}", func(p string) []string {
					to, role := who(w, p), w.newRole(p, "api.files.read")
					w.assign(to, role.ID)
					return []string{to.UserID + to.GroupID, role.ID}
				})
			}
			all["GET "+root+of+"/roles"] = func(w *world) (string, string) {
				return in(w, of+"/roles", func(p string) []string { to := who(w, p); return []string{to.UserID + to.GroupID} }), ""
			}
			all["POST "+root+of+"/roles"] = func(w *world) (path, body string) {
				path = in(w, of+"/roles", func(p string) []string {
					to := who(w, p)
					body = `{"role_id": "` + w.newRole(p, "api.files.read").ID + `"}`
					return []string{to.UserID + to.GroupID}
				})
				return path, body
			}
			all["GET "+root+of+"/roles/{role_id}"] = func(w *world) (string, string) { return assigned(w), "" }
			all["DELETE "+root+of+"/roles/{role_id}"] = func(w *world) (string, string) { return assigned(w), "" }
		}
	}
	return all
}

// memberExamples are of users, groups, and both in projects.
func memberExamples() map[string]func(w *world) (path, body string) {
	const (
		groups   = "/v1/organization/groups"
		users    = "/v1/organization/users/{user_id}"
		inside   = "/v1/organization/projects/{project_id}/users"
		entering = "/v1/organization/projects/{project_id}/groups"
	)
	member := func(w *world) string {
		g, u := w.newGroup(), w.newcomer()
		m, err := w.Org.AddGroupMember(w.t.Context(), w.grantor(), g.ID, u.ID)
		must(w.t, m, err)
		return filled(groups+"/{group_id}/users/{user_id}", g.ID, u.ID)
	}
	within := func(w *world) string {
		p, u := w.project("example"), w.newcomer()
		w.enter(p.ID, u.ID, "member")
		return filled(inside+"/{user_id}", p.ID, u.ID)
	}
	entered := func(w *world) string {
		p, g := w.project("example"), w.newGroup()
		added, err := w.Org.AddProjectGroup(w.t.Context(), w.grantor(), p.ID, g.ID, "member")
		must(w.t, added, err)
		return filled(entering+"/{group_id}", p.ID, g.ID)
	}
	return map[string]func(w *world) (path, body string){
		"GET " + groups:                       func(*world) (string, string) { return groups, "" },
		"POST " + groups:                      func(*world) (string, string) { return groups, `{"name": "example"}` },
		"GET " + groups + "/{group_id}":       func(w *world) (string, string) { return groups + "/" + w.newGroup().ID, "" },
		"POST " + groups + "/{group_id}":      func(w *world) (string, string) { return groups + "/" + w.newGroup().ID, `{"name": "renamed"}` },
		"DELETE " + groups + "/{group_id}":    func(w *world) (string, string) { return groups + "/" + w.newGroup().ID, "" },
		"GET " + groups + "/{group_id}/users": func(w *world) (string, string) { return groups + "/" + w.newGroup().ID + "/users", "" },
		"POST " + groups + "/{group_id}/users": func(w *world) (string, string) {
			return groups + "/" + w.newGroup().ID + "/users", `{"user_id": "` + w.newcomer().ID + `"}`
		},
		"GET " + groups + "/{group_id}/users/{user_id}":    func(w *world) (string, string) { return member(w), "" },
		"DELETE " + groups + "/{group_id}/users/{user_id}": func(w *world) (string, string) { return member(w), "" },
		"POST " + users: func(w *world) (string, string) { return filled(users, w.newcomer().ID), `{"role": "owner"}` },
		"DELETE " + users: func(w *world) (string, string) {
			u := w.newcomer()
			key, _, err := w.Org.CreateAPIKey(w.t.Context(), w.actor(), w.Organization.DefaultProjectID, org.NewAPIKey{UserID: u.ID})
			must(w.t, key, err)
			return filled(users, u.ID), ""
		},
		"GET " + inside: func(w *world) (string, string) { return filled(inside, w.project("example").ID), "" },
		"POST " + inside: func(w *world) (string, string) {
			return filled(inside, w.project("example").ID), `{"user_id": "` + w.newcomer().ID + `", "role": "member"}`
		},
		"GET " + inside + "/{user_id}":    func(w *world) (string, string) { return within(w), "" },
		"POST " + inside + "/{user_id}":   func(w *world) (string, string) { return within(w), `{"role": "viewer"}` },
		"DELETE " + inside + "/{user_id}": func(w *world) (string, string) { return within(w), "" },
		"GET " + entering:                 func(w *world) (string, string) { return filled(entering, w.project("example").ID), "" },
		"POST " + entering: func(w *world) (string, string) {
			p := w.project("example").ID
			return filled(entering, p), `{"group_id": "` + w.newGroup().ID + `", "role": "` + access.ProjectViewer.ID(p) + `"}`
		},
		"GET " + entering + "/{group_id}":    func(w *world) (string, string) { return entered(w), "" },
		"DELETE " + entering + "/{group_id}": func(w *world) (string, string) { return entered(w), "" },
	}
}
