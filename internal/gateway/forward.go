package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
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
	silence silence       // gives up when the provider says nothing
	total   *time.Timer   // gives up in any case; nil: never
	until   time.Time     // when; zero: never
	unwatch func() bool   // stops watching for the caller's hang-up
	first   time.Duration // how long the provider may take to begin
	idle    time.Duration // how long it may say nothing then
	secrets []string      // what was sent to say who we are, to scrub it from error bodies

	left    atomic.Bool                // the caller hung up
	drain   atomic.Pointer[time.Timer] // gives up reading on for it
	drained int64                      // bytes read on for it
}

// unsent is an error of an attempt that did not get as far as sending.
type unsent struct{ error }

func (e unsent) Unwrap() error { return e.error }

// forward sends the request to the upstreams of the plan until one answers, or
// it may not be sent again, and returns the answer. The upstream's context is
// not the caller's: what a provider has begun it charges for, so it is read on
// after a hang-up. Whoever called forward calls finish in the end.
func (x *exchange) forward() (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(x.r.Context()))
	x.ctx, x.cancel = ctx, cancel
	first, idle, total := x.patience()
	if total > 0 {
		x.answer.until = time.Now().Add(total)
		x.answer.total = time.AfterFunc(total, func() { cancel(errTotal) })
	}
	x.answer.first, x.answer.idle = first, idle
	x.answer.silence.watch(first, func() { cancel(errFirstByte) })
	x.answer.unwatch = x.watchCaller()
	x.join()

	if b := x.tries.budget; b != nil {
		b.Deposit()
	}
	for x.next() {
		if x.gone() {
			x.hop.circuit.Left(x.tries.entry)
			return nil, errGone // what was not sent yet need not be
		}
		response, err := x.attempt()
		x.learn(response, err)
		if err == nil && !x.repeatable(response.StatusCode) {
			return response, nil
		}
		if err != nil && !notSent(err) {
			x.reached = true
		}
		if x.again(response, err) {
			continue
		}
		switch kept := x.tries.kept; {
		case x.gone():
			x.reached = x.reached && err != nil // what refused has consumed nothing
			return nil, errGone
		case err == nil && x.ctx.Err() != nil:
			return nil, x.unreachable(context.Cause(x.ctx))
		case err == nil:
			return response, nil
		case kept != nil && notSent(err) && x.ctx.Err() == nil:
			return x.settleFor(kept), nil // it says more than that nobody is there
		}
		return nil, x.unreachable(err)
	}
	return nil, errGone // not met: again says when there is nothing more to try
}

// finish ends the upstream exchange and what watches over it.
func (x *exchange) finish() {
	if x.cancel == nil {
		return
	}
	x.leave()
	x.answer.silence.stop()
	for _, timer := range [...]*time.Timer{x.answer.total, x.answer.drain.Load()} {
		if timer != nil {
			timer.Stop()
		}
	}
	if x.answer.unwatch != nil {
		x.answer.unwatch()
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
	if n := len(x.event.Attempts); n > 1 { // the watch began with the first
		a.StartMicros = began.Sub(x.received).Microseconds()
		x.answer.silence.bound(x.answer.first)
		x.answer.silence.begin()
	}
	response, err := x.send(c)
	x.answer.silence.end()
	a.DurationMicros = time.Since(began).Microseconds()
	if err != nil {
		a.Error = upstream.Reason(err)
		x.g.Metrics.UpstreamAttempt(string(c.Provider), 0)
		return nil, err
	}
	x.reached = true
	x.answer.silence.bound(x.answer.idle)
	a.Status = response.StatusCode
	a.UpstreamRequestID = shorten(response.Header.Get("X-Request-Id"))
	x.g.Metrics.UpstreamAttempt(string(c.Provider), response.StatusCode)
	return response, nil
}

// send builds and sends the upstream request.
func (x *exchange) send(c *routing.Connection) (*http.Response, error) {
	request, err := x.request(c)
	if err != nil {
		return nil, unsent{err}
	}
	return x.g.Transport.RoundTrip(request)
}

// request is what goes upstream. The credential is opened here and nowhere else.
func (x *exchange) request(c *routing.Connection) (*http.Request, error) {
	adapter, err := upstream.For(c.Provider)
	if err != nil {
		return nil, err
	}
	address, err := adapter.URL(upstream.Call{Base: c.BaseURL, Path: x.door.sub, Model: x.hop.model, RawQuery: cmp.Or(x.query, x.r.URL.RawQuery)})
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
	x.answer.secrets = secretsOf(who)
	payload := x.payload(c)
	request := (&http.Request{
		Method: x.r.Method, URL: target, Host: target.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: x.requestHeader(),
	}).WithContext(x.connecting())
	request.ContentLength = x.body.sent(payload)
	if request.ContentLength > 0 {
		request.Body = x.body.reader(payload)
		request.GetBody = func() (io.ReadCloser, error) { return x.body.reader(payload), nil }
	}
	upstream.Identify(adapter, request.Header, who)
	return request, nil
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
	if !x.json && !x.form {
		return raw
	}
	operation := &x.door.operation
	edits := x.edits()
	if x.target.endpoint != nil && x.hop.model != x.head.Model && (x.head.HasModel || operation.json || operation.form) {
		edits.Model = x.hop.model
	}
	if x.body.file != nil {
		x.body.splice = nil
		if edits.Model != "" {
			from, to, text := openaiwire.FormModel(x.head, edits.Model)
			x.body.splice = &splice{int64(from), int64(to), text}
		}
		return nil
	}
	x.added = x.head.Stream && !x.head.IncludeUsage && !c.NoStreamUsage &&
		operation.kind == usage.Completions && operation.shape == openaiwire.ShapeChat
	edits.IncludeUsage = x.added
	return openaiwire.Rewrite(raw, x.head, edits)
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

// notSent reports whether err shows that no upstream saw the request: it was
// not even built, nobody answered the call, or the handshake failed.
func notSent(err error) bool {
	var (
		op          *net.OpError
		certificate *tls.CertificateVerificationError
		plaintext   tls.RecordHeaderError
	)
	return errors.As(err, new(unsent)) || errors.As(err, &op) && op.Op == "dial" ||
		errors.As(err, &certificate) || errors.As(err, &plaintext)
}

// unreachable is the error for an upstream that gave no answer.
func (x *exchange) unreachable(err error) error {
	cause := context.Cause(x.ctx)
	switch {
	case errors.Is(cause, errGone):
		return errGone
	case revokedBy(cause) != nil:
		return cause
	case errors.Is(cause, errFirstByte), errors.Is(cause, errTotal), errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return fault.New(fault.UpstreamTimeout, "upstream_timeout", "", "The provider behind connection %s did not answer in time (request %s).", x.hop.connection.ID, x.event.ID).With(err)
	}
	if fault.KindOf(err) != fault.Internal {
		return err // an address the provider does not have
	}
	if errors.As(err, new(unsent)) {
		x.g.Logger.ErrorContext(x.r.Context(), "a connection cannot be used", "connection_id", x.hop.connection.ID, "error", err)
		return fault.New(fault.Unavailable, "connection_unusable", "", "The connection %s cannot be used by this gateway; its log says why (request %s).", x.hop.connection.ID, x.event.ID).With(err)
	}
	return fault.New(fault.BadUpstream, "upstream_unreachable", "", "The provider behind connection %s could not be reached: %s (request %s).", x.hop.connection.ID, upstream.Reason(err), x.event.ID).With(err)
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}
