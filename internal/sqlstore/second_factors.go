package sqlstore

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"

	"weir/internal/id"
	"weir/internal/org"
	"weir/internal/sqldb"
)

var secondFactors = table[org.SecondFactor]{
	name: "second_factors", label: "Second factor of the user", key: 2,
	columns: []string{"user_id", "organization_id", "secret", "last_step", "recovery_codes", "confirmed_at", "created_at"},
	fields: func(f *org.SecondFactor) []any {
		return []any{
			&f.UserID, &f.OrganizationID, sealed{&f.Secret}, &f.LastStep, hashes{&f.RecoveryCodes},
			instant{&f.ConfirmedAt}, instant{&f.CreatedAt},
		}
	},
}

// hashes are hexadecimal, separated by blanks.
type hashes struct{ list *[]id.Hash }

func (f hashes) Value() (driver.Value, error) {
	words := make([]string, len(*f.list))
	for i, h := range *f.list {
		words[i] = h.String()
	}
	return strings.Join(words, " "), nil
}

func (f hashes) Scan(src any) error {
	*f.list = nil
	s, err := text(src)
	for _, word := range strings.Fields(s) {
		h, ok := id.ParseHash(word)
		if !ok {
			return fmt.Errorf("%q is not a hash", word)
		}
		*f.list = append(*f.list, h)
	}
	return err
}

func (r reader) SecondFactor(ctx context.Context, organizationID, userID string) (org.SecondFactor, error) {
	return secondFactors.get(ctx, r, userID, organizationID)
}

func (r reader) EachSecondFactor(ctx context.Context, fn func(org.SecondFactor) error) error {
	return secondFactors.each(ctx, r, sqldb.NewQuery(secondFactors.selection()), fn)
}

func (w *tx) PutSecondFactor(ctx context.Context, f org.SecondFactor) error {
	if _, err := w.exec(ctx, `DELETE FROM second_factors WHERE user_id = $1 AND organization_id = $2`, f.UserID, f.OrganizationID); err != nil {
		return fmt.Errorf("replacing the second factor of %s: %w", f.UserID, err)
	}
	return secondFactors.insert(ctx, w, &f)
}

func (w *tx) DeleteSecondFactor(ctx context.Context, organizationID, userID string) error {
	return secondFactors.remove(ctx, w, userID, organizationID)
}
