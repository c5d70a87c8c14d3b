package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/tidwall/gjson"

	"weir/internal/fault"
	"weir/internal/openaiwire"
	"weir/internal/upstream"
	"weir/internal/usage"
)

// answers are buffers to hold answers in; apart from those of requests, whose
// sizes are others.
var answers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// relayBody holds a body until it is priced when it is small, and otherwise
// passes it on but for its last piece.
func (x *exchange) relayBody(response *http.Response, buf []byte) error {
	held := answers.Get().(*bytes.Buffer)
	held.Reset()
	defer func() {
		if held.Cap() <= 2*maxPooled {
			answers.Put(held)
		}
	}()
	if n := response.ContentLength; n > 0 {
		held.Grow(int(min(n, maxPooled)))
	}
	var err error
	for err == nil && held.Len() <= holdBytes {
		var n int
		n, err = x.read(response.Body, buf)
		held.Write(buf[:n])
	}
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return x.broken(err)
	case response.StatusCode >= http.StatusBadRequest:
		return x.relayError(response, held.Bytes(), err != nil)
	case err == nil:
		x.relayLarge(response, held.Bytes(), buf)
		return nil
	}
	body := held.Bytes()
	reading := x.readBody(response, body)
	if !reading.Found && x.door.known && !x.sound(response) && untold(response) && encoding(response) == "" && !gjson.ValidBytes(body) {
		return x.broken(io.ErrUnexpectedEOF)
	}
	x.consumed(reading, int64(len(body)))
	if !reading.Found && x.door.operation.kind == usage.AudioTranscriptions {
		x.transcribed(body)
	}
	x.answered(response.StatusCode, body, &reading)
	x.event.Outcome, x.event.ErrorCode = x.outcome(true, nil)
	if err := x.settle(); err != nil {
		return errUnavailable(err)
	}
	if x.event.Cost != nil {
		x.w.Header()["X-Weir-Cost"] = []string{x.event.Cost.String()}
	}
	x.whole(response.StatusCode, body)
	return nil
}

// untold reports whether nothing but the closing of the connection says where
// the body ends, so that a cut is no error.
func untold(response *http.Response) bool {
	return response.ContentLength < 0 && response.ProtoMajor == 1 && len(response.TransferEncoding) == 0
}

// whole answers a body at once.
func (x *exchange) whole(status int, body []byte) {
	if x.gone() {
		// The connection may still be open in one direction; net/http would
		// end the answer with an empty body.
		x.cut()
		return
	}
	x.begin(status)
	x.write(body)
}

// readBody reads the usage of a whole body, compressed or not.
func (x *exchange) readBody(response *http.Response, body []byte) openaiwire.Reading {
	switch encoding(response) {
	case "":
		return openaiwire.ReadUnary(x.door.operation.kind, body)
	case "gzip":
		if plain, err := gunzip(body); err == nil {
			return openaiwire.ReadUnary(x.door.operation.kind, plain)
		}
	}
	return openaiwire.Reading{}
}

// relayError passes on the provider's error, without our credentials should it
// print one. An error that cannot be searched for them is not passed on.
func (x *exchange) relayError(response *http.Response, body []byte, all bool) error {
	plain, packed := body, encoding(response)
	var err error
	if packed == "gzip" {
		plain, err = gunzip(body)
	}
	if len(x.answer.secrets) > 0 {
		if !all || err != nil || packed != "" && packed != "gzip" {
			return fault.New(fault.BadUpstream, "upstream_error", "", "The provider behind connection %s answered with status %d and an error that cannot be shown (request %s).", x.hop.connection.ID, response.StatusCode, x.event.ID)
		}
		if clean := upstream.Scrub(plain, x.answer.secrets...); !bytes.Equal(clean, plain) {
			body = clean
			if packed != "" {
				x.w.Header().Del("Content-Encoding")
				x.w.Header().Del("Content-Length")
			}
		}
	}
	x.event.Outcome, x.event.ErrorCode = usage.OutcomeFailed, providerCode(plain)
	if err := x.settle(); err != nil {
		return errUnavailable(err)
	}
	x.whole(response.StatusCode, body)
	return nil
}

// broken is the error for an answer that ended before it was whole, when none
// of it has been passed on.
func (x *exchange) broken(err error) error {
	if errors.Is(err, errGone) || revokedBy(err) != nil {
		return err
	}
	if errors.Is(err, errIdle) || errors.Is(err, errTotal) {
		return fault.New(fault.UpstreamTimeout, "upstream_timeout", "", "The provider behind connection %s stopped answering (request %s).", x.hop.connection.ID, x.event.ID).With(err)
	}
	x.event.Outcome = usage.OutcomeTruncated
	return fault.New(fault.BadUpstream, "upstream_body_cut", "", "The answer of the provider behind connection %s broke off (request %s).", x.hop.connection.ID, x.event.ID).With(err)
}

// shortestHeaderSecret is the length from which the value of a connection's
// extra header is taken for a secret: shorter ones are words such as team
// names, which errors may well contain.
const shortestHeaderSecret = 16

// secretsOf are the texts of an identity that no answer may show.
func secretsOf(who upstream.Identity) []string {
	var secrets []string
	if who.Key != "" {
		secrets = append(secrets, who.Key)
	}
	for _, value := range who.Headers {
		if _, token, ok := strings.Cut(value, " "); ok { // "Bearer …"
			value = token
		}
		if len(value) >= shortestHeaderSecret {
			secrets = append(secrets, value)
		}
	}
	return secrets
}
