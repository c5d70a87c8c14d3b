package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"

	"github.com/tidwall/gjson"

	"weir/internal/apiclient"
)

const projectsPath = "/v1/organization/projects"

// inProject is the path of something that belongs to a project.
func inProject(projectID string, rest ...string) string {
	return projectsPath + apiclient.Path(append([]string{projectID}, rest...)...)
}

func projectColumns() []column {
	return []column{text("ID", "id"), text("NAME", "name"), text("STATUS", "status"), moment("CREATED", "created_at"), moment("ARCHIVED", "archived_at")}
}

func projectsCommand() resource {
	return resource{
		name: "projects", summary: "list, make, rename and archive projects",
		about: "Projects hold the keys that call models. A PROJECT is given by its id or its name.",
		verbs: []verb{
			{"list", "", "list the projects", []string{"weir projects list", "weir projects list --archived --json | jq -r '.[].name'"}, listProjects},
			{"get", "PROJECT", "show a project", []string{"weir projects get 'Support chat'"}, getProject},
			{"create", "NAME", "make a project", []string{"weir projects create 'Support chat'", "PROJECT=$(weir projects create 'Support chat' -q)"}, createProject},
			{"rename", "PROJECT NAME", "give a project another name", []string{"weir projects rename 'Support chat' Helpdesk"}, renameProject},
			{"archive", "PROJECT...", "end projects for good: their keys stop, their usage stays", []string{"weir projects archive Helpdesk", "weir projects archive Helpdesk proj_0123 --yes"}, archiveProjects},
		},
	}
}

func listProjects(fs *flag.FlagSet) action {
	archived := fs.Bool("archived", false, "archived ones too")
	limit := fs.Int("limit", 0, "at most `N`; 0 for all")
	return func(ctx context.Context, r *remote, _ []string) error {
		columns := projectColumns()
		query := url.Values{}
		if *archived {
			query.Set("include_archived", "true")
		} else {
			columns = columns[:4]
		}
		_, err := r.list(ctx, listing{path: projectsPath, query: query, columns: columns}, *limit)
		return err
	}
}

func getProject(*flag.FlagSet) action {
	return func(ctx context.Context, r *remote, args []string) error {
		projectID, err := r.project(ctx, args[0])
		if err != nil {
			return err
		}
		raw, err := r.api.Get(ctx, inProject(projectID), nil)
		if err != nil {
			return err
		}
		columns := append(projectColumns(), text("RESIDENCY", "residency"), text("EXTERNAL KEY", "external_key_id"))
		return r.show(raw, columns, "id")
	}
}

func createProject(fs *flag.FlagSet) action {
	residency := fs.String("residency", "", "where its data may lie, `REGION` as OpenAI writes it, such as EU_STORAGE_PROCESSING")
	externalKey := fs.String("external-key", "", "the `ID` of an external key of the organization")
	return func(ctx context.Context, r *remote, args []string) error {
		body := map[string]any{"name": args[0]}
		if *residency != "" {
			body["residency"] = *residency
		}
		if *externalKey != "" {
			body["external_key_id"] = *externalKey
		}
		raw, err := r.api.Post(ctx, projectsPath, body)
		if err != nil {
			return err
		}
		return r.show(raw, projectColumns()[:4], "id")
	}
}

func renameProject(*flag.FlagSet) action {
	return func(ctx context.Context, r *remote, args []string) error {
		projectID, err := r.project(ctx, args[0])
		if err != nil {
			return err
		}
		raw, err := r.api.Post(ctx, inProject(projectID), map[string]any{"name": args[1]})
		if err != nil {
			return err
		}
		return r.say(raw, projectID, "%s is now called %s", projectID, gjson.GetBytes(raw, "name").String())
	}
}

func archiveProjects(fs *flag.FlagSet) action {
	yes := fs.Bool("yes", false, "do not ask")
	return func(ctx context.Context, r *remote, args []string) error {
		ids, err := r.projects(ctx, args)
		if err != nil {
			return err
		}
		what := fmt.Sprintf("archive the project %s for good", plain(args[0]))
		if len(ids) > 1 {
			what = fmt.Sprintf("archive %d projects for good", len(ids))
		}
		if err := r.confirm(ctx, *yes, what); err != nil {
			return err
		}
		return r.eachDone(ids, func(projectID string) error {
			raw, err := r.api.Post(ctx, inProject(projectID, "archive"), nil)
			if err != nil {
				return err
			}
			return r.say(raw, projectID, "archived %s (%s)", projectID, gjson.GetBytes(raw, "name").String())
		})
	}
}

// eachDone does something to every id, whatever becomes of the others, and says
// which failed.
func (r *remote) eachDone(ids []string, do func(id string) error) error {
	var failed []error
	for _, id := range ids {
		if err := do(id); err != nil {
			if len(ids) == 1 || errors.Is(err, context.Canceled) {
				return errors.Join(append(failed, err)...)
			}
			failed = append(failed, fmt.Errorf("%s: %w", plain(id), err))
		}
	}
	return errors.Join(failed...)
}

// remove deletes objects after asking where that takes more with it, or is more
// than one.
func (r *remote) remove(ctx context.Context, what string, ids []string, yes bool, path func(id string) string) error {
	if len(ids) > 1 {
		if err := r.confirm(ctx, yes, fmt.Sprintf("delete %d %ss", len(ids), what)); err != nil {
			return err
		}
	}
	return r.eachDone(ids, func(id string) error {
		raw, err := r.api.Delete(ctx, path(id), nil)
		if err != nil {
			return err
		}
		return r.say(raw, id, "deleted the %s %s", what, id)
	})
}
