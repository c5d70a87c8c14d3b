package org

import (
	"context"
	"time"

	"weir/internal/notify"
)

// NotificationReader reads notification channels and the log of deliveries.
// Neither is in the change feed: no request looks them up.
type NotificationReader interface {
	NotificationChannel(ctx context.Context, organizationID, channelID string) (NotificationChannel, error)
	NotificationChannels(ctx context.Context, organizationID string, p Page) (Rows[NotificationChannel], error)
	// Deliveries of a channel or, with channelID "", of the organization.
	Deliveries(ctx context.Context, organizationID, channelID string, p Page) (Rows[notify.Delivery], error)
	// UnfiredSpendAlerts returns the alerts of an organization and its projects that
	// were not sent for their threshold in a month (2026-11) yet.
	UnfiredSpendAlerts(ctx context.Context, organizationID, month string) ([]SpendAlert, error)
	EachNotificationChannel(ctx context.Context, fn func(NotificationChannel) error) error
}

// NotificationWriter writes them.
type NotificationWriter interface {
	InsertNotificationChannel(ctx context.Context, c NotificationChannel) error
	UpdateNotificationChannel(ctx context.Context, c NotificationChannel) error
	// DeleteNotificationChannel removes its deliveries too.
	DeleteNotificationChannel(ctx context.Context, organizationID, channelID string) error
	InsertDelivery(ctx context.Context, d notify.Delivery) error
}

// SpendAlertFirings keeps which alerts were sent. It is no part of the change feed.
type SpendAlertFirings interface {
	// FireSpendAlert notes that an alert is sent for its threshold in a month
	// (2026-11), and reports false where it was before.
	FireSpendAlert(ctx context.Context, a SpendAlert, month string, at time.Time) (first bool, err error)
}
