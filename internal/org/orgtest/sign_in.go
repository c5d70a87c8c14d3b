package orgtest

import (
	"errors"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
	"weir/internal/routing"
)

// sessionsOfUser: a list holds one person's sessions that hold, newest first,
// and they end together but for one.
func sessionsOfUser(t *testing.T, s org.Store) {
	c := &clock{}
	n, foreign := newTenant(t, s, c), newTenant(t, s, c)
	ctx, o := t.Context(), n.org.ID
	other := n.newUser()
	second, ended, idle, others := n.newSession(), n.newSession(), n.newSession(), n.newSession()
	now := second.LastUsedAt
	ended.ExpiresAt = now
	idle.LastUsedAt = now.Add(-time.Hour)
	others.UserID = other.ID
	update(t, s, o, func(tx org.Tx) error {
		return errors.Join(tx.InsertUser(ctx, other), tx.InsertSession(ctx, second), tx.InsertSession(ctx, ended),
			tx.InsertSession(ctx, idle), tx.InsertSession(ctx, others))
	})
	filter := org.SessionFilter{Page: org.Page{Limit: 10}, UserID: n.user.ID, LiveAt: now, UsedAfter: now.Add(-time.Hour)}
	view(t, s, func(r org.Reader) error {
		rows, err := r.Sessions(ctx, o, filter)
		equal(t, "sessions that hold", rows.Items, []org.Session{second, n.session})
		first := filter
		first.Limit = 1
		head, err2 := r.Sessions(ctx, o, first)
		first.After = second.ID
		tail, err3 := r.Sessions(ctx, o, first)
		equal(t, "the first page", head, org.Rows[org.Session]{Items: []org.Session{second}, More: true})
		equal(t, "the last page", tail, org.Rows[org.Session]{Items: []org.Session{n.session}})
		first.After = others.ID
		_, unknown := r.Sessions(ctx, o, first)
		if unknown == nil {
			t.Error("another person's session is a cursor")
		}
		got, err4 := r.Session(ctx, o, second.ID)
		equal(t, "one session", got, second)
		return errors.Join(err, err2, err3, err4)
	})
	// Used since, it holds again.
	if err := s.TouchKeys(ctx, map[string]time.Time{idle.ID: now}); err != nil {
		t.Fatal(err)
	}
	idle.LastUsedAt = now
	view(t, s, func(r org.Reader) error {
		rows, err := r.Sessions(ctx, o, filter)
		equal(t, "sessions after a use", rows.Items, []org.Session{idle, second, n.session})
		return err
	})
	update(t, s, o, func(tx org.Tx) error {
		for _, wrong := range [][2]string{{o, foreign.user.ID}, {foreign.org.ID, n.user.ID}, {o, "user-\x00"}} {
			if ids, err := tx.DeleteSessionsOf(ctx, wrong[0], wrong[1], ""); err != nil || len(ids) > 0 {
				t.Errorf("%q: deleted %v, %v", wrong, ids, err)
			}
		}
		ids, err := tx.DeleteSessionsOf(ctx, o, n.user.ID, second.ID)
		equal(t, "deleted", ids, []string{n.session.ID, ended.ID, idle.ID})
		return err
	})
	view(t, s, func(r org.Reader) error {
		rows, err := r.Sessions(ctx, o, filter)
		equal(t, "what is spared", rows.Items, []org.Session{second})
		_, err2 := r.Session(ctx, o, others.ID)
		_, err3 := r.Session(ctx, foreign.org.ID, foreign.session.ID)
		return errors.Join(err, err2, err3)
	})
}

func passwordResets(t *testing.T, s org.Store) {
	c := &clock{}
	n, foreign := newTenant(t, s, c), newTenant(t, s, c)
	ctx := t.Context()
	made := func(of *tenant) org.PasswordReset {
		at := c.next()
		return org.PasswordReset{
			ID: id.At(id.PasswordReset, at), OrganizationID: of.org.ID, UserID: of.user.ID, TokenHash: id.HashOf(id.Secret("")),
			CreatedBy: of.account.ID, ExpiresAt: at.Add(time.Hour), CreatedAt: at,
		}
	}
	first, second, theirs := made(n), made(n), made(foreign)
	update(t, s, n.org.ID, func(tx org.Tx) error { return tx.PutPasswordReset(ctx, first) })
	update(t, s, foreign.org.ID, func(tx org.Tx) error { return tx.PutPasswordReset(ctx, theirs) })
	view(t, s, func(r org.Reader) error {
		got, err := r.PasswordResetByToken(ctx, first.TokenHash)
		equal(t, "the reset", got, first)
		return err
	})
	update(t, s, n.org.ID, func(tx org.Tx) error { return tx.PutPasswordReset(ctx, second) })
	gone := func(p org.PasswordReset) {
		t.Helper()
		view(t, s, func(r org.Reader) error {
			_, err := r.PasswordResetByToken(ctx, p.TokenHash)
			wantNotFound(t, err, "Password reset not found.")
			return nil
		})
	}
	gone(first)
	gone(org.PasswordReset{})
	update(t, s, n.org.ID, func(tx org.Tx) error {
		return errors.Join(tx.DeletePasswordResetsOf(ctx, foreign.org.ID, n.user.ID), tx.DeletePasswordResetsOf(ctx, n.org.ID, foreign.user.ID))
	})
	view(t, s, func(r org.Reader) error {
		got, err := r.PasswordResetByToken(ctx, second.TokenHash)
		equal(t, "the one that took its place", got, second)
		_, err2 := r.PasswordResetByToken(ctx, theirs.TokenHash)
		return errors.Join(err, err2)
	})
	update(t, s, n.org.ID, func(tx org.Tx) error { return tx.DeletePasswordResetsOf(ctx, n.org.ID, n.user.ID) })
	gone(second)
}

