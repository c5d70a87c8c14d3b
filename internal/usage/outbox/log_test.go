package outbox

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/money"
	"weir/internal/usage"
)

func open(t testing.TB, dir string, opts Options) *Log {
	t.Helper()
	log, err := Open(dir, opts)
	must(t, err)
	t.Cleanup(func() { _ = log.Close() })
	return log
}

func settle(t testing.TB, log *Log, id string) uint64 {
	t.Helper()
	position, err := log.AppendSettled(typicalEvent(id))
	must(t, err)
	return position
}

func pending(t testing.TB, log *Log, after uint64) (ids []string) {
	t.Helper()
	events, err := log.ReadFrom(after, 1<<20)
	must(t, err)
	for _, p := range events {
		ids = append(ids, p.Event.ID)
	}
	return ids
}

func interrupted(log *Log) (ids []string) {
	for _, ev := range log.Interrupted() {
		ids = append(ids, ev.ID)
	}
	return ids
}

func segmentFiles(t testing.TB, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.log"))
	must(t, err)
	return paths
}

func typicalEvent(id string) usage.Event {
	cost := money.FromParts(3_320_000, 0)
	at := time.Date(2026, 11, 24, 12, 0, 0, 123456789, time.UTC)
	return usage.Event{
		ID: id, OrganizationID: "org-0123456789abcdefABCDEFGH", ProjectID: "proj_0123456789abcdefABCDEFGH", WorkspaceID: "ws_0123456789abcdefABCDEFGH",
		APIKeyID: "key_0123456789abcdefABCDEFGH", UserID: "user-0123456789abcdefABCDEFGH",
		Kind: usage.Completions, Method: "POST", Path: "/v1/chat/completions",
		ModelEndpointID: "mep_0123456789abcdefABCDEFGH", ConnectionID: "conn_0123456789abcdefABCDEFGH",
		ModelAsked: "gpt-4o", Model: "gpt-4o-2024-08-06", ServiceTier: "default", Stream: true,
		Received: at, FirstByte: at.Add(200 * time.Millisecond), Done: at.Add(2 * time.Second),
		Status: 200, Outcome: usage.OutcomeCompleted,
		Attempts:   []usage.Attempt{{ConnectionID: "conn_0123456789abcdefABCDEFGH", Model: "gpt-4o", Status: 200, UpstreamRequestID: "req_0123456789abcdef0123456789abcdef", DurationMicros: 1_999_000}},
		Quantities: usage.Quantities{InputText: 176, CachedText: 1024, OutputText: 160, Reasoning: 64}, Source: usage.SourceProvider,
		Cost: &cost, Lines: []usage.CostLine{
			{LineItem: "gpt-4o-2024-08-06, input", Meter: "input", Quantity: 176, Unit: "tokens", Amount: &cost},
			{LineItem: "gpt-4o-2024-08-06, cached input", Meter: "cached_input", Quantity: 1024, Unit: "tokens", Amount: &cost},
			{LineItem: "gpt-4o-2024-08-06, output", Meter: "output", Quantity: 160, Unit: "tokens", Amount: &cost},
		},
		RequestBytes: 5120, ResponseBytes: 20480,
	}
}

func TestEventsComeBackAsTheyWere(t *testing.T) {
	dir := t.TempDir()
	log := open(t, dir, Options{})
	ev := typicalEvent("req_1")
	ev.Received = time.Now() // local time, with a monotonic clock
	position, err := log.AppendSettled(ev)
	must(t, err)
	fromMemory, err := log.ReadFrom(0, 10)
	must(t, err)
	must(t, log.Close())
	fromDisk, err := open(t, dir, Options{}).ReadFrom(0, 10)
	must(t, err)
	if !reflect.DeepEqual(fromMemory, fromDisk) || len(fromDisk) != 1 || fromDisk[0].Position != position {
		t.Errorf("memory %+v\ndisk   %+v", fromMemory, fromDisk)
	}
	if !fromDisk[0].Event.Received.Equal(ev.Received) {
		t.Errorf("received %v, want %v", fromDisk[0].Event.Received, ev.Received)
	}
}

func TestOnlyOneProcessMayHaveTheLog(t *testing.T) {
	dir := t.TempDir()
	log := open(t, dir, Options{})
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("second Open: %v", err)
	}
	id := log.ID()
	must(t, log.Close())
	if again := open(t, dir, Options{}); again.ID() != id {
		t.Errorf("the log was %s and is %s", id, again.ID())
	}
}

func TestATornTailIsCutOffAtAnyByte(t *testing.T) {
	dir := t.TempDir()
	log := open(t, dir, Options{SegmentSize: 5000})
	settle(t, log, "req_1")
	path := segmentFiles(t, dir)[0]
	whole := log.active().size
	_, err := log.AppendSettled(usage.Event{ID: "req_2"})
	must(t, err)
	end := log.active().size
	must(t, log.Close())
	bytes, err := os.ReadFile(path)
	must(t, err)
	for size := whole; size < end; size++ {
		torn := t.TempDir()
		must(t, os.WriteFile(filepath.Join(torn, filepath.Base(path)), bytes[:size], 0o600))
		log := open(t, torn, Options{SegmentSize: 5000, FS: newTestDisk(torn)})
		if got := pending(t, log, 0); !slices.Equal(got, []string{"req_1"}) {
			t.Fatalf("cut at %d: %v", size, got)
		}
		_, err = log.AppendSettled(usage.Event{ID: "req_3"})
		must(t, err)
		must(t, log.Close())
		log = open(t, torn, Options{SegmentSize: 5000, FS: newTestDisk(torn)})
		if got := pending(t, log, 0); !slices.Equal(got, []string{"req_1", "req_3"}) {
			t.Fatalf("cut at %d, after another start: %v", size, got)
		}
		must(t, log.Close())
	}
}

