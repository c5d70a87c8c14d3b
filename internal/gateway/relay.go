package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"weir/internal/fault"
)

const (
	// holdBytes is how much of a body is held until it is priced, so that its
	// cost can stand in a header.
	holdBytes = 1 << 20
	chunk     = 32 << 10
	// eventChunk is chunk for streams. It is held for as long as one is open, and
	// the transport's own buffer gives no more at a time.
	eventChunk = 4 << 10
)

// Buffers for reading answers.
var (
	chunks      = sync.Pool{New: func() any { return new([chunk]byte) }}
	eventChunks = sync.Pool{New: func() any { return new([eventChunk]byte) }}
)

// relay takes the provider's answer to the caller. Everything up to its end may
// be on its way while it is read; its end waits for the record.
func (x *exchange) relay(response *http.Response) error {
	x.event.Status = response.StatusCode
	if status := response.StatusCode; status < 200 || status >= 300 && status < 400 && status != http.StatusNotModified {
		// A caller who followed a redirect would take the key of this gateway
		// elsewhere.
		return fault.New(fault.BadUpstream, "upstream_redirect", "", "The provider behind connection %s answered with status %d, which is not passed on (request %s).", x.hop.connection.ID, status, x.event.ID)
	}
	x.fillHeader(response)
	if isStream(response) {
		x.body.recycle()
		pooled := eventChunks.Get().(*[eventChunk]byte)
		defer eventChunks.Put(pooled)
		if x.door.known {
			return x.relayStream(response, pooled[:])
		}
		return x.relayUnread(response, pooled[:])
	}
	if x.door.listed(x.r) && response.StatusCode == http.StatusOK {
		return x.relayList(response)
	}
	pooled := chunks.Get().(*[chunk]byte)
	defer chunks.Put(pooled)
	return x.relayBody(response, pooled[:])
}

// isStream reports whether the answer is a stream of events that can be read.
func isStream(response *http.Response) bool {
	if response.StatusCode >= 300 || encoding(response) != "" {
		return false
	}
	media, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(media), "text/event-stream")
}

// encoding is how the body is compressed; "" when it is not.
func encoding(response *http.Response) string {
	switch e := response.Header["Content-Encoding"]; {
	case len(e) == 0:
		return ""
	case len(e) > 1:
		return "several"
	case strings.EqualFold(e[0], "identity"):
		return ""
	case strings.EqualFold(e[0], "gzip"), strings.EqualFold(e[0], "x-gzip"):
		return "gzip"
	default:
		return e[0]
	}
}

// read reads on from the provider, which may be silent for so long and no
// longer. The time that a slow caller takes is not the provider's.
func (x *exchange) read(from io.Reader, buf []byte) (int, error) {
	x.answer.silence.begin()
	n, err := from.Read(buf)
	x.answer.silence.end()
	if n > 0 {
		if x.event.FirstByte.IsZero() {
			x.event.FirstByte = time.Now()
		}
		x.event.ResponseBytes += int64(n)
	}
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	if cause := context.Cause(x.ctx); cause != nil {
		if errors.Is(cause, errFirstByte) {
			cause = errIdle // the same timer, now between two reads
		}
		return n, cause
	}
	return n, err
}

// drained counts what is read for a caller who is gone, and says when it is
// enough.
func (x *exchange) drained(n int) error {
	if x.gone() {
		if x.answer.drained += int64(n); x.answer.drained > x.g.Limits.DrainBytes {
			return errGone
		}
	}
	return nil
}
