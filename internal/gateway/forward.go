package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"weir/internal/fault"
	"weir/internal/openaiwire"
	"weir/internal/routing"
	"weir/internal/upstream"
	"weir/internal/usage"
)

// Why an upstream exchange was given up.
var (
	errFirstByte = errors.New("the provider did not begin to answer in time")
	errIdle      = errors.New("the provider stopped answering")
	errGone      = errors.New("the caller is gone")
	errTotal     = errors.New("the request took longer than its model endpoint allows")
)

// answer is what is known of an upstream exchange while it runs.
type answer struct {
	silence *time.Timer   // gives up when the provider says nothing
	total   *time.Timer   // gives up in any case; nil: never
	unwatch func() bool   // stops watching for the caller's hang-up
	idle    time.Duration // how long the provider may say nothing
	key     string        // the credential sent, to scrub it from error bodies
}

// forward sends the request to the first upstream that can be reached and
// returns its answer. The upstream's context is not the caller's: what a
// provider has begun it charges for, so it is read on after a hang-up. Whoever
// called forward calls finish in the end.
func (x *exchange) forward() (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(x.r.Context()))
	x.ctx, x.cancel = ctx, cancel
	first, idle, total := x.patience()
	if total > 0 {
		x.answer.total = time.AfterFunc(total, func() { cancel(errTotal) })
	}
	x.answer.idle = idle
	x.answer.silence = time.AfterFunc(first, func() { cancel(errFirstByte) })
	x.answer.unwatch = x.watchCaller()

	var response *http.Response
	var err error
	for i := range x.plan {
		x.hop = &x.plan[i]
		response, err = x.attempt()
		// Only what surely reached nobody is sent again elsewhere.
		if err == nil || !notSent(err) || x.ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return nil, x.unreachable(err)
	}
	return response, nil
}

// finish ends the upstream exchange and what watches over it.
func (x *exchange) finish() {
	if x.cancel == nil {
		return
	}
	x.answer.unwatch()
	x.answer.silence.Stop()
	if x.answer.total != nil {
		x.answer.total.Stop()
	}
	x.cancel(nil)
}

// attempt is one exchange with one upstream, up to the answer's header.
func (x *exchange) attempt() (*http.Response, error) {
	c := x.hop.connection
	began := time.Now()
	x.event.Attempts = append(x.event.Attempts, usage.Attempt{ConnectionID: c.ID, Model: x.hop.model})
	a := &x.event.Attempts[len(x.event.Attempts)-1]
	x.event.ConnectionID, x.event.Model = c.ID, x.hop.model
	response, err := x.send(c)
	a.DurationMicros = micros(time.Since(began))
	if err != nil {
		a.Error = upstream.Reason(err)
		x.g.Metrics.UpstreamAttempt(string(c.Provider), 0)
		return nil, err
	}
	a.Status = response.StatusCode
	a.UpstreamRequestID = response.Header.Get("X-Request-Id")
	x.g.Metrics.UpstreamAttempt(string(c.Provider), response.StatusCode)
	return response, nil
}

// send builds and sends the upstream request. The credential is opened here and
// nowhere else.
func (x *exchange) send(c *routing.Connection) (*http.Response, error) {
	adapter, err := upstream.For(c.Provider)
	if err != nil {
		return nil, err
	}
	address, err := adapter.URL(upstream.Call{Base: c.BaseURL, Path: x.door.sub, Model: x.hop.model, RawQuery: x.r.URL.RawQuery})
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("the address of connection %s: %w", c.ID, err)
	}
	who, err := Credentials(x.g.Vault, c)
	if err != nil {
		return nil, err
	}
	x.answer.key = who.Key
	payload := x.payload(c)
	request := (&http.Request{
		Method: x.r.Method, URL: target, Host: target.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: x.requestHeader(), ContentLength: x.body.size,
	}).WithContext(x.connecting())
	if x.body.file == nil {
		request.ContentLength = int64(len(payload))
	}
	if request.ContentLength > 0 {
		request.Body = x.body.reader(payload)
		request.GetBody = func() (io.ReadCloser, error) { return x.body.reader(payload), nil }
	}
	upstream.Identify(adapter, request.Header, who)
	return x.g.Transport.RoundTrip(request)
}

// connecting is the exchange's context with the endpoint's bound on opening a
// connection.
func (x *exchange) connecting() context.Context {
	if m := x.target.endpoint; m != nil && m.Timeouts.ConnectMS > 0 {
		return upstream.WithConnectTimeout(x.ctx, time.Duration(m.Timeouts.ConnectMS)*time.Millisecond)
	}
	return x.ctx
}

// Credentials opens what a connection sends to say who it is. Only forward and
// the probe of a connection call it.
func Credentials(vault Opener, c *routing.Connection) (upstream.Identity, error) {
	who := upstream.Identity{Organization: c.UpstreamOrganization, Project: c.UpstreamProject}
	if c.APIKey != nil {
		key, err := vault.Open(c.APIKey, c.SecretPlace(routing.FieldAPIKey))
		if err != nil {
			return who, fmt.Errorf("opening the key of connection %s: %w", c.ID, err)
		}
		who.Key = string(key)
	}
	if c.Headers != nil {
		raw, err := vault.Open(c.Headers, c.SecretPlace(routing.FieldHeaders))
		if err == nil {
			err = json.Unmarshal(raw, &who.Headers)
		}
		if err != nil {
			return who, fmt.Errorf("opening the headers of connection %s: %w", c.ID, err)
		}
	}
	return who, nil
}

