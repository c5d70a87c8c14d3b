package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// benchModel is the only model of the mock upstream.
const benchModel = "bench-model"

// upstreamOptions set how the mock upstream answers. The zero value answers at
// once, within microseconds of a request's last byte.
type upstreamOptions struct {
	delay    time.Duration // before an answer begins
	interval time.Duration // between two chunks of a stream, each flushed
	chunks   int           // of a stream, without the usage chunk and [DONE]
	size     int           // bytes of content, of an answer or of each chunk
}

func (o *upstreamOptions) flags(fs *flag.FlagSet) {
	fs.DurationVar(&o.delay, "delay", 0, "before an answer begins")
	fs.DurationVar(&o.interval, "interval", 0, "between two chunks")
	fs.IntVar(&o.chunks, "chunks", 1, "of a stream")
	fs.IntVar(&o.size, "size", 16, "bytes of content")
}

func (o upstreamOptions) args() []string {
	return []string{
		"-delay", o.delay.String(), "-interval", o.interval.String(),
		"-chunks", strconv.Itoa(o.chunks), "-size", strconv.Itoa(o.size),
	}
}

// startMock starts the mock upstream in a process of its own.
func startMock(ctx context.Context, exe string, o upstreamOptions) (*Instance, error) {
	mock, err := startOwn(ctx, exe, append([]string{"mock"}, o.args()...)...)
	if err != nil {
		return nil, fmt.Errorf("starting the mock upstream: %w", err)
	}
	return mock, nil
}

// mock is an upstream that speaks chat completions. Its answers are made once,
// so that it stays out of the way of what is measured.
type mock struct {
	upstreamOptions

	unary, chunk, usage, done []byte
}

func newMock(o upstreamOptions) *mock {
	const usage = `{"prompt_tokens":24,"completion_tokens":16,"total_tokens":40,` +
		`"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}`
	const head = `"id":"chatcmpl-bench","created":1760000000,"model":"` + benchModel + `","service_tier":"default",`
	text := strings.Repeat("x", o.size)
	return &mock{
		upstreamOptions: o,
		unary: []byte(`{"object":"chat.completion",` + head + `"choices":[{"index":0,"message":{"role":"assistant","content":"` +
			text + `"},"finish_reason":"stop"}],"usage":` + usage + `}`),
		chunk: []byte(`data: {"object":"chat.completion.chunk",` + head + `"choices":[{"index":0,"delta":{"content":"` +
			text + `"},"finish_reason":null}]}` + "\n\n"),
		usage: []byte(`data: {"object":"chat.completion.chunk",` + head + `"choices":[],"usage":` + usage + "}\n\n"),
		done:  []byte("data: [DONE]\n\n"),
	}
}

// ServeHTTP implements http.Handler.
func (m *mock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/v1/models":
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"`+benchModel+`","object":"model","created":1760000000,"owned_by":"bench"}]}`)
		return
	case r.Method != http.MethodPost || r.URL.Path != "/v1/chat/completions":
		http.NotFound(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller is gone
	}
	if !wait(r.Context(), m.delay) {
		return
	}
	asked := gjson.GetManyBytes(body, "stream", "stream_options.include_usage")
	if !asked[0].Bool() {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(m.unary)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	m.stream(r.Context(), w, asked[1].Bool())
}

// stream writes one; an error is a caller who has gone.
func (m *mock) stream(ctx context.Context, w http.ResponseWriter, withUsage bool) {
	flusher := http.NewResponseController(w)
	next := make(<-chan time.Time) // never, where nothing waits
	if m.interval > 0 {
		tick := time.NewTicker(m.interval)
		defer tick.Stop()
		next = tick.C
	}
	for i := range m.chunks {
		if i > 0 && m.interval > 0 {
			select {
			case <-next:
			case <-ctx.Done():
				return
			}
		}
		if _, err := w.Write(m.chunk); err != nil {
			return
		}
		if err := flusher.Flush(); err != nil {
			return
		}
	}
	if withUsage {
		_, _ = w.Write(m.usage)
	}
	_, _ = w.Write(m.done)
}

// wait returns whether d passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Child is the process behind "weir bench child NAME …": the mock upstream or
// the reference. It listens on a free loopback port, says where on stdout, and
// ends with its stdin. It returns the exit code.
func Child(args []string) int {
	handler, err := childHandler(args)
	if err == nil {
		err = serveUntilEOF(handler, os.Stdin, os.Stdout)
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench child:", err)
		return 1
	}
	return 0
}

func childHandler(args []string) (http.Handler, error) {
	if len(args) == 0 {
		return nil, errors.New("which? mock or reference")
	}
	fs := flag.NewFlagSet(args[0], flag.ContinueOnError)
	switch args[0] {
	case "mock":
		var o upstreamOptions
		o.flags(fs)
		if err := fs.Parse(args[1:]); err != nil {
			return nil, err
		}
		return newMock(o), nil
	case "reference":
		upstream := fs.String("upstream", "", "address to relay to")
		if err := fs.Parse(args[1:]); err != nil {
			return nil, err
		}
		return newReference(*upstream)
	}
	return nil, fmt.Errorf("there is no %q: there are mock and reference", args[0])
}

func serveUntilEOF(handler http.Handler, in io.Reader, out io.Writer) error {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 30 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	if _, err := fmt.Fprintf(out, "http://%s\n", listener.Addr()); err != nil {
		return errors.Join(fmt.Errorf("saying where it listens: %w", err), srv.Close())
	}
	_, _ = io.Copy(io.Discard, in)
	err = srv.Close()
	if served := <-served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
