//go:build scale

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/org"
)

const (
	scaleEvents = 1_000_000
	// scaleHeap is what verifying and exporting may add to the heap, in bytes,
	// however long the log is.
	scaleHeap = 48 << 20
)

// TestScaleAuditVerifyAndExport follows and writes out a long log, in constant
// memory.
func TestScaleAuditVerifyAndExport(t *testing.T) {
	eachInstall(t, func(t *testing.T, in *install) {
		in.node(func(n *node) {
			for range scaleEvents / 1000 {
				_, err := n.store.Update(t.Context(), audit.System(in.first), func(tx org.Tx) error {
					for i := range 1000 {
						tx.Record(audit.Event{
							Action: "project.updated", Type: "project.updated", ResourceID: fmt.Sprint("proj_", i),
							Actor:   audit.Actor{Type: audit.ActorAPIKey, UserID: "user-1", UserEmail: "ada@example.com", APIKeyID: "key_1", IPAddress: "192.0.2.1", UserAgent: "terraform/1.9"},
							Details: []byte(`{"id":"proj_x","changes_requested":{"title":"A new name for the project"}}`),
						})
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		})
		measure(t, "verify", func() error {
			if code, out, _ := in.weir("", "audit", "verify", "--organization", in.first); code != 0 {
				return errors.New(out)
			}
			return nil
		})
		measure(t, "export, and verify what comes", func() error {
			reader, writer := io.Pipe()
			exported := make(chan int, 1)
			go func() {
				code := run(t.Context(), &cli{stdin: strings.NewReader(""), stdout: writer, stderr: io.Discard, env: in.env}, []string{"audit", "export", "--organization", in.first})
				exported <- code
				_ = writer.Close()
			}()
			var out bytes.Buffer
			code := run(t.Context(), &cli{stdin: reader, stdout: &out, stderr: io.Discard, env: in.env}, []string{"audit", "verify", "--file", "-"})
			if wrote := <-exported; code != 0 || wrote != 0 {
				return fmt.Errorf("exit codes %d, %d: %s", wrote, code, out.String())
			}
			return nil
		})
	})
}

// measure runs fn and watches the heap meanwhile.
func measure(t *testing.T, what string, fn func() error) {
	t.Helper()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	runtime.GC()
	before := heap()
	var most atomic.Uint64
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				most.Store(max(most.Load(), heap()))
			}
		}
	}()
	start := time.Now()
	err := fn()
	took := time.Since(start)
	close(done)
	<-watched
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	grown := max(most.Load(), before) - before
	t.Logf("%s: %d events in %v, %d MiB of heap", what, scaleEvents, took.Round(time.Millisecond), grown>>20)
	if grown > scaleHeap {
		t.Errorf("%s takes %d bytes of heap", what, grown)
	}
}