func TestDamageThatNoCrashExplainsStopsTheStart(t *testing.T) {
	pristine := t.TempDir()
	log := open(t, pristine, Options{SegmentSize: 3000})
	for _, id := range []string{"req_1", "req_2", "req_3", "req_4", "req_5", "req_6", "req_7", "req_8"} {
		settle(t, log, id)
	}
	end := log.segments[0].size
	must(t, log.Close())
	names := segmentFiles(t, pristine)
	last := names[len(names)-1]
	cases := []struct {
		name   string
		file   string
		offset int64
		damage func(b []byte) []byte
	}{
		{"a bit of a record in the middle", names[0], segmentHeader, func(b []byte) []byte { b[segmentHeader+200] ^= 1; return b }},
		{"a length in the middle", names[0], segmentHeader, func(b []byte) []byte { b[segmentHeader+2] ^= 1; return b }},
		{"the end of a segment in the middle", names[0], -1, func(b []byte) []byte { return b[:end-1] }},
		{"zeros in the middle", names[0], segmentHeader, func(b []byte) []byte { clear(b[segmentHeader : segmentHeader+512]); return b }},
		{"a header", names[0], 0, func(b []byte) []byte { b[20] ^= 1; return b }},
		{"an empty file", names[0], 0, func([]byte) []byte { return nil }},
		{"a missing segment", names[1], -2, func([]byte) []byte { return nil }},
		{"a synced record of the last segment", last, segmentHeader, func(b []byte) []byte {
			b[segmentHeader+100] ^= 1
			return b
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.CopyFS(dir, os.DirFS(pristine)))
			path := filepath.Join(dir, filepath.Base(c.file))
			b, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(path, c.damage(b), 0o600))
			if c.offset == -2 {
				must(t, os.Remove(path))
			}
			_, err = Open(dir, Options{})
			var corrupt *CorruptError
			if !errors.As(err, &corrupt) {
				t.Fatalf("Open: %v", err)
			}
			if c.offset >= 0 && (corrupt.Path != path || corrupt.Offset != c.offset) {
				t.Errorf("said %s at %d, want %s at %d", corrupt.Path, corrupt.Offset, path, c.offset)
			}
		})
	}
}

func TestASegmentOfALaterVersionIsNotTouched(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(segmentPath(dir, 1), append([]byte("weirlog\x02"), make([]byte, 100)...), 0o600))
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("Open: %v", err)
	}
}

func TestALongRequestDoesNotKeepShippedSegments(t *testing.T) {
	dir := t.TempDir()
	log := open(t, dir, Options{SegmentSize: 4000})
	long := typicalEvent("req_long")
	long.Outcome = usage.OutcomeOpen
	must(t, log.AppendOpen(long))
	for i := range 50 {
		position := settle(t, log, "req_"+string(rune('A'+i)))
		must(t, log.Release(position))
	}
	if n := len(segmentFiles(t, dir)); n > 3 {
		t.Errorf("%d segments are left", n)
	}
	must(t, log.Close())
	log = open(t, dir, Options{})
	if got := log.Interrupted(); len(got) != 1 || !reflect.DeepEqual(got[0], long) {
		t.Errorf("interrupted: %+v", got)
	}
	position := settle(t, log, "req_long")
	must(t, log.Release(position))
	if log.First() != position+1 && len(segmentFiles(t, dir)) != 1 {
		t.Errorf("%v are left, the first position is %d", segmentFiles(t, dir), log.First())
	}
	must(t, log.Close())
	if got := interrupted(open(t, dir, Options{})); got != nil {
		t.Errorf("interrupted: %v", got)
	}
}

func TestReleaseKeepsWhatIsNotShipped(t *testing.T) {
	dir := t.TempDir()
	log := open(t, dir, Options{SegmentSize: 1})
	first, second := settle(t, log, "req_1"), settle(t, log, "req_2")
	must(t, log.Release(first))
	must(t, log.Close())
	log = open(t, dir, Options{})
	if got := pending(t, log, first); !slices.Equal(got, []string{"req_2"}) {
		t.Errorf("pending: %v", got)
	}
	if log.First() != second || log.LastSettled() != second {
		t.Errorf("first %d, last settled %d, want %d", log.First(), log.LastSettled(), second)
	}
}

// A folder that was lost starts at 1, where the events store would take its
// events for old ones.
func TestAdvanceGoesBeyondWhatTheStoreRemembers(t *testing.T) {
	dir := t.TempDir()
	log := open(t, dir, Options{})
	must(t, log.Advance(1000))
	must(t, log.Advance(10)) // no way back
	if p := settle(t, log, "req_1"); p != 1001 {
		t.Errorf("position %d", p)
	}
	must(t, log.Close())
	log = open(t, dir, Options{})
	if p := settle(t, log, "req_2"); p != 1002 {
		t.Errorf("position %d after another start", p)
	}
	if got := pending(t, log, 1000); !slices.Equal(got, []string{"req_1", "req_2"}) {
		t.Errorf("pending: %v", got)
	}
}

func TestAfterCloseNothingIsTaken(t *testing.T) {
	log := open(t, t.TempDir(), Options{})
	must(t, log.AppendOpen(typicalEvent("req_1")))
	must(t, log.Close())
	if err := log.AppendOpen(typicalEvent("req_2")); !isUnavailable(err) {
		t.Errorf("AppendOpen: %v", err)
	}
	if _, err := log.AppendSettled(typicalEvent("req_1")); !isUnavailable(err) {
		t.Errorf("AppendSettled: %v", err)
	}
	if err := log.Release(1); !isUnavailable(err) {
		t.Errorf("Release: %v", err)
	}
	must(t, log.Close())
}
