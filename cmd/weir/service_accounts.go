package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"weir/internal/id"
)

func serviceAccountsCommand() resource {
	return resource{
		name: "service-accounts", summary: "the service accounts of a project",
		about: `Service accounts own keys that belong to nobody in person. Every verb takes
--project PROJECT. An ACCOUNT is given by its id or its name.`,
		verbs: []verb{
			{"list", "", "list the service accounts of a project", []string{"weir service-accounts list --project 'Support chat'"}, listServiceAccounts},
			{"get", "ACCOUNT", "show a service account", []string{"weir service-accounts get bot --project 'Support chat'"}, getServiceAccount},
			{"create", "NAME", "make a service account with a key, and print its secret, once", []string{
				"weir service-accounts create bot --project 'Support chat'",
				"KEY=$(weir service-accounts create bot --project 'Support chat' -q)",
			}, createServiceAccount},
			{"update", "ACCOUNT", "change a service account's name or role", []string{"weir service-accounts update bot --project 'Support chat' --role owner"}, updateServiceAccount},
			{"delete", "ACCOUNT...", "delete service accounts, with their keys", []string{"weir service-accounts delete bot --project 'Support chat' --yes"}, deleteServiceAccounts},
		},
	}
}

func serviceAccountColumns() []column {
	return []column{text("ID", "id"), text("NAME", "name"), text("ROLE", "role"), moment("CREATED", "created_at")}
}

// serviceAccount returns the id of a service account of a project.
func (r *remote) serviceAccount(ctx context.Context, projectID, named string) (string, error) {
	return r.find(ctx, noun{
		what: "service account", prefixes: []string{id.ServiceAccount}, path: inProject(projectID, "service_accounts"),
	}, named)
}

// within returns the id of the project that a verb's --project names.
func (r *remote) within(ctx context.Context, project string) (string, error) {
	if project == "" {
		return "", usageError{errors.New("--project is missing")}
	}
	return r.project(ctx, project)
}

func projectFlag(fs *flag.FlagSet) *string {
	return fs.String("project", "", "the `PROJECT`, by id or name")
}

func listServiceAccounts(fs *flag.FlagSet) action {
	project := projectFlag(fs)
	limit := fs.Int("limit", 0, "at most `N`; 0 for all")
	return func(ctx context.Context, r *remote, _ []string) error {
		projectID, err := r.within(ctx, *project)
		if err != nil {
			return err
		}
		_, err = r.list(ctx, listing{path: inProject(projectID, "service_accounts"), columns: serviceAccountColumns()}, *limit)
		return err
	}
}

func getServiceAccount(fs *flag.FlagSet) action {
	project := projectFlag(fs)
	return func(ctx context.Context, r *remote, args []string) error {
		projectID, err := r.within(ctx, *project)
		if err != nil {
			return err
		}
		accountID, err := r.serviceAccount(ctx, projectID, args[0])
		if err != nil {
			return err
		}
		raw, err := r.api.Get(ctx, inProject(projectID, "service_accounts", accountID), nil)
		if err != nil {
			return err
		}
		return r.show(raw, serviceAccountColumns(), "id")
	}
}

func createServiceAccount(fs *flag.FlagSet) action {
	project := projectFlag(fs)
	only := fs.Bool("without-key", false, "make no key, and give no role in the project")
	var expires seconds
	fs.Var(&expires, "expires", "end the key after this `TIME`, such as 90d; without it, never")
	return func(ctx context.Context, r *remote, args []string) error {
		if *only && expires.n != nil {
			return usageError{errors.New("--without-key and --expires do not go together: it is the key that ends")}
		}
		projectID, err := r.within(ctx, *project)
		if err != nil {
			return err
		}
		body := map[string]any{"name": args[0]}
		expires.put(body, "expires_in_seconds")
		if *only {
			body["create_service_account_only"] = true
		}
		raw, err := r.api.Post(ctx, inProject(projectID, "service_accounts"), body)
		if err != nil {
			return err
		}
		if *only {
			return r.show(raw, serviceAccountColumns(), "id")
		}
		return r.showSecret(raw, "api_key.value", text("ID", "id"), text("NAME", "name"), text("ROLE", "role"),
			text("KEY ID", "api_key.id"), moment("EXPIRES", "api_key.expires_at"), text("SECRET", "api_key.value"))
	}
}

func updateServiceAccount(fs *flag.FlagSet) action {
	project := projectFlag(fs)
	name := fs.String("name", "", "another `NAME`")
	role := fs.String("role", "", "another `ROLE` in the project: member or owner")
	return func(ctx context.Context, r *remote, args []string) error {
		body := map[string]any{}
		for field, value := range map[string]string{"name": *name, "role": *role} {
			if value != "" {
				body[field] = value
			}
		}
		if len(body) == 0 {
			return usageError{errors.New("say what to change: --name or --role")}
		}
		projectID, err := r.within(ctx, *project)
		if err != nil {
			return err
		}
		accountID, err := r.serviceAccount(ctx, projectID, args[0])
		if err != nil {
			return err
		}
		raw, err := r.api.Post(ctx, inProject(projectID, "service_accounts", accountID), body)
		if err != nil {
			return err
		}
		return r.show(raw, serviceAccountColumns(), "id")
	}
}

func deleteServiceAccounts(fs *flag.FlagSet) action {
	project := projectFlag(fs)
	yes := fs.Bool("yes", false, "do not ask")
	return func(ctx context.Context, r *remote, args []string) error {
		projectID, err := r.within(ctx, *project)
		if err != nil {
			return err
		}
		ids, err := each(args, func(named string) (string, error) { return r.serviceAccount(ctx, projectID, named) })
		if err != nil {
			return err
		}
		if err := r.confirm(ctx, *yes, deletion("service account", args, ids, "its keys", "their keys")); err != nil {
			return err
		}
		return r.remove(ctx, "service account", ids, true, func(accountID string) string {
			return inProject(projectID, "service_accounts", accountID)
		})
	}
}

// deletion says what is to be deleted, with what goes with it.
func deletion(what string, named, ids []string, its, their string) string {
	if len(ids) == 1 {
		return fmt.Sprintf("delete the %s %s, with %s", what, plain(named[0]), its)
	}
	return fmt.Sprintf("delete %d %ss, with %s", len(ids), what, their)
}
