package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"weir/internal/sandbox"
	"weir/internal/server"
)

func runSandbox(ctx context.Context, c *cli, args []string) error {
	fs := flags("sandbox")
	listen := fs.String("listen", "127.0.0.1:8090", "address to serve on")
	key := fs.String("api-key", "", "the only key to accept; default: any")
	latency := fs.Duration("latency", 0, "how long an answer takes to begin")
	interval := fs.Duration("interval", 0, "between two chunks of a stream")
	chunks := fs.Int("chunks", 0, "chunks of a stream; default: by the answer's length")
	err := parse(c, fs, args, func(w io.Writer) {
		_, _ = fmt.Fprint(w, `Usage: weir sandbox [flags]

Serves the sandbox provider alone: an OpenAI-compatible API that answers without
asking anybody, for applications' own tests. A model name or the header
x-weir-sandbox-options asks for delays, errors and cut streams:
gpt-4o+latency=250ms+error=429. GET /sandbox/ledger shows what it answered.

`)
		fs.SetOutput(w)
		fs.PrintDefaults()
	})
	if err != nil {
		return ended(err)
	}
	provider := sandbox.New(sandbox.Options{APIKey: *key, Latency: *latency, ChunkInterval: *interval, Chunks: *chunks})
	listener, err := server.Listen(ctx, *listen)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c.stdout, "sandbox provider at http://%s/v1\n", listener.Addr()); err != nil {
		return err
	}
	srv := &http.Server{Handler: provider, ReadHeaderTimeout: 30 * time.Second}
	context.AfterFunc(ctx, func() { _ = srv.Close() }) // a test server has nothing to lose
	if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
