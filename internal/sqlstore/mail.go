package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/internal/mail"
	"weir/internal/notify"
)

var waitingMail = table[mail.Waiting]{
	name: "waiting_mail", label: "Letter", key: 1,
	columns: []string{"id", "organization_id", "kind", "reference", "sealed", "attempts", "next_attempt", "give_up", "created_at"},
	fields: func(w *mail.Waiting) []any {
		return []any{
			&w.ID, &w.OrganizationID, &w.Kind, &w.Reference, sealed{&w.Sealed}, &w.Attempts, instant{&w.NextAttempt}, instant{&w.GiveUp},
			instant{&w.CreatedAt},
		}
	},
}

func (w *tx) InsertMail(ctx context.Context, m mail.Waiting) error {
	return waitingMail.insert(ctx, w, &m)
}

func (w *tx) TakeBackMail(ctx context.Context, organizationID, reference string) error {
	if _, err := w.exec(ctx, `DELETE FROM waiting_mail WHERE organization_id = $1 AND reference = $2`, organizationID, reference); err != nil {
		return fmt.Errorf("taking back the letters about %s: %w", reference, err)
	}
	return nil
}

// MailWaiting implements mail.Store.
func (s *Store) MailWaiting(ctx context.Context, now time.Time) (waiting, due int64, err error) {
	const query = `SELECT COUNT(*), COALESCE(SUM(CASE WHEN next_attempt <= $1 THEN 1 ELSE 0 END), 0) FROM waiting_mail`
	if err := s.db.Read().QueryRowContext(ctx, query, micros(now)).Scan(&waiting, &due); err != nil {
		return 0, 0, fmt.Errorf("counting the letters that wait: %w", err)
	}
	return waiting, due, nil
}

// ClaimMail implements mail.Store.
func (s *Store) ClaimMail(ctx context.Context, now, until time.Time, limit int) (claimed []mail.Waiting, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, t *sql.Tx) error {
		claimed = nil
		// Another node may claim the same ones at the same time: the second
		// condition is looked at again once that has committed.
		rows, err := t.QueryContext(ctx, `
			UPDATE waiting_mail SET next_attempt = $1
			WHERE id IN (SELECT id FROM waiting_mail WHERE next_attempt <= $2 ORDER BY next_attempt, id LIMIT $3) AND next_attempt <= $2
			RETURNING `+strings.Join(waitingMail.columns, ", "), micros(until), micros(now), limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var w mail.Waiting
			if err := rows.Scan(waitingMail.fields(&w)...); err != nil {
				return err
			}
			claimed = append(claimed, w)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("claiming letters: %w", err)
	}
	slices.SortFunc(claimed, func(a, b mail.Waiting) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID)) })
	return claimed, nil
}

// PutOffMail implements mail.Store.
func (s *Store) PutOffMail(ctx context.Context, mailID string, next time.Time) error {
	return s.changeMail(ctx, "putting off", `UPDATE waiting_mail SET attempts = attempts + 1, next_attempt = $2 WHERE id = $1`, mailID, micros(next))
}

// ForgetMail implements mail.Store.
func (s *Store) ForgetMail(ctx context.Context, mailID string, now time.Time, failure string) error {
	fate := notify.Delivered
	if failure != "" {
		fate = notify.Failed
	}
	err := s.changeMail(ctx, "telling what became of", `
		UPDATE deliveries SET status = $2, error = $3, finished_at = $4,
			attempts = (SELECT attempts + 1 FROM waiting_mail WHERE id = $1)
		WHERE status = 'pending' AND id = (SELECT reference FROM waiting_mail WHERE id = $1)`,
		mailID, string(fate), legible(failure), micros(now))
	if err != nil {
		return err
	}
	return s.changeMail(ctx, "forgetting", `DELETE FROM waiting_mail WHERE id = $1`, mailID)
}

func (s *Store) changeMail(ctx context.Context, doing, statement, mailID string, args ...any) error {
	err := s.db.Write(ctx, func(ctx context.Context, t *sql.Tx) error {
		_, err := t.ExecContext(ctx, statement, append([]any{mailID}, args...)...)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s the letter %s: %w", doing, mailID, err)
	}
	return nil
}
