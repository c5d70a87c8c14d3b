package main

import (
	"context"
	"errors"
	"flag"
	"net/url"
	"slices"
	"strings"
)

// auditList lists the log over the API, under weir's own names of what was done:
// a superset of what OpenAI's log has.
func auditList() verb {
	return verb{"", "", "list what was done, by whom and to what, over the API of a running weir, the newest first", []string{
		"weir audit list --since 7d",
		"weir audit list --type api_key.created,api_key.deleted --actor ada@example.com",
		"weir audit list --resource key_0123 --limit 0 --json",
	}, func(fs *flag.FlagSet) action {
		var (
			s                                  span
			types, actors, resources, projects many
		)
		s.flags(fs, "since", "until")
		fs.Var(&types, "type", "only of this `TYPE`, such as project.created; several may be given")
		fs.Var(&actors, "actor", "only by this `ACTOR`: an e-mail address, or the id of a user, account or key")
		fs.Var(&resources, "resource", "only about what has this `ID`; several may be given")
		fs.Var(&projects, "project", "only of this `PROJECT`, by id or name; several may be given")
		limit := fs.Int("limit", newest, "at most `N`; 0 for all")
		return func(ctx context.Context, r *remote, _ []string) error {
			if err := s.check(); err != nil {
				return err
			}
			emails := slices.DeleteFunc(slices.Clone(actors), func(a string) bool { return !isEmail(a) })
			if len(emails) != 0 && len(emails) != len(actors) {
				return usageError{errors.New("--actor takes addresses or ids, not both: the API wants what is by both of them")}
			}
			query := url.Values{}
			s.put(query, "effective_at[gte]", "effective_at[lt]")
			projectIDs, err := r.projects(ctx, projects)
			if err != nil {
				return err
			}
			for _, a := range actors {
				name := "actor_ids[]"
				if isEmail(a) {
					name = "actor_emails[]"
				}
				query[name] = append(query[name], a)
			}
			for name, values := range map[string][]string{
				"event_types[]": types, "resource_ids[]": resources, "project_ids[]": projectIDs,
			} {
				if len(values) > 0 {
					query[name] = values
				}
			}
			return r.log(ctx, fs, listing{path: "/weir/v1/audit_events", query: query, columns: []column{
				moment("TIME", "effective_at"), text("TYPE", "type"),
				text("ACTOR", "actor.session.user.email", "actor.api_key.user.email", "actor.api_key.service_account.id", "actor.scim.id", "actor.unknown.ip_address", "actor.type"),
				text("RESOURCE", "resource_id"), text("PROJECT", "project.name"), text("ID", "id"),
			}}, *limit)
		}
	}}
}

func isEmail(s string) bool { return strings.Contains(s, "@") }
