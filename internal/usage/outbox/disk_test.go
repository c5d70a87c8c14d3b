package outbox

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"pgregory.net/rapid"
)

// testDisk is the real file system, with faults on request, and with a memory
// of what a power cut would leave of it.
type testDisk struct {
	disk
	mu     sync.Mutex
	files  map[string]*testFile // by name
	names  map[string]*testFile // as they were at the last SyncDir
	faults faults
	held   chan struct{} // while not nil, Sync waits until it is closed…
	inSync chan struct{} // …and tells that it does here
}

// faults are how many of the next operations fail.
type faults struct{ create, write, short, sync, rename, syncDir int }

func newTestDisk(dir string) *testDisk {
	d := &testDisk{files: map[string]*testFile{}, names: map[string]*testFile{}, inSync: make(chan struct{}, 1)}
	paths, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			panic(err)
		}
		d.files[path] = &testFile{disk: d, synced: content, content: slices.Clone(content)}
	}
	d.names = maps.Clone(d.files)
	return d
}

// unsyncedAs makes d, a copy of before, lack on disk what before lacked: a
// process died and the machine goes on.
func (d *testDisk) unsyncedAs(before *testDisk) {
	names := map[string]*testFile{}
	for path := range before.names {
		names[filepath.Base(path)] = before.names[path]
	}
	files := map[string]*testFile{}
	for path, f := range before.files {
		files[filepath.Base(path)] = f
	}
	for path, f := range d.files {
		base := filepath.Base(path)
		f.synced = files[base].synced
		if names[base] != files[base] {
			delete(d.names, path)
			if names[base] != nil {
				d.names[path] = names[base]
			}
		}
	}
}

func (d *testDisk) set(f faults) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = f
}

// hold makes the next syncs wait; the returned function lets them go on.
func (d *testDisk) hold() (release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	held := make(chan struct{})
	d.held = held
	return func() {
		d.mu.Lock()
		d.held = nil
		d.mu.Unlock()
		close(held)
	}
}

func fails(n *int) bool {
	if *n == 0 {
		return false
	}
	*n--
	return true
}

func (d *testDisk) Create(path string) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if fails(&d.faults.create) {
		return nil, syscall.ENOSPC
	}
	f, err := d.disk.Create(path)
	if err != nil {
		return nil, err
	}
	t := &testFile{File: f, disk: d}
	d.files[path] = t
	return t, nil
}

func (d *testDisk) Open(path string) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.disk.Open(path)
	if err != nil {
		return nil, err
	}
	t := d.files[path]
	t.File = f
	return t, nil
}

func (d *testDisk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if fails(&d.faults.rename) {
		return syscall.EIO
	}
	if err := d.disk.Rename(from, to); err != nil {
		return err
	}
	d.files[to] = d.files[from]
	delete(d.files, from)
	return nil
}

func (d *testDisk) Remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.files, path)
	return d.disk.Remove(path)
}

func (d *testDisk) SyncDir(string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if fails(&d.faults.syncDir) {
		return syscall.EIO
	}
	d.names = maps.Clone(d.files)
	return nil
}

type testFile struct {
	File
	disk     *testDisk
	content  []byte
	synced   []byte
	poisoned bool // a sync failed: what was not synced by then never will be
}

func (f *testFile) WriteAt(b []byte, at int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if fails(&f.disk.faults.write) {
		return 0, syscall.ENOSPC
	}
	short := fails(&f.disk.faults.short)
	if short {
		b = b[:len(b)/2]
	}
	n, err := f.File.WriteAt(b, at)
	if grow := int(at) + n - len(f.content); grow > 0 {
		f.content = append(f.content, make([]byte, grow)...)
	}
	copy(f.content[at:], b[:n])
	if short && err == nil {
		err = syscall.ENOSPC
	}
	return n, err
}

func (f *testFile) Sync() error {
	f.disk.mu.Lock()
	content, held := slices.Clone(f.content), f.disk.held
	f.disk.mu.Unlock()
	if held != nil {
		poke(f.disk.inSync)
		<-held
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if fails(&f.disk.faults.sync) {
		f.poisoned = true
		return syscall.EIO
	}
	if !f.poisoned {
		f.synced = content
	}
	return nil
}

// cutPower writes to dir what a power cut might leave: all that was synced, and
// of the rest the beginning, or some blocks and not others.
func (d *testDisk) cutPower(t *rapid.T, dir string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := maps.Clone(d.names)
	// Names that were not synced yet: made or removed, or not.
	for _, path := range slices.Sorted(maps.Keys(d.files)) {
		if names[path] != d.files[path] && rapid.Bool().Draw(t, "new name survives") {
			names[path] = d.files[path]
		}
	}
	for _, path := range slices.Sorted(maps.Keys(names)) {
		f := names[path]
		left := slices.Clone(f.synced)
		if rest := f.content[len(left):]; len(rest) > 0 {
			left = append(left, rest[:rapid.IntRange(0, len(rest)).Draw(t, "torn at")]...)
			for block := len(f.synced); block < len(left); block += 512 {
				if rapid.IntRange(0, 3).Draw(t, "block lost") == 0 {
					clear(left[block:min(block+512, len(left))])
				}
			}
		}
		must(t, os.WriteFile(filepath.Join(dir, filepath.Base(path)), left, 0o600))
	}
}

// kill writes to dir what the death of the process leaves: all that was written.
// It returns the disk as it was then.
func (d *testDisk) kill(t *rapid.T, dir string) *testDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	left := &testDisk{files: map[string]*testFile{}, names: maps.Clone(d.names)}
	for path, f := range d.files {
		must(t, os.WriteFile(filepath.Join(dir, filepath.Base(path)), f.content, 0o600))
		then := &testFile{synced: slices.Clone(f.synced)}
		left.files[path] = then
		if left.names[path] == f {
			left.names[path] = then
		}
	}
	return left
}

func must(t interface {
	Helper()
	Fatal(args ...any)
}, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tempDir is t.TempDir for each try of a property.
func tempDir(t *rapid.T, under string) string {
	dir, err := os.MkdirTemp(under, "log")
	must(t, err)
	return dir
}
