package audit

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// follow walks events to their end.
func follow(events []Event, after, head Link) error {
	w := NewWalk("org-1", after)
	for i := range events {
		if err := w.Next(&events[i]); err != nil {
			return err
		}
	}
	return w.End(head)
}

func headOf(events []Event) Link {
	last := events[len(events)-1]
	return Link{last.Seq, last.Hash}
}

func TestWalkNamesTheFirstBrokenEvent(t *testing.T) {
	reseal := func(e *Event) {
		if err := e.Seal(e.Seq-1, e.PrevHash); err != nil {
			t.Fatal(err)
		}
	}
	for what, test := range map[string]struct {
		tamper  func(e []Event) []Event
		seq     int64
		id      string
		problem string
	}{
		"altered":              {func(e []Event) []Event { e[2].Details = json.RawMessage(`{"id":"x"}`); return e }, 3, "audit_log-c", "was altered"},
		"altered and resealed": {func(e []Event) []Event { e[2].ResourceID = "x"; reseal(&e[2]); return e }, 4, "audit_log-d", "one of the two was replaced"},
		"the last resealed":    {func(e []Event) []Event { e[5].ResourceID = "x"; reseal(&e[5]); return e }, 6, "", "not the one that the chain's end names"},
		"one removed":          {func(e []Event) []Event { return append(e[:2:2], e[3:]...) }, 3, "audit_log-d", "an event was removed"},
		"two removed":          {func(e []Event) []Event { return append(e[:2:2], e[4:]...) }, 3, "audit_log-e", "2 events were removed"},
		"the first removed":    {func(e []Event) []Event { return e[1:] }, 1, "audit_log-b", "an event was removed"},
		"the last removed":     {func(e []Event) []Event { return e[:4] }, 5, "", "the last 2 events were removed"},
		"all removed":          {func(e []Event) []Event { return nil }, 1, "", "the last 6 events were removed"},
		"one twice":            {func(e []Event) []Event { return append(e[:3:3], e[2:]...) }, 3, "audit_log-c", "was put in"},
		"another tenant's":     {func(e []Event) []Event { e[1].OrganizationID = "org-2"; return e }, 2, "audit_log-b", "another organization"},
		"one more": {func(e []Event) []Event {
			more := Event{ID: "audit_log-z", OrganizationID: "org-1"}
			_ = more.Seal(6, e[5].Hash)
			return append(e, more)
		}, 7, "", "1 events were put in behind the end"},
	} {
		events := chain(t, 6)
		head := headOf(events)
		if err := follow(events, Link{}, head); err != nil {
			t.Fatalf("untouched: %v", err)
		}
		err := follow(test.tamper(events), Link{}, head)
		var broken *BrokenError
		if !errors.As(err, &broken) || broken.Seq != test.seq || broken.EventID != test.id || !strings.Contains(broken.Problem, test.problem) {
			t.Errorf("%s: %+v, want sequence %d, event %q, %q", what, err, test.seq, test.id, test.problem)
		}
	}
	if err := follow(nil, Link{}, Link{}); err == nil {
		t.Error("a log without any event is taken for whole")
	}
	events := chain(t, 6)
	if err := follow(events[3:], Link{events[2].Seq, events[2].Hash}, headOf(events)); err != nil {
		t.Errorf("from the middle: %v", err)
	}
	if err := follow(events[3:], Link{events[2].Seq, events[1].Hash}, headOf(events)); err == nil {
		t.Error("from the middle, behind another event: no error")
	}
}

// fakeSigner signs with a key for each id it has.
type fakeSigner map[string]string

func (s fakeSigner) Sign(message []byte) (string, []byte) { return "k1", s.mac("k1", message) }

func (s fakeSigner) mac(id string, message []byte) []byte {
	return append([]byte(s[id]), message...)
}

func (s fakeSigner) CheckSignature(id string, message, signature []byte) (bool, error) {
	if _, ok := s[id]; !ok {
		return false, errors.New("no such key")
	}
	return string(s.mac(id, message)) == string(signature), nil
}

