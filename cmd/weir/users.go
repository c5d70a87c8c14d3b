package main

import (
	"context"
	"flag"
	"net/url"

	"weir/internal/apiclient"
)

const usersPath = "/v1/organization/users"

func userColumns() []column {
	return []column{text("ID", "id"), text("EMAIL", "email"), text("NAME", "name"), text("ROLE", "role"), moment("ADDED", "added_at")}
}

func usersCommand() resource {
	return resource{
		name: "users", summary: "the people of the organization",
		about: "The people of the organization. A USER is given by id, e-mail address or name.",
		verbs: []verb{
			{"list", "", "list the people", []string{"weir users list", "weir users list --email ada@example.com --json"}, listUsers},
			{"get", "USER", "show a person", []string{"weir users get ada@example.com"}, getUser},
		},
	}
}

func listUsers(fs *flag.FlagSet) action {
	var emails many
	fs.Var(&emails, "email", "only those with this `ADDRESS`; several may be given")
	limit := fs.Int("limit", 0, "at most `N`; 0 for all")
	return func(ctx context.Context, r *remote, _ []string) error {
		query := url.Values{}
		if len(emails) > 0 {
			query["emails[]"] = emails
		}
		_, err := r.list(ctx, listing{path: usersPath, query: query, columns: userColumns()}, *limit)
		return err
	}
}

func getUser(*flag.FlagSet) action {
	return func(ctx context.Context, r *remote, args []string) error {
		userID, err := r.user(ctx, args[0])
		if err != nil {
			return err
		}
		raw, err := r.api.Get(ctx, usersPath+apiclient.Path(userID), nil)
		if err != nil {
			return err
		}
		return r.show(raw, append(userColumns(), text("DEVELOPER PERSONA", "developer_persona"), text("TECHNICAL LEVEL", "technical_level")), "id")
	}
}
