package main

import (
	"context"
	"errors"
	"flag"

	"weir/internal/apiclient"
	"weir/internal/id"
)

func roleColumns() []column {
	return []column{
		text("ID", "id"), text("NAME", "name"), text("FOR", "resource_type"), text("PREDEFINED", "predefined_role"),
		amount("PERMISSIONS", "permissions.#"), text("DESCRIPTION", "description"),
	}
}

func rolesCommand() resource {
	return resource{
		name: "roles", summary: "roles, and who holds them",
		about: `Roles are sets of permissions, of the organization or, with --project, of a project.
Whom a role is assigned to, --user, --group or --service-account says. A ROLE is
given by its id or its name.`,
		verbs: []verb{
			{"list", "", "list the roles of the organization or of a project", []string{"weir roles list", "weir roles list --project 'Support chat'"}, listRoles},
			{"get", "ROLE", "show a role, with its permissions", []string{"weir roles get Accounting"}, getRole},
			{"create", "NAME", "make a role", []string{"weir roles create Accounting --permission api.usage.read --description 'Sees what is used'"}, createRole},
			{"update", "ROLE", "change a role, for all who hold it", []string{"weir roles update Accounting --permission api.usage.read,api.model.read"}, updateRole},
			{"delete", "ROLE...", "delete roles, and take them from all who hold them", []string{"weir roles delete Accounting --yes"}, deleteRoles},
			{"assign", "ROLE", "give a role to somebody", []string{
				"weir roles assign Accounting --user ada@example.com",
				"weir roles assign member --group Operators --project 'Support chat'",
			}, assignRole},
			{"unassign", "ROLE", "take a role from somebody", []string{"weir roles unassign Accounting --user ada@example.com"}, unassignRole},
			{"assigned", "", "list the roles that are assigned to somebody, without those of its groups", []string{"weir roles assigned --user ada@example.com", "weir roles assigned --group Operators --project 'Support chat'"}, listAssigned},
		},
	}
}

// place is where roles belong: the organization, or a project. Those of projects
// have a root of their own.
type place struct{ root, projectID string }

func (r *remote) place(ctx context.Context, project string) (place, error) {
	if project == "" {
		return place{root: "/v1/organization"}, nil
	}
	projectID, err := r.project(ctx, project)
	if err != nil {
		return place{}, err
	}
	return place{"/v1" + apiclient.Path("projects", projectID), projectID}, nil
}

func (p place) roles(rest ...string) string {
	return p.root + apiclient.Path(append([]string{"roles"}, rest...)...)
}

// role returns the id of a role of the place.
func (r *remote) role(ctx context.Context, p place, named string) (string, error) {
	return r.find(ctx, noun{what: "role", prefixes: []string{id.Role, "role-"}, path: p.roles()}, named)
}

func roleProject(fs *flag.FlagSet) *string {
	return fs.String("project", "", "of this `PROJECT`, not of the organization")
}

// withRole calls fn with a role that was named, and where it belongs.
func withRole(project *string, fn func(ctx context.Context, r *remote, p place, roleID string) error) action {
	return func(ctx context.Context, r *remote, args []string) error {
		p, err := r.place(ctx, *project)
		if err != nil {
			return err
		}
		roleID, err := r.role(ctx, p, args[0])
		if err != nil {
			return err
		}
		return fn(ctx, r, p, roleID)
	}
}

func listRoles(fs *flag.FlagSet) action {
	project := roleProject(fs)
	limit := fs.Int("limit", 0, "at most `N`; 0 for all")
	return func(ctx context.Context, r *remote, _ []string) error {
		p, err := r.place(ctx, *project)
		if err != nil {
			return err
		}
		_, err = r.list(ctx, listing{path: p.roles(), columns: roleColumns()}, *limit)
		return err
	}
}

// roleDetails are the columns of a single role.
func roleDetails() []column {
	return append(roleColumns()[:4], text("DESCRIPTION", "description"), text("PERMISSIONS", "permissions"))
}

func getRole(fs *flag.FlagSet) action {
	return withRole(roleProject(fs), func(ctx context.Context, r *remote, p place, roleID string) error {
		raw, err := r.api.Get(ctx, p.roles(roleID), nil)
		if err != nil {
			return err
		}
		return r.show(raw, roleDetails(), "id")
	})
}

func createRole(fs *flag.FlagSet) action {
	var permissions many
	project := roleProject(fs)
	fs.Var(&permissions, "permission", "a `PERMISSION` it gives, such as api.usage.read; several may be given")
	description := fs.String("description", "", "what it is for, `TEXT`")
	return func(ctx context.Context, r *remote, args []string) error {
		if len(permissions) == 0 {
			return usageError{errors.New("--permission is missing: a role gives something")}
		}
		p, err := r.place(ctx, *project)
		if err != nil {
			return err
		}
		body := map[string]any{"role_name": args[0], "permissions": permissions}
		if *description != "" {
			body["description"] = *description
		}
		raw, err := r.api.Post(ctx, p.roles(), body)
		if err != nil {
			return err
		}
		return r.show(raw, roleDetails(), "id")
	}
}