func TestCheckpointShowsAnyChange(t *testing.T) {
	signer := fakeSigner{"k1": "secret"}
	sign := func() Checkpoint {
		c := Checkpoint{OrganizationID: "org-1", Link: Link{7, "abc"}, Through: begin, Count: 3, At: begin.AddDate(1, 0, 0)}
		if err := c.Sign(signer); err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := sign()
	if err := c.Check(signer); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*Checkpoint){
		"sequence":     func(c *Checkpoint) { c.Seq++ },
		"hash":         func(c *Checkpoint) { c.Hash = "abd" },
		"organization": func(c *Checkpoint) { c.OrganizationID = "org-2" },
		"through":      func(c *Checkpoint) { c.Through = begin.AddDate(0, 0, 1) },
		"count":        func(c *Checkpoint) { c.Count = 2 },
		"time":         func(c *Checkpoint) { c.At = begin },
		"signature":    func(c *Checkpoint) { c.Signature = c.Signature[2:] },
		"no signature": func(c *Checkpoint) { c.Signature = "" },
		"no hex":       func(c *Checkpoint) { c.Signature = "zz" },
	} {
		c := sign()
		change(&c)
		var broken *BrokenError
		if err := c.Check(signer); !errors.As(err, &broken) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, signer := range map[string]Signer{"no master key": nil, "another master key": fakeSigner{"k2": "secret"}} {
		var broken *BrokenError
		if err := c.Check(signer); err == nil || errors.As(err, &broken) {
			t.Errorf("%s: %v, want that it cannot be said", what, err)
		}
	}
	if err := (&Checkpoint{}).Check(nil); err != nil {
		t.Errorf("nothing pruned: %v", err)
	}
}

// export is what the command writes of one organization.
func export(t *testing.T, events []Event, after Link, c Checkpoint) []string {
	t.Helper()
	var lines []string
	add := func(v any) {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(raw))
	}
	add(NewExportBegin("org-1", after, c))
	last := after
	for i := range events {
		raw, err := events[i].AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(raw))
		last = Link{events[i].Seq, events[i].Hash}
	}
	add(NewExportEnd("org-1", int64(len(events)), last))
	return lines
}

func verifyLines(lines []string, signer Signer) (sections []Section, err error) {
	err = VerifyExport(strings.NewReader(strings.Join(lines, "\n")+"\n"), signer, func(s Section) error {
		sections = append(sections, s)
		return nil
	})
	return sections, err
}

func TestExportVerifies(t *testing.T) {
	events := chain(t, 6)
	sections, err := verifyLines(export(t, events, Link{}, Checkpoint{}), nil)
	if err != nil || len(sections) != 1 || sections[0].Events != 6 || sections[0].Last != headOf(events) {
		t.Fatalf("%v %+v", err, sections)
	}
	signer := fakeSigner{"k1": "secret"}
	c := Checkpoint{OrganizationID: "org-1", Link: Link{events[2].Seq, events[2].Hash}, Through: begin, Count: 3, At: begin}
	if err := c.Sign(signer); err != nil {
		t.Fatal(err)
	}
	pruned := export(t, events[3:], c.Link, c)
	if sections, err := verifyLines(pruned, nil); err != nil || !sections[0].Unsigned {
		t.Errorf("behind a checkpoint, without the key: %v %+v", err, sections)
	}
	if sections, err := verifyLines(pruned, signer); err != nil || sections[0].Unsigned {
		t.Errorf("behind a checkpoint: %v %+v", err, sections)
	}
	forged := c
	forged.Count = 2
	if _, err := verifyLines(export(t, events[3:], c.Link, forged), signer); err == nil {
		t.Error("a forged checkpoint is taken")
	}
	both := append(export(t, events, Link{}, Checkpoint{}), pruned...)
	if sections, err := verifyLines(both, signer); err != nil || len(sections) != 2 {
		t.Errorf("two sections: %v %+v", err, sections)
	}
}

