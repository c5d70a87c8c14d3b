package nativeapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/notify"
	"weir/internal/optional"
	"weir/internal/org"
)

// notificationChannel is a channel as the API shows it.
type notificationChannel struct {
	Object     string   `json:"object"` // notification_channel
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Type       string   `json:"type"` // email, slack, teams or webhook
	URL        *string  `json:"url"`  // of chats only its host: the rest is a secret
	Recipients []string `json:"recipients"`
	Secret     string   `json:"secret,omitempty"` // when it was made, and weir chose it
	CreatedAt  int64    `json:"created_at"`
}

// delivery is a notice on its way as the API shows it.
type delivery struct {
	Object         string  `json:"object"` // notification_delivery
	ID             string  `json:"id"`     // a webhook's webhook-id
	ChannelID      *string `json:"notification_channel_id"`
	Recipient      *string `json:"recipient"`
	Event          string  `json:"event"`
	Reference      string  `json:"reference"` // id of what it is about
	Status         string  `json:"status"`    // pending, delivered or failed
	Attempts       int     `json:"attempts"`
	ResponseStatus *int64  `json:"response_status"`
	Error          *string `json:"error"`
	NextAttemptAt  *int64  `json:"next_attempt_at"`
	CreatedAt      int64   `json:"created_at"`
	FinishedAt     *int64  `json:"finished_at"`
}

type notificationChannelFields struct {
	Name       optional.Value[string]   `json:"name"`
	Type       optional.Value[string]   `json:"type"`
	URL        optional.Value[string]   `json:"url"`
	Recipients optional.Value[[]string] `json:"recipients"`
	Secret     optional.Value[string]   `json:"secret"`
}

func (f notificationChannelFields) fields() org.NotificationChannelFields {
	return org.NotificationChannelFields{Name: f.Name, Kind: f.Type, URL: f.URL, Recipients: f.Recipients, Secret: f.Secret}
}

func (a *API) notificationChannels() []endpoint.Endpoint {
	const path, at = root + "/notification_channels", endpoint.AtOrganization
	const one = path + "/{notification_channel_id}"
	const read, write = access.BillingRead, access.BillingWrite
	page := endpoint.Listing[org.NotificationChannel, notificationChannel]{
		Limit: 20, Min: 1, Max: 100, ID: func(c org.NotificationChannel) string { return c.ID }, Show: showNotificationChannel,
	}
	log := endpoint.Listing[notify.Delivery, delivery]{
		Limit: 20, Min: 1, Max: 100, ID: func(d notify.Delivery) string { return d.ID }, Show: showDelivery,
	}
	return []endpoint.Endpoint{
		endpoint.List("GET "+path, read, at, page, a.listNotificationChannels),
		endpoint.Write("POST "+path, write, at, []audit.Action{audit.NotificationChannelCreated}, a.createNotificationChannel),
		endpoint.Read("GET "+one, read, at, a.getNotificationChannel),
		endpoint.Write("POST "+one, write, at, []audit.Action{audit.NotificationChannelUpdated}, a.updateNotificationChannel),
		endpoint.Act("DELETE "+one, write, at, []audit.Action{audit.NotificationChannelDeleted}, a.deleteNotificationChannel),
		endpoint.List("GET "+one+"/deliveries", read, at, log, a.listDeliveries),
		endpoint.Act("POST "+one+"/test", write, at, []audit.Action{audit.NotificationChannelTested}, a.testNotificationChannel),
		endpoint.List("GET "+root+"/deliveries", read, at, log, a.listDeliveries),
	}
}

func (a *API) listNotificationChannels(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.NotificationChannel], error) {
	return a.org.NotificationChannels(ctx, c.OrganizationID(), p)
}

func (a *API) createNotificationChannel(ctx context.Context, c *endpoint.Call, in notificationChannelFields) (notificationChannel, error) {
	made, secret, err := a.org.CreateNotificationChannel(ctx, c.Actor(), in.fields())
	shown := showNotificationChannel(made)
	shown.Secret = secret
	return shown, err
}

func (a *API) getNotificationChannel(ctx context.Context, c *endpoint.Call) (notificationChannel, error) {
	found, err := a.org.NotificationChannel(ctx, c.OrganizationID(), c.Path("notification_channel_id"))
	return showNotificationChannel(found), err
}

func (a *API) updateNotificationChannel(ctx context.Context, c *endpoint.Call, in notificationChannelFields) (notificationChannel, error) {
	changed, err := a.org.UpdateNotificationChannel(ctx, c.Actor(), c.Path("notification_channel_id"), in.fields())
	return showNotificationChannel(changed), err
}

func (a *API) deleteNotificationChannel(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	channelID := c.Path("notification_channel_id")
	return endpoint.Deleted{Object: "notification_channel.deleted", ID: channelID, Deleted: true},
		a.org.DeleteNotificationChannel(ctx, c.Actor(), channelID)
}

// listDeliveries are those to the channel in the path; of all where it has none.
func (a *API) listDeliveries(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[notify.Delivery], error) {
	return a.org.Deliveries(ctx, c.OrganizationID(), c.Path("notification_channel_id"), p)
}

func (a *API) testNotificationChannel(ctx context.Context, c *endpoint.Call) (delivery, error) {
	first, err := a.org.TestNotificationChannel(ctx, c.Actor(), c.Path("notification_channel_id"))
	return showDelivery(first), err
}

func showNotificationChannel(c org.NotificationChannel) notificationChannel {
	return notificationChannel{
		Object: "notification_channel", ID: c.ID, Name: c.Name, Type: string(c.Kind), URL: endpoint.TextOrNull(c.URL),
		Recipients: listed(c.Recipients), CreatedAt: c.CreatedAt.Unix(),
	}
}

func showDelivery(d notify.Delivery) delivery {
	return delivery{
		Object: "notification_delivery", ID: d.ID, ChannelID: endpoint.TextOrNull(d.ChannelID), Recipient: endpoint.TextOrNull(d.Recipient),
		Event: d.Event, Reference: d.Reference, Status: string(d.Status), Attempts: d.Attempts,
		ResponseStatus: positiveOrNull(int64(d.ResponseStatus)), Error: endpoint.TextOrNull(d.Error),
		NextAttemptAt: endpoint.SecondsOrNull(d.NextAttempt), CreatedAt: d.CreatedAt.Unix(), FinishedAt: endpoint.SecondsOrNull(d.FinishedAt),
	}
}
