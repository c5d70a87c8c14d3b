package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"

	"github.com/tidwall/gjson"

	"weir/internal/apiclient"
	"weir/internal/id"
)

const (
	adminKeysPath   = "/v1/organization/admin_api_keys"
	nativeAdminKeys = "/weir/v1/admin_api_keys"
)

func keysCommand() resource {
	return resource{
		name: "keys", summary: "the keys of projects, and admin keys",
		about: `Keys of a project call models; admin keys manage the organization. Every verb
takes --project PROJECT or --admin to say which are meant. A KEY is given by its
id or its name. A secret is printed once, when a key is made or rotated.`,
		verbs: []verb{
			{"list", "", "list the keys of a project, or the admin keys", []string{"weir keys list --project 'Support chat'", "weir keys list --admin"}, listKeys},
			{"get", "KEY", "show a key, without its secret", []string{"weir keys get key_0123 --project 'Support chat'"}, getKey},
			{"create", "NAME", "make a key and print its secret, once", []string{
				"weir keys create ci --project 'Support chat' --expires 90d",
				"weir keys create ci --project 'Support chat' --service-account bot --scope api.model.request",
				"weir keys create terraform --admin -q > admin-key",
				"weir keys create laptop --admin --owner ada@example.com",
			}, createKey},
			{"update", "KEY", "change what a project's key may do, or when it ends", []string{"weir keys update ci --project 'Support chat' --scope api.model.request --expires 30d"}, updateKey},
			{"rotate", "KEY", "give a key a new secret and print it, once", []string{"weir keys rotate ci --project 'Support chat' --overlap 24h -q"}, rotateKey},
			{"delete", "KEY...", "delete keys; they stop within a second", []string{"weir keys delete ci --project 'Support chat'", "weir keys list --project 'Support chat' -q | xargs weir keys delete --yes --project 'Support chat'"}, deleteKeys},
		},
	}
}

// keyring is which keys a verb is about.
type keyring struct {
	project string
	admin   bool
}

func (k *keyring) flags(fs *flag.FlagSet) {
	fs.StringVar(&k.project, "project", "", "the keys of this `PROJECT`")
	fs.BoolVar(&k.admin, "admin", false, "the admin keys")
}

// keys are the ones chosen: where they are listed, and where each of them is.
type keys struct {
	path    string // of the list
	project string // its id; "": admin keys
	what    string
}

func (k *keyring) open(ctx context.Context, r *remote) (keys, error) {
	switch {
	case k.admin && k.project != "":
		return keys{}, usageError{errors.New("--admin and --project do not go together")}
	case k.admin:
		return keys{path: adminKeysPath, what: "admin key"}, nil
	case k.project == "":
		return keys{}, usageError{errors.New("say which keys: --project PROJECT or --admin")}
	}
	projectID, err := r.project(ctx, k.project)
	if err != nil {
		return keys{}, err
	}
	return keys{path: inProject(projectID, "api_keys"), project: projectID, what: "key"}, nil
}

func (k keys) one(keyID string) string { return k.path + apiclient.Path(keyID) }

// list is the query of all of them: without it, keys of owners that left the
// project would be passed over.
func (k keys) query() url.Values {
	if k.project == "" {
		return url.Values{}
	}
	return url.Values{"owner_project_access": {"any"}}
}

func (k keys) find(ctx context.Context, r *remote, named string) (string, error) {
	return r.find(ctx, noun{what: k.what, prefixes: []string{id.Key}, path: k.path, query: k.query()}, named)
}

// columns of a key. Whose it is stands where the key has it: an admin key's
// owner at the top, a project key's below user or service_account.
func (k keys) columns() []column {
	columns := []column{
		text("ID", "id"), text("NAME", "name"), text("KEY", "redacted_value"),
		text("OWNER", "owner.user.email", "owner.user.name", "owner.service_account.name", "owner.name"),
	}
	if k.project != "" {
		columns = append(columns, text("SCOPES", "scopes"))
	}
	return append(columns, moment("CREATED", "created_at"), moment("EXPIRES", "expires_at"), moment("LAST USED", "last_used_at"))
}

func listKeys(fs *flag.FlagSet) action {
	var ring keyring
	ring.flags(fs)
	limit := fs.Int("limit", 0, "at most `N`; 0 for all")
	return func(ctx context.Context, r *remote, _ []string) error {
		k, err := ring.open(ctx, r)
		if err != nil {
			return err
		}
		_, err = r.list(ctx, listing{path: k.path, query: k.query(), columns: k.columns()}, *limit)
		return err
	}
}

func getKey(fs *flag.FlagSet) action {
	var ring keyring
	ring.flags(fs)
	return func(ctx context.Context, r *remote, args []string) error {
		k, err := ring.open(ctx, r)
		if err != nil {
			return err
		}
		keyID, err := k.find(ctx, r, args[0])
		if err != nil {
			return err
		}
		raw, err := r.api.Get(ctx, k.one(keyID), nil)
		if err != nil {
			return err
		}
		columns := k.columns()
		if k.project != "" {
			columns = append(columns, text("OWNER IN PROJECT", "owner_project_access"))
		}
		return r.show(raw, columns, "id")
	}
}

