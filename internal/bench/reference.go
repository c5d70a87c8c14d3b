package bench

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// reference is Go's ReverseProxy, tuned as one who only relays would: every
// write flushed, copy buffers pooled, as many idle connections as there are
// callers. It checks, counts and remembers nothing.
type reference struct{ exe string }

// Name implements Target.
func (reference) Name() string { return Reference }

// Present implements Target.
func (reference) Present() error { return nil }

// Start implements Target.
func (r reference) Start(ctx context.Context, upstream string) (*Instance, error) {
	return startOwn(ctx, r.exe, "reference", "-upstream", upstream)
}

func newReference(upstream string) (http.Handler, error) {
	to, err := url.Parse(upstream)
	if err != nil || to.Host == "" {
		return nil, fmt.Errorf("the upstream %q is not an address", upstream)
	}
	return &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(to) },
		FlushInterval: -1,
		BufferPool:    newBufferPool(32 << 10),
		Transport: &http.Transport{
			MaxIdleConns:        20_000,
			MaxIdleConnsPerHost: 20_000,
			IdleConnTimeout:     90 * time.Second,
			DisableCompression:  true, // bodies pass as they are
		},
		// It cuts streams when the upstream is quick (golang/go#40747), and would
		// say so once per stream; the client counts them.
		ErrorLog: log.New(io.Discard, "", 0),
	}, nil
}

// bufferPool implements httputil.BufferPool without an allocation per Put.
type bufferPool struct{ buffers, holders sync.Pool }

func newBufferPool(size int) *bufferPool {
	p := &bufferPool{}
	p.buffers.New = func() any { b := make([]byte, size); return &b }
	p.holders.New = func() any { return new([]byte) }
	return p
}

// Get implements httputil.BufferPool.
func (p *bufferPool) Get() []byte {
	holder, _ := p.buffers.Get().(*[]byte) // holds nothing else
	b := *holder
	*holder = nil
	p.holders.Put(holder)
	return b
}

// Put implements httputil.BufferPool.
func (p *bufferPool) Put(b []byte) {
	holder, _ := p.holders.Get().(*[]byte)
	*holder = b
	p.buffers.Put(holder)
}