// payload is the body to send: as it came, but for the closed list of edits.
func (x *exchange) payload(c *routing.Connection) []byte {
	raw := x.body.bytes()
	if x.body.file != nil || len(raw) == 0 || len(bytes.TrimSpace(raw)) == 0 || !x.readable() {
		return raw
	}
	var edits openaiwire.Edits
	if x.hop.model != x.head.Model && x.target.endpoint != nil {
		edits.Model = x.hop.model
	}
	x.added = x.head.Stream && !x.head.IncludeUsage && !c.NoStreamUsage &&
		x.door.operation.kind == usage.Completions && x.door.operation.shape == openaiwire.ShapeChat
	edits.IncludeUsage = x.added
	return openaiwire.Rewrite(raw, x.head, edits)
}

// readable reports whether the head of the body was read.
func (x *exchange) readable() bool {
	return x.door.operation.json || isJSON(x.r.Header.Get("Content-Type"))
}

// notRelayed are request headers that end at weir: hop by hop (RFC 9110,
// section 7.6.1), or said anew for the upstream connection.
var notRelayed = map[string]bool{
	"Connection": true, "Proxy-Connection": true, "Keep-Alive": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true, "Content-Length": true, "Host": true, "Expect": true,
	"Accept-Encoding": true, "X-Forwarded-Client-Cert": true,
}

func (x *exchange) requestHeader() http.Header {
	sent := x.r.Header
	named := connectionOptions(sent)
	h := make(http.Header, len(sent)+2)
	for name, values := range sent {
		if !notRelayed[name] && !named[name] {
			h[name] = values
		}
	}
	// The tap reads gzip and plain bodies, and streams only plain.
	if !x.head.Stream && acceptsGzip(sent) {
		h["Accept-Encoding"] = []string{"gzip"}
	} else {
		h["Accept-Encoding"] = []string{"identity"}
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = []string{""} // otherwise Go would name itself
	}
	return h
}

// connectionOptions are the headers that the Connection header makes hop by
// hop.
func connectionOptions(h http.Header) map[string]bool {
	var named map[string]bool
	for _, line := range h["Connection"] {
		for option := range strings.SplitSeq(line, ",") {
			if option = http.CanonicalHeaderKey(strings.TrimSpace(option)); option != "" {
				if named == nil {
					named = map[string]bool{}
				}
				named[option] = true
			}
		}
	}
	return named
}

// acceptsGzip reports whether the caller takes gzip (RFC 9110, section 12.5.3);
// a weight of 0 refuses it.
func acceptsGzip(h http.Header) bool {
	for _, line := range h["Accept-Encoding"] {
		for item := range strings.SplitSeq(line, ",") {
			coding, weight, _ := strings.Cut(item, ";")
			if coding = strings.TrimSpace(coding); strings.EqualFold(coding, "gzip") || coding == "*" {
				weight = strings.ReplaceAll(weight, " ", "")
				return weight != "q=0" && weight != "q=0.0" && weight != "q=0.00" && weight != "q=0.000"
			}
		}
	}
	return false
}

// patience is how long the provider may take: the endpoint's own timeouts, else
// the gateway's.
func (x *exchange) patience() (first, idle, total time.Duration) {
	first, idle = x.g.Limits.FirstByte, x.g.Limits.Idle
	if m := x.target.endpoint; m != nil {
		set := func(d *time.Duration, ms int64) {
			if ms > 0 {
				*d = time.Duration(ms) * time.Millisecond
			}
		}
		set(&first, m.Timeouts.FirstByteMS)
		set(&idle, m.Timeouts.IdleMS)
		set(&total, m.Timeouts.TotalMS)
	}
	return first, idle, total
}

// watchCaller decides what happens when the caller hangs up: the provider is
// read on for a while, to learn what it charges, or given up at once, as the
// model endpoint says.
func (x *exchange) watchCaller() (stop func() bool) {
	cancel, limit := x.cancel, x.g.Limits.DrainTimeout
	if m := x.target.endpoint; m != nil && m.Hangup == routing.HangupCancel {
		limit = 0
	}
	return context.AfterFunc(x.r.Context(), func() {
		// Left to fire when the exchange ends sooner: it then cancels nothing.
		time.AfterFunc(limit, func() { cancel(errGone) })
	})
}

// notSent reports whether err shows that no upstream saw the request.
func notSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// unreachable is the error for an upstream that gave no answer.
func (x *exchange) unreachable(err error) error {
	cause := context.Cause(x.ctx)
	switch {
	case errors.Is(cause, errGone):
		return errGone
	case errors.Is(cause, errFirstByte), errors.Is(cause, errTotal), errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return fault.New(fault.UpstreamTimeout, "upstream_timeout", "", "The provider behind connection %s did not answer in time (request %s).", x.hop.connection.ID, x.event.ID).With(err)
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return f // an address the provider does not have
	}
	return fault.New(fault.BadUpstream, "upstream_unreachable", "", "The provider behind connection %s could not be reached: %s (request %s).", x.hop.connection.ID, upstream.Reason(err), x.event.ID).With(err)
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}
