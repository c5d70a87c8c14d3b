package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"weir/internal/id"
	"weir/internal/money"
	"weir/internal/usage"
)

// used is a call that a test says was made.
type used struct {
	at             time.Time
	project, model string
	input, output  int64
	usd            string // "": no known price
	failed         bool
}

// use puts calls into the books, as the gateway would have left them, and
// returns their ids.
func (u *town) use(calls ...used) (ids []string) {
	u.t.Helper()
	organizationID := u.system().OrganizationID
	events := make([]usage.Positioned, len(calls))
	for i, c := range calls {
		e := usage.Event{
			ID: id.Request(), OrganizationID: organizationID, ProjectID: c.project, APIKeyID: "key_of_" + c.project,
			Kind: usage.Completions, Method: "POST", Path: "/v1/chat/completions", ModelAsked: c.model, Model: c.model,
			Received: c.at, FirstByte: c.at.Add(time.Second), Done: c.at.Add(2 * time.Second),
			Status: 200, Outcome: usage.OutcomeCompleted, Source: usage.SourceProvider,
			Quantities: usage.Quantities{InputText: c.input, OutputText: c.output},
		}
		line := usage.CostLine{LineItem: c.model + ", input", Meter: "input_text", Quantity: c.input, Unit: "tokens"}
		if c.usd != "" {
			amount, err := money.Parse(c.usd)
			if err != nil {
				u.t.Fatal(err)
			}
			line.Amount, e.Cost = &amount, &amount
		} else {
			e.Unpriced = true
		}
		if c.failed {
			e.Outcome, e.Status, e.ErrorCode = usage.OutcomeFailed, 502, "upstream_error"
		}
		e.Lines = []usage.CostLine{line}
		events[i] = usage.Positioned{Position: uint64(i + 1), Event: e}
		ids = append(ids, e.ID)
	}
	if err := u.n.events.Apply(u.t.Context(), "town "+id.Request(), events); err != nil {
		u.t.Fatal(err)
	}
	return ids
}

func TestReports(t *testing.T) {
	u := newTown(t)
	chat, data := u.id("projects", "create", "Chat"), u.id("projects", "create", "Data")
	today := time.Now().UTC().Truncate(day)
	var calls []used
	for i := range 40 { // more days than a page has
		calls = append(calls, used{today.AddDate(0, 0, -i), chat, "a", 100, 10, "0.1", false})
	}
	u.use(append(calls,
		used{today, data, "b", 5, 1, "0.000000000000000001", false},
		used{today.AddDate(0, 0, -1), data, "c", 7, 2, "", false},
	)...)
	ago := func(days int) string { return today.AddDate(0, 0, -days).Format(time.DateOnly) }
	for _, tt := range []struct {
		args string
		want string
	}{
		{"usage --start 45d", "4012\t0\t403\t42\n"},
		{"usage --start " + ago(1), "212\t0\t23\t4\n"},
		{"usage --start " + ago(40) + " --end " + ago(1), "3800\t0\t380\t38\n"},
		{"usage completions --start 45d --by project", chat + "\tChat\t4000\t0\t400\t40\n" + data + "\tData\t12\t0\t3\t2\n"},
		{"usage --start 45d --by model --project Data", "c\t7\t0\t2\t1\nb\t5\t0\t1\t1\n"},
		{"usage --start 45d --by model,key --model b --key key_of_" + data, "b\tkey_of_" + data + "\t5\t0\t1\t1\n"},
		{"usage --start yesterday --end today --width 1d --by model", ago(1) + "T00:00:00Z\ta\t100\t0\t10\t1\n" + ago(1) + "T00:00:00Z\tc\t7\t0\t2\t1\n"},
		{"usage --start 45d --project Default+project", "0\t0\t0\t0\n"},
		{"usage embeddings --start 2d", "0\t0\n"},
		{"usage web-search-calls --by project --start 2d", ""},
		{"costs --start 45d", "4.000000000000000001\n"},
		{"costs --start 45d --by project", chat + "\tChat\t4\n" + data + "\tData\t0.000000000000000001\n"},
		{"costs --start 45d --by line-item --project Data", "b, input\t0.000000000000000001\t5\ttokens\nc, input\t\t7\ttokens\n"},
		{"costs --start 1d --width 1d --project Data", ago(1) + "T00:00:00Z\t\n" + ago(0) + "T00:00:00Z\t0.000000000000000001\n"},
		{"costs --start 2020-01-01 --end 2020-01-03", "0\n"},
	} {
		args := strings.Fields(tt.args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "+", " ")
		}
		if out := u.must(args...); out != tt.want {
			t.Errorf("weir %s:\n%s\nwant\n%s", tt.args, out, tt.want)
		}
	}
	if !strings.Contains(u.said.String(), "has no known price, and is in none of the amounts") {
		t.Error("nobody said that something has no price")
	}
	u.tty = true
	want := regexp.MustCompile(`^PROJECT ID +PROJECT +USD\n` + chat + ` +Chat {20,}4\n` + data + ` +Data +0\.0{17}1\nTOTAL +- +4\.0{17}1\n$`)
	if out := u.must("costs", "--start", "45d", "--by", "project"); !want.MatchString(out) {
		t.Errorf("%s", out)
	}
	u.tty = false
	buckets := objects[[]struct {
		Object  string
		Results []struct {
			Amount struct{ Value json.Number }
		}
	}](u, "costs", "--start", "39d", "--project", "Chat")
	if len(buckets) != 40 || buckets[0].Object != "bucket" || buckets[0].Results[0].Amount.Value != "0.1" {
		t.Errorf("%d buckets, %+v", len(buckets), buckets[0])
	}
}

