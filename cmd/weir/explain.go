package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tidwall/gjson"

	"weir/internal/id"
)

func explainCommand() resource {
	return resource{
		name: "explain", summary: "what would become of a call, and which rule decides",
		verbs: []verb{{"", "", "say what would become of a call with a project's key, rule by rule, and which upstreams it would go to;\n" +
			"nothing is sent. The exit code is 1 when it would be refused", []string{
			"weir explain --key key_0123 --model gpt-4o-mini",
			"weir explain --key-file secret --path /v1/responses --body request.json --ip 192.0.2.7",
		}, explainCall}},
	}
}

// maxExplained bounds the body of a call that is asked about, in bytes: as much as
// the API takes.
const maxExplained = 1 << 20

func explainCall(fs *flag.FlagSet) action {
	key := fs.String("key", "", "the key's `ID`")
	keyFile := fs.String("key-file", "", "a `FILE` with the key's secret, instead; it is not kept or logged")
	model := fs.String("model", "", "the `MODEL` that is asked for")
	body := fs.String("body", "", "a `FILE` with the body of the call, instead; - reads standard input")
	method := fs.String("method", "POST", "the `METHOD` of the call")
	path := fs.String("path", "/v1/chat/completions", "the `PATH` of the call")
	ip := fs.String("ip", "", "the `ADDRESS` that the caller would come from, for IP allowlists")
	return func(ctx context.Context, r *remote, _ []string) error {
		if r.quiet {
			return usageError{errors.New("--quiet has nothing to print here: the exit code says it")}
		}
		question := map[string]any{"method": *method, "path": *path}
		if err := putKey(question, *key, *keyFile); err != nil {
			return err
		}
		switch {
		case *model != "" && *body != "":
			return usageError{errors.New("--model and --body do not go together: the body names the model")}
		case *model != "":
			question["model"] = *model
		case *body != "":
			raw, err := readBody(r.c, *body)
			if err != nil {
				return err
			}
			question["body"] = raw
		}
		if *ip != "" {
			question["ip_address"] = *ip
		}
		raw, err := r.api.Post(ctx, "/weir/v1/explain", question)
		if err != nil {
			return err
		}
		return r.explained(raw)
	}
}

func putKey(question map[string]any, key, keyFile string) error {
	switch {
	case (key == "") == (keyFile == ""):
		return usageError{errors.New("say whose call it is: --key ID or --key-file FILE")}
	case keyFile != "":
		secret, err := readKeyFile(keyFile)
		question["api_key"] = secret
		return err
	case strings.HasPrefix(key, id.ProjectSecret), strings.HasPrefix(key, id.ServiceAccountSecret):
		return usageError{errors.New("--key takes the key's id: everybody on the machine can see the flags of a process. Put the secret into a file for --key-file")}
	}
	question["api_key_id"] = key
	return nil
}

func readBody(c *cli, file string) (json.RawMessage, error) {
	in := c.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, usageError{err}
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxExplained+1))
	switch {
	case err != nil:
		return nil, usageError{err}
	case len(raw) > maxExplained:
		return nil, usageError{fmt.Errorf("the body is longer than %d bytes", maxExplained)}
	case !json.Valid(raw):
		return nil, usageError{fmt.Errorf("%s does not hold JSON", file)}
	}
	return raw, nil
}

// explained prints an explanation: what becomes of the call, then the rules, then
// the upstreams.
func (r *remote) explained(raw json.RawMessage) error {
	answer := gjson.ParseBytes(raw)
	allowed := answer.Get("allowed").Bool()
	if err := r.printExplanation(raw, answer); err != nil {
		return err
	}
	if !allowed {
		return errReported
	}
	return nil
}

func (r *remote) printExplanation(raw json.RawMessage, answer gjson.Result) error {
	if r.json {
		return r.show(raw, nil, "")
	}
	line := "The call would be sent."
	if refusal := answer.Get("refusal"); refusal.IsObject() {
		line = fmt.Sprintf("Refused by %s with %s %s: %s", refusal.Get("rule"), refusal.Get("status"), refusal.Get("code"), refusal.Get("message"))
	}
	if _, err := fmt.Fprintln(r.c.stdout, plain(line)); err != nil {
		return err
	}
	for _, part := range []struct {
		field   string
		columns []column
	}{
		{"rules", []column{text("RULE", "rule"), text("VERDICT", "verdict"), text("DECIDED BY", "source_id"), text("DETAIL", "detail")}},
		{"upstreams", []column{text("UPSTREAM", "connection_id"), text("MODEL", "model"), text("EXCLUDED BY", "excluded_by")}},
		{"edits", []column{text("SENT WITH", "field"), text("VALUE", "value")}},
		{"reservations", []column{text("RESERVES OF", "holder_id"), amount("AMOUNT", "amount"), text("UNIT", "unit"), amount("LEFT", "left"), amount("LIMIT", "limit")}},
	} {
		rows := answer.Get(part.field).Array()
		if len(rows) == 0 {
			continue
		}
		if _, err := fmt.Fprintln(r.c.stdout); err != nil {
			return err
		}
		t := r.table(part.columns, "")
		for _, row := range rows {
			if err := t.add(json.RawMessage(row.Raw)); err != nil {
				return err
			}
		}
		if err := t.end(); err != nil {
			return err
		}
	}
	return nil
}
