package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"

	"weir/internal/apiclient"
)

func limitsCommand() resource {
	return resource{
		name: "limits", summary: "rate limits, spend limits and spend alerts",
		about: `Rate limits by model, spend limits and spend alerts by month: of the organization or,
with --project, of a project. Amounts are US dollars. They are kept, and nothing acts
on them yet: no call is refused, no e-mail is sent.`,
		verbs: []verb{
			{"rates", "", "list the rate limits, by model", []string{"weir limits rates --project 'Support chat'", "weir limits rates"}, listRates},
			{"set-rates", "MODEL", "change rate limits of a model; what is not named stays", []string{"weir limits set-rates gpt-4o-mini --project 'Support chat' --requests 100 --tokens 200000"}, setRates},
			{"reset-rates", "MODEL...", "take back what was set for models", []string{"weir limits reset-rates gpt-4o-mini --project 'Support chat'"}, resetRates},
			{"spend", "", "show the spend limit", []string{"weir limits spend --project 'Support chat'"}, getSpend},
			{"set-spend", "USD", "set what may be spent in a month", []string{"weir limits set-spend 500 --project 'Support chat'"}, setSpend},
			{"unset-spend", "", "take the spend limit away", []string{"weir limits unset-spend --project 'Support chat'"}, unsetSpend},
			{"alerts", "", "list the spend alerts", []string{"weir limits alerts --project 'Support chat'"}, listAlerts},
			{"create-alert", "USD", "ask for an e-mail when a month has cost so much", []string{"weir limits create-alert 400 --email ada@example.com --project 'Support chat'"}, createAlert},
			{"update-alert", "ALERT", "change a spend alert; what is not named stays", []string{"weir limits update-alert alert_0123 --usd 450.50 --project 'Support chat'"}, updateAlert},
			{"delete-alert", "ALERT...", "delete spend alerts", []string{"weir limits delete-alert alert_0123 --project 'Support chat'"}, deleteAlerts},
		},
	}
}

// limited is what limits are of: the organization, or a project.
type limited struct{ projectID string }

func limitedFlag(fs *flag.FlagSet) *string {
	return fs.String("project", "", "of this `PROJECT`, not of the organization")
}

func (r *remote) limited(ctx context.Context, project string) (limited, error) {
	if project == "" {
		return limited{}, nil
	}
	projectID, err := r.project(ctx, project)
	return limited{projectID}, err
}

// path is where a limit is in OpenAI's API.
func (l limited) path(segments ...string) string {
	if l.projectID == "" {
		return "/v1/organization" + apiclient.Path(segments...)
	}
	return inProject(l.projectID, segments...)
}

// native is where a limit is in weir's own API, which has what OpenAI's has not:
// the organization's rates, and taking rates back.
func (l limited) native(segments ...string) string {
	if l.projectID != "" {
		segments = append([]string{"projects", l.projectID}, segments...)
	}
	return "/weir/v1" + apiclient.Path(segments...)
}

// rates is where the rate limits are.
func (l limited) rates(segments ...string) string {
	segments = append([]string{"rate_limits"}, segments...)
	if l.projectID == "" {
		return l.native(segments...)
	}
	return l.path(segments...)
}

// rate is a number of a rate limit: its column, its flag and its field.
type rate struct{ head, flag, field, what string }

var rates = []rate{
	{"REQUESTS/MIN", "requests", "max_requests_per_1_minute", "requests a minute"},
	{"TOKENS/MIN", "tokens", "max_tokens_per_1_minute", "tokens a minute"},
	{"IMAGES/MIN", "images", "max_images_per_1_minute", "images a minute, for models that make them"},
	{"AUDIO MB/MIN", "audio-megabytes", "max_audio_megabytes_per_1_minute", "megabytes of audio a minute, for models that take it"},
	{"REQUESTS/DAY", "requests-per-day", "max_requests_per_1_day", "requests a day"},
	{"BATCH TOKENS/DAY", "batch-tokens-per-day", "batch_1_day_max_input_tokens", "input tokens of batches a day"},
}

func rateColumns() []column {
	columns := []column{text("MODEL", "model")}
	for _, f := range rates {
		columns = append(columns, amount(f.head, f.field))
	}
	return columns
}

// rateID is the id of a model's limits, which is the same everywhere.
func rateID(model string) string {
	if strings.HasPrefix(model, "rl-") {
		return model
	}
	return "rl-" + model
}

func listRates(fs *flag.FlagSet) action {
	project := limitedFlag(fs)
	limit := fs.Int("limit", 0, "at most `N`; 0 for all")
	return func(ctx context.Context, r *remote, _ []string) error {
		l, err := r.limited(ctx, *project)
		if err != nil {
			return err
		}
		_, err = r.list(ctx, listing{path: l.rates(), columns: rateColumns(), page: 1000}, *limit)
		return err
	}
}

func setRates(fs *flag.FlagSet) action {
	project := limitedFlag(fs)
	values := make([]*int64, len(rates))
	for i, f := range rates {
		values[i] = fs.Int64(f.flag, -1, "`N` "+f.what)
	}
	return func(ctx context.Context, r *remote, args []string) error {
		body := map[string]any{}
		set := map[string]bool{}
		fs.Visit(func(f *flag.Flag) { set[f.Name] = true })
		for i, f := range rates {
			if !set[f.flag] {
				continue
			}
			if *values[i] < 0 {
				return usageError{fmt.Errorf("--%s is less than 0", f.flag)}
			}
			body[f.field] = *values[i]
		}
		if len(body) == 0 {
			return usageError{errors.New("say what to set: --requests, --tokens or another; see --help")}
		}
		l, err := r.limited(ctx, *project)
		if err != nil {
			return err
		}
		raw, err := r.api.Post(ctx, l.rates(rateID(args[0])), body)
		if err != nil {
			return err
		}
		return r.show(raw, rateColumns(), "id")
	}
}

func resetRates(fs *flag.FlagSet) action {
	project := limitedFlag(fs)
	yes := fs.Bool("yes", false, "do not ask, for several")
	return func(ctx context.Context, r *remote, args []string) error {
		l, err := r.limited(ctx, *project)
		if err != nil {
			return err
		}
		ids, err := each(args, func(model string) (string, error) { return rateID(model), nil })
		if err != nil {
			return err
		}
		if len(ids) > 1 {
			if err := r.confirm(ctx, *yes, fmt.Sprintf("take back the rate limits of %d models", len(ids))); err != nil {
				return err
			}
		}
		return r.eachDone(ids, func(rateID string) error {
			raw, err := r.api.Delete(ctx, l.native("rate_limits", rateID), nil)
			if err != nil {
				return err
			}
			return r.say(raw, rateID, "took back the rate limits of %s", strings.TrimPrefix(rateID, "rl-"))
		})
	}
}
