package bench

import (
	"os"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	// A name with a space and a parenthesis; utime 1234, stime 66 ticks.
	const stat = "4711 (we) ir) S 1 4711 4711 0 -1 4194560 9000 0 2 0 1234 66 0 0 20 0 9 0 100 1000000 2500 18446744073709551615\n"
	got, err := parseStat([]byte(stat))
	if err != nil || got != 13*time.Second {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "4711 (weir", "4711 (weir) S 1 2", "1 (weir) S 1 1 1 0 -1 0 0 0 0 0 x 66 0 0"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestParseStatus(t *testing.T) {
	got, err := parseStatus([]byte("Name:\tweir\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\nThreads:\t9\n"))
	if err != nil || got != 10<<20 {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "VmRSS:\t12\n", "VmRSS:\tmany kB\n"} {
		if _, err := parseStatus([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// This process, once it has worked, has spent time and holds memory; one that is
// gone is an error, and no process costs nothing.
func TestProcess(t *testing.T) {
	own := process{os.Getpid()}
	for used := time.Duration(0); used == 0; {
		var err error
		if used, err = own.cpu(); err != nil {
			t.Fatal(err)
		}
	}
	if memory, err := own.resident(); err != nil || memory < 1<<20 {
		t.Errorf("%d bytes, %v", memory, err)
	}
	if _, err := (process{1 << 30}).cpu(); err == nil {
		t.Error("a process that does not exist has spent CPU time")
	}
	if used, err := (process{}).cpu(); used != 0 || err != nil {
		t.Errorf("no process: %v, %v", used, err)
	}
}

// Streams are scaled down to the open files there may be, and it is said.
func TestFit(t *testing.T) {
	p := full()
	if notes := p.fit(20_000); notes != nil || p != full() {
		t.Errorf("20,000 files: %+v, %q", p, notes)
	}
	notes := p.fit(1024)
	if len(notes) != 3 || p.few != 384 || p.many != 384 || p.burst != 384 {
		t.Errorf("1,024 files: %+v, %q", p, notes)
	}
}