func (n *tenant) newSecondFactor() org.SecondFactor {
	at := n.clock.next()
	return org.SecondFactor{
		OrganizationID: n.org.ID, UserID: n.user.ID, Secret: routing.Sealed{0, 1, 254, 255}, LastStep: 1 << 40,
		RecoveryCodes: []id.Hash{id.HashOf("b"), id.HashOf("a")}, ConfirmedAt: at.Add(time.Second), CreatedAt: at,
	}
}

func secondFactors(t *testing.T, s org.Store) {
	c := &clock{}
	n, foreign := newTenant(t, s, c), newTenant(t, s, c)
	ctx, o := t.Context(), n.org.ID
	missing := "Second factor of the user with ID '" + n.user.ID + "' not found."
	view(t, s, func(r org.Reader) error {
		_, err := r.SecondFactor(ctx, o, n.user.ID)
		wantNotFound(t, err, missing)
		return nil
	})
	pending := n.newSecondFactor()
	pending.ConfirmedAt, pending.RecoveryCodes = time.Time{}, nil
	full, theirs := n.newSecondFactor(), foreign.newSecondFactor()
	update(t, s, foreign.org.ID, func(tx org.Tx) error { return tx.PutSecondFactor(ctx, theirs) })
	for what, want := range map[string]org.SecondFactor{"pending": pending, "confirmed": full} {
		update(t, s, o, func(tx org.Tx) error { return tx.PutSecondFactor(ctx, want) })
		view(t, s, func(r org.Reader) error {
			got, err := r.SecondFactor(ctx, o, n.user.ID)
			equal(t, what, got, want)
			return err
		})
	}
	update(t, s, o, func(tx org.Tx) error { return tx.PutSecondFactor(ctx, full) })
	view(t, s, func(r org.Reader) error {
		return each(ctx, t, r.EachSecondFactor, full, theirs)
	})
	err := refuse(t, s, o, func(tx org.Tx) error { return tx.DeleteSecondFactor(ctx, foreign.org.ID, n.user.ID) })
	wantNotFound(t, err, missing)
	update(t, s, o, func(tx org.Tx) error { return tx.DeleteSecondFactor(ctx, o, n.user.ID) })
	view(t, s, func(r org.Reader) error {
		_, err := r.SecondFactor(ctx, o, n.user.ID)
		wantNotFound(t, err, missing)
		return nil
	})
}