func TestReportsThatAreRefused(t *testing.T) {
	u := newTown(t)
	for args, says := range map[string]string{
		"usage nothing":                           "there is no report",
		"usage vector_stores --model a":           "cannot be cut down by --model",
		"usage code-interpreter-sessions --key a": "cannot be cut down by --key",
		"usage --width 1w":                        "want 1d or 1h or 1m",
		"usage --start soon":                      "want 7d, 24h",
		"usage --start 1969-12-31":                "before 1970",
		"usage --start today --end yesterday":     "ends before it begins",
		"usage --start 2026-11-01T00:00:01Z":      "has to begin and end with a bucket",
		"usage -q":                                "no ids",
		"costs --start 6h":                        "bucket of UTC (1d)",
		"costs --width 1h":                        "want 1d",
		"costs --by ,":                            "empty value",
		"costs now":                               "unexpected argument",
	} {
		if strings.HasPrefix(args, "costs --start 6h") && time.Now().UTC().Hour() == 6 {
			continue // six hours ago is midnight
		}
		u.refused(2, says, strings.Fields(args)...)
	}
	u.refused(1, "param group_by", "usage", "--by", "weather")
	u.refused(1, `no project "Nobody"`, "costs", "--project", "Nobody")
}

// A report that cannot be read is not summed up as far as it could be.
func TestReportsThatMakeNoSense(t *testing.T) {
	for results, says := range map[string]string{
		`{"amount":{"value":"a lot","currency":"usd"}}`:                                       "amount of a lot",
		`{"amount":{"value":1,"currency":"eur"}}`:                                             "not in US dollars",
		`{"amount":{"value":1e30,"currency":"usd"}}`:                                          "amount of 1e30",
		`{"amount":{"value":9e9,"currency":"usd"}},{"amount":{"value":9e9,"currency":"usd"}}`: "amount of 9e9",
	} {
		url, _ := answering(t, http.StatusOK, `{"object":"page","data":[{"object":"bucket","start_time":0,"end_time":86400,"results":[`+results+`]}],"has_more":false,"next_page":null}`)
		u := &town{t: t, env: []string{"WEIR_ADMIN_KEY=" + townKey, "WEIR_URL=" + url}}
		u.refused(1, says, "costs")
	}
	url, _ := answering(t, http.StatusOK, `{"object":"page","data":[{"results":[{"input_tokens":1.5}]}],"has_more":false}`)
	u := &town{t: t, env: []string{"WEIR_ADMIN_KEY=" + townKey, "WEIR_URL=" + url}}
	u.refused(1, "no whole number", "usage")
	// Amounts as strings, and more than 64 bits of tokens.
	url, _ = answering(t, http.StatusOK, `{"object":"page","data":[{"results":[{"amount":{"value":"12.50","currency":"usd"},"input_tokens":9223372036854775807},{"input_tokens":1}]}],"has_more":false}`)
	u.env[1] = "WEIR_URL=" + url
	if out := u.must("costs"); out != "12.5\n" {
		t.Errorf("%q", out)
	}
	if out := u.must("usage"); out != "9223372036854775808\t0\t0\t0\n" {
		t.Errorf("%q", out)
	}
}

func TestInstants(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 34, 56, 789, time.UTC)
	for in, want := range map[string]string{
		"now": "2026-11-24T12:34:56Z", "today": "2026-11-24T00:00:00Z", "yesterday": "2026-11-23T00:00:00Z",
		"7d": "2026-11-17T00:00:00Z", "1w": "2026-11-17T00:00:00Z", "2h": "2026-11-24T10:00:00Z", "5m": "2026-11-24T12:29:00Z", "10s": "2026-11-24T12:34:46Z",
		"2026-01-02": "2026-01-02T00:00:00Z", "2026-01-02T03:04:05+02:00": "2026-01-02T01:04:05Z",
	} {
		i := instant{now: func() time.Time { return now }}
		if err := i.Set(in); err != nil || i.at.Format(time.RFC3339) != want {
			t.Errorf("%s: %s, %v, want %s", in, i.at, err, want)
		}
	}
	for _, in := range []string{"", "d", "-1d", "0h", "1", "99999999d", "2026-13-01", "tomorrow", "1.5d", "١d"} {
		i := instant{now: func() time.Time { return now }}
		if err := i.Set(in); err == nil {
			t.Errorf("%q: %s", in, i.at)
		}
	}
}

