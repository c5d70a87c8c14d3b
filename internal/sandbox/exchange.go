package sandbox

import (
	"bytes"
	"compress/gzip"
	"errors"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
	"time"

	"weir/internal/fault"
	"weir/internal/openaiwire"
)

// What ends an exchange before its answer is whole.
var (
	errCut  = errors.New("the request asked for the connection to be cut")
	errGone = errors.New("the caller hung up")
)

// exchange is one request on its way to its answer.
type exchange struct {
	p     *Provider
	w     http.ResponseWriter
	r     *http.Request
	began time.Time

	requestID string
	id        string // of the completion or response
	body      []byte
	head      openaiwire.Head
	model     model
	how       behaviour
	tier      string
	seed      uint64

	status  int
	used    counts
	sent    int64 // chunks of a stream so far
	entry   Entry
	counted bool // entry is in the ledger
}

// counts are the tokens of an exchange.
type counts struct {
	input, cached     int64 // cached is part of input
	output, reasoning int64 // reasoning is part of output
}

// begin reads the request and settles how it is answered. prefix begins the
// id of the answer.
func (x *exchange) begin(prefix string, modes mode) (err error) {
	if x.body, err = readBody(x.w, x.r); err != nil {
		return err
	}
	if kind := x.r.Header.Get("Content-Type"); modes == modeTranscribe {
		x.head, err = openaiwire.ReadForm(kind, bytes.NewReader(x.body))
	} else {
		x.head, err = openaiwire.ReadHead(x.body)
	}
	if err != nil {
		return err
	}
	if x.head.Model == "" && modes == modeModeration {
		x.head.Model = "omni-moderation-latest" // the one endpoint with a default
	}
	if x.head.Model == "" {
		return fault.Invalidf("", "model", "you must provide a model parameter")
	}
	name, how, err := x.p.behaviourOf(x.head.Model, x.r.Header.Get(OptionsHeader))
	if err != nil {
		return err
	}
	x.how = how
	if x.model, err = modelNamed(name); err != nil {
		return err
	}
	if err = x.model.serves(modes, x.r.URL.Path); err != nil {
		return err
	}
	x.seed = mix(x.p.opts.Seed ^ uint64(crc32.Checksum(x.body, castagnoli)))
	x.id = prefix + "sandbox" + strconv.FormatUint(x.seed>>16, 36) + strconv.FormatUint(x.p.sequence.Add(1), 36)
	if x.tier, err = tierOf(x.head.ServiceTier); err != nil {
		return err
	}
	if x.how.status != 0 {
		if err := x.wait(x.how.latency); err != nil {
			return err
		}
		return &askedError{x.how.status}
	}
	return nil
}

// tierOf is the service tier that serves a request that asks for one.
func tierOf(asked string) (string, error) {
	switch asked {
	case "", "auto":
		return "default", nil
	case "default", "flex", "priority", "scale":
		return asked, nil
	}
	return "", fault.Invalidf("invalid_value", "service_tier",
		"Invalid value: '%s'. Supported values are: 'auto', 'default', 'flex', 'priority' and 'scale'.", asked)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// mix spreads the bits of n (the finalizer of splitmix64).
func mix(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// wait waits for d or until the caller hangs up.
func (x *exchange) wait(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-x.r.Context().Done():
		return errGone
	}
}

// hang waits until the caller hangs up.
func (x *exchange) hang() error {
	<-x.r.Context().Done()
	return errGone
}

// record enters the exchange in the ledger. It comes before the last byte is
// written, so whoever has the answer finds it there.
func (x *exchange) record(outcome Outcome) {
	if x.id == "" || x.counted {
		x.revise(outcome)
		return
	}
	x.counted = true
	x.entry = Entry{
		RequestID: x.requestID, ID: x.id, Path: x.r.URL.Path, Model: x.model.resolved, Status: x.status, Outcome: outcome,
		InputTokens: x.used.input, CachedTokens: x.used.cached, OutputTokens: x.used.output,
	}
	if outcome == OutcomeCut || outcome == OutcomeAbandoned {
		x.entry.OutputTokens = min(x.used.output, x.used.reasoning+x.sent)
	}
	x.p.ledger.add(x.entry)
	if x.p.opts.Ledger != nil {
		x.p.opts.Ledger(x.entry)
	}
}

// revise corrects the outcome of an exchange that is in the ledger.
func (x *exchange) revise(outcome Outcome) {
	if !x.counted || x.entry.Outcome == outcome {
		return
	}
	x.entry.Outcome = outcome
	x.p.ledger.replace(x.entry)
	if x.p.opts.Ledger != nil {
		x.p.opts.Ledger(x.entry)
	}
}

// head200 waits for the latency and sets the headers of an answer.
func (x *exchange) head200(contentType string) error {
	if err := x.wait(x.how.latency); err != nil {
		return err
	}
	x.status = http.StatusOK
	h := x.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Openai-Processing-Ms", strconv.FormatInt(x.p.opts.Now().Sub(x.began).Milliseconds(), 10))
	return nil
}

// compressed reports whether the answer is to be gzip, and says so in it.
func (x *exchange) compressed() bool {
	if !x.how.gzip || !strings.Contains(x.r.Header.Get("Accept-Encoding"), "gzip") {
		return false
	}
	x.w.Header().Set("Content-Encoding", "gzip")
	x.w.Header().Add("Vary", "Accept-Encoding")
	return true
}

// sendJSON answers with one JSON body.
func (x *exchange) sendJSON(body []byte) error { return x.send("application/json", body) }

// send answers with one body.
func (x *exchange) send(contentType string, body []byte) error {
	if x.how.stall >= 0 && x.id != "" {
		return x.hang()
	}
	if err := x.head200(contentType); err != nil {
		return err
	}
	if x.compressed() {
		var zipped appender
		z := gzip.NewWriter(&zipped)
		if _, err := z.Write(body); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		body = zipped
	}
	x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if x.how.cut >= 0 && x.id != "" {
		x.w.WriteHeader(http.StatusOK)
		if _, err := x.w.Write(body[:len(body)/2]); err != nil {
			return errGone
		}
		if err := http.NewResponseController(x.w).Flush(); err != nil {
			return errGone
		}
		return errCut
	}
	x.record(OutcomeCompleted)
	x.w.WriteHeader(http.StatusOK)
	if _, err := x.w.Write(body); err != nil {
		return errGone
	}
	return nil
}

// appender is a byte slice to write to.
type appender []byte

func (a *appender) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}