func externalIdentities(t *testing.T, s org.Store) {
	c := &clock{}
	n, foreign := newTenant(t, s, c), newTenant(t, s, c)
	ctx, o := t.Context(), n.org.ID
	second := n.newUser()
	known := func(of *tenant, provider, subject, userID string) org.ExternalIdentity {
		return org.ExternalIdentity{OrganizationID: of.org.ID, Provider: provider, Subject: subject, UserID: userID, CreatedAt: c.next()}
	}
	mine := known(n, "a", "subject", n.user.ID)
	elsewhere, theirs := known(n, "b", "subject", n.user.ID), known(foreign, "a", "subject", foreign.user.ID)
	update(t, s, o, func(tx org.Tx) error {
		return errors.Join(tx.InsertUser(ctx, second), tx.InsertExternalIdentity(ctx, mine), tx.InsertExternalIdentity(ctx, elsewhere))
	})
	update(t, s, foreign.org.ID, func(tx org.Tx) error { return tx.InsertExternalIdentity(ctx, theirs) })
	view(t, s, func(r org.Reader) error {
		for _, want := range []org.ExternalIdentity{mine, elsewhere, theirs} {
			got, err := r.ExternalIdentity(ctx, want.OrganizationID, want.Provider, want.Subject)
			of, err2 := r.ExternalIdentityOf(ctx, want.OrganizationID, want.Provider, want.UserID)
			if err := errors.Join(err, err2); err != nil {
				return err
			}
			equal(t, "by subject", got, want)
			equal(t, "by user", of, want)
		}
		for _, subject := range []string{"Subject", "subject ", "", "\x00", "\xff"} {
			_, err := r.ExternalIdentity(ctx, o, "a", subject)
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("subject %q: %v", subject, err)
			}
		}
		return nil
	})
	view(t, s, func(r org.Reader) error {
		all, err := r.ExternalIdentities(ctx, o, n.user.ID)
		equal(t, "all of a user's", all, []org.ExternalIdentity{mine, elsewhere})
		return err
	})
	for what, e := range map[string]org.ExternalIdentity{
		"a subject of two users":     known(n, "a", "subject", second.ID),
		"a second subject of a user": known(n, "a", "other", n.user.ID),
	} {
		wantFault(t, what, refuse(t, s, o, func(tx org.Tx) error { return tx.InsertExternalIdentity(ctx, e) }), fault.Invalid, "identity_taken", "")
	}
	err := refuse(t, s, o, func(tx org.Tx) error { return tx.DeleteExternalIdentity(ctx, foreign.org.ID, "b", "subject") })
	wantNotFound(t, err, "External identity with ID 'subject' not found.")
	update(t, s, o, func(tx org.Tx) error { return tx.DeleteExternalIdentity(ctx, o, "a", "subject") })
	view(t, s, func(r org.Reader) error {
		left, err := r.ExternalIdentities(ctx, o, n.user.ID)
		equal(t, "what is left", left, []org.ExternalIdentity{elsewhere})
		return err
	})
	// What a person signs in with goes with the person.
	update(t, s, o, func(tx org.Tx) error {
		reset := org.PasswordReset{ID: "r", OrganizationID: o, UserID: n.user.ID, TokenHash: id.HashOf("r"), ExpiresAt: epoch, CreatedAt: epoch}
		return errors.Join(tx.PutSecondFactor(ctx, n.newSecondFactor()), tx.PutPasswordReset(ctx, reset))
	})
	update(t, s, o, func(tx org.Tx) error { _, err := tx.DeleteUser(ctx, o, n.user.ID); return err })
	view(t, s, func(r org.Reader) error {
		_, factor := r.SecondFactor(ctx, o, n.user.ID)
		_, reset := r.PasswordResetByToken(ctx, id.HashOf("r"))
		_, known := r.ExternalIdentity(ctx, o, "b", "subject")
		_, session := r.SessionByToken(ctx, n.session.TokenHash)
		for what, err := range map[string]error{"second factor": factor, "password reset": reset, "identity": known, "session": session} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("the %s of a deleted user: %v", what, err)
			}
		}
		return nil
	})
}

func signInStates(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx, o := t.Context(), n.org.ID
	state, until := id.HashOf("state"), epoch.Add(time.Minute)
	spend := func(now time.Time) error {
		_, err := s.Update(ctx, audit.System(o), func(tx org.Tx) error { return tx.SpendSignInState(ctx, o, state, until, now) })
		return err
	}
	if err := refuse(t, s, o, func(tx org.Tx) error {
		return errors.Join(tx.SpendSignInState(ctx, o, state, until, epoch), errors.New("refused for another reason"))
	}); err == nil {
		t.Error("not refused")
	}
	if err := spend(epoch); err != nil {
		t.Error("what was refused is spent:", err)
	}
	wantFault(t, "again", spend(epoch.Add(time.Minute-time.Microsecond)), fault.Invalid, "state_used", "state")
	if err := spend(until); err != nil {
		t.Error("it is remembered for ever:", err)
	}
}

func groupsByName(t *testing.T, s org.Store) {
	c := &clock{}
	n, foreign := newTenant(t, s, c), newTenant(t, s, c)
	ctx := t.Context()
	made := func(of *tenant, name string) org.Group {
		at := c.next()
		return org.Group{ID: id.At(id.Group, at), OrganizationID: of.org.ID, Name: name, CreatedAt: at}
	}
	a, b, again, other, theirs := made(n, "A"), made(n, "B"), made(n, "A"), made(n, "a"), made(foreign, "A")
	update(t, s, n.org.ID, func(tx org.Tx) error {
		return errors.Join(tx.InsertGroup(ctx, again), tx.InsertGroup(ctx, b), tx.InsertGroup(ctx, a), tx.InsertGroup(ctx, other))
	})
	update(t, s, foreign.org.ID, func(tx org.Tx) error { return tx.InsertGroup(ctx, theirs) })
	view(t, s, func(r org.Reader) error {
		both, err := r.GroupsByName(ctx, n.org.ID, []string{"B", "A", "C", "\x00"})
		equal(t, "groups", both, []org.Group{a, b, again})
		none, err2 := r.GroupsByName(ctx, n.org.ID, []string{"\x00"})
		if len(none) > 0 {
			t.Errorf("groups of no name: %v", none)
		}
		return errors.Join(err, err2)
	})
}
