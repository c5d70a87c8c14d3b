package audit

import "fmt"

// Link is a place in a chain: an event's sequence and hash. The zero Link is
// before the first event.
type Link struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

// BrokenError says where a chain does not hold, and why.
type BrokenError struct {
	OrganizationID string
	EventID        string // the first event that does not fit; "" when none is there
	Seq            int64  // the first sequence that is not as it was written
	Problem        string // continues "event …": "was altered"
}

// Error is fit for a terminal, whatever somebody has written into the log.
func (e *BrokenError) Error() string {
	if e.EventID == "" {
		return Legible(fmt.Sprintf("the audit log of %s is broken at sequence %d: %s", e.OrganizationID, e.Seq, e.Problem))
	}
	return Legible(fmt.Sprintf("audit event %s (sequence %d of %s) %s", e.EventID, e.Seq, e.OrganizationID, e.Problem))
}

// Walk follows one organization's chain, event by event, in constant memory.
type Walk struct {
	organizationID string
	at             Link
	events         int64
}

// NewWalk begins behind after.
func NewWalk(organizationID string, after Link) *Walk {
	return &Walk{organizationID: organizationID, at: after}
}

// At is the last event that was followed.
func (w *Walk) At() Link { return w.at }

// Events is how many were followed.
func (w *Walk) Events() int64 { return w.events }

// Next follows e. A *BrokenError says that e is not the event that was written
// there.
func (w *Walk) Next(e *Event) error {
	want := w.at.Seq + 1
	broken := func(seq int64, format string, args ...any) error {
		return &BrokenError{w.organizationID, e.ID, seq, fmt.Sprintf(format, args...)}
	}
	switch {
	case e.OrganizationID != w.organizationID:
		return broken(want, "is of another organization")
	case e.Seq == want+1:
		return broken(want, "has sequence %d, where %d should come: an event was removed", e.Seq, want)
	case e.Seq > want:
		return broken(want, "has sequence %d, where %d should come: %d events were removed", e.Seq, want, e.Seq-want)
	case e.Seq < want:
		return broken(e.Seq, "comes behind sequence %d: it was put in", w.at.Seq)
	case e.PrevHash != w.at.Hash:
		return broken(e.Seq, "does not follow the event before it: one of the two was replaced")
	}
	sum, err := e.sum()
	if err != nil {
		return err
	}
	if sum != e.Hash {
		return broken(e.Seq, "was altered")
	}
	w.at = Link{e.Seq, e.Hash}
	w.events++
	return nil
}

// End compares the last event with the head that the store keeps of the chain.
func (w *Walk) End(head Link) error {
	broken := func(seq int64, format string, args ...any) error {
		return &BrokenError{w.organizationID, "", seq, fmt.Sprintf(format, args...)}
	}
	switch {
	case head.Seq == 0 && w.at.Seq == 0:
		return broken(1, "there are no events, though every log begins with the organization's creation")
	case head.Seq > w.at.Seq:
		return broken(w.at.Seq+1, "the last %d events were removed", head.Seq-w.at.Seq)
	case head.Seq < w.at.Seq:
		return broken(head.Seq+1, "%d events were put in behind the end", w.at.Seq-head.Seq)
	case head.Hash != w.at.Hash:
		return broken(w.at.Seq, "the last event is not the one that the chain's end names")
	}
	return nil
}
