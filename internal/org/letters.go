package org

import (
	"context"
	"fmt"
	"time"

	"weir/internal/audit"
	"weir/internal/id"
	"weir/internal/mail"
)

// Post is how weir writes to people.
type Post struct {
	BaseURL string // that browsers reach weir at: links begin with it
}

// InviteLetter is the kind of letters about an invite.
const InviteLetter = "invite"

// writeInvite gives the invite a token and keeps the letter that carries it, to
// be sent once the transaction has committed. Without post it does nothing.
func (s *Service) writeInvite(ctx context.Context, tx Tx, by audit.Actor, invite *Invite) error {
	if s.Post == nil {
		return nil
	}
	o, err := tx.Organization(ctx, invite.OrganizationID)
	if err != nil {
		return err
	}
	token := id.Secret("")
	invite.TokenHash = id.HashOf(token)
	sender := by.UserEmail
	if sender == "" {
		sender = "An administrator"
	}
	waiting, err := mail.Seal(s.Sealer, mail.Letter{
		To:      invite.Email,
		Subject: fmt.Sprintf("You are invited to %s", o.Name),
		Text: fmt.Sprintf(`%s invites you to join %s on weir.

Open this link to choose a name and a password:

%s

It works once, until %s.

If you did not expect this, you can pass over it: nothing happens without you.
`, sender, o.Name, InviteURL(s.Post.BaseURL, token), invite.ExpiresAt.UTC().Format("2 January 2006, 15:04 MST")),
	}, mail.About{
		OrganizationID: invite.OrganizationID, Kind: InviteLetter, Reference: invite.ID, Now: s.Now(), GiveUp: invite.ExpiresAt.Truncate(time.Second),
	})
	if err != nil {
		return err
	}
	return tx.InsertMail(ctx, waiting)
}
