package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"weir/internal/money"
)

// cents is a column of whole cents, shown as dollars.
func cents(head, path string) column {
	return column{head: head, right: true, of: func(o gjson.Result) string {
		raw := o.Get(path).Raw
		amount, err := money.Parse(raw + "e-2")
		if err != nil {
			return raw
		}
		return amount.RoundHalfEven(2)
	}}
}

// parseDollars reads dollars into the whole cents that the API takes.
func parseDollars(s string) (int64, error) {
	amount, err := money.Parse(strings.TrimPrefix(s, "$"))
	if err == nil {
		amount, err = amount.Mul(100)
	}
	if err != nil || amount.Sign() < 0 || amount.Atto != 0 || amount.Nano%1_000_000_000 != 0 {
		return 0, usageError{fmt.Errorf("%q: want US dollars and whole cents, such as 500 or 99.50", plain(s))}
	}
	return amount.Nano / 1_000_000_000, nil
}

func spendColumns() []column {
	return []column{cents("USD", "threshold_amount"), text("INTERVAL", "interval"), text("ENFORCEMENT", "enforcement.status")}
}

func getSpend(fs *flag.FlagSet) action {
	project := limitedFlag(fs)
	return func(ctx context.Context, r *remote, _ []string) error {
		l, err := r.limited(ctx, *project)
		if err != nil {
			return err
		}
		raw, err := r.api.Get(ctx, l.path("spend_limit"), nil)
		if err != nil {
			return err
		}
		return r.show(raw, spendColumns(), "threshold_amount")
	}
}

func setSpend(fs *flag.FlagSet) action {
	project := limitedFlag(fs)
	return func(ctx context.Context, r *remote, args []string) error {
		amount, err := parseDollars(args[0])
		if err != nil {
			return err
		}
		l, err := r.limited(ctx, *project)
		if err != nil {
			return err
		}
		raw, err := r.api.Post(ctx, l.path("spend_limit"), map[string]any{"threshold_amount": amount, "currency": "USD", "interval": "month"})
		if err != nil {
			return err
		}
		return r.show(raw, spendColumns(), "threshold_amount")
	}
}

func unsetSpend(fs *flag.FlagSet) action {
	project := limitedFlag(fs)
	return func(ctx context.Context, r *remote, _ []string) error {
		l, err := r.limited(ctx, *project)
		if err != nil {
			return err
		}
		raw, err := r.api.Delete(ctx, l.path("spend_limit"), nil)
		if err != nil {
			return err
		}
		return r.say(raw, cmp.Or(l.projectID, "organization"), "took the spend limit away")
	}
}

func alertColumns() []column {
	return []column{
		text("ID", "id"), cents("USD", "threshold_amount"), text("INTERVAL", "interval"),
		text("TO", "notification_channel.recipients"), text("SUBJECT PREFIX", "notification_channel.subject_prefix"),
	}
}

func listAlerts(fs *flag.FlagSet) action {
	project := limitedFlag(fs)
	limit := fs.Int("limit", 0, "at most `N`; 0 for all")
	return func(ctx context.Context, r *remote, _ []string) error {
		l, err := r.limited(ctx, *project)
		if err != nil {
			return err
		}
		_, err = r.list(ctx, listing{path: l.path("spend_alerts"), columns: alertColumns()}, *limit)
		return err
	}
}

// newAlert is all of an alert, as the API wants it every time.
type newAlert struct {
	Threshold json.Number `json:"threshold_amount"` // cents
	Currency  string      `json:"currency"`
	Interval  string      `json:"interval"`
	Channel   struct {
		Type          string   `json:"type"`
		Recipients    []string `json:"recipients"`
		SubjectPrefix *string  `json:"subject_prefix"`
	} `json:"notification_channel"`
}

// alertFlags are the flags of an alert's own.
type alertFlags struct {
	emails many
	prefix *string
}

func (f *alertFlags) flags(fs *flag.FlagSet) {
	fs.Var(&f.emails, "email", "the `ADDRESS` to write to; several may be given")
	f.prefix = fs.String("subject-prefix", "", "`TEXT` that the subject begins with")
}

func (f *alertFlags) put(alert *newAlert) {
	if len(f.emails) > 0 {
		alert.Channel.Recipients = f.emails
	}
	if *f.prefix != "" {
		alert.Channel.SubjectPrefix = f.prefix
	}
}

func createAlert(fs *flag.FlagSet) action {
	var own alertFlags
	own.flags(fs)
	project := limitedFlag(fs)
	return func(ctx context.Context, r *remote, args []string) error {
		amount, err := parseDollars(args[0])
		if err != nil {
			return err
		}
		if len(own.emails) == 0 {
			return usageError{errors.New("--email is missing")}
		}
		l, err := r.limited(ctx, *project)
		if err != nil {
			return err
		}
		alert := newAlert{Threshold: json.Number(fmt.Sprint(amount)), Currency: "USD", Interval: "month"}
		alert.Channel.Type = "email"
		own.put(&alert)
		raw, err := r.api.Post(ctx, l.path("spend_alerts"), alert)
		if err != nil {
			return err
		}
		return r.show(raw, alertColumns(), "id")
	}
}

func updateAlert(fs *flag.FlagSet) action {
	var own alertFlags
	own.flags(fs)
	usd := fs.String("usd", "", "another amount, in `USD`")
	project := limitedFlag(fs)
	return func(ctx context.Context, r *remote, args []string) error {
		if len(own.emails) == 0 && *own.prefix == "" && *usd == "" {
			return usageError{errors.New("say what to change: --usd, --email or --subject-prefix")}
		}
		var amount int64
		if *usd != "" {
			var err error
			if amount, err = parseDollars(*usd); err != nil {
				return err
			}
		}
		l, err := r.limited(ctx, *project)
		if err != nil {
			return err
		}
		path := l.path("spend_alerts", args[0])
		raw, err := r.api.Get(ctx, path, nil)
		if err != nil {
			return err
		}
		var alert newAlert
		if err := json.Unmarshal(raw, &alert); err != nil {
			return fmt.Errorf("reading the alert %s: %w", plain(args[0]), err)
		}
		own.put(&alert)
		if *usd != "" {
			alert.Threshold = json.Number(fmt.Sprint(amount))
		}
		if raw, err = r.api.Post(ctx, path, alert); err != nil {
			return err
		}
		return r.show(raw, alertColumns(), "id")
	}
}

func deleteAlerts(fs *flag.FlagSet) action {
	project := limitedFlag(fs)
	yes := fs.Bool("yes", false, "do not ask, for several")
	return func(ctx context.Context, r *remote, args []string) error {
		l, err := r.limited(ctx, *project)
		if err != nil {
			return err
		}
		return r.remove(ctx, "alert", args, *yes, func(alertID string) string { return l.path("spend_alerts", alertID) })
	}
}
