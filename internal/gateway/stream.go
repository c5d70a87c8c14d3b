package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"sync"
	"time"

	"weir/internal/fault"
	"weir/internal/openaiwire"
	"weir/internal/upstream"
	"weir/internal/usage"
)

const (
	// holdBytes is how much of a body is held until it is priced, so that its
	// cost can stand in a header.
	holdBytes = 1 << 20
	chunk     = 32 << 10
)

// chunks are buffers for reading answers.
var chunks = sync.Pool{New: func() any { b := make([]byte, chunk); return &b }}

// relay takes the provider's answer to the caller. Everything up to its end may
// be on its way while it is read; its end waits for the record.
func (x *exchange) relay(response *http.Response) error {
	x.event.Status = response.StatusCode
	if response.StatusCode >= 300 && response.StatusCode < 400 {
		// A caller who followed it would take the key of this gateway elsewhere.
		return fault.New(fault.BadUpstream, "upstream_redirect", "", "The provider behind connection %s answered with a redirect (request %s).", x.hop.connection.ID, x.event.ID)
	}
	x.responseHeader(response)
	if media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err == nil &&
		media == "text/event-stream" && response.StatusCode < 300 && response.Header.Get("Content-Encoding") == "" {
		return x.relayStream(response)
	}
	return x.relayBody(response)
}

// notReturned are response headers that end at weir: hop by hop, credentials,
// and those that weir says itself.
var notReturned = map[string]bool{
	"Connection": true, "Proxy-Connection": true, "Keep-Alive": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true,
	"Set-Cookie": true, "Www-Authenticate": true, "Proxy-Authenticate": true, "Authorization": true, "Alt-Svc": true,
	"X-Request-Id": true, "Openai-Organization": true, "Openai-Processing-Ms": true, "Openai-Project": true,
	"X-Ratelimit-Limit-Requests": true, "X-Ratelimit-Limit-Tokens": true,
	"X-Ratelimit-Remaining-Requests": true, "X-Ratelimit-Remaining-Tokens": true,
	"X-Ratelimit-Reset-Requests": true, "X-Ratelimit-Reset-Tokens": true,
}

func (x *exchange) responseHeader(response *http.Response) {
	h := x.w.Header()
	named := connectionOptions(response.Header)
	for name, values := range response.Header {
		if !notReturned[name] && !named[name] {
			h[name] = values
		}
	}
	if values := response.Header["X-Request-Id"]; len(values) > 0 {
		h["X-Weir-Upstream-Request-Id"] = values
	}
	x.processed()
}

// read reads on from the provider, which may be silent for so long and no
// longer.
func (x *exchange) read(from io.Reader, buf []byte) (int, error) {
	n, err := from.Read(buf)
	if n > 0 {
		if x.event.FirstByte.IsZero() {
			x.event.FirstByte = time.Now()
		}
		x.event.ResponseBytes += int64(n)
		x.answer.silence.Reset(x.answer.idle)
	}
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	if cause := context.Cause(x.ctx); cause != nil {
		if errors.Is(cause, errFirstByte) {
			cause = errIdle // Reset lost a race with the timer, or the header came and no body
		}
		return n, cause
	}
	return n, err
}

// gone reports whether the caller has hung up.
func (x *exchange) gone() bool { return x.r.Context().Err() != nil }

// write passes bytes on to the caller; once it is gone they are dropped. A
// caller who takes nothing for too long counts as gone.
func (x *exchange) write(p []byte) {
	if x.gone() || len(p) == 0 {
		return
	}
	idle := x.g.Limits.WriteIdle
	if now := time.Now(); x.deadline.Sub(now) < idle/2 {
		x.deadline = now.Add(idle)
		if err := x.control.SetWriteDeadline(x.deadline); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return // the connection is closed
		}
	}
	_, err := x.w.Write(p)
	x.noteWriteError(err)
}

func (x *exchange) flush() {
	if x.gone() {
		return
	}
	x.noteWriteError(x.control.Flush())
}

// noteWriteError treats a caller who stopped reading like one who hung up.
func (x *exchange) noteWriteError(err error) {
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		x.cancel(errGone)
	}
}

