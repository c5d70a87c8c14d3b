package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/klauspost/compress/gzip"

	"weir/internal/openaiwire"
	"weir/internal/usage"
)

// relayLarge passes on a body that is too large to hold, keeping its end back
// until the record is durable. begun is what was read of it, at least holdBytes.
func (x *exchange) relayLarge(response *http.Response, begun, buf []byte) {
	reader := newBodyReader(x.door.operation.kind, encoding(response))
	reader.blind = reader.blind || !x.door.known || x.sound(response) // there is nothing to read in it
	defer reader.close()
	reader.feed(begun)
	x.begin(response.StatusCode)
	x.write(begun[:len(begun)-chunk])
	last := append(make([]byte, 0, chunk), begun[len(begun)-chunk:]...)
	var err error
	for err == nil {
		var n int
		n, err = x.read(response.Body, buf)
		if n > 0 {
			reader.feed(buf[:n])
			x.write(last)
			last = append(last[:0], buf[:n]...)
		}
		if enough := x.drained(n); enough != nil && err == nil {
			err = enough
		}
	}
	whole := errors.Is(err, io.EOF)
	reading := reader.reading()
	x.consumed(reading, x.event.ResponseBytes)
	x.answered(response.StatusCode, nil, &reading)
	if x.event.Outcome, x.event.ErrorCode = x.outcome(whole, err); x.event.Outcome == usage.OutcomeTruncated && revokedBy(err) == nil {
		x.event.ErrorCode = "upstream_body_cut"
	}
	if failed := x.settle(); failed != nil || !whole || x.gone() {
		// The header is out and says more is to come: only cutting the
		// connection tells the caller that it will not.
		x.cut()
		return
	}
	x.write(last)
}

// maxUnpacked bounds what a compressed body may unpack to while its usage is
// read.
const maxUnpacked = 64 << 20

// gunzip unpacks a whole body.
func gunzip(body []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	if err == nil && len(plain) > maxUnpacked {
		err = fmt.Errorf("a compressed body unpacks to more than %d bytes", maxUnpacked)
	}
	return plain, err
}

// bodyReader reads the usage of a body that is passed on in pieces.
type bodyReader struct {
	tap      *openaiwire.BodyTap
	unpacker *unpacker // nil: the body is plain
	blind    bool      // the body is encoded in a way that cannot be read
}

func newBodyReader(kind usage.Kind, encoding string) *bodyReader {
	b := &bodyReader{tap: openaiwire.NewBodyTap(kind)}
	switch encoding {
	case "":
	case "gzip":
		b.unpacker = newUnpacker(b.tap)
	default:
		b.blind = true
	}
	return b
}

func (b *bodyReader) feed(p []byte) {
	switch {
	case b.blind:
	case b.unpacker != nil:
		b.unpacker.feed(p)
	default:
		_, _ = b.tap.Write(p) // never fails
	}
}

func (b *bodyReader) close() {
	if b.unpacker != nil {
		b.unpacker.close()
	}
}

// reading is what the body told, once all of it was fed.
func (b *bodyReader) reading() openaiwire.Reading {
	b.close()
	return b.tap.Reading()
}

// unpacker unpacks a gzip body as it passes. It works in a goroutine of its own
// that close waits for.
type unpacker struct {
	pipe   *io.PipeWriter
	done   chan struct{}
	closed bool
}

func newUnpacker(to io.Writer) *unpacker {
	from, pipe := io.Pipe()
	u := &unpacker{pipe: pipe, done: make(chan struct{})}
	go func() {
		defer close(u.done)
		r, err := gzip.NewReader(from)
		if err == nil {
			_, err = io.Copy(to, r)
		}
		// What is no gzip is not read; the writer must not wait for that.
		_ = from.CloseWithError(err)
	}()
	return u
}

func (u *unpacker) feed(p []byte) {
	_, _ = u.pipe.Write(p) // an error means that the rest is not readable
}

func (u *unpacker) close() {
	if u.closed {
		return
	}
	u.closed = true
	_ = u.pipe.Close() // never fails
	<-u.done
}
