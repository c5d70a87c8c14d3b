package sqlstore

import (
	"context"
	"fmt"

	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
)

var passwordResets = table[org.PasswordReset]{
	name: "password_resets", label: "Password reset", key: 1,
	columns: []string{"id", "organization_id", "user_id", "token_hash", "created_by", "expires_at", "created_at"},
	fields: func(p *org.PasswordReset) []any {
		return []any{&p.ID, &p.OrganizationID, &p.UserID, hash{&p.TokenHash}, &p.CreatedBy, instant{&p.ExpiresAt}, instant{&p.CreatedAt}}
	},
}

func (r reader) PasswordResetByToken(ctx context.Context, tokenHash id.Hash) (org.PasswordReset, error) {
	return passwordResets.find(ctx, r, fault.NotFoundf("Password reset not found."), `token_hash = $1`, tokenHash.String())
}

func (w *tx) PutPasswordReset(ctx context.Context, p org.PasswordReset) error {
	if err := w.DeletePasswordResetsOf(ctx, p.OrganizationID, p.UserID); err != nil {
		return err
	}
	return passwordResets.insert(ctx, w, &p)
}

func (w *tx) DeletePasswordResetsOf(ctx context.Context, organizationID, userID string) error {
	if _, err := w.exec(ctx, `DELETE FROM password_resets WHERE organization_id = $1 AND user_id = $2`, organizationID, userID); err != nil {
		return fmt.Errorf("deleting the password reset of %s: %w", userID, err)
	}
	return nil
}
