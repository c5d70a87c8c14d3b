package recorder

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"weir/internal/usage"
	"weir/internal/usage/outbox"
)

const killedDir = "WEIR_TEST_KILLED_DIR"

// TestMain is also the process that TestKilled kills: it opens and settles as
// fast as it can and says what it was promised.
func TestMain(m *testing.M) {
	dir := os.Getenv(killedDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	log, err := outbox.Open(dir, outbox.Options{SegmentSize: 20_000})
	if err != nil {
		panic(err)
	}
	var mu sync.Mutex
	say := func(what, id string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(os.Stdout, what, id)
	}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				ev := event(fmt.Sprintf("req_%d_%d_%d", os.Getpid(), w, i))
				if err := log.AppendOpen(ev); err != nil {
					panic(err)
				}
				say("opened", ev.ID)
				if i%5 == 4 {
					continue // stays open
				}
				if _, err := log.AppendSettled(ev); err != nil {
					panic(err)
				}
				say("settled", ev.ID)
			}
		})
	}
	wg.Wait()
}

// A process killed at any moment: what it was promised is counted once, and
// every request it had opened is counted.
func TestKilled(t *testing.T) {
	dir, store := t.TempDir(), newMemory()
	opened, settled := map[string]bool{}, map[string]bool{}
	for range 3 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), killedDir+"="+dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		must(t, err)
		must(t, child.Start())
		lines := bufio.NewScanner(out)
		for n := 1; lines.Scan(); n++ {
			what, id, whole := strings.Cut(lines.Text(), " ")
			switch {
			case what == "opened" && whole:
				opened[id] = true
			case what == "settled" && whole:
				settled[id] = true
			}
			if n == 500 {
				must(t, child.Process.Kill())
			}
		}
		_ = child.Wait() // it was killed

		r := start(t, dir, store, Options{})
		run(t, r)
		flush(t, r)
		must(t, r.Close())
	}
	interrupted := 0
	for id := range opened {
		if store.counted[id] != 1 {
			t.Errorf("%s was opened and is counted %d times", id, store.counted[id])
		}
		if store.events[id].Outcome == usage.OutcomeInterrupted {
			interrupted++
			if settled[id] {
				t.Errorf("%s was settled and is counted as interrupted", id)
			}
		}
	}
	if len(settled) == 0 || interrupted == 0 {
		t.Errorf("%d settled, %d interrupted", len(settled), interrupted)
	}
}
