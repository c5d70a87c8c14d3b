package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// InProcess returns a RoundTripper that answers requests by calling h, without
// a listener. It behaves as a connection would: the answer begins when the
// handler flushes, fills the buffer or returns; what is flushed can be read at
// once; a cancelled request or a closed response body cancels the handler's
// context and fails its writes; a handler that panics (http.ErrAbortHandler)
// cuts the answer off. Protocol upgrades are not supported.
//
// The request body is closed when the handler is done, which is before the end
// of the response body can be read.
func InProcess(h http.Handler) http.RoundTripper { return inProcess{h} }

type inProcess struct{ handler http.Handler }

// pipeBuffer is what a handler may write before it is sent without a flush, as
// in net/http's server.
const pipeBuffer = 4 << 10

func (t inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	reader, writer := io.Pipe()
	w := &pipeWriter{
		header:    make(http.Header),
		pipe:      writer,
		committed: make(chan struct{}),
		noBody:    req.Method == http.MethodHead,
		length:    -1,
	}
	w.buffer = bufio.NewWriterSize(committer{w}, pipeBuffer)
	// A reader that waits must see the cancellation at once, whatever the
	// handler is doing.
	stop := context.AfterFunc(ctx, func() { writer.CloseWithError(context.Cause(ctx)) })

	go t.serve(inbound(ctx, req), w)

	select {
	case <-w.committed:
	case <-ctx.Done():
		cancel()
		return nil, context.Cause(ctx)
	}
	if w.err != nil {
		stop()
		cancel()
		return nil, w.err
	}
	return &http.Response{
		Status:        strconv.Itoa(w.status) + " " + http.StatusText(w.status),
		StatusCode:    w.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        w.sent,
		Body:          &pipeBody{PipeReader: reader, stop: stop, cancel: cancel},
		ContentLength: w.length,
		Request:       req,
	}, nil
}

// inbound is req as a server would have received it.
func inbound(ctx context.Context, req *http.Request) *http.Request {
	in := req.Clone(ctx)
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/1.1", 1, 1
	in.URL.Scheme, in.URL.Host = "", ""
	in.RequestURI = in.URL.RequestURI()
	in.RemoteAddr = "in-process"
	if in.Host == "" {
		in.Host = "sandbox"
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	return in
}

// serve runs the handler to its end and then ends the answer.
func (t inProcess) serve(in *http.Request, w *pipeWriter) {
	var broken error
	func() {
		defer func() {
			switch v := recover(); {
			case v == nil:
			case v == http.ErrAbortHandler: //nolint:errorlint // a sentinel that is compared, as net/http does
				broken = io.ErrUnexpectedEOF
			default:
				broken = fmt.Errorf("in-process provider panicked: %v", v)
			}
		}()
		t.handler.ServeHTTP(w, in)
	}()
	if broken == nil && in.Context().Err() != nil {
		// A handler that stopped because it was cancelled has not said all: its
		// answer must not look complete.
		broken = context.Cause(in.Context())
	}
	// The handler has returned; an error closing a body it may not even have
	// read changes nothing about the answer.
	_ = in.Body.Close()
	w.finish(broken)
}

// pipeWriter is the handler's end of the answer.
type pipeWriter struct {
	header http.Header // the handler's
	buffer *bufio.Writer
	pipe   *io.PipeWriter
	noBody bool
	wrote  bool // the status is decided

	once      sync.Once
	committed chan struct{} // closed when the fields below are final
	status    int
	sent      http.Header
	length    int64
	err       error // there will be no answer
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) {
	// Informational answers are not the answer. net/http's client would show
	// them to a trace only.
	if w.wrote || status < 200 {
		return
	}
	w.wrote = true
	w.status = status
	w.sent = w.header.Clone() // later changes by the handler have no effect
	if status == http.StatusNoContent || status == http.StatusNotModified {
		w.noBody = true
	}
}

func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.noBody {
		return 0, http.ErrBodyNotAllowed
	}
	return w.buffer.Write(p)
}

// FlushError sends what was written so far; http.ResponseController calls it.
func (w *pipeWriter) FlushError() error {
	w.WriteHeader(http.StatusOK)
	w.commit()
	return w.buffer.Flush()
}

// Flush is FlushError for callers of http.Flusher, who cannot be told.
func (w *pipeWriter) Flush() { _ = w.FlushError() }

// commit lets the answer begin: its status and header are final.
func (w *pipeWriter) commit() {
	w.once.Do(func() {
		if n, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
			w.length = n
		}
		close(w.committed)
	})
}

// finish ends the answer; broken is nil when it is whole.
func (w *pipeWriter) finish(broken error) {
	if broken != nil {
		w.once.Do(func() {
			w.err = broken
			close(w.committed)
		})
		// Bytes that the handler did not flush are lost with the connection.
		w.pipe.CloseWithError(broken)
		return
	}
	w.WriteHeader(http.StatusOK)
	if w.sent.Get("Content-Length") == "" {
		w.once.Do(func() {
			// Nothing went out yet: the length is known, as net/http finds it.
			w.length = int64(w.buffer.Buffered())
			close(w.committed)
		})
	}
	w.commit()
	// A failure means that the reader is gone.
	w.pipe.CloseWithError(w.buffer.Flush())
}

// committer makes an answer begin when the buffer overflows.
type committer struct{ w *pipeWriter }

func (c committer) Write(p []byte) (int, error) {
	c.w.commit()
	return c.w.pipe.Write(p)
}

// errBodyClosed is what the handler's writes and the reader get after Close.
var errBodyClosed = errors.New("response body closed")

// pipeBody is the client's end of the answer.
type pipeBody struct {
	*io.PipeReader
	stop   func() bool
	cancel context.CancelFunc
}

// Close hangs up: the handler's context is cancelled and its writes fail.
func (b *pipeBody) Close() error {
	b.stop()
	b.cancel()
	return b.CloseWithError(errBodyClosed)
}
