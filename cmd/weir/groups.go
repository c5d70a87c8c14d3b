package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/tidwall/gjson"

	"weir/internal/apiclient"
	"weir/internal/id"
)

const groupsPath = "/v1/organization/groups"

func groupColumns() []column {
	return []column{text("ID", "id"), text("NAME", "name"), text("SCIM", "is_scim_managed"), moment("CREATED", "created_at")}
}

func groupsCommand() resource {
	return resource{
		name: "groups", summary: "groups of people, and who is in them",
		about: `Groups of people: what a group is given by 'weir roles assign', its members hold.
A GROUP is given by its id or its name, a USER by id, e-mail address or name.`,
		verbs: []verb{
			{"list", "", "list the groups, or those with a role in a project", []string{"weir groups list", "weir groups list --project 'Support chat'"}, listGroups},
			{"get", "GROUP", "show a group", []string{"weir groups get Operators"}, getGroup},
			{"create", "NAME", "make a group", []string{"weir groups create Operators"}, createGroup},
			{"rename", "GROUP NAME", "give a group another name", []string{"weir groups rename Operators 'On call'"}, renameGroup},
			{"delete", "GROUP...", "delete groups, with what they give their members", []string{"weir groups delete Operators --yes"}, deleteGroups},
			{"members", "GROUP", "list who is in a group", []string{"weir groups members Operators"}, listMembers},
			{"add", "GROUP USER...", "put people into a group", []string{"weir groups add Operators ada@example.com bob@example.com"}, addMembers},
			{"remove", "GROUP USER...", "take people out of a group", []string{"weir groups remove Operators bob@example.com"}, removeMembers},
		},
	}
}

// group returns the id of a group.
func (r *remote) group(ctx context.Context, named string) (string, error) {
	return r.find(ctx, noun{what: "group", prefixes: []string{id.Group}, path: groupsPath}, named)
}

func listGroups(fs *flag.FlagSet) action {
	project := fs.String("project", "", "those with a role in this `PROJECT`")
	limit := fs.Int("limit", 0, "at most `N`; 0 for all")
	return func(ctx context.Context, r *remote, _ []string) error {
		l := listing{path: groupsPath, columns: groupColumns()}
		if *project != "" {
			projectID, err := r.project(ctx, *project)
			if err != nil {
				return err
			}
			l = listing{path: inProject(projectID, "groups"), id: "group_id", columns: []column{
				text("ID", "group_id"), text("NAME", "group_name"), moment("ADDED", "created_at"),
			}}
		}
		_, err := r.list(ctx, l, *limit)
		return err
	}
}

func getGroup(*flag.FlagSet) action {
	return func(ctx context.Context, r *remote, args []string) error {
		groupID, err := r.group(ctx, args[0])
		if err != nil {
			return err
		}
		raw, err := r.api.Get(ctx, groupsPath+apiclient.Path(groupID), nil)
		if err != nil {
			return err
		}
		return r.show(raw, groupColumns(), "id")
	}
}

func createGroup(*flag.FlagSet) action {
	return func(ctx context.Context, r *remote, args []string) error {
		raw, err := r.api.Post(ctx, groupsPath, map[string]any{"name": args[0]})
		if err != nil {
			return err
		}
		return r.show(raw, groupColumns(), "id")
	}
}

func renameGroup(*flag.FlagSet) action {
	return func(ctx context.Context, r *remote, args []string) error {
		groupID, err := r.group(ctx, args[0])
		if err != nil {
			return err
		}
		raw, err := r.api.Post(ctx, groupsPath+apiclient.Path(groupID), map[string]any{"name": args[1]})
		if err != nil {
			return err
		}
		return r.say(raw, groupID, "%s is now called %s", groupID, gjson.GetBytes(raw, "name").String())
	}
}

func deleteGroups(fs *flag.FlagSet) action {
	yes := fs.Bool("yes", false, "do not ask")
	return func(ctx context.Context, r *remote, args []string) error {
		ids, err := each(args, func(named string) (string, error) { return r.group(ctx, named) })
		if err != nil {
			return err
		}
		if err := r.confirm(ctx, *yes, deletion("group", args, ids, "what it gives its members", "what they give their members")); err != nil {
			return err
		}
		return r.remove(ctx, "group", ids, true, func(groupID string) string { return groupsPath + apiclient.Path(groupID) })
	}
}

func listMembers(fs *flag.FlagSet) action {
	limit := fs.Int("limit", 0, "at most `N`; 0 for all")
	return func(ctx context.Context, r *remote, args []string) error {
		groupID, err := r.group(ctx, args[0])
		if err != nil {
			return err
		}
		_, err = r.list(ctx, listing{
			path: groupsPath + apiclient.Path(groupID, "users"), columns: []column{text("ID", "id"), text("EMAIL", "email"), text("NAME", "name")},
		}, *limit)
		return err
	}
}

func addMembers(*flag.FlagSet) action {
	return func(ctx context.Context, r *remote, args []string) error {
		return r.eachMember(ctx, args, func(groupID, userID string) error {
			raw, err := r.api.Post(ctx, groupsPath+apiclient.Path(groupID, "users"), map[string]any{"user_id": userID})
			if err != nil {
				return err
			}
			return r.say(raw, userID, "%s is now in %s", userID, args[0])
		})
	}
}

func removeMembers(*flag.FlagSet) action {
	return func(ctx context.Context, r *remote, args []string) error {
		return r.eachMember(ctx, args, func(groupID, userID string) error {
			raw, err := r.api.Delete(ctx, groupsPath+apiclient.Path(groupID, "users", userID), nil)
			if err != nil {
				return err
			}
			return r.say(raw, userID, "%s is no longer in %s", userID, args[0])
		})
	}
}

// eachMember does something to a group, the first of args, and everybody after
// it, once all of them are found.
func (r *remote) eachMember(ctx context.Context, args []string, do func(groupID, userID string) error) error {
	groupID, err := r.group(ctx, args[0])
	if err != nil {
		return err
	}
	ids, err := each(args[1:], func(named string) (string, error) { return r.user(ctx, named) })
	if err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	return r.eachDone(ids, func(userID string) error { return do(groupID, userID) })
}
