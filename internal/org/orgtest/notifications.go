package orgtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"weir/internal/id"
	"weir/internal/notify"
	"weir/internal/org"
	"weir/internal/routing"
)

func (n *tenant) newChannel() org.NotificationChannel {
	at := n.clock.next()
	return org.NotificationChannel{
		ID: id.At(id.NotificationChannel, at), OrganizationID: n.org.ID, Name: "Finance", Kind: notify.Webhook, URL: "https://hooks.example.com/a",
		Recipients: []string{"a@example.com"}, Target: notify.Target{URL: routing.Sealed{1, 0, 255}, Secret: routing.Sealed{2}}, CreatedAt: at,
	}
}

func (n *tenant) newDelivery(channelID string) notify.Delivery {
	at := n.clock.next()
	return notify.Delivery{
		ID: id.At(id.Delivery, at), OrganizationID: n.org.ID, ChannelID: channelID, Event: notify.Test, Reference: "alert_1", Body: `{"a":1}`,
		Status: notify.Pending, NextAttempt: at, CreatedAt: at,
	}
}

func notificationFamily() family {
	return family{
		insert: func(ctx context.Context, tx org.Tx, n *tenant) error {
			n.channel = n.newChannel()
			n.delivery = n.newDelivery(n.channel.ID)
			n.delivery.NextAttempt = time.Time{}
			return errors.Join(tx.InsertNotificationChannel(ctx, n.channel), tx.InsertDelivery(ctx, n.delivery))
		},
		probes: func(a *tenant) map[string]probe {
			return map[string]probe{
				"NotificationChannel": func(ctx context.Context, r org.Reader, o string) (any, error) {
					return r.NotificationChannel(ctx, o, a.channel.ID)
				},
				"NotificationChannels": lists(a.channel, func(ctx context.Context, r org.Reader, o string) (org.Rows[org.NotificationChannel], error) {
					return r.NotificationChannels(ctx, o, org.Page{Limit: 100})
				}),
				"Deliveries": lists(a.delivery, func(ctx context.Context, r org.Reader, o string) (org.Rows[notify.Delivery], error) {
					return r.Deliveries(ctx, o, a.channel.ID, org.Page{Limit: 100})
				}),
				"UnfiredSpendAlerts": lists(a.alert, func(ctx context.Context, r org.Reader, o string) (org.Rows[org.SpendAlert], error) {
					items, err := r.UnfiredSpendAlerts(ctx, o, "2026-11")
					return org.Rows[org.SpendAlert]{Items: items}, err
				}),
			}
		},
		writes: func(ctx context.Context, a *tenant, o string) map[string]func(org.Tx) error {
			c := a.channel
			c.OrganizationID = o
			return map[string]func(org.Tx) error{
				"UpdateNotificationChannel": func(tx org.Tx) error { return tx.UpdateNotificationChannel(ctx, c) },
				"DeleteNotificationChannel": func(tx org.Tx) error { return tx.DeleteNotificationChannel(ctx, o, c.ID) },
			}
		},
		lists: []pageable{{
			name: "notification channels",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newChannel()
				v.CreatedAt = at
				return v.ID, tx.InsertNotificationChannel(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteNotificationChannel(ctx, n.org.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.NotificationChannels(ctx, n.org.ID, p)
				return places(rows, err, func(v org.NotificationChannel) place { return place{v.CreatedAt, v.ID} })
			},
		}},
	}
}

// notices is the life of channels and of what is delivered to them.
func notices(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx, o := t.Context(), n.org.ID
	changed := n.channel
	changed.Name, changed.URL, changed.Recipients, changed.Target = "Other", "https://…", nil, notify.Target{URL: routing.Sealed{9}}
	before, err := s.Version(ctx)
	if err != nil {
		t.Fatal(err)
	}
	first, second := n.newDelivery(n.channel.ID), n.newDelivery(n.channel.ID)
	letter := n.newDelivery(n.channel.ID)
	letter.NextAttempt, letter.Body, letter.Recipient = time.Time{}, "", "a@example.com"
	update(t, s, o, func(tx org.Tx) error {
		return errors.Join(tx.UpdateNotificationChannel(ctx, changed), tx.InsertDelivery(ctx, first), tx.InsertDelivery(ctx, second), tx.InsertDelivery(ctx, letter))
	})
	if after, err := s.Version(ctx); err != nil || after != before {
		t.Errorf("notices are in the change feed: %d, %d, %v", before, after, err)
	}

	now := second.NextAttempt
	claim := func(now time.Time, want ...notify.Due) {
		t.Helper()
		due, err := s.DeliveriesDue(ctx, now)
		if err != nil || due != int64(len(want)) {
			t.Errorf("%d are due, %v; want %d", due, err, len(want))
		}
		got, err := s.ClaimDeliveries(ctx, now, now.Add(time.Minute), 5)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "claimed", got, append([]notify.Due(nil), want...))
	}
	due := func(d *notify.Delivery, until time.Time) notify.Due {
		d.NextAttempt = until.Add(time.Minute)
		return notify.Due{Delivery: *d, Target: changed.Target}
	}
	claim(first.CreatedAt.Add(-time.Microsecond))
	claim(now, due(&first, now), due(&second, now))
	claim(now)
	first.Status, first.Attempts, first.ResponseStatus, first.NextAttempt, first.FinishedAt = notify.Delivered, 1, 204, time.Time{}, now
	second.Attempts, second.Error, second.NextAttempt = 1, "nobody there", now.Add(time.Hour)
	for _, d := range []notify.Delivery{first, second} {
		if err := s.NoteDelivery(ctx, d); err != nil {
			t.Fatal(err)
		}
	}
	claim(now.Add(2*time.Minute), []notify.Due{}...)
	view(t, s, func(r org.Reader) error {
		rows, err := r.Deliveries(ctx, o, n.channel.ID, org.Page{Limit: 9})
		equal(t, "the log", rows.Items, []notify.Delivery{letter, second, first, n.delivery})
		return err
	})

	// What the mail server says of a letter comes into the log.
	mail := n.newLetter(letter.ID)
	update(t, s, o, func(tx org.Tx) error { return tx.InsertMail(ctx, mail) })
	if err := errors.Join(s.PutOffMail(ctx, mail.ID, now), s.ForgetMail(ctx, mail.ID, now, "refused")); err != nil {
		t.Fatal(err)
	}
	letter.Status, letter.Error, letter.Attempts, letter.FinishedAt = notify.Failed, "refused", 2, now
	if err := s.PruneDeliveries(ctx, first.CreatedAt); err != nil { // takes n.delivery
		t.Fatal(err)
	}
	view(t, s, func(r org.Reader) error {
		rows, err := r.Deliveries(ctx, o, "", org.Page{Limit: 9})
		equal(t, "the log, pruned", rows.Items, []notify.Delivery{letter, second, first})
		return err
	})
	update(t, s, o, func(tx org.Tx) error { return tx.DeleteNotificationChannel(ctx, o, n.channel.ID) })
	view(t, s, func(r org.Reader) error {
		rows, err := r.Deliveries(ctx, o, "", org.Page{Limit: 9})
		equal(t, "the log of a channel that is gone", rows.Items, []notify.Delivery(nil))
		return err
	})
}

// spendAlertFirings come once for each threshold and month.
func spendAlertFirings(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx, o := t.Context(), n.org.ID
	a := n.alert
	fire := func(a org.SpendAlert, month string, want bool) {
		t.Helper()
		update(t, s, o, func(tx org.Tx) error {
			first, err := tx.FireSpendAlert(ctx, a, month, a.CreatedAt)
			if first != want {
				t.Errorf("in %s for %d: %t", month, a.Threshold, first)
			}
			return err
		})
	}
	unfired := func(month string, want ...org.SpendAlert) {
		t.Helper()
		view(t, s, func(r org.Reader) error {
			got, err := r.UnfiredSpendAlerts(ctx, o, month)
			equal(t, "unfired in "+month, got, append([]org.SpendAlert(nil), want...))
			return err
		})
	}
	unfired("2026-11", a)
	fire(a, "2026-11", true)
	fire(a, "2026-11", false)
	unfired("2026-11")
	unfired("2026-12", a)
	a.Threshold++
	update(t, s, o, func(tx org.Tx) error { return tx.UpdateSpendAlert(ctx, a) })
	unfired("2026-11", a)
	fire(a, "2026-11", true)
	unfired("2026-11")
}
