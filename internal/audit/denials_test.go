package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

var begin = time.Unix(1_800_000_000, 0)

type flushed struct {
	denied  []Denied
	omitted []Omitted
}

func flush(t *testing.T, d *Denials, now time.Time) (out flushed) {
	t.Helper()
	err := d.Flush(t.Context(), now, func(_ context.Context, denied []Denied, omitted []Omitted) error {
		out = flushed{denied, omitted}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func known(organizationID, key string) Denial {
	return Denial{
		Actor: Actor{OrganizationID: organizationID, Type: ActorAPIKey, APIKeyID: key, UserAgent: "curl"},
		Route: "POST /v1/organization/projects", Permission: "api.management.write", Status: 403, Code: "insufficient_permissions",
	}
}

func TestEqualDenialsAreOne(t *testing.T) {
	var d Denials
	for i := range 1000 {
		denial := known("org-1", "key_1")
		denial.Actor.UserAgent = fmt.Sprint("made up ", i) // does not make another
		d.Add(denial, begin.Add(time.Duration(i)*time.Millisecond))
	}
	d.Add(known("org-1", "key_2"), begin)
	if got := flush(t, &d, begin.Add(DenialWindow-time.Millisecond)); len(got.denied) > 0 {
		t.Errorf("before their time: %+v", got)
	}
	got := flush(t, &d, begin.Add(DenialWindow))
	if len(got.denied) != 2 || len(got.omitted) != 0 {
		t.Fatalf("%+v", got)
	}
	for _, v := range got.denied {
		if v.Actor.APIKeyID == "key_1" && (v.Count != 1000 || !v.First.Equal(begin) || !v.Last.Equal(begin.Add(999*time.Millisecond)) || v.Actor.UserAgent != "made up 0") {
			t.Errorf("%+v", v)
		}
	}
	if again := flush(t, &d, time.Time{}); len(again.denied) > 0 {
		t.Errorf("written twice: %+v", again)
	}
}

// Whoever tries for a day, from ever new addresses, gets no further than the
// allowance, and shows how often it tried.
func TestDenialsHaveAnAllowance(t *testing.T) {
	var d Denials
	written, counted, tries := 0, 0, 0
	for minute := range 24 * 60 {
		now := begin.Add(time.Duration(minute) * time.Minute)
		for i := range 100 {
			d.Add(Denial{Actor: Actor{Type: ActorUnknown, IPAddress: fmt.Sprint(minute, i)}, Status: 401}, now)
			tries++
		}
		got := flush(t, &d, now.Add(DenialWindow))
		written += len(got.denied) + len(got.omitted)
		for _, v := range got.denied {
			counted += v.Count
		}
		for _, v := range got.omitted {
			counted += v.Count
		}
	}
	if most := 20 + 24*60*(2+1); written > most {
		t.Errorf("%d events in a day, want at most %d", written, most)
	}
	if counted != tries {
		t.Errorf("%d of %d tries are counted", counted, tries)
	}
}

// One organization's, or a stranger's, denials do not use up another's.
func TestAllowancesAreApart(t *testing.T) {
	var d Denials
	for i := range 1000 {
		d.Add(known("org-1", fmt.Sprint(i)), begin)
		d.Add(Denial{Actor: Actor{OrganizationID: "org-2", Type: ActorUnknown, IPAddress: fmt.Sprint(i)}}, begin)
	}
	d.Add(known("org-2", "key_1"), begin)
	got := flush(t, &d, time.Time{})
	there := false
	for _, v := range got.denied {
		there = there || v.Actor.OrganizationID == "org-2" && v.Actor.APIKeyID == "key_1"
	}
	if !there {
		t.Error("the one denial of a known key is lost among the others")
	}
}

func TestDenialsThatCannotBeWrittenStay(t *testing.T) {
	var d Denials
	for i := range 65 {
		d.Add(known("org-1", fmt.Sprint(i)), begin)
	}
	oops := errors.New("disk full")
	err := d.Flush(t.Context(), time.Time{}, func(context.Context, []Denied, []Omitted) error {
		d.Add(known("org-1", "0"), begin.Add(-time.Second)) // meanwhile
		return oops
	})
	if !errors.Is(err, oops) {
		t.Fatal(err)
	}
	d.Add(known("org-1", "1"), begin.Add(time.Second))
	got := flush(t, &d, time.Time{})
	if len(got.denied) != 60 || len(got.omitted) != 1 {
		t.Fatalf("%d denied, %d omitted", len(got.denied), len(got.omitted))
	}
	if got.denied[0].Count+got.omitted[0].Count < 6 {
		t.Errorf("%+v %+v", got.denied[0], got.omitted)
	}
	var none *Denials
	none.Add(known("org-1", "x"), begin)
	if err := none.Flush(t.Context(), time.Time{}, nil); err != nil {
		t.Error(err)
	}
}

func TestLegible(t *testing.T) {
	for s, want := range map[string]string{
		"curl/8 (äöü)":                 "curl/8 (äöü)",
		"a\r\nlevel=INFO":              "a\uFFFD\uFFFDlevel=INFO",
		"\x1b[31m \u009b31m \x00 \xff": "\uFFFD[31m \uFFFD31m \uFFFD \uFFFD",
		"abc\u202edcba\u2066":          "abc\uFFFDdcba\uFFFD",
	} {
		if got := Legible(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
	if got := Legible(strings.Repeat("x", 10)); got != "xxxxxxxxxx" {
		t.Error(got)
	}
}

// Failed sign-ins are recorded where they happen, up to an allowance, which those
// of another organization do not touch.
func TestFailedSignInsHaveAnAllowance(t *testing.T) {
	var d Denials
	recorded, tries := 0, 0
	for second := range 3600 {
		for range 50 {
			tries++
			if d.SignInFailed("org-1", begin.Add(time.Duration(second)*time.Second)) {
				recorded++
			}
		}
	}
	if recorded < 300+59*30 || recorded > 300+60*30 {
		t.Errorf("%d sign-ins recorded in an hour", recorded)
	}
	got := flush(t, &d, time.Time{})
	if len(got.omitted) != 1 || got.omitted[0].Callers != CallersSigningIn || got.omitted[0].Count != tries-recorded {
		t.Errorf("%+v", got.omitted)
	}
	if !d.SignInFailed("org-2", begin) || !(*Denials)(nil).SignInFailed("org-1", begin) {
		t.Error("another's is not recorded")
	}
}
