package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"weir/internal/fault"
)

// body is a request body that was read whole: in a buffer, or on disk when it
// is large and not JSON.
type body struct {
	buffer *bytes.Buffer
	pooled bool     // the buffer is to be used again
	file   *os.File // nil: in buffer
	size   int64
	splice *splice // what is sent in place of a part of file; nil: nothing
	// lent counts readers that the transport has not closed: it may go on
	// reading after the answer is there, so a lent buffer is not reused.
	lent atomic.Int32
}

// buffers keeps buffers for reuse. Large ones are left to the collector: one
// request of 64 MiB should not hold that much for ever.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const (
	maxPooled = 1 << 20
	// smallBody is the size up to which a body gets memory of its own. The
	// transport then knows that it holds nothing up, and sends header and body
	// in one write, which saves more than the memory costs.
	smallBody = 16 << 10
)

// read reads the caller's body. One that stops arriving is given up.
func (b *body) read(x *exchange) error {
	limit := x.g.Limits.MaxBody
	if x.r.ContentLength > limit {
		return errTooLarge(limit)
	}
	if x.r.ContentLength == 0 {
		return nil
	}
	if n := x.r.ContentLength; n > 0 && n <= smallBody {
		b.buffer = bytes.NewBuffer(make([]byte, 0, n+bytes.MinRead))
	} else {
		b.buffer, b.pooled = buffers.Get().(*bytes.Buffer), true
		b.buffer.Reset()
		b.buffer.Grow(int(min(max(n, 0), maxPooled)) + bytes.MinRead)
	}
	source := &patient{x: x, left: limit}
	memory := limit
	if !x.json {
		memory = x.g.Limits.Spool
	}
	_, err := b.buffer.ReadFrom(io.LimitReader(source, memory+1))
	if err == nil && int64(b.buffer.Len()) > memory {
		err = b.spool(x.g.TempDir, source)
	}
	if err != nil {
		return err
	}
	if b.file == nil {
		b.size = int64(b.buffer.Len())
	}
	if b.size > limit {
		return errTooLarge(limit)
	}
	source.done()
	return nil
}

// spool moves what was read to a file that has no name, and the rest after it.
func (b *body) spool(dir string, rest io.Reader) error {
	file, err := os.CreateTemp(dir, "weir-upload-*")
	if err != nil {
		return errNoRoom(err)
	}
	b.file = file
	if err := os.Remove(file.Name()); err != nil {
		return errNoRoom(err)
	}
	if b.size, err = io.Copy(file, io.MultiReader(b.buffer, rest)); err != nil {
		if fault.KindOf(err) != fault.Internal {
			return err // the caller's doing
		}
		return errNoRoom(err)
	}
	return nil
}

// errNoRoom is a disk that takes no upload.
func errNoRoom(cause error) error {
	return fault.New(fault.Unavailable, "upload_unavailable", "", "This gateway has no room for the upload right now. Please try again later.").
		With(fmt.Errorf("spooling a request: %w", cause))
}

func (b *body) bytes() []byte {
	if b.buffer == nil {
		return nil
	}
	return b.buffer.Bytes()
}

// begins reports whether the first byte that is no blank is c.
func (b *body) begins(c byte) bool {
	if b.file == nil {
		text := bytes.TrimLeft(b.bytes(), " \t\r\n")
		return len(text) > 0 && text[0] == c
	}
	start := make([]byte, 64)
	n, _ := b.file.ReadAt(start, 0) // what cannot be read begins with nothing
	text := bytes.TrimLeft(start[:n], " \t\r\n")
	return len(text) > 0 && text[0] == c
}

// splice puts text in the place of from..to.
type splice struct {
	from, to int64
	text     []byte
}

// sent is how many bytes reader will give for a payload.
func (b *body) sent(payload []byte) int64 {
	switch {
	case b.file == nil:
		return int64(len(payload))
	case b.splice != nil:
		return b.size - (b.splice.to - b.splice.from) + int64(len(b.splice.text))
	}
	return b.size
}

// reader lends out the body, or the payload that stands for it.
func (b *body) reader(payload []byte) io.ReadCloser {
	switch {
	case b.file != nil:
		return io.NopCloser(b.spooled(b.splice))
	case len(payload) == 0:
		return http.NoBody
	case !b.pooled || &payload[0] != &b.buffer.Bytes()[0]: // nobody else will write there
		return io.NopCloser(bytes.NewReader(payload))
	}
	b.lent.Add(1)
	return &loan{Reader: bytes.NewReader(payload), of: b}
}

// spooled reads the file, with a splice in it.
func (b *body) spooled(s *splice) io.Reader {
	if s == nil {
		return io.NewSectionReader(b.file, 0, b.size)
	}
	return io.MultiReader(io.NewSectionReader(b.file, 0, s.from), bytes.NewReader(s.text), io.NewSectionReader(b.file, s.to, b.size-s.to))
}

// release ends the use of the body by the request.
func (b *body) release() {
	if b.file != nil {
		_ = b.file.Close() // it has no name and was only read
	}
	b.recycle()
}

// recycle gives the memory back early, once nothing will be sent again: a
// stream may last for long. What the transport still reads stays.
func (b *body) recycle() {
	if b.pooled && b.lent.Load() == 0 && b.buffer.Cap() <= maxPooled {
		buffers.Put(b.buffer)
		b.buffer, b.pooled = nil, false
	}
}

// loan is a reader that says when it is closed.
type loan struct {
	*bytes.Reader
	of   *body
	once sync.Once
}

// Close implements io.Closer.
func (l *loan) Close() error {
	l.once.Do(func() { l.of.lent.Add(-1) })
	return nil
}

// patient reads the caller's body and gives up when nothing arrives for the
// time allowed, or more than the limit does.
type patient struct {
	x     *exchange
	left  int64
	until time.Time
}

// Read implements io.Reader. Its errors are faults.
func (p *patient) Read(buf []byte) (int, error) {
	idle := p.x.g.Limits.BodyIdle
	// Moving the deadline costs a system call's worth of locking, so it is moved
	// only when half of it has passed.
	if now := time.Now(); p.until.Sub(now) < idle/2 {
		p.until = now.Add(idle)
		if err := p.x.control.SetReadDeadline(p.until); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return 0, errSlow(err)
		}
	}
	n, err := p.x.r.Body.Read(buf)
	p.left -= int64(n)
	switch {
	case p.left < 0:
		return 0, errTooLarge(p.x.g.Limits.MaxBody)
	case err == nil, errors.Is(err, io.EOF):
		return n, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.x.slow = true
		return n, errSlow(err)
	}
	return n, fault.Invalidf("", "", "The body of the request broke off.").With(err)
}

// done lifts the deadline again: the connection is watched for a hang-up while
// the answer is made, and may be used for another request.
func (p *patient) done() {
	if !p.until.IsZero() {
		_ = p.x.control.SetReadDeadline(time.Time{}) // the same call worked to set it
	}
}
