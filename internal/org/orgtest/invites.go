package orgtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/id"
	"weir/internal/org"
)

func (n *tenant) newInvite() org.Invite {
	at := n.clock.next()
	return org.Invite{
		ID: id.At(id.Invite, at), OrganizationID: n.org.ID, Email: fmt.Sprintf("Guest.%d@example.com", n.clock.n), Role: access.OrganizationReader,
		Projects:  []org.InviteProject{{ProjectID: n.project.ID, Role: access.ProjectOwner}},
		TokenHash: id.HashOf(id.Secret("")), GrantedBy: n.user.ID, ExpiresAt: at.Add(time.Hour), CreatedAt: at,
	}
}

func inviteFamily() family {
	return family{
		insert: func(ctx context.Context, tx org.Tx, n *tenant) error {
			n.invite = n.newInvite()
			return tx.InsertInvite(ctx, n.invite)
		},
		probes: func(a *tenant) map[string]probe {
			return map[string]probe{
				"Invite": func(ctx context.Context, r org.Reader, o string) (any, error) { return r.Invite(ctx, o, a.invite.ID) },
				"PendingInvite": func(ctx context.Context, r org.Reader, o string) (any, error) {
					return r.PendingInvite(ctx, o, a.invite.Email, a.invite.CreatedAt)
				},
				"Invites": lists(a.invite, func(ctx context.Context, r org.Reader, o string) (org.Rows[org.Invite], error) {
					return r.Invites(ctx, o, org.Page{Limit: 100})
				}),
			}
		},
		writes: func(ctx context.Context, a *tenant, o string) map[string]func(org.Tx) error {
			v := a.invite
			v.OrganizationID = o
			return map[string]func(org.Tx) error{
				"UpdateInvite": func(tx org.Tx) error { return tx.UpdateInvite(ctx, v) },
				"DeleteInvite": func(tx org.Tx) error { return tx.DeleteInvite(ctx, o, v.ID) },
			}
		},
		lists: []pageable{{
			name: "invites",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newInvite()
				v.CreatedAt = at
				return v.ID, tx.InsertInvite(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteInvite(ctx, n.org.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.Invites(ctx, n.org.ID, p)
				return places(rows, err, func(v org.Invite) place { return place{v.CreatedAt, v.ID} })
			},
		}},
	}
}

func invites(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx, o := t.Context(), n.org.ID
	bare := n.newInvite()
	bare.Projects, bare.TokenHash, bare.GrantedBy = []org.InviteProject{}, id.Hash{}, ""
	tokenless := n.newInvite() // two without a token are no conflict
	tokenless.TokenHash = id.Hash{}
	update(t, s, o, func(tx org.Tx) error { return errors.Join(tx.InsertInvite(ctx, bare), tx.InsertInvite(ctx, tokenless)) })
	view(t, s, func(r org.Reader) error {
		got, err := r.Invite(ctx, o, bare.ID)
		equal(t, "without projects, token and sender", got, bare)
		byToken, err2 := r.InviteByToken(ctx, n.invite.TokenHash)
		equal(t, "by its token", byToken, n.invite)
		_, err3 := r.InviteByToken(ctx, id.Hash{})
		wantNotFound(t, err3, "Invite not found.")
		return errors.Join(err, err2)
	})

	pending := func(what, email string, now time.Time, want *org.Invite) {
		t.Helper()
		view(t, s, func(r org.Reader) error {
			got, err := r.PendingInvite(ctx, o, email, now)
			if want == nil {
				wantNotFound(t, err, "'"+strings.ReplaceAll(email, "\x00", "\uFFFD")+"' has no pending invite.")
				return nil
			}
			equal(t, what, got, *want)
			return err
		})
	}
	at := n.invite.CreatedAt
	pending("in other letters", strings.ToUpper(n.invite.Email), at, &n.invite)
	pending("another address", "nobody@example.com", at, nil)
	pending("no text", "nobody\x00@example.com", at, nil)
	pending("to the last moment", n.invite.Email, n.invite.ExpiresAt.Add(-time.Microsecond), &n.invite)
	pending("expired", n.invite.Email, n.invite.ExpiresAt, nil)

	accepted := n.invite
	accepted.AcceptedAt, accepted.TokenHash = at.Add(time.Minute), id.Hash{}
	update(t, s, o, func(tx org.Tx) error { return tx.UpdateInvite(ctx, accepted) })
	view(t, s, func(r org.Reader) error {
		got, err := r.Invite(ctx, o, accepted.ID)
		equal(t, "accepted", got, accepted)
		return err
	})
	pending("accepted", n.invite.Email, at, nil)
	update(t, s, o, func(tx org.Tx) error { return tx.DeleteInvite(ctx, o, accepted.ID) })
	view(t, s, func(r org.Reader) error {
		_, err := r.Invite(ctx, o, accepted.ID)
		wantNotFound(t, err, "Invite with ID '"+accepted.ID+"' not found.")
		return nil
	})
}