// Whatever is done to a line shows, or leaves the line as it was.
func TestExportShowsAnyChange(t *testing.T) {
	lines := export(t, chain(t, 6), Link{}, Checkpoint{})
	rapid.Check(t, func(rt *rapid.T) {
		changed := append([]string{}, lines...)
		i := rapid.IntRange(0, len(lines)-1).Draw(rt, "line")
		switch rapid.IntRange(0, 3).Draw(rt, "how") {
		case 0:
			at := rapid.IntRange(0, len(lines[i])-1).Draw(rt, "at")
			by := rapid.Byte().Draw(rt, "by")
			changed[i] = lines[i][:at] + string([]byte{by}) + lines[i][at+1:]
		case 1:
			changed = append(changed[:i], changed[i+1:]...)
		case 2:
			changed[i] = strings.Replace(lines[i], `"action":`, `"action":"other","action":`, 1)
		case 3:
			changed[i] = strings.Replace(lines[i], `{"object"`, `{"more":1,"object"`, 1)
		}
		same := len(changed) == len(lines)
		for j := range changed {
			same = same && changed[j] == lines[j]
		}
		if _, err := verifyLines(changed, nil); (err == nil) != same {
			rt.Errorf("changed %v, %v: line %d is now %q", !same, err, i, changed[min(i, len(changed)-1)])
		}
	})
}

// What somebody put into the database must come out as lines all the same.
func TestExportTakesAnyDetails(t *testing.T) {
	for _, details := range []string{"", "no json", "{\n}", `{"a":1,"a":2}`, "[1,2]", "\xff\x00", `{"a": "é\u0000 < "}`} {
		events := chain(t, 1)
		events[0].Details = json.RawMessage(details)
		if err := events[0].Seal(0, ""); err != nil {
			t.Fatal(err)
		}
		lines := export(t, events, Link{}, Checkpoint{})
		if strings.ContainsAny(lines[1], "\r\n") || !json.Valid([]byte(lines[1])) {
			t.Errorf("%q comes out as %q", details, lines[1])
		}
		genuine := json.Valid([]byte(details)) && !strings.Contains(details, "\n")
		if _, err := verifyLines(lines, nil); (err == nil) != genuine {
			t.Errorf("%q: %v", details, err)
		}
	}
	for _, file := range []string{"", "\n", "{}", "[", strings.Repeat("x", 1<<20)} {
		if err := VerifyExport(strings.NewReader(file), nil, nil); err == nil {
			t.Errorf("%.20q is taken for an export", file)
		}
	}
}

// FuzzVerifyExport: whatever a file holds, it is judged without a crash, and what
// is said of it is fit for a terminal.
func FuzzVerifyExport(f *testing.F) {
	begin, err := json.Marshal(NewExportBegin("org-1", Link{}, Checkpoint{}))
	if err != nil {
		f.Fatal(err)
	}
	event := Event{ID: "audit_log-a", OrganizationID: "org-1", Action: "x", Actor: System("org-1"), Details: json.RawMessage("{}")}
	if err := event.Seal(0, ""); err != nil {
		f.Fatal(err)
	}
	line, err := event.AppendJSON(nil)
	if err != nil {
		f.Fatal(err)
	}
	end, err := json.Marshal(NewExportEnd("org-1", 1, Link{1, event.Hash}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(begin) + "\n" + string(line) + "\n" + string(end) + "\n")
	f.Add(`{"object":"audit_export","version":1,"organization_id":"\u001b[31m","after":{"seq":7,"hash":""},"checkpoint":null}`)
	f.Add("{}\n[")
	f.Fuzz(func(t *testing.T, file string) {
		err := VerifyExport(strings.NewReader(file), fakeSigner{"k1": "secret"}, func(s Section) error {
			if s.Events < 0 || s.Last.Seq != s.After.Seq+s.Events {
				t.Errorf("%+v holds", s)
			}
			return nil
		})
		var broken *BrokenError
		if errors.As(err, &broken) && Legible(err.Error()) != err.Error() {
			t.Errorf("%q", err)
		}
	})
}
