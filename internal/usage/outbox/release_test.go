package outbox

import "testing"

// A request that is being settled while its open record would be carried must
// not come back to life behind its settled record.
func TestCarryingLeavesOutWhatIsBeingSettled(t *testing.T) {
	dir := t.TempDir()
	d := newTestDisk(dir)
	log := open(t, dir, Options{FS: d, SegmentSize: 1})
	must(t, log.AppendOpen(typicalEvent("req_long")))
	settle(t, log, "req_1")         // begins the next segment…
	mark := settle(t, log, "req_2") // …which this is in
	select {
	case <-d.inSync:
	default:
	}
	letGo := d.hold()
	settled := make(chan error, 1)
	go func() {
		_, err := log.AppendSettled(typicalEvent("req_long"))
		settled <- err
	}()
	<-d.inSync
	log.mu.Lock()
	done := log.doneSegments(mark)
	if len(done) == 0 || done[0].opens != 1 {
		t.Errorf("the open record is not where it should be: %d segments", len(done))
	}
	_, err := log.carry(done)
	log.mu.Unlock()
	must(t, err)
	letGo()
	must(t, <-settled)
	must(t, log.Release(mark))
	must(t, log.Close())
	if got := interrupted(open(t, dir, Options{})); got != nil {
		t.Errorf("interrupted: %v", got)
	}
}
