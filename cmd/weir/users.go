package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/tidwall/gjson"

	"weir/internal/apiclient"
)

const usersPath = "/v1/organization/users"

func userColumns() []column {
	return []column{text("ID", "id"), text("EMAIL", "email"), text("NAME", "name"), text("ROLE", "role"), moment("ADDED", "added_at")}
}

func usersCommand() resource {
	return resource{
		name: "users", summary: "the people of the organization, and of projects",
		about: `The people of the organization or, with --project, of a project. A USER is given by
id, e-mail address or name. The list of a project says of those who are in it
through a group alone, through which.`,
		verbs: []verb{
			{"list", "", "list the people of the organization or of a project", []string{"weir users list", "weir users list --email ada@example.com --json", "weir users list --project 'Support chat'"}, listUsers},
			{"get", "USER", "show a person", []string{"weir users get ada@example.com"}, getUser},
			{"update", "USER", "change a person's role", []string{"weir users update ada@example.com --role owner", "weir users update ada@example.com --role viewer --project 'Support chat'"}, updateUser},
			{"add", "USER", "put somebody of the organization into a project", []string{"weir users add ada@example.com --project 'Support chat' --role member"}, addUser},
			{"remove", "USER...", "take people out of a project", []string{"weir users remove ada@example.com --project 'Support chat'"}, removeUsers},
			{"delete", "USER...", "take people out of the organization, with their keys", []string{"weir users delete ada@example.com --yes"}, deleteUsers},
		},
	}
}

// crowd is the people of the organization, or those of a project.
type crowd struct {
	projectID string // "": of the organization
	path      string
}

func (r *remote) crowd(ctx context.Context, project string) (crowd, error) {
	if project == "" {
		return crowd{path: usersPath}, nil
	}
	projectID, err := r.project(ctx, project)
	if err != nil {
		return crowd{}, err
	}
	return crowd{projectID, inProject(projectID, "users")}, nil
}

func listUsers(fs *flag.FlagSet) action {
	var emails many
	fs.Var(&emails, "email", "only those with this `ADDRESS`; several may be given")
	project := fs.String("project", "", "the people of this `PROJECT`")
	limit := fs.Int("limit", 0, "at most `N`; 0 for all")
	return func(ctx context.Context, r *remote, _ []string) error {
		query := url.Values{}
		if len(emails) > 0 {
			if *project != "" {
				return usageError{errors.New("--email and --project do not go together: weir users get USER --project PROJECT shows one")}
			}
			query["emails[]"] = emails
		}
		of, err := r.crowd(ctx, *project)
		if err != nil {
			return err
		}
		if of.projectID != "" {
			return r.listPeople(ctx, of, *limit)
		}
		_, err = r.list(ctx, listing{path: of.path, query: query, columns: userColumns()}, *limit)
		return err
	}
}

func getUser(fs *flag.FlagSet) action {
	project := fs.String("project", "", "as one of this `PROJECT`")
	return func(ctx context.Context, r *remote, args []string) error {
		of, err := r.crowd(ctx, *project)
		if err != nil {
			return err
		}
		userID, err := r.userOf(ctx, of.projectID, args[0])
		if err != nil {
			return err
		}
		raw, err := r.api.Get(ctx, of.path+apiclient.Path(userID), nil)
		if err != nil {
			return err
		}
		columns := userColumns()
		if *project == "" {
			columns = append(columns, text("PROJECTS", "projects.data.#.name"), moment("KEY LAST USED", "api_key_last_used_at"))
		}
		return r.show(raw, columns, "id")
	}
}

func updateUser(fs *flag.FlagSet) action {
	role := fs.String("role", "", "another `ROLE`: owner or reader; of a project, owner, member or viewer")
	project := fs.String("project", "", "the role in this `PROJECT`")
	return func(ctx context.Context, r *remote, args []string) error {
		if *role == "" {
			return usageError{errors.New("--role is missing")}
		}
		of, err := r.crowd(ctx, *project)
		if err != nil {
			return err
		}
		userID, err := r.userOf(ctx, of.projectID, args[0])
		if err != nil {
			return err
		}
		raw, err := r.api.Post(ctx, of.path+apiclient.Path(userID), map[string]any{"role": *role})
		if err != nil {
			return err
		}
		return r.say(raw, userID, "%s is now %s", args[0], gjson.GetBytes(raw, "role").String())
	}
}

func addUser(fs *flag.FlagSet) action {
	project := projectFlag(fs)
	role := fs.String("role", "member", "the `ROLE` in the project: owner, member or viewer")
	return func(ctx context.Context, r *remote, args []string) error {
		projectID, err := r.within(ctx, *project)
		if err != nil {
			return err
		}
		body := map[string]any{"role": *role}
		if isEmail(args[0]) {
			body["email"] = args[0] // who may not list people may add them all the same
		} else if body["user_id"], err = r.user(ctx, args[0]); err != nil {
			return err
		}
		raw, err := r.api.Post(ctx, inProject(projectID, "users"), body)
		if err != nil {
			return err
		}
		return r.say(raw, gjson.GetBytes(raw, "id").String(), "%s is now in %s, as %s", args[0], *project, gjson.GetBytes(raw, "role").String())
	}
}

func removeUsers(fs *flag.FlagSet) action {
	project := projectFlag(fs)
	yes := fs.Bool("yes", false, "do not ask, for several")
	return func(ctx context.Context, r *remote, args []string) error {
		projectID, err := r.within(ctx, *project)
		if err != nil {
			return err
		}
		ids, err := each(args, func(named string) (string, error) { return r.userOf(ctx, projectID, named) })
		if err != nil {
			return err
		}
		if len(ids) > 1 {
			if err := r.confirm(ctx, *yes, fmt.Sprintf("take %d people out of %s", len(ids), plain(*project))); err != nil {
				return err
			}
		}
		return r.eachDone(ids, func(userID string) error {
			raw, err := r.api.Delete(ctx, inProject(projectID, "users", userID), nil)
			if err != nil {
				return err
			}
			return r.say(raw, userID, "%s is no longer in %s", userID, *project)
		})
	}
}

func deleteUsers(fs *flag.FlagSet) action {
	yes := fs.Bool("yes", false, "do not ask")
	return func(ctx context.Context, r *remote, args []string) error {
		ids, err := each(args, func(named string) (string, error) { return r.user(ctx, named) })
		if err != nil {
			return err
		}
		if err := r.confirm(ctx, *yes, deletion("user", args, ids, "all keys of that person", "all of their keys")); err != nil {
			return err
		}
		if err := r.remove(ctx, "user", ids, true, func(userID string) string { return usersPath + apiclient.Path(userID) }); err != nil {
			return err
		}
		return r.nameTokensOf(ctx, ids)
	}
}

// nameTokensOf says which SCIM tokens people who are gone have made: they stay.
func (r *remote) nameTokensOf(ctx context.Context, userIDs []string) error {
	for token, err := range r.api.List(ctx, "/weir/v1/scim_tokens", url.Values{"limit": {"100"}}) {
		if refused := (*apiclient.Error)(nil); errors.As(err, &refused) && refused.Status == http.StatusForbidden {
			return nil
		}
		if err != nil {
			return err
		}
		if t := gjson.ParseBytes(token); slices.Contains(userIDs, t.Get("created_by").String()) {
			if _, err := fmt.Fprintf(r.c.stderr, "The SCIM token %s (%s) is left, which %s made.\n",
				plain(t.Get("id").String()), plain(t.Get("name").String()), plain(t.Get("created_by").String())); err != nil {
				return err
			}
		}
	}
	return nil
}
