package http1

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	// readBuffer is net/http's. It is held for as long as a connection is; larger
	// reads of a body go past it.
	readBuffer  = 4 << 10
	writeBuffer = 4 << 10
	// inline is the largest body that is written before the answer is looked at.
	// The kernel's buffers take as much without the other side reading, so that an
	// early refusal does not wait for a write that never ends.
	inline = 128 << 10
	// lastWords is how long an answer is waited for after the request could not be
	// written, since a refusal may be there already; and how long the end of the
	// writing is waited for once the answer is whole.
	lastWords = 100 * time.Millisecond
)

// writers are needed while a request is written, not while its answer streams.
var writers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, writeBuffer) }}

// conn is one connection. One exchange has it at a time, or the idle list.
type conn struct {
	of    *Transport
	to    place
	tcp   net.Conn
	rw    net.Conn // tcp, or TLS on it
	in    *bufio.Reader
	peek  func(fd uintptr) bool // for alive; made once
	raw   syscall.RawConn       // nil: not known
	open  bool                  // as far as peek saw
	used  int                   // exchanges before this one
	since time.Time             // idle

	written int64 // bytes of this exchange's request
	left    int64 // bytes that the answer's header may still take; -1: no matter
	sending *sending
}

// sending is a body being written by a goroutine of its own.
type sending struct {
	done chan struct{}
	err  error
}

func newConn(t *Transport, to place, tcp net.Conn) *conn {
	c := &conn{of: t, to: to, tcp: tcp, rw: tcp, left: -1}
	c.in = bufio.NewReaderSize(c, readBuffer)
	if s, ok := tcp.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			c.raw, c.peek = raw, c.look
		}
	}
	return c
}

// secure begins TLS.
func (c *conn) secure(ctx context.Context, config *tls.Config, name string) error {
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = name
	}
	secured := tls.Client(c.tcp, config)
	c.rw = secured
	return secured.HandshakeContext(ctx)
}

// alive reports whether the provider has not closed a connection that was kept.
// It must not have said anything either: nothing was asked.
func (c *conn) alive() bool {
	if c.in.Buffered() > 0 {
		return false
	}
	if c.raw == nil {
		return true
	}
	c.open = false
	return c.raw.Read(c.peek) == nil && c.open
}

// Close implements io.Closer.
func (c *conn) Close() error {
	// Not TLS's own: it would wait for writes under way to say goodbye.
	return c.tcp.Close()
}

// close ends the connection, which may be in use by another goroutine: its reads
// and writes then fail.
func (c *conn) close() { _ = c.Close() } // nothing is lost with it

// Read reads from the provider, and no more than a header may take while one is
// expected.
func (c *conn) Read(p []byte) (int, error) {
	if c.left >= 0 {
		if c.left == 0 {
			return 0, errHeader
		}
		p = p[:min(int64(len(p)), c.left)]
	}
	n, err := c.rw.Read(p)
	if c.left >= 0 {
		c.left -= int64(n)
	}
	return n, err
}

// Write writes to the provider.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.rw.Write(p)
	c.written += int64(n)
	return n, err
}

// Errors of answers.
var (
	errHeader   = errors.New("http1: the header of the answer is too long")
	errUpgrade  = errors.New("http1: the provider changed the protocol")
	errNoAnswer = fmt.Errorf("http1: the connection was closed without an answer: %w", io.ErrUnexpectedEOF)
	errClosed   = errors.New("http1: read after the body was closed")
)

// exchange sends the request and returns the answer's header; the body is read
// from the connection, which goes back to the idle list at its end.
func (c *conn) exchange(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	stop := context.AfterFunc(ctx, c.close)
	c.written, c.sending = 0, nil
	unsent := c.send(req)
	response, err := c.receive(req, unsent)
	if err != nil {
		stop()
		c.close()
		if c.sending != nil {
			<-c.sending.done // the body is free again; a closed connection takes none of it
		}
		return nil, because(ctx, err)
	}
	b := &body{from: response.Body, c: c, stop: stop, ctx: ctx, last: response.Close || req.Close || unsent != nil}
	if response.Body == http.NoBody {
		b.end(true)
		return response, nil
	}
	response.Body = b
	return response, nil
}

// because is err, or why the exchange was given up.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// send writes the request, or has it written while the answer is waited for.
func (c *conn) send(req *http.Request) error {
	if req.ContentLength <= inline {
		return c.write(req)
	}
	s := &sending{done: make(chan struct{})}
	c.sending = s
	go func() {
		defer close(s.done)
		s.err = c.write(req)
	}()
	return nil
}

// write writes the request and closes its body.
func (c *conn) write(req *http.Request) error {
	w := writers.Get().(*bufio.Writer)
	w.Reset(c)
	defer func() {
		w.Reset(nil) // it is not to keep the connection
		writers.Put(w)
	}()
	defer closeBody(req)
	writeHead(w, req)
	if req.ContentLength > 0 {
		n, err := io.Copy(w, io.LimitReader(req.Body, req.ContentLength))
		if err != nil {
			return err
		}
		if n < req.ContentLength {
			return fmt.Errorf("http1: the body has %d bytes of %d", n, req.ContentLength)
		}
	}
	return w.Flush()
}

// writeHead writes what stands before a body. Errors stay with w.
func writeHead(w *bufio.Writer, req *http.Request) {
	say := func(parts ...string) {
		for _, part := range parts {
			_, _ = w.WriteString(part)
		}
	}
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	say(req.Method, " ", req.URL.RequestURI(), " HTTP/1.1\r\nHost: ", host, "\r\n")
	for name, values := range req.Header {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer", "Connection", "Expect":
			continue // said by the request's own fields, or of one connection only
		}
		for _, value := range values {
			say(name, ": ", value, "\r\n")
		}
	}
	if req.Close {
		say("Connection: close\r\n")
	}
	if req.ContentLength > 0 || req.Method != http.MethodGet && req.Method != http.MethodHead && req.Method != http.MethodDelete {
		var digits [20]byte
		say("Content-Length: ")
		_, _ = w.Write(strconv.AppendInt(digits[:0], req.ContentLength, 10))
		say("\r\n")
	}
	say("\r\n")
}

// receive reads the header of the answer. unsent is why the request is not
// written whole, of which the answer may be the reason.
func (c *conn) receive(req *http.Request, unsent error) (*http.Response, error) {
	if unsent != nil {
		if c.written == 0 {
			return nil, unsent
		}
		if err := c.tcp.SetReadDeadline(time.Now().Add(lastWords)); err != nil {
			return nil, unsent
		}
	}
	c.left = c.of.MaxResponseHeader
	for {
		response, err := c.answer(req)
		switch {
		case err != nil && unsent != nil:
			return nil, unsent
		case err != nil:
			return nil, err
		case response.StatusCode == http.StatusSwitchingProtocols:
			return nil, errUpgrade
		case response.StatusCode < http.StatusContinue || response.StatusCode >= http.StatusOK:
			c.left = -1
			return response, nil
		}
	}
}

func (c *conn) answer(req *http.Request) (*http.Response, error) {
	if _, err := c.in.Peek(1); err != nil {
		if errors.Is(err, io.EOF) {
			err = errNoAnswer
		}
		return nil, err
	}
	return http.ReadResponse(c.in, req)
}
