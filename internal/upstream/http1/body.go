package http1

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// body is the body of an answer. At its end the connection is free.
type body struct {
	from io.Reader
	c    *conn
	stop func() bool // ends the watch over the context
	ctx  context.Context
	last bool // the connection serves no other request
	over atomic.Bool
	err  error // of the read that ended it
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.over.Load() {
		if b.err != nil {
			return 0, b.err
		}
		return 0, errClosed
	}
	n, err := b.from.Read(p)
	if err == nil {
		return n, nil
	}
	if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = because(b.ctx, err)
	}
	b.err = err
	b.end(err == io.EOF) //nolint:errorlint // nothing but a whole body ends so
	return n, err
}

// Close implements io.Closer. What is left of the body is not read: the
// connection goes with it.
func (b *body) Close() error {
	b.end(false)
	return nil
}

// end gives the connection up, or back when the exchange is over on both sides.
func (b *body) end(whole bool) {
	if b.over.Swap(true) {
		return
	}
	uncancelled := b.stop()
	if whole && uncancelled && !b.last && b.c.sent() && b.c.in.Buffered() == 0 {
		b.c.of.keep(b.c)
		return
	}
	b.c.close()
}

// sent reports whether the request was written whole. A provider that answers
// as it reads the last byte is waited for.
func (c *conn) sent() bool {
	if c.sending == nil {
		return true
	}
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	select {
	case <-c.sending.done:
		return c.sending.err == nil
	case <-timer.C:
		return false
	}
}
