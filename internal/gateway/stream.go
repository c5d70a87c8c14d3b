package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"weir/internal/fault"
	"weir/internal/openaiwire"
	"weir/internal/usage"
)

// tailTime bounds the wait for the end of a stream after its terminal event:
// nothing that counts comes any more.
const tailTime = 2 * time.Second

// relayStream passes events on as they come, flushed as they come. The terminal
// event is held until the record is durable; a stream that ends without one
// gets an error event instead, so that it never looks complete.
func (x *exchange) relayStream(response *http.Response, buf []byte) error {
	x.beginStream(response)
	tap := openaiwire.NewStreamTap(x.door.operation.kind, x.door.operation.shape)
	if x.door.operation.shape == openaiwire.ShapeResponses {
		tap.Limit = openaiwire.MediaEventLimit // its last event repeats the whole answer, with pictures
	}
	var held []byte // the terminal event and all that came with it
	open := false   // part of an event was passed on, and its end was not
	creates := x.door.operation.creates == usage.ObjectResponse && x.stores()
	halved := false // a hidden event's last CRLF: its LF may come with the next one
	pass := func(e openaiwire.Event) error {
		if halved {
			e.Raw, halved = bytes.TrimPrefix(e.Raw, lineFeed), false
		}
		switch {
		case e.UsageOnly && x.added: // the caller did not ask for it
			if bytes.HasPrefix(e.Raw, lineFeed) {
				x.write(lineFeed) // of the event before
			}
			halved = bytes.HasSuffix(e.Raw, carriageReturn)
		case e.Terminal || held != nil:
			held = append(held, e.Raw...)
		default:
			if creates && len(x.event.Objects) == 0 {
				x.announced(tap.Reading()) // before the caller can ask for it
			}
			x.write(e.Raw)
			open = e.Part && !endsEvent(e.Raw)
		}
		return nil
	}
	var broke error
	for broke == nil && !tap.Complete() {
		var n int
		n, broke = x.read(response.Body, buf)
		if n > 0 {
			_ = tap.Feed(buf[:n], pass) // fails only when pass does
			x.flush()
		}
		if err := x.drained(n); err != nil && broke == nil {
			broke = err
		}
	}
	if errors.Is(broke, io.EOF) && !tap.Complete() {
		// Servers that leave out the last blank line still end properly; an
		// event that was cut in two is not passed on.
		if last := tap.End(); last.Terminal || tap.Failed() {
			held = append(held, last.Raw...)
		}
	}
	if open && !tap.Complete() {
		x.write(blankLine) // or the error event would be part of what was cut
	}
	x.endStream(tap, held, broke)
	if broke == nil {
		x.relayTail(response, buf)
	}
	return nil
}

var (
	lineFeed       = []byte("\n")
	carriageReturn = []byte("\r")
	blankLine      = []byte("\n\n")
)

func endsEvent(raw []byte) bool {
	return bytes.HasSuffix(raw, blankLine) || bytes.HasSuffix(raw, []byte("\r\n\r\n")) || bytes.HasSuffix(raw, []byte("\r\r"))
}

func (x *exchange) beginStream(response *http.Response) {
	x.w.Header().Del("Content-Length") // events may be left out or added
	x.begin(response.StatusCode)
	x.flush()
}

// endStream settles a stream and answers its end.
func (x *exchange) endStream(tap *openaiwire.StreamTap, held []byte, broke error) {
	// A provider that says it failed has ended its stream, if it then closed it.
	whole := tap.Complete() || (tap.Failed() && errors.Is(broke, io.EOF))
	reading := tap.Reading()
	x.consumed(reading, tap.OutputBytes())
	x.made(&reading)
	x.event.Outcome, x.event.ErrorCode = x.outcome(whole, broke)
	if whole && tap.Failed() && x.event.Outcome == usage.OutcomeCompleted {
		x.event.Outcome, x.event.ErrorCode = usage.OutcomeFailed, "upstream_stream_failed"
	}
	switch err := x.settle(); {
	case x.gone():
		x.cut()
	case err != nil:
		x.streamError(errUnavailable(err), tap.NextSequence())
	case whole:
		x.write(held)
	default:
		x.streamError(x.errCut(broke), tap.NextSequence())
	}
	x.flush()
}

// outcome is how an answer ended whose header was passed on.
func (x *exchange) outcome(whole bool, broke error) (outcome usage.Outcome, code string) {
	switch {
	case x.gone() || errors.Is(broke, errGone):
		if !x.wrote {
			x.event.Status = statusGone
		}
		return usage.OutcomeClientGone, "client_gone"
	case whole:
		return usage.OutcomeCompleted, ""
	case revokedBy(broke) != nil:
		return usage.OutcomeTruncated, fault.Of(broke).Code
	default:
		return usage.OutcomeTruncated, "upstream_stream_cut"
	}
}

func (x *exchange) errCut(broke error) error {
	if r := revokedBy(broke); r != nil {
		return errRevoked(r)
	}
	return fault.New(fault.BadUpstream, "upstream_stream_cut", "", "The stream of the provider behind connection %s broke off before its end (request %s).", x.hop.connection.ID, x.event.ID).With(broke)
}

// streamError ends a stream that has begun, in the form its readers know.
func (x *exchange) streamError(err error, sequence int64) {
	if x.door.operation.shape == openaiwire.ShapeResponses {
		x.write(openaiwire.ResponsesStreamError(err, sequence))
		return
	}
	x.write(openaiwire.StreamError(err))
}

// relayTail passes on what follows the terminal event, which is nothing but the
// end of the body, as a rule: once that is read, the connection can be used
// again.
func (x *exchange) relayTail(response *http.Response, buf []byte) {
	x.answer.silence.bound(min(x.answer.idle, tailTime))
	for {
		n, err := x.read(response.Body, buf)
		if n > 0 {
			x.write(buf[:n])
			x.flush()
		}
		if err != nil || x.drained(n) != nil {
			return
		}
	}
}

// relayUnread passes on a stream of an endpoint that weir cannot read. Which of
// its events is the last shows only at its end.
func (x *exchange) relayUnread(response *http.Response, buf []byte) error {
	x.beginStream(response)
	var broke error
	for broke == nil {
		var n int
		n, broke = x.read(response.Body, buf)
		x.write(buf[:n])
		x.flush()
		if err := x.drained(n); err != nil && broke == nil {
			broke = err
		}
	}
	whole := errors.Is(broke, io.EOF)
	x.consumed(openaiwire.Reading{}, 0)
	x.event.Outcome, x.event.ErrorCode = x.outcome(whole, broke)
	err := x.settle()
	switch {
	case err != nil:
		x.write(openaiwire.StreamError(errUnavailable(err)))
	case !whole:
		x.write(openaiwire.StreamError(x.errCut(broke)))
	}
	if err != nil || !whole || x.gone() {
		x.flush()
		x.cut()
	}
	return nil
}
