package audit

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Denial is a request that was refused because of who made it, or because it
// did not show who that is.
type Denial struct {
	// Actor as far as it is known. Without an OrganizationID the key or session
	// is nobody's.
	Actor      Actor
	Route      string // method and pattern of the operation, never the path that was asked for
	Permission string // what the operation needs
	Status     int    // 401 or 403
	Code       string // of the refusal; "" where it has none
}

// Denied is one denial or several equal ones within DenialWindow.
type Denied struct {
	Denial
	Count       int
	First, Last time.Time
}

// Callers is who shares an allowance of denials within an organization.
type Callers string

// Callers with a key or session of ours, others, and people whose sign-in failed.
const (
	CallersKnown     Callers = "known"
	CallersUnknown   Callers = "unknown"
	CallersSigningIn Callers = "signing_in"
)

// Omitted counts the denials of some callers that were not kept one by one. An
// empty OrganizationID is that of callers who are nobody's.
type Omitted struct {
	OrganizationID string
	Callers        Callers
	Count          int
	First, Last    time.Time
}

// DenialWindow is how long equal denials are one.
const DenialWindow = time.Minute

// allowance is how many different denials are kept: a burst at once, and so many
// a minute for as long as it goes on.
type allowance struct{ burst, perMinute float64 }

// allowance is that of an organization. Whoever tries keys or passwords at
// random, from many addresses, must not fill the log; nor must a program that was
// given the wrong key.
func (c Callers) allowance() allowance {
	switch c {
	case CallersKnown:
		return allowance{60, 10}
	case CallersSigningIn: // each is an event of its own
		return allowance{300, 30}
	case CallersUnknown:
	}
	return allowance{20, 2}
}

// Denials gathers denials until they are written into the log: equal ones
// become one, and beyond an allowance they are only counted. What it holds is
// bounded by the number of organizations. The zero value is ready, and a nil
// one keeps nothing.
type Denials struct {
	mu      sync.Mutex
	denied  map[Denial]*Denied
	omitted map[party]*Omitted
	purses  map[party]*purse
}

// party is what shares an allowance.
type party struct {
	organizationID string
	callers        Callers
}

// purse is what is left of an allowance.
type purse struct {
	left float64
	at   time.Time
}

// Add notes a denial that happened at now. It takes no longer than a look into
// a map.
func (d *Denials) Add(denial Denial, now time.Time) {
	if d == nil {
		return
	}
	userAgent := denial.Actor.UserAgent
	denial.Actor.UserAgent = "" // any caller can make up another for each request
	of := party{denial.Actor.OrganizationID, CallersKnown}
	if denial.Actor.Type == ActorUnknown {
		of.callers = CallersUnknown
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, ok := d.denied[denial]; ok {
		known.Count++
		known.Last = now
		return
	}
	if !d.spend(of, now) {
		d.omit(&Omitted{of.organizationID, of.callers, 1, now, now})
		return
	}
	shown := denial
	shown.Actor.UserAgent = Legible(cut(userAgent, maxUserAgent))
	d.keep(denial, &Denied{shown, 1, now, now})
}

// SignInFailed reports whether a failed sign-in is to be recorded: it is within
// the organization's allowance. One that is not is counted.
func (d *Denials) SignInFailed(organizationID string, now time.Time) bool {
	if d == nil {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	of := party{organizationID, CallersSigningIn}
	if d.spend(of, now) {
		return true
	}
	d.omit(&Omitted{of.organizationID, of.callers, 1, now, now})
	return false
}

// spend takes one from the allowance of a party.
func (d *Denials) spend(of party, now time.Time) bool {
	allowed := of.callers.allowance()
	p, ok := d.purses[of]
	if !ok {
		p = &purse{allowed.burst, now}
		if d.purses == nil {
			d.purses = map[party]*purse{}
		}
		d.purses[of] = p
	}
	if passed := now.Sub(p.at); passed > 0 {
		p.left, p.at = min(allowed.burst, p.left+passed.Minutes()*allowed.perMinute), now
	}
	if p.left < 1 {
		return false
	}
	p.left--
	return true
}

// maxUserAgent bounds what is kept of a User-Agent, in bytes.
const maxUserAgent = 512

func cut(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "")
	}
	return s
}

func (d *Denials) keep(key Denial, add *Denied) {
	if d.denied == nil {
		d.denied = map[Denial]*Denied{}
	}
	if there, ok := d.denied[key]; ok {
		add.Count += there.Count
		add.First, add.Last = earlier(add.First, there.First), later(add.Last, there.Last)
	}
	d.denied[key] = add
}

func (d *Denials) omit(add *Omitted) {
	if d.omitted == nil {
		d.omitted = map[party]*Omitted{}
	}
	key := party{add.OrganizationID, add.Callers}
	if there, ok := d.omitted[key]; ok {
		add.Count += there.Count
		add.First, add.Last = earlier(add.First, there.First), later(add.Last, there.Last)
	}
	d.omitted[key] = add
}

// Flush hands to write what was gathered at least DenialWindow before now, or
// everything when now is zero. What could not be written stays for the next
// time.
func (d *Denials) Flush(ctx context.Context, now time.Time, write func(context.Context, []Denied, []Omitted) error) error {
	if d == nil {
		return nil
	}
	denied, omitted := d.take(now)
	if len(denied)+len(omitted) == 0 {
		return nil
	}
	err := write(ctx, denied, omitted)
	if err != nil {
		d.putBack(denied, omitted)
	}
	return err
}

func (d *Denials) take(now time.Time) (denied []Denied, omitted []Omitted) {
	d.mu.Lock()
	defer d.mu.Unlock()
	due := func(first time.Time) bool { return now.IsZero() || now.Sub(first) >= DenialWindow }
	for key, v := range d.denied {
		if due(v.First) {
			denied = append(denied, *v)
			delete(d.denied, key)
		}
	}
	for key, v := range d.omitted {
		if due(v.First) {
			omitted = append(omitted, *v)
			delete(d.omitted, key)
		}
	}
	slices.SortFunc(denied, func(a, b Denied) int { return a.First.Compare(b.First) })
	slices.SortFunc(omitted, func(a, b Omitted) int { return a.First.Compare(b.First) })
	return denied, omitted
}

func (d *Denials) putBack(denied []Denied, omitted []Omitted) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range denied {
		key := v.Denial
		key.Actor.UserAgent = ""
		d.keep(key, &v)
	}
	for _, v := range omitted {
		d.omit(&v)
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// RefusedError is a refusal that knows whose key or session it was, for the
// log; the caller learns nothing of it.
type RefusedError struct {
	Actor Actor
	Err   error
}

func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns the refusal.
func (e *RefusedError) Unwrap() error { return e.Err }

// Refused is err, with the actor it concerns.
func Refused(actor Actor, err error) error { return &RefusedError{actor, err} }

// ActorOf returns the actor that a refusal names.
func ActorOf(err error) (Actor, bool) {
	var r *RefusedError
	if errors.As(err, &r) {
		return r.Actor, true
	}
	return Actor{}, false
}

// Legible is s without what does something to the terminal, page or line it is
// shown in: control characters, and what turns the direction of the text around
// it. It is valid UTF-8.
func Legible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}
