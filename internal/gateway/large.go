package gateway

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/tidwall/gjson"

	"weir/internal/openaiwire"
	"weir/internal/usage"
)

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

// endBytes is how much of each end of a large body is kept.
const endBytes = 64 << 10

// largeReader reads the usage of a body that is passed on in pieces.
type largeReader struct {
	kind     usage.Kind
	ends     ends
	unpacker *unpacker // nil: the body is plain
	blind    bool      // the body is encoded in a way the tap cannot read
}

func newLargeReader(kind usage.Kind, encoding string) *largeReader {
	l := &largeReader{kind: kind}
	switch encoding {
	case "", "identity":
	case "gzip":
		l.unpacker = newUnpacker(&l.ends)
	default:
		l.blind = true
	}
	return l
}

func (l *largeReader) feed(p []byte) {
	switch {
	case l.blind:
	case l.unpacker != nil:
		l.unpacker.feed(p)
	default:
		l.ends.write(p)
	}
}

func (l *largeReader) close() {
	if l.unpacker != nil {
		l.unpacker.close()
	}
}

// reading is what the two ends tell. They are searched for the members that
// matter: `"usage":` can only be a key, since inside a JSON string its quotes
// would be escaped.
func (l *largeReader) reading() openaiwire.Reading {
	l.close()
	found := map[string]string{}
	for _, part := range [][]byte{l.ends.head, l.ends.last()} {
		for _, key := range []string{"usage", "model", "service_tier", "object"} {
			if raw := member(part, key); raw != "" {
				found[key] = raw
			}
		}
	}
	var object bytes.Buffer
	object.WriteByte('{')
	for key, raw := range found {
		if object.Len() > 1 {
			object.WriteByte(',')
		}
		fmt.Fprintf(&object, "%q:%s", key, raw)
	}
	object.WriteByte('}')
	return openaiwire.ReadUnary(l.kind, object.Bytes())
}

// member returns the raw value of the last member named key in a piece of JSON,
// "" when there is none whole.
func member(piece []byte, key string) string {
	at := bytes.LastIndex(piece, []byte(`"`+key+`"`))
	if at < 0 {
		return ""
	}
	rest := bytes.TrimLeft(piece[at+len(key)+2:], " \t\r\n")
	if len(rest) == 0 || rest[0] != ':' {
		return ""
	}
	raw := gjson.ParseBytes(bytes.TrimLeft(rest[1:], " \t\r\n")).Raw
	if !gjson.Valid(raw) {
		return ""
	}
	return raw
}

// ends keeps the first and last endBytes of what is written to it.
type ends struct {
	head []byte
	tail []byte // the last bytes, up to twice endBytes
}

func (e *ends) write(p []byte) {
	if room := endBytes - len(e.head); room > 0 {
		e.head = append(e.head, p[:min(room, len(p))]...)
	}
	e.tail = append(e.tail, p[max(0, len(p)-endBytes):]...)
	if len(e.tail) > 2*endBytes {
		e.tail = append(e.tail[:0], e.tail[len(e.tail)-endBytes:]...)
	}
}

func (e *ends) last() []byte { return e.tail[max(0, len(e.tail)-endBytes):] }

// unpacker unpacks a gzip body as it passes. It works in a goroutine of its own
// that close waits for.
type unpacker struct {
	pipe   *io.PipeWriter
	done   chan struct{}
	closed bool
}

func newUnpacker(to *ends) *unpacker {
	from, pipe := io.Pipe()
	u := &unpacker{pipe: pipe, done: make(chan struct{})}
	go func() {
		defer close(u.done)
		r, err := gzip.NewReader(from)
		if err == nil {
			buf := make([]byte, chunk)
			for err == nil {
				var n int
				n, err = r.Read(buf)
				to.write(buf[:n])
			}
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
