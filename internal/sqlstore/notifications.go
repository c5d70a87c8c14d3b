package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/internal/notify"
	"weir/internal/org"
	"weir/internal/sqldb"
)

var notificationChannels = table[org.NotificationChannel]{
	name: "notification_channels", label: "Notification channel", key: 2, listed: true,
	columns: []string{"id", "organization_id", "name", "kind", "shown_url", "recipients", "url", "secret", "created_at"},
	fields: func(c *org.NotificationChannel) []any {
		return []any{
			&c.ID, &c.OrganizationID, &c.Name, &c.Kind, &c.URL, jsonText[[]string]{&c.Recipients}, sealed{&c.Target.URL}, sealed{&c.Target.Secret},
			instant{&c.CreatedAt},
		}
	},
}

var deliveries = table[notify.Delivery]{
	name: "deliveries", label: "Delivery", key: 2,
	columns: []string{
		"id", "organization_id", "channel_id", "recipient", "event", "reference", "body", "status", "attempts", "response_status", "error",
		"next_attempt", "created_at", "finished_at",
	},
	fields: func(d *notify.Delivery) []any {
		return []any{
			&d.ID, &d.OrganizationID, nullable{&d.ChannelID}, &d.Recipient, &d.Event, &d.Reference, &d.Body, &d.Status, &d.Attempts,
			&d.ResponseStatus, &d.Error, instant{&d.NextAttempt}, instant{&d.CreatedAt}, instant{&d.FinishedAt},
		}
	},
}

func (r reader) NotificationChannel(ctx context.Context, organizationID, channelID string) (org.NotificationChannel, error) {
	return notificationChannels.get(ctx, r, channelID, organizationID)
}

func (r reader) NotificationChannels(ctx context.Context, organizationID string, p org.Page) (org.Rows[org.NotificationChannel], error) {
	return notificationChannels.page(ctx, r, p, list{organizationID: organizationID, scope: inOrganization(organizationID)})
}

func (r reader) EachNotificationChannel(ctx context.Context, fn func(org.NotificationChannel) error) error {
	return notificationChannels.each(ctx, r, sqldb.NewQuery(notificationChannels.selection()), fn)
}

func (r reader) Deliveries(ctx context.Context, organizationID, channelID string, p org.Page) (org.Rows[notify.Delivery], error) {
	return deliveries.page(ctx, r, p, list{organizationID: organizationID, scope: func(q *sqldb.Query) {
		inOrganization(organizationID)(q)
		if channelID != "" {
			q.And("channel_id", sqldb.Equal(channelID))
		}
	}})
}

func (r reader) UnfiredSpendAlerts(ctx context.Context, organizationID, month string) ([]org.SpendAlert, error) {
	q := sqldb.NewQuery(spendAlerts.selection())
	inOrganization(organizationID)(q)
	q.Where("NOT EXISTS (SELECT 1 FROM spend_alert_firings f WHERE f.alert_id = spend_alerts.id AND f.month = ? AND f.threshold = spend_alerts.threshold)", month)
	return spendAlerts.all(ctx, r, q.Add(" ORDER BY created_at, id"))
}

func (w *tx) FireSpendAlert(ctx context.Context, a org.SpendAlert, month string, at time.Time) (first bool, err error) {
	n, err := w.exec(ctx, `
		INSERT INTO spend_alert_firings (alert_id, month, threshold, organization_id, fired_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (alert_id, month, threshold) DO NOTHING`, a.ID, month, a.Threshold, a.OrganizationID, micros(at))
	return n > 0, err
}

func (w *tx) InsertNotificationChannel(ctx context.Context, c org.NotificationChannel) error {
	return notificationChannels.insert(ctx, w, &c)
}

func (w *tx) UpdateNotificationChannel(ctx context.Context, c org.NotificationChannel) error {
	return notificationChannels.update(ctx, w, &c)
}

func (w *tx) DeleteNotificationChannel(ctx context.Context, organizationID, channelID string) error {
	if _, err := w.NotificationChannel(ctx, organizationID, channelID); err != nil {
		return err
	}
	for _, statement := range []string{
		`DELETE FROM waiting_mail WHERE reference IN (SELECT id FROM deliveries WHERE channel_id = $1)`,
		`DELETE FROM deliveries WHERE channel_id = $1`,
	} {
		if _, err := w.exec(ctx, statement, channelID); err != nil {
			return fmt.Errorf("deleting the deliveries to %s: %w", channelID, err)
		}
	}
	return notificationChannels.remove(ctx, w, channelID, organizationID)
}

func (w *tx) InsertDelivery(ctx context.Context, d notify.Delivery) error {
	return deliveries.insert(ctx, w, &d)
}

// DeliveriesDue implements notify.Store.
func (s *Store) DeliveriesDue(ctx context.Context, now time.Time) (due int64, err error) {
	const query = `SELECT COUNT(*) FROM deliveries WHERE next_attempt > 0 AND next_attempt <= $1`
	if err := s.db.Read().QueryRowContext(ctx, query, micros(now)).Scan(&due); err != nil {
		return 0, fmt.Errorf("counting the notices that are due: %w", err)
	}
	return due, nil
}

// ClaimDeliveries implements notify.Store.
func (s *Store) ClaimDeliveries(ctx context.Context, now, until time.Time, limit int) (claimed []notify.Due, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, t *sql.Tx) error {
		claimed = nil
		// As for letters: the last condition is for another node's claim.
		rows, err := t.QueryContext(ctx, `
			UPDATE deliveries SET next_attempt = $1
			WHERE id IN (SELECT id FROM deliveries WHERE next_attempt > 0 AND next_attempt <= $2 ORDER BY next_attempt, id LIMIT $3)
				AND next_attempt > 0 AND next_attempt <= $2
			RETURNING `+strings.Join(deliveries.columns, ", ")+`,
				(SELECT c.url FROM notification_channels c WHERE c.id = deliveries.channel_id),
				(SELECT c.secret FROM notification_channels c WHERE c.id = deliveries.channel_id)`,
			micros(until), micros(now), limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var d notify.Due
			if err := rows.Scan(append(deliveries.fields(&d.Delivery), sealed{&d.Target.URL}, sealed{&d.Target.Secret})...); err != nil {
				return err
			}
			claimed = append(claimed, d)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("claiming notices: %w", err)
	}
	slices.SortFunc(claimed, func(a, b notify.Due) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID)) })
	return claimed, nil
}

// NoteDelivery implements notify.Store.
func (s *Store) NoteDelivery(ctx context.Context, d notify.Delivery) error {
	return s.changeDeliveries(ctx, "noting the delivery "+d.ID, `
		UPDATE deliveries SET status = $2, attempts = $3, response_status = $4, error = $5, next_attempt = $6, finished_at = $7 WHERE id = $1`,
		d.ID, string(d.Status), d.Attempts, d.ResponseStatus, legible(d.Error),
		micros(d.NextAttempt), micros(d.FinishedAt))
}

// PruneDeliveries implements notify.Store.
func (s *Store) PruneDeliveries(ctx context.Context, before time.Time) error {
	return s.changeDeliveries(ctx, "pruning deliveries", `DELETE FROM deliveries WHERE created_at < $1`, micros(before))
}

func (s *Store) changeDeliveries(ctx context.Context, doing, statement string, args ...any) error {
	err := s.db.Write(ctx, func(ctx context.Context, t *sql.Tx) error {
		_, err := t.ExecContext(ctx, statement, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
