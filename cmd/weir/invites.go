package main

import (
	"context"
	"errors"
	"flag"

	"github.com/tidwall/gjson"

	"weir/internal/apiclient"
	"weir/internal/id"
)

const invitesPath = "/v1/organization/invites"

func invitesCommand() resource {
	return resource{
		name: "invites", summary: "invite people to the organization",
		about: `Invites bring people into the organization. An INVITE is given by its id or by the
e-mail address it is for.`,
		verbs: []verb{
			{"list", "", "list the invites, those accepted and expired too", []string{"weir invites list"}, listInvites},
			{"get", "INVITE", "show an invite", []string{"weir invites get ada@example.com"}, getInvite},
			{"create", "ADDRESS", "invite somebody", []string{
				"weir invites create ada@example.com",
				"weir invites create ada@example.com --role owner --project 'Support chat' --project Data --project-role owner",
			}, createInvite},
			{"link", "INVITE", "make a link to join by, and print it, once", []string{"weir invites link ada@example.com -q"}, linkInvite},
			{"delete", "INVITE...", "take invites back", []string{"weir invites delete ada@example.com"}, deleteInvites},
		},
	}
}

func inviteColumns() []column {
	return []column{
		text("ID", "id"), text("EMAIL", "email"), text("ROLE", "role"), text("STATUS", "status"),
		moment("INVITED", "created_at"), moment("EXPIRES", "expires_at"),
	}
}

// invite returns the id of an invite. Of those for one address, the one that can
// be accepted wins over what became of earlier ones.
func (r *remote) invite(ctx context.Context, named string) (string, error) {
	return r.find(ctx, noun{
		what: "invite", prefixes: []string{id.Invite}, path: invitesPath, name: "email",
		prefer: func(o gjson.Result) bool { return o.Get("status").String() == "pending" },
	}, named)
}

func listInvites(fs *flag.FlagSet) action {
	limit := fs.Int("limit", 0, "at most `N`; 0 for all")
	return func(ctx context.Context, r *remote, _ []string) error {
		_, err := r.list(ctx, listing{path: invitesPath, columns: inviteColumns()}, *limit)
		return err
	}
}

func getInvite(*flag.FlagSet) action {
	return func(ctx context.Context, r *remote, args []string) error {
		inviteID, err := r.invite(ctx, args[0])
		if err != nil {
			return err
		}
		raw, err := r.api.Get(ctx, invitesPath+apiclient.Path(inviteID), nil)
		if err != nil {
			return err
		}
		return r.show(raw, append(inviteColumns(), text("PROJECTS", "projects.#.id"), moment("ACCEPTED", "accepted_at")), "id")
	}
}

func createInvite(fs *flag.FlagSet) action {
	var projects many
	role := fs.String("role", "reader", "the `ROLE` in the organization: reader or owner")
	fs.Var(&projects, "project", "into this `PROJECT`; several may be given; without it, the default project")
	projectRole := fs.String("project-role", "member", "the `ROLE` in those projects: member or owner")
	none := fs.Bool("no-project", false, "into no project at all")
	return func(ctx context.Context, r *remote, args []string) error {
		if *none && len(projects) > 0 {
			return usageError{errors.New("--no-project and --project do not go together")}
		}
		body := map[string]any{"email": args[0], "role": *role}
		if *none || len(projects) > 0 {
			ids, err := r.projects(ctx, projects)
			if err != nil {
				return err
			}
			into := make([]map[string]string, len(ids))
			for i, projectID := range ids {
				into[i] = map[string]string{"id": projectID, "role": *projectRole}
			}
			body["projects"] = into
		}
		raw, err := r.api.Post(ctx, invitesPath, body)
		if err != nil {
			return err
		}
		return r.show(raw, append(inviteColumns(), text("PROJECTS", "projects.#.id")), "id")
	}
}

func linkInvite(*flag.FlagSet) action {
	return func(ctx context.Context, r *remote, args []string) error {
		inviteID, err := r.invite(ctx, args[0])
		if err != nil {
			return err
		}
		raw, err := r.api.Post(ctx, "/weir/v1"+apiclient.Path("invites", inviteID, "link"), nil)
		if err != nil {
			return err
		}
		return r.show(raw, []column{text("INVITE", "invite_id"), text("LINK", "url"), moment("EXPIRES", "expires_at")}, "url")
	}
}

func deleteInvites(fs *flag.FlagSet) action {
	yes := fs.Bool("yes", false, "do not ask, for several")
	return func(ctx context.Context, r *remote, args []string) error {
		ids, err := each(args, func(named string) (string, error) { return r.invite(ctx, named) })
		if err != nil {
			return err
		}
		return r.remove(ctx, "invite", ids, *yes, func(inviteID string) string { return invitesPath + apiclient.Path(inviteID) })
	}
}
