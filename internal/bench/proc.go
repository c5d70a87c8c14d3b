package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// process is one whose CPU time and memory are read. PID 0 is no process: it
// costs nothing.
type process struct{ pid int }

// clockTick is what /proc counts CPU time in: USER_HZ is 100 wherever Go runs.
const clockTick = time.Second / 100

// cpu is the CPU time spent so far, in user and in kernel mode.
func (p process) cpu() (time.Duration, error) {
	if p.pid == 0 {
		return 0, nil
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	if err != nil {
		return 0, fmt.Errorf("reading CPU time: %w", err)
	}
	return parseStat(stat)
}

// parseStat takes utime and stime, the 14th and 15th fields, from
// /proc/PID/stat (proc_pid_stat(5)). The second field is the program's name in
// parentheses, which may hold spaces and parentheses itself.
func parseStat(stat []byte) (time.Duration, error) {
	end := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[end+1:])
	if end < 0 || len(fields) < 13 {
		return 0, fmt.Errorf("/proc/PID/stat has another form than expected: %q", stat)
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading CPU time from /proc/PID/stat: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}

// resident is the memory held, in bytes.
func (p process) resident() (int64, error) {
	if p.pid == 0 {
		return 0, nil
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		return 0, fmt.Errorf("reading resident memory: %w", err)
	}
	return parseStatus(status)
}

// parseStatus takes VmRSS from /proc/PID/status, and returns bytes.
func parseStatus(status []byte) (int64, error) {
	line, ok := field(string(status), "VmRSS")
	number, isKB := strings.CutSuffix(line, " kB")
	if !ok || !isKB {
		return 0, errors.New("/proc/PID/status has no VmRSS in kB")
	}
	kib, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("reading VmRSS from /proc/PID/status: %w", err)
	}
	return kib << 10, nil
}

// field is the value of the first "name : value" line.
func field(text, name string) (string, bool) {
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// Machine is where a run took place: absolute figures belong to it.
type Machine struct {
	CPU       string
	Cores     int // that Go may use
	MemoryMiB int64
	Kernel    string
	System    string
	Go        string
	Sync      time.Duration // median of one 4 KiB write and its sync in the data directory
}

func describeMachine(dir string) (Machine, error) {
	m := Machine{Cores: runtime.GOMAXPROCS(0), Go: runtime.Version(), CPU: runtime.GOARCH, System: runtime.GOOS}
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			return "" // a description is worth having without one of its parts
		}
		return string(text)
	}
	if cpu, ok := field(read("/proc/cpuinfo"), "model name"); ok {
		m.CPU = cpu
	}
	if total, ok := field(read("/proc/meminfo"), "MemTotal"); ok {
		kib, err := strconv.ParseInt(strings.TrimSuffix(total, " kB"), 10, 64)
		if err != nil {
			return m, fmt.Errorf("reading MemTotal: %w", err)
		}
		m.MemoryMiB = kib >> 10
	}
	m.Kernel = strings.TrimSpace(read("/proc/sys/kernel/osrelease"))
	for line := range strings.Lines(read("/etc/os-release")) {
		if name, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
			m.System = strings.Trim(strings.TrimSpace(name), `"`)
		}
	}
	var err error
	m.Sync, err = syncTime(dir)
	return m, err
}

// syncTime is what making one small write durable takes in dir.
func syncTime(dir string) (_ time.Duration, err error) {
	f, err := os.CreateTemp(dir, "weir-bench-sync-")
	if err != nil {
		return 0, fmt.Errorf("making a file to sync: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	took := make([]time.Duration, 51)
	block := make([]byte, 4<<10)
	for i := range took {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, fmt.Errorf("writing a file to sync: %w", err)
		}
		if err := f.Sync(); err != nil {
			return 0, fmt.Errorf("syncing a file: %w", err)
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}