func updateRole(fs *flag.FlagSet) action {
	var permissions many
	project := roleProject(fs)
	fs.Var(&permissions, "permission", "all of the `PERMISSION`s it gives from now on")
	name := fs.String("name", "", "another `NAME`")
	description := fs.String("description", "", "another `TEXT` about what it is for")
	change := withRole(project, func(ctx context.Context, r *remote, p place, roleID string) error {
		body := map[string]any{}
		if len(permissions) > 0 {
			body["permissions"] = permissions
		}
		if *name != "" {
			body["role_name"] = *name
		}
		if *description != "" {
			body["description"] = *description
		}
		raw, err := r.api.Post(ctx, p.roles(roleID), body)
		if err != nil {
			return err
		}
		return r.show(raw, roleDetails(), "id")
	})
	return func(ctx context.Context, r *remote, args []string) error {
		if len(permissions) == 0 && *name == "" && *description == "" {
			return usageError{errors.New("say what to change: --permission, --name or --description")}
		}
		return change(ctx, r, args)
	}
}

func deleteRoles(fs *flag.FlagSet) action {
	project := roleProject(fs)
	yes := fs.Bool("yes", false, "do not ask")
	return func(ctx context.Context, r *remote, args []string) error {
		p, err := r.place(ctx, *project)
		if err != nil {
			return err
		}
		ids, err := each(args, func(named string) (string, error) { return r.role(ctx, p, named) })
		if err != nil {
			return err
		}
		if err := r.confirm(ctx, *yes, deletion("role", args, ids, "all of its assignments", "all of their assignments")); err != nil {
			return err
		}
		return r.remove(ctx, "role", ids, true, func(roleID string) string { return p.roles(roleID) })
	}
}

// holder is whom a role is given to.
type holder struct{ project, user, group, account string }

func (h *holder) flags(fs *flag.FlagSet) {
	fs.StringVar(&h.project, "project", "", "within this `PROJECT`, not the organization")
	fs.StringVar(&h.user, "user", "", "the `USER`, by id, e-mail address or name")
	fs.StringVar(&h.group, "group", "", "the `GROUP`, by id or name")
	fs.StringVar(&h.account, "service-account", "", "the `ACCOUNT` of the project, by id or name")
}

// path is where the roles of the holder are.
func (h *holder) path(ctx context.Context, r *remote) (p place, path string, err error) {
	asked := 0
	for _, named := range []string{h.user, h.group, h.account} {
		if named != "" {
			asked++
		}
	}
	switch {
	case asked != 1:
		return p, "", usageError{errors.New("say whose roles: one of --user, --group and --service-account")}
	case h.account != "" && h.project == "":
		return p, "", usageError{errors.New("--service-account needs --project, where the account is")}
	}
	if p, err = r.place(ctx, h.project); err != nil {
		return p, "", err
	}
	kind, holderID := "users", ""
	switch {
	case h.user != "":
		holderID, err = r.userOf(ctx, p.projectID, h.user)
	case h.group != "":
		kind = "groups"
		holderID, err = r.group(ctx, h.group)
	default:
		holderID, err = r.serviceAccount(ctx, p.projectID, h.account)
	}
	if err != nil {
		return p, "", err
	}
	return p, p.root + apiclient.Path(kind, holderID, "roles"), nil
}

func assignRole(fs *flag.FlagSet) action {
	var h holder
	h.flags(fs)
	return func(ctx context.Context, r *remote, args []string) error {
		p, path, err := h.path(ctx, r)
		if err != nil {
			return err
		}
		roleID, err := r.role(ctx, p, args[0])
		if err != nil {
			return err
		}
		raw, err := r.api.Post(ctx, path, map[string]any{"role_id": roleID})
		if err != nil {
			return err
		}
		return r.say(raw, roleID, "%s now holds the role %s", h.user+h.group+h.account, args[0])
	}
}

func unassignRole(fs *flag.FlagSet) action {
	var h holder
	h.flags(fs)
	return func(ctx context.Context, r *remote, args []string) error {
		p, path, err := h.path(ctx, r)
		if err != nil {
			return err
		}
		roleID, err := r.role(ctx, p, args[0])
		if err != nil {
			return err
		}
		raw, err := r.api.Delete(ctx, path+apiclient.Path(roleID), nil)
		if err != nil {
			return err
		}
		return r.say(raw, roleID, "%s no longer holds the role %s", h.user+h.group+h.account, args[0])
	}
}

func listAssigned(fs *flag.FlagSet) action {
	var h holder
	h.flags(fs)
	limit := fs.Int("limit", 0, "at most `N`; 0 for all")
	return func(ctx context.Context, r *remote, _ []string) error {
		_, path, err := h.path(ctx, r)
		if err != nil {
			return err
		}
		_, err = r.list(ctx, listing{path: path, columns: append(roleColumns()[:4],
			text("THROUGH", "assignment_sources.#.principal_id"), text("DESCRIPTION", "description"),
		)}, *limit)
		return err
	}
}
