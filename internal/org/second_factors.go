package org

import (
	"context"
	"errors"
	"slices"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/routing"
)

// SecondFactor is a user's TOTP secret (RFC 6238) with what is left of the
// recovery codes. It counts once it is confirmed: by a code, so that nobody is
// locked out by a secret that no authenticator holds.
type SecondFactor struct {
	OrganizationID string
	UserID         string
	Secret         routing.Sealed // opens at SecondFactorPlace
	LastStep       int64          // of the newest code that was used: no code works twice
	RecoveryCodes  []id.Hash      // each works once
	ConfirmedAt    time.Time      // zero: not yet
	CreatedAt      time.Time
}

// Confirmed reports whether sign-ins ask for it.
func (f *SecondFactor) Confirmed() bool { return !f.ConfirmedAt.IsZero() }

// SecondFactorPlace is where a user's secret is sealed for.
func SecondFactorPlace(userID string) string { return "user/" + userID + "/totp" }

// SecondFactorProof is a code that was checked, to be spent with what it is for:
// the step of a TOTP code, or the hash of a recovery code when Step is 0.
type SecondFactorProof struct {
	Step     int64
	Recovery id.Hash
}

// ErrCodeSpent says that a code was right once and was used already.
var ErrCodeSpent = errors.New("the code was used already")

// spend uses a code up.
func (p SecondFactorProof) spend(f *SecondFactor) error {
	if p.Step != 0 {
		if p.Step <= f.LastStep {
			return ErrCodeSpent
		}
		f.LastStep = p.Step
		return nil
	}
	i := slices.Index(f.RecoveryCodes, p.Recovery)
	if i < 0 {
		return ErrCodeSpent
	}
	f.RecoveryCodes = slices.Delete(slices.Clone(f.RecoveryCodes), i, i+1)
	return nil
}

// spendAtSignIn uses a code up for a session that begins in tx.
func spendAtSignIn(ctx context.Context, tx Tx, user *User, proof SecondFactorProof) error {
	factor, err := tx.SecondFactor(ctx, user.OrganizationID, user.ID)
	if err != nil {
		return err
	}
	if err := proof.spend(&factor); err != nil {
		return err
	}
	if proof.Step == 0 {
		tx.Record(event(audit.RecoveryCodeUsed, nil, details{ID: user.ID, Data: map[string]any{"recovery_codes_left": len(factor.RecoveryCodes)}}))
	}
	return tx.PutSecondFactor(ctx, factor)
}

// SecondFactor returns a user's, confirmed or not.
func (s *Service) SecondFactor(ctx context.Context, organizationID, userID string) (SecondFactor, error) {
	return view(ctx, s.Store, func(r Reader) (SecondFactor, error) { return r.SecondFactor(ctx, organizationID, userID) })
}

// EnrolSecondFactor keeps a secret for a user, in place of one that was not
// confirmed. It counts once ConfirmSecondFactor is called.
func (s *Service) EnrolSecondFactor(ctx context.Context, actor audit.Actor, userID string, secret []byte) error {
	sealed, err := s.Sealer.Seal(secret, SecondFactorPlace(userID))
	if err != nil {
		return err
	}
	return s.update(ctx, actor, func(tx Tx) error {
		if _, err := tx.User(ctx, actor.OrganizationID, userID); err != nil {
			return err
		}
		switch known, err := tx.SecondFactor(ctx, actor.OrganizationID, userID); {
		case err == nil && known.Confirmed():
			return fault.Invalidf("totp_enabled", "", "You have a second factor already. Disable it before you set up another.")
		case err != nil && !fault.Is(err, fault.NotFound):
			return err
		}
		tx.Record(event(audit.SecondFactorEnrolled, nil, details{ID: userID}))
		return tx.PutSecondFactor(ctx, SecondFactor{OrganizationID: actor.OrganizationID, UserID: userID, Secret: sealed, CreatedAt: s.Now()})
	})
}

// ConfirmSecondFactor makes an enrolled secret count, by the first code of it.
func (s *Service) ConfirmSecondFactor(ctx context.Context, actor audit.Actor, userID string, proof SecondFactorProof, recovery []id.Hash) error {
	return s.changeSecondFactor(ctx, actor, userID, audit.SecondFactorEnabled, func(f *SecondFactor) error {
		if f.Confirmed() {
			return fault.Invalidf("totp_enabled", "", "You have confirmed your second factor already.")
		}
		f.ConfirmedAt, f.RecoveryCodes = s.Now(), recovery
		return proof.spend(f)
	})
}

// ReplaceRecoveryCodes makes the recovery codes a user had void.
func (s *Service) ReplaceRecoveryCodes(ctx context.Context, actor audit.Actor, userID string, proof SecondFactorProof, recovery []id.Hash) error {
	return s.changeSecondFactor(ctx, actor, userID, audit.RecoveryCodesCreated, func(f *SecondFactor) error {
		if err := proof.spend(f); err != nil {
			return err
		}
		f.RecoveryCodes = recovery
		return nil
	})
}

func (s *Service) changeSecondFactor(ctx context.Context, actor audit.Actor, userID string, action audit.Action, change func(*SecondFactor) error) error {
	return s.update(ctx, actor, func(tx Tx) error {
		factor, err := tx.SecondFactor(ctx, actor.OrganizationID, userID)
		if err != nil {
			return err
		}
		if err := change(&factor); err != nil {
			return err
		}
		tx.Record(event(action, nil, details{ID: userID}))
		return tx.PutSecondFactor(ctx, factor)
	})
}

// RemoveSecondFactor lets a user sign in without one. proof is the user's own
// code; nil when somebody else decides, who has to be entitled to.
func (s *Service) RemoveSecondFactor(ctx context.Context, actor audit.Actor, userID string, proof *SecondFactorProof) error {
	return s.update(ctx, actor, func(tx Tx) error {
		if _, err := tx.User(ctx, actor.OrganizationID, userID); err != nil {
			return err
		}
		factor, err := tx.SecondFactor(ctx, actor.OrganizationID, userID)
		if err != nil {
			return err
		}
		if proof != nil {
			if err := proof.spend(&factor); err != nil {
				return err
			}
		}
		tx.Record(event(audit.SecondFactorDisabled, nil, details{ID: userID}))
		return tx.DeleteSecondFactor(ctx, actor.OrganizationID, userID)
	})
}