// relayStream passes events on as they come, flushed as they come. The terminal
// event is held until the record is durable; a stream that ends without one
// gets an error event instead, so that it never looks complete.
func (x *exchange) relayStream(response *http.Response) error {
	tap := openaiwire.NewStreamTap(x.door.operation.kind, x.door.operation.shape)
	x.w.Header().Del("Content-Length") // events may be left out or added
	x.w.WriteHeader(response.StatusCode)
	x.wrote = true
	x.flush()

	var held []byte // the terminal event and all that follows
	pass := func(e openaiwire.Event) error {
		switch {
		case e.UsageOnly && x.added: // the caller did not ask for it
		case e.Terminal || held != nil:
			held = append(held, e.Raw...)
		default:
			x.write(e.Raw)
		}
		return nil
	}
	pooled := chunks.Get().(*[]byte)
	defer chunks.Put(pooled)
	buf := *pooled
	drained := int64(0)
	var broke error
	for broke == nil {
		n, err := x.read(response.Body, buf)
		if n > 0 {
			if err := tap.Feed(buf[:n], pass); err != nil {
				return err
			}
			x.flush()
		}
		if x.gone() {
			if drained += int64(n); drained > x.g.Limits.DrainBytes {
				err = errGone
			}
		}
		broke = err
	}
	if errors.Is(broke, io.EOF) {
		// What an orderly end leaves behind is passed on; an event that was cut
		// in two is not, since an error event follows it.
		if last := tap.End(); last.Terminal || tap.Complete() || tap.Failed() {
			held = append(held, last.Raw...)
		}
	}
	return x.endStream(tap, held, broke)
}

// endStream settles a stream and answers its end.
func (x *exchange) endStream(tap *openaiwire.StreamTap, held []byte, broke error) error {
	reading := tap.Reading()
	// A provider that says it failed has ended its stream, if it then closed it.
	whole := tap.Complete() || (tap.Failed() && errors.Is(broke, io.EOF))
	x.consumed(reading, tap.OutputBytes())
	switch {
	case x.gone() || errors.Is(broke, errGone):
		x.event.Outcome = usage.OutcomeClientGone
	case tap.Failed():
		x.event.Outcome = usage.OutcomeFailed
	case whole:
		x.event.Outcome = usage.OutcomeCompleted
	default:
		x.event.Outcome, x.event.ErrorCode = usage.OutcomeTruncated, "upstream_stream_cut"
	}
	err := x.settle()
	switch {
	case err != nil:
		x.streamError(tap, errUnavailable(err))
	case whole:
		x.write(held)
	default:
		x.streamError(tap, fault.New(fault.BadUpstream, "upstream_stream_cut", "", "The provider's stream broke off before its end (request %s).", x.event.ID).With(broke))
	}
	x.flush()
	return nil
}

// streamError ends a stream that has begun, in the form its readers know.
func (x *exchange) streamError(tap *openaiwire.StreamTap, err error) {
	if x.door.operation.shape == openaiwire.ShapeResponses {
		x.write(openaiwire.ResponsesStreamError(err, tap.NextSequence()))
		return
	}
	x.write(openaiwire.StreamError(err))
}

// relayBody holds a body until it is priced when it is small, and otherwise
// passes it on but for its last piece.
func (x *exchange) relayBody(response *http.Response) error {
	held := buffers.Get().(*bytes.Buffer)
	held.Reset()
	defer func() {
		if held.Cap() <= 2*maxPooled {
			buffers.Put(held)
		}
	}()
	pooled := chunks.Get().(*[]byte)
	defer chunks.Put(pooled)
	buf := *pooled
	var err error
	for err == nil && held.Len() <= holdBytes {
		var n int
		n, err = x.read(response.Body, buf)
		held.Write(buf[:n])
	}
	if err == nil {
		return x.relayLarge(response, held, buf)
	}
	if !errors.Is(err, io.EOF) {
		return x.broken(err)
	}
	body := held.Bytes()
	if response.StatusCode >= http.StatusBadRequest {
		return x.relayError(response, body)
	}
	x.consumed(x.readBody(response, body), int64(len(body)))
	x.event.Outcome = usage.OutcomeCompleted
	if x.gone() {
		x.event.Outcome = usage.OutcomeClientGone
	}
	if err := x.settle(); err != nil {
		return errUnavailable(err)
	}
	if x.event.Cost != nil {
		x.w.Header()["X-Weir-Cost"] = []string{x.event.Cost.String()}
	}
	x.begin(response.StatusCode)
	x.write(body)
	return nil
}

