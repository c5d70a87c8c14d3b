package orgtest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"weir/internal/id"
	"weir/internal/mail"
	"weir/internal/org"
	"weir/internal/routing"
)

func (n *tenant) newLetter(reference string) mail.Waiting {
	at := n.clock.next()
	return mail.Waiting{
		ID: id.At(id.Mail, at), OrganizationID: n.org.ID, Kind: "invite", Reference: reference, Sealed: routing.Sealed{0, 255, 1},
		NextAttempt: at, GiveUp: at.Add(time.Hour), CreatedAt: at,
	}
}

func waitingLetters(t *testing.T, s org.Store) {
	c := &clock{}
	n, foreign := newTenant(t, s, c), newTenant(t, s, c)
	ctx := t.Context()
	one, two, theirs := n.newLetter("invite-1"), n.newLetter("invite-2"), foreign.newLetter("invite-2")
	before, err := s.Version(ctx)
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, n.org.ID, func(tx org.Tx) error { return errors.Join(tx.InsertMail(ctx, one), tx.InsertMail(ctx, two)) })
	update(t, s, foreign.org.ID, func(tx org.Tx) error { return tx.InsertMail(ctx, theirs) })
	if after, err := s.Version(ctx); err != nil || after != before {
		t.Errorf("letters are in the change feed: %d, %d, %v", before, after, err)
	}
	refuse(t, s, n.org.ID, func(tx org.Tx) error {
		return errors.Join(tx.InsertMail(ctx, n.newLetter("kept-not")), errors.New("no"))
	})

	count := func(what string, now time.Time, waiting, due int64) {
		t.Helper()
		if w, d, err := s.MailWaiting(ctx, now); err != nil || w != waiting || d != due {
			t.Errorf("%s: %d wait, %d are due, %v; want %d and %d", what, w, d, err, waiting, due)
		}
	}
	claim := func(now, until time.Time, limit int) []mail.Waiting {
		t.Helper()
		got, err := s.ClaimMail(ctx, now, until, limit)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	now, until := theirs.CreatedAt, theirs.CreatedAt.Add(time.Minute)
	count("before any is due", one.NextAttempt.Add(-time.Microsecond), 3, 0)
	count("all due", now, 3, 3)
	got := claim(now, until, 2)
	one.NextAttempt, two.NextAttempt = until, until
	equal(t, "the oldest first", got, []mail.Waiting{one, two})
	count("two claimed", now, 3, 1)
	theirs.NextAttempt = until
	equal(t, "the rest", claim(now, until, 2), []mail.Waiting{theirs})
	if got := claim(now, until, 2); len(got) > 0 {
		t.Errorf("claimed twice: %+v", got)
	}

	later := now.Add(time.Hour)
	if err := errors.Join(s.PutOffMail(ctx, one.ID, later), s.ForgetMail(ctx, theirs.ID, later, ""), s.ForgetMail(ctx, "mail_none", later, ""), s.PutOffMail(ctx, "mail_none", later)); err != nil {
		t.Fatal(err)
	}
	count("one put off, one forgotten", until, 2, 1)
	update(t, s, foreign.org.ID, func(tx org.Tx) error { return tx.TakeBackMail(ctx, foreign.org.ID, "invite-2") })
	count("another organization takes back its own", until, 2, 1)
	update(t, s, n.org.ID, func(tx org.Tx) error { return tx.TakeBackMail(ctx, n.org.ID, "invite-2") })
	one.Attempts, one.NextAttempt = 1, later.Add(time.Minute)
	equal(t, "the attempt is counted", claim(later, later.Add(time.Minute), 9), []mail.Waiting{one})

	// Nodes that claim at once share the letters out.
	update(t, s, n.org.ID, func(tx org.Tx) error {
		for range 40 {
			if err := tx.InsertMail(ctx, n.newLetter("many")); err != nil {
				return err
			}
		}
		return nil
	})
	var mu sync.Mutex
	var group sync.WaitGroup
	seen := map[string]int{}
	for range 4 {
		group.Go(func() {
			for {
				letters, err := s.ClaimMail(ctx, later, later.Add(time.Hour), 3)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				for _, w := range letters {
					seen[w.ID]++
				}
				mu.Unlock()
				if _, due, err := s.MailWaiting(ctx, later); err != nil || due == 0 {
					return
				}
			}
		})
	}
	group.Wait()
	for mailID, times := range seen {
		if times != 1 {
			t.Errorf("%s is claimed %d times", mailID, times)
		}
	}
	if len(seen) != 40 {
		t.Errorf("%d of 40 are claimed", len(seen))
	}
}