func createKey(fs *flag.FlagSet) action {
	var (
		ring    keyring
		scopes  many
		expires seconds
	)
	ring.flags(fs)
	owner := fs.String("owner", "", "the `USER` whom the key is for; without it, you")
	account := fs.String("service-account", "", "make the key for this `ACCOUNT` of the project")
	fs.Var(&scopes, "scope", "a `PERMISSION` that a project's key is cut down to; several may be given")
	fs.Var(&expires, "expires", "end the key after this `TIME`, such as 90d; without it, never")
	return func(ctx context.Context, r *remote, args []string) error {
		switch {
		case ring.admin && (*account != "" || len(scopes) > 0):
			return usageError{errors.New("--service-account and --scope are for keys of projects")}
		case *owner != "" && *account != "":
			return usageError{errors.New("--owner and --service-account do not go together: a key has one owner")}
		}
		k, err := ring.open(ctx, r)
		if err != nil {
			return err
		}
		body, path := map[string]any{"name": args[0]}, k.path
		expires.put(body, "expires_in_seconds")
		if len(scopes) > 0 {
			body["scopes"] = scopes
		}
		if *owner != "" {
			if body["owner_user_id"], err = r.userOf(ctx, k.project, *owner); err != nil {
				return err
			}
		}
		switch {
		case *account != "":
			accountID, err := r.serviceAccount(ctx, k.project, *account)
			if err != nil {
				return err
			}
			path = inProject(k.project, "service_accounts", accountID, "api_keys")
		case k.project != "":
			path = nativeKeys(k.project)
		case *owner != "":
			path = nativeAdminKeys // OpenAI's API makes them for the caller alone
		}
		raw, err := r.api.Post(ctx, path, body)
		if err != nil {
			return err
		}
		return r.showSecret(raw, "value", text("ID", "id"), text("NAME", "name"), moment("EXPIRES", "expires_at"), text("SECRET", "value"))
	}
}

// showSecret prints a key that was made, whose secret stands at path. It goes to
// standard output, once.
func (r *remote) showSecret(raw json.RawMessage, path string, columns ...column) error {
	if err := r.show(raw, columns, path); err != nil {
		return fmt.Errorf("the key %s was made, and its secret could not be printed: %w", gjson.GetBytes(raw, "id").String(), err)
	}
	if r.c.stdoutTerminal && !r.json && !r.quiet {
		_, err := fmt.Fprintln(r.c.stderr, "The secret is shown this once.")
		return err
	}
	return nil
}

// nativeKeys is the path at which keys of a project are made and rotated, which
// OpenAI's API has no calls for.
func nativeKeys(projectID string, rest ...string) string {
	return "/weir/v1/projects" + apiclient.Path(append([]string{projectID, "api_keys"}, rest...)...)
}

func updateKey(fs *flag.FlagSet) action {
	var (
		ring    keyring
		scopes  many
		expires seconds
	)
	fs.StringVar(&ring.project, "project", "", "the `PROJECT` of the key")
	fs.Var(&scopes, "scope", "a `PERMISSION` that the key is cut down to; several may be given")
	all := fs.Bool("all-scopes", false, "let the key do all that its owner may")
	fs.Var(&expires, "expires", "end the key after this `TIME`, counted from now")
	return func(ctx context.Context, r *remote, args []string) error {
		body := map[string]any{}
		expires.put(body, "expires_in_seconds")
		switch {
		case *all && len(scopes) > 0:
			return usageError{errors.New("--all-scopes and --scope do not go together")}
		case *all:
			body["scopes"] = []string{}
		case len(scopes) > 0:
			body["scopes"] = scopes
		}
		if len(body) == 0 {
			return usageError{errors.New("say what to change: --scope, --all-scopes or --expires")}
		}
		k, err := ring.open(ctx, r)
		if err != nil {
			return err
		}
		keyID, err := k.find(ctx, r, args[0])
		if err != nil {
			return err
		}
		raw, err := r.api.Post(ctx, k.one(keyID), body)
		if err != nil {
			return err
		}
		return r.show(raw, k.columns(), "id")
	}
}

func rotateKey(fs *flag.FlagSet) action {
	var (
		ring    keyring
		overlap seconds
	)
	ring.flags(fs)
	fs.Var(&overlap, "overlap", "how long the old secret goes on working, `TIME` such as 24h; without it, not at all")
	return func(ctx context.Context, r *remote, args []string) error {
		k, err := ring.open(ctx, r)
		if err != nil {
			return err
		}
		keyID, err := k.find(ctx, r, args[0])
		if err != nil {
			return err
		}
		body, path := map[string]any{}, nativeAdminKeys+apiclient.Path(keyID, "rotate")
		overlap.put(body, "overlap_seconds")
		if k.project != "" {
			path = nativeKeys(k.project, keyID, "rotate")
		}
		raw, err := r.api.Post(ctx, path, body)
		if err != nil {
			return err
		}
		return r.showSecret(raw, "value", text("ID", "id"), text("NAME", "name"), moment("EXPIRES", "expires_at"),
			moment("OLD UNTIL", "previous_value_until"), text("SECRET", "value"))
	}
}

func deleteKeys(fs *flag.FlagSet) action {
	var ring keyring
	ring.flags(fs)
	yes := fs.Bool("yes", false, "do not ask, for several")
	return func(ctx context.Context, r *remote, args []string) error {
		k, err := ring.open(ctx, r)
		if err != nil {
			return err
		}
		ids, err := each(args, func(named string) (string, error) { return k.find(ctx, r, named) })
		if err != nil {
			return err
		}
		return r.remove(ctx, k.what, ids, *yes, k.one)
	}
}
