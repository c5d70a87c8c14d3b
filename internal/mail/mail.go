// Package mail is the post: letters that were written in a transaction, and a
// courier that brings them to people after it.
//
// Whoever changes something that a person has to hear of writes a Letter, seals
// it with [Seal] and keeps it in the same transaction (org.Tx.InsertMail). The
// Courier sends what is due, at least once, and again later when the server did
// not take it; nobody waits for it. A letter may hold a secret, such as a link, so
// it is sealed where it is kept, and forgotten once it was sent.
package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"

	"weir/internal/id"
	"weir/internal/routing"
)

// Letter is one message to one person.
type Letter struct {
	To      string // a bare address
	Subject string // one line
	Text    string // plain, UTF-8
}

// Validate refuses a letter that would be another one once it is written down as
// a message: a second recipient, a header of its own.
func (l *Letter) Validate() error {
	address, err := mail.ParseAddress(l.To)
	if err != nil || address.Address != l.To {
		return errors.New("a letter goes to one bare address")
	}
	if l.Subject == "" || strings.ContainsFunc(l.Subject+l.To, unicode.IsControl) {
		return errors.New("a letter's subject is one line")
	}
	return nil
}

// Waiting is a letter as it is kept until it was sent.
type Waiting struct {
	ID             string
	OrganizationID string
	Kind           string // what it is about, for the log and the metrics: invite
	Reference      string // whom or what it is about; letters can be taken back by it
	Sealed         routing.Sealed
	Attempts       int
	NextAttempt    time.Time // not before
	GiveUp         time.Time // it is of no use any more
	CreatedAt      time.Time
}

// Sealer encrypts what is kept and binds it to its place.
type Sealer interface {
	Seal(plain []byte, place string) (routing.Sealed, error)
}

// Opener opens what a Sealer sealed.
type Opener interface {
	Open(sealed routing.Sealed, place string) ([]byte, error)
}

// About says what a letter is about, and for how long it is worth sending.
type About struct {
	OrganizationID string
	Kind           string
	Reference      string
	Now            time.Time
	GiveUp         time.Time
}

// Seal makes of a letter what is kept of it.
func Seal(s Sealer, l Letter, about About) (Waiting, error) {
	if err := l.Validate(); err != nil {
		return Waiting{}, err
	}
	plain, err := json.Marshal(l)
	if err != nil {
		return Waiting{}, fmt.Errorf("encoding a letter: %w", err)
	}
	w := Waiting{
		ID: id.New(id.Mail), OrganizationID: about.OrganizationID, Kind: about.Kind, Reference: about.Reference,
		NextAttempt: about.Now, GiveUp: about.GiveUp, CreatedAt: about.Now,
	}
	w.Sealed, err = s.Seal(plain, w.place())
	return w, err
}

func (w *Waiting) place() string { return "mail/" + w.ID }

// open returns the letter.
func (w *Waiting) open(o Opener) (Letter, error) {
	var l Letter
	plain, err := o.Open(w.Sealed, w.place())
	if err != nil {
		return l, err
	}
	return l, json.Unmarshal(plain, &l)
}

// Store keeps letters until they were sent. None of it is a change of the
// control plane: no audit, no version.
type Store interface {
	// MailWaiting returns how many letters wait, and how many of them are due.
	MailWaiting(ctx context.Context, now time.Time) (waiting, due int64, err error)
	// ClaimMail returns letters that are due, oldest first, and puts their next
	// attempt off to until: another node takes none of them before.
	ClaimMail(ctx context.Context, now, until time.Time, limit int) ([]Waiting, error)
	// PutOffMail counts an attempt that failed and says when the next one is due.
	// A letter that is gone meanwhile stays gone.
	PutOffMail(ctx context.Context, mailID string, next time.Time) error
	// ForgetMail removes a letter, if it is still there, and tells the delivery that
	// it is about, if it is about one: failure says why nobody got it, "" that the
	// mail server has it.
	ForgetMail(ctx context.Context, mailID string, now time.Time, failure string) error
}

// Sender hands letters to a mail server.
type Sender interface {
	// Send returns nil once the server has taken the letter, whose messageID is
	// the same at every attempt. A *RefusedError is about this letter, and trying
	// again will not help; anything else may pass.
	Send(ctx context.Context, messageID string, written time.Time, l Letter) error
}

// RefusedError says that the server works, and will never take a letter.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return "the letter was refused: " + e.Reason }
