package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"strconv"

	"weir/internal/apiclient"
)

const requestsPath = "/weir/v1/requests"

// newest is how much of a log is shown when nobody says how much: logs are
// longer than anybody wants to see at once.
const newest = 50

// log prints a log from its newest entry back, and says when there is more than
// was asked for by nobody.
func (r *remote) log(ctx context.Context, fs *flag.FlagSet, l listing, limit int) error {
	more, err := r.list(ctx, l, limit)
	if err != nil || !more {
		return err
	}
	asked := false
	fs.Visit(func(f *flag.Flag) { asked = asked || f.Name == "limit" })
	if asked {
		return nil
	}
	_, err = fmt.Fprintf(r.c.stderr, "These are the newest %d; --limit 0 shows all.\n", limit)
	return err
}

func requestsCommand() resource {
	return resource{
		name: "requests", summary: "the log of calls to models",
		about: `The log of calls to models. The ID is the x-request-id that the caller was given.`,
		verbs: []verb{
			{"list", "", "list calls, the newest first; by --user, --model or --slower alone, those of the last 24 hours unless --since says more", []string{
				"weir requests list --since 1h --outcome failed",
				"weir requests list --project 'Support chat' --slower 10s --limit 10",
				"weir requests list --since today --limit 0 --json | jq -r '.[].id'",
			}, listRequests},
			{"get", "ID", "show a call", []string{"weir requests get req_0123 --json"}, getRequest},
		},
	}
}

func requestColumns() []column {
	return []column{
		moment("RECEIVED", "received_at"), text("ID", "id"), text("PROJECT ID", "project_id"), text("MODEL", "model", "model_asked"),
		text("STATUS", "status"), text("OUTCOME", "outcome"), amount("INPUT", "usage.input_tokens"), amount("OUTPUT", "usage.output_tokens"),
		amount("USD", "cost.value"), amount("MS", "latency_ms"),
	}
}

func listRequests(fs *flag.FlagSet) action {
	var (
		s                                              span
		projects, keys, users, models, status, outcome many
		codes                                          many
	)
	s.flags(fs, "since", "until")
	fs.Var(&projects, "project", "only of this `PROJECT`, by id or name; several may be given")
	fs.Var(&keys, "key", "only of the key with this `ID`; several may be given")
	fs.Var(&users, "user", "only of keys of this `USER`; several may be given")
	fs.Var(&models, "model", "only of this `MODEL`; several may be given")
	fs.Var(&status, "status", "only answered with this HTTP `STATUS`; several may be given")
	fs.Var(&outcome, "outcome", "only with this `OUTCOME`: completed, failed, truncated, client_gone, interrupted")
	fs.Var(&codes, "error", "only failed with this error `CODE`; several may be given")
	slower := fs.Duration("slower", 0, "only those that took at least this `TIME`, such as 10s")
	limit := fs.Int("limit", newest, "at most `N`; 0 for all")
	return func(ctx context.Context, r *remote, _ []string) error {
		if err := s.check(); err != nil {
			return err
		}
		if *slower < 0 {
			return usageError{errors.New("--slower is less than 0")}
		}
		query := url.Values{}
		s.put(query, "start_time", "end_time")
		projectIDs, err := r.projects(ctx, projects)
		if err != nil {
			return err
		}
		userIDs, err := each(users, func(named string) (string, error) { return r.user(ctx, named) })
		if err != nil {
			return err
		}
		for name, values := range map[string][]string{
			"project_ids[]": projectIDs, "user_ids[]": userIDs, "api_key_ids[]": keys, "models[]": models,
			"status[]": status, "outcome[]": outcome, "error_code[]": codes,
		} {
			if len(values) > 0 {
				query[name] = values
			}
		}
		if *slower > 0 {
			query.Set("min_latency_ms", strconv.FormatInt(slower.Milliseconds(), 10))
		}
		return r.log(ctx, fs, listing{path: requestsPath, query: query, columns: requestColumns(), page: 1000}, *limit)
	}
}

func getRequest(*flag.FlagSet) action {
	return func(ctx context.Context, r *remote, args []string) error {
		raw, err := r.api.Get(ctx, requestsPath+apiclient.Path(args[0]), nil)
		if err != nil {
			return err
		}
		return r.show(raw, append(requestColumns(),
			text("MODEL ASKED", "model_asked"), text("CONNECTION", "connection_id"), text("KEY ID", "api_key_id"), text("USER ID", "user_id"),
			text("SERVICE ACCOUNT", "service_account_id"), text("PATH", "path"), text("ERROR", "error_code"), text("ATTEMPTS", "attempts.#"),
			moment("FIRST BYTE", "first_byte_at"), moment("DONE", "done_at"), text("FIRST BYTE MS", "time_to_first_byte_ms"),
			text("COUNTED BY", "usage.source"), text("CACHED", "usage.input_cached_tokens"), text("STREAM", "stream"),
		), "id")
	}
}