func TestRequestsCommand(t *testing.T) {
	u := newTown(t)
	chat := u.id("projects", "create", "Chat")
	now := time.Now().UTC()
	var calls []used
	for i := range 60 {
		calls = append(calls, used{now.Add(-time.Duration(i) * time.Hour), chat, "a", 100, 10, "0.000000000000000001", i == 1})
	}
	ids := u.use(calls...)
	out := u.must("requests", "list")
	if lines := strings.Split(out, "\n"); len(lines) != 51 || !strings.Contains(lines[0], "\t"+ids[0]+"\t"+chat+"\ta\t200\tcompleted\t100\t10\t0.000000000000000001\t2000") {
		t.Errorf("%d lines: %s", len(lines), lines[0])
	}
	if said := u.said.String(); said != "These are the newest 50; --limit 0 shows all.\n" {
		t.Errorf("%q", said)
	}
	for args, want := range map[string]int{
		"--limit 0": 60, "--limit 7": 7, "--since 10h --limit 0": 0, "--outcome failed": 1, "--status 502,503": 1, "--error upstream_error": 1,
		"--project Chat --limit 0": 60, "--model b": 0, "--key key_of_" + chat + " --limit 0": 60, "--slower 3s": 0, "--slower 1s --since 90h --limit 0": 60, "--slower 1s --limit 0": 24,
		"--user owner@localhost": 0, "--until 2020-01-01": 0,
	} {
		got := strings.Count(u.must(append([]string{"requests", "list", "-q"}, strings.Fields(args)...)...), "\n")
		if args == "--since 10h --limit 0" {
			if got < 10 || got > 11 {
				t.Errorf("%s: %d", args, got)
			}
			continue
		}
		if got != want {
			t.Errorf("%s: %d, want %d", args, got, want)
		}
	}
	if said := u.said.String(); strings.Count(said, "--limit 0") != 1 {
		t.Errorf("%q", said)
	}
	if out := u.must("requests", "get", ids[1]); !strings.Contains(out, "\nerror\tupstream_error\n") || !strings.Contains(out, "id\t"+ids[1]+"\n") {
		t.Errorf("%s", out)
	}
	if got := objects[struct{ Object, ID string }](u, "requests", "get", ids[1]); got.Object != "request" || got.ID != ids[1] {
		t.Errorf("%+v", got)
	}
	u.refused(1, "req_none", "requests", "get", "req_none")
	u.refused(1, "param outcome", "requests", "list", "--outcome", "lost")
	u.refused(2, "--slower", "requests", "list", "--slower", "-1s")
}

func TestAuditListCommand(t *testing.T) {
	u := newTown(t)
	chat := u.id("projects", "create", "Chat")
	u.id("keys", "create", "ci", "--admin")
	u.id("keys", "create", "bot", "--project", "Chat")
	lines := strings.Split(u.must("audit", "list", "--since", "today", "--actor", "owner@localhost"), "\n")
	if len(lines) != 4 || !strings.Contains(lines[0], "\tapi_key.created\towner@localhost\tkey_") || !strings.Contains(lines[0], "\tChat\taudit_log-") || !strings.Contains(lines[2], "\tproject.created\towner@localhost\t"+chat+"\tDefault project\taudit_log-") {
		t.Errorf("%q", lines)
	}
	for args, want := range map[string]int{
		"--type api_key.created --project Chat": 1, "--type project.created,api_key.created --actor owner@localhost": 3, "--resource " + chat: 1,
		"--actor user-nobody": 0, "--until 2020-01-01": 0, "--limit 1": 1,
	} {
		if got := strings.Count(u.must(append([]string{"audit", "list", "-q"}, strings.Fields(args)...)...), "\n"); got != want {
			t.Errorf("%s: %d, want %d", args, got, want)
		}
	}
	for i := range 110 {
		if _, err := u.n.org.CreateProject(t.Context(), u.system(), newProjectNamed(fmt.Sprint("Project ", i))); err != nil {
			t.Fatal(err)
		}
	}
	all := objects[[]struct {
		Object string
		Seq    int64
	}](u, "audit", "list", "--limit", "0")
	if len(all) < 112 || all[0].Object != "audit_event" || all[0].Seq != int64(len(all)) || all[len(all)-1].Seq != 1 {
		t.Errorf("%d events", len(all))
	}
	u.refused(2, "not both", "audit", "list", "--actor", "a@example.com,user-1")
	if out := u.must("audit", "list", "--help"); !strings.Contains(out, "Usage: weir audit list [flags]") || !strings.Contains(out, "--admin-key-file") {
		t.Error(out)
	}
}