// readBody reads the usage of a whole body, compressed or not.
func (x *exchange) readBody(response *http.Response, body []byte) openaiwire.Reading {
	switch response.Header.Get("Content-Encoding") {
	case "", "identity":
		return openaiwire.ReadUnary(x.door.operation.kind, body)
	case "gzip":
		plain, err := gunzip(body)
		if err != nil {
			return openaiwire.Reading{}
		}
		return openaiwire.ReadUnary(x.door.operation.kind, plain)
	}
	return openaiwire.Reading{}
}

// relayLarge passes on a body that is too large to hold, keeping its end back
// until the record is durable.
func (x *exchange) relayLarge(response *http.Response, held *bytes.Buffer, buf []byte) error {
	x.begin(response.StatusCode)
	reader := newBodyReader(x.door.operation.kind, response.Header.Get("Content-Encoding"))
	defer reader.close()
	reader.feed(held.Bytes())
	last := append([]byte(nil), held.Bytes()[holdBytes/2:]...)
	x.write(held.Bytes()[:holdBytes/2])
	drained := int64(0)
	var err error
	for err == nil {
		var n int
		n, err = x.read(response.Body, buf)
		if n > 0 {
			reader.feed(buf[:n])
			x.write(last)
			last = append(last[:0], buf[:n]...)
		}
		if x.gone() {
			if drained += int64(n); drained > x.g.Limits.DrainBytes {
				err = errGone
			}
		}
	}
	x.consumed(reader.reading(), x.event.ResponseBytes)
	switch {
	case x.gone() || errors.Is(err, errGone):
		x.event.Outcome = usage.OutcomeClientGone
	case errors.Is(err, io.EOF):
		x.event.Outcome = usage.OutcomeCompleted
	default:
		x.event.Outcome, x.event.ErrorCode = usage.OutcomeTruncated, "upstream_body_cut"
	}
	if failed := x.settle(); failed != nil || !errors.Is(err, io.EOF) {
		// The header is out and says more is to come: only cutting the
		// connection tells the caller that it will not.
		panic(http.ErrAbortHandler)
	}
	x.write(last)
	return nil
}

// begin sends the answer's header.
func (x *exchange) begin(status int) {
	if x.gone() {
		return
	}
	x.wrote = true
	x.w.WriteHeader(status)
}

// relayError passes on the provider's error, without our credential should it
// print that.
func (x *exchange) relayError(response *http.Response, body []byte) error {
	plain, compressed := body, false
	if response.Header.Get("Content-Encoding") == "gzip" {
		if unpacked, err := gunzip(body); err == nil {
			plain, compressed = unpacked, true
		}
	}
	if x.answer.key != "" {
		if clean := upstream.Scrub(plain, x.answer.key); !bytes.Equal(clean, plain) {
			body = clean
			if compressed {
				x.w.Header().Del("Content-Encoding")
				x.w.Header().Del("Content-Length")
			}
		}
	}
	x.event.Outcome, x.event.ErrorCode = usage.OutcomeFailed, providerCode(plain)
	if err := x.settle(); err != nil {
		return errUnavailable(err)
	}
	x.begin(response.StatusCode)
	x.write(body)
	return nil
}

// broken is the error for an answer that ended before it was whole, when none
// of it has been passed on.
func (x *exchange) broken(err error) error {
	if errors.Is(err, errGone) {
		return errGone
	}
	if errors.Is(err, errIdle) || errors.Is(err, errTotal) {
		return fault.New(fault.UpstreamTimeout, "upstream_timeout", "", "The provider behind connection %s stopped answering (request %s).", x.hop.connection.ID, x.event.ID).With(err)
	}
	x.event.Outcome = usage.OutcomeTruncated
	return fault.New(fault.BadUpstream, "upstream_body_cut", "", "The answer of the provider behind connection %s broke off (request %s).", x.hop.connection.ID, x.event.ID).With(err)
}
