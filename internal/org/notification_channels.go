package org

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/notify"
	"weir/internal/optional"
)

// NotificationChannel is a place that hears of what happens in an organization.
type NotificationChannel struct {
	ID             string
	OrganizationID string
	Name           string
	Kind           notify.Kind
	URL            string        // as it is shown: that of a chat is a secret, and only its host stands here
	Recipients     []string      // of e-mails
	Target         notify.Target // of all but e-mails
	CreatedAt      time.Time
}

// The bounds of channels.
const (
	maxChannels      = 50 // of an organization
	maxChannelURL    = 2048
	minChannelSecret = 16 // characters, or bytes behind whsec_
	maxChannelSecret = 256
)

// NotificationChannelFields are what is said of a channel. Those that were not
// sent stay as they are.
type NotificationChannelFields struct {
	Name       optional.Value[string]
	Kind       optional.Value[string] // only when it is made
	URL        optional.Value[string]
	Recipients optional.Value[[]string]
	Secret     optional.Value[string] // of a webhook's signatures
}

// CreateNotificationChannel adds a channel. A webhook that is given no secret gets
// one, which is returned this once.
func (s *Service) CreateNotificationChannel(ctx context.Context, actor audit.Actor, in NotificationChannelFields) (c NotificationChannel, secret string, err error) {
	if !in.Name.Given() {
		return c, "", fault.MissingParam("name")
	}
	if !in.Kind.Given() {
		return c, "", fault.MissingParam("type")
	}
	if err := fault.OneOf("type", in.Kind.V, notify.Kinds()); err != nil {
		return c, "", err
	}
	c = NotificationChannel{
		ID: id.New(id.NotificationChannel), OrganizationID: actor.OrganizationID, Kind: notify.Kind(in.Kind.V), CreatedAt: s.Now(),
	}
	switch {
	case c.Kind == notify.Email && !in.Recipients.Given():
		return c, "", fault.MissingParam("recipients")
	case c.Kind != notify.Email && !in.URL.Given():
		return c, "", fault.MissingParam("url")
	case c.Kind == notify.Webhook && !in.Secret.Given():
		secret = newSigningSecret()
		in.Secret = optional.Of(secret)
	}
	err = s.update(ctx, actor, func(tx Tx) error {
		held, err := tx.NotificationChannels(ctx, actor.OrganizationID, Page{Limit: maxChannels})
		if err != nil {
			return err
		}
		if len(held.Items) >= maxChannels {
			return fault.Invalidf("notification_channel_limit_reached", "", "An organization can have %d notification channels, and has them. Delete one first.", maxChannels)
		}
		requested, err := s.applyChannel(&c, in)
		if err != nil {
			return err
		}
		requested["type"] = c.Kind
		tx.Record(event(audit.NotificationChannelCreated, nil, details{ID: c.ID, Data: requested}))
		return tx.InsertNotificationChannel(ctx, c)
	})
	return c, secret, err
}

func newSigningSecret() string {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(key[:])
}

// UpdateNotificationChannel changes the fields that were sent.
func (s *Service) UpdateNotificationChannel(ctx context.Context, actor audit.Actor, channelID string, in NotificationChannelFields) (NotificationChannel, error) {
	var c NotificationChannel
	err := s.update(ctx, actor, func(tx Tx) error {
		var err error
		if c, err = tx.NotificationChannel(ctx, actor.OrganizationID, channelID); err != nil {
			return err
		}
		if in.Kind.Given() && in.Kind.V != string(c.Kind) {
			return fault.Invalidf("unchangeable", "type", "A notification channel keeps its type. Make another one instead.")
		}
		requested, err := s.applyChannel(&c, in)
		if err != nil {
			return err
		}
		tx.Record(event(audit.NotificationChannelUpdated, nil, details{ID: c.ID, Changes: requested}))
		return tx.UpdateNotificationChannel(ctx, c)
	})
	return c, err
}

// applyChannel writes the fields that were sent into c and returns what was asked
// for, for the audit log: without secrets.
func (s *Service) applyChannel(c *NotificationChannel, in NotificationChannelFields) (map[string]any, error) {
	requested := map[string]any{}
	if in.Name.Given() {
		if err := checkName("name", in.Name.V); err != nil {
			return nil, err
		}
		c.Name = in.Name.V
		requested["name"] = c.Name
	}
	if c.Kind == notify.Email {
		return requested, in.applyRecipients(c, requested)
	}
	if in.Recipients.Given() {
		return nil, fault.Invalidf("invalid_value", "recipients", "Invalid 'recipients': only channels of type email have them.")
	}
	if in.URL.Given() {
		shown, err := checkChannelURL(c.Kind, in.URL.V)
		if err != nil {
			return nil, err
		}
		if c.Target.URL, err = s.Sealer.Seal([]byte(in.URL.V), notify.URLPlace(c.ID)); err != nil {
			return nil, fmt.Errorf("sealing where a channel posts to: %w", err)
		}
		c.URL = shown
		requested["url"] = shown
	}
	if in.Secret.Given() {
		if err := checkChannelSecret(c.Kind, in.Secret.V); err != nil {
			return nil, err
		}
		sealed, err := s.Sealer.Seal([]byte(in.Secret.V), notify.SecretPlace(c.ID))
		if err != nil {
			return nil, fmt.Errorf("sealing the secret of a channel: %w", err)
		}
		c.Target.Secret = sealed
		requested["secret"] = id.Redact(in.Secret.V)
	}
	return requested, nil
}

func (in NotificationChannelFields) applyRecipients(c *NotificationChannel, requested map[string]any) error {
	for param, given := range map[string]bool{"url": in.URL.Given(), "secret": in.Secret.Given()} {
		if given {
			return fault.Invalidf("invalid_value", param, "Invalid '%s': a channel of type email has none.", param)
		}
	}
	if !in.Recipients.Given() {
		return nil
	}
	if err := checkRecipients("recipients", in.Recipients.V); err != nil {
		return err
	}
	c.Recipients = in.Recipients.V
	requested["recipients"] = c.Recipients
	return nil
}

// checkChannelURL returns what is shown of the URL of a channel.
func checkChannelURL(kind notify.Kind, text string) (shown string, err error) {
	const param = "url"
	if err := checkLength(param, text, maxChannelURL); err != nil {
		return "", err
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Fragment != "" {
		return "", fault.Invalidf("invalid_value", param, "Invalid 'url': an http or https URL without credentials or fragment is expected.")
	}
	if kind == notify.Webhook && u.RawQuery == "" {
		return text, nil
	}
	return u.Scheme + "://" + u.Host + "/…", nil
}

func checkChannelSecret(kind notify.Kind, secret string) error {
	const param = "secret"
	if kind != notify.Webhook {
		return fault.Invalidf("invalid_value", param, "Invalid 'secret': only channels of type webhook sign.")
	}
	if err := checkLength(param, secret, maxChannelSecret); err != nil {
		return err
	}
	key := []byte(secret)
	if encoded, ok := strings.CutPrefix(secret, "whsec_"); ok {
		var err error
		if key, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return fault.Invalidf("invalid_value", param, "Invalid 'secret': what follows whsec_ is not base64.")
		}
	}
	if len(key) < minChannelSecret {
		return fault.Invalidf("invalid_value", param, "Invalid 'secret': it has fewer than %d bytes.", minChannelSecret)
	}
	return nil
}

// DeleteNotificationChannel removes a channel, and the log of its deliveries.
func (s *Service) DeleteNotificationChannel(ctx context.Context, actor audit.Actor, channelID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		tx.Record(event(audit.NotificationChannelDeleted, nil, details{ID: channelID}))
		return tx.DeleteNotificationChannel(ctx, actor.OrganizationID, channelID)
	})
}

// NotificationChannels of an organization, newest first.
func (s *Service) NotificationChannels(ctx context.Context, organizationID string, p Page) (Rows[NotificationChannel], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[NotificationChannel], error) {
		return r.NotificationChannels(ctx, organizationID, p)
	})
}

// NotificationChannel returns one channel.
func (s *Service) NotificationChannel(ctx context.Context, organizationID, channelID string) (NotificationChannel, error) {
	return view(ctx, s.Store, func(r Reader) (NotificationChannel, error) {
		return r.NotificationChannel(ctx, organizationID, channelID)
	})
}

// Deliveries to a channel or, with channelID "", all of the organization's,
// newest first.
func (s *Service) Deliveries(ctx context.Context, organizationID, channelID string, p Page) (Rows[notify.Delivery], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[notify.Delivery], error) {
		if channelID != "" {
			if _, err := r.NotificationChannel(ctx, organizationID, channelID); err != nil {
				return Rows[notify.Delivery]{}, err
			}
		}
		return r.Deliveries(ctx, organizationID, channelID, p)
	})
}

// TestNotificationChannel sends a notice that says that it is a test, and returns
// the first of its deliveries.
func (s *Service) TestNotificationChannel(ctx context.Context, actor audit.Actor, channelID string) (notify.Delivery, error) {
	var first notify.Delivery
	err := s.update(ctx, actor, func(tx Tx) error {
		c, err := tx.NotificationChannel(ctx, actor.OrganizationID, channelID)
		if err != nil {
			return err
		}
		deliveries, err := s.tell(ctx, tx, &c, notify.Notice{
			Event: notify.Test, Reference: c.ID, At: s.Now(), Data: map[string]any{"notification_channel_id": c.ID},
			Subject: "A test of the notification channel " + c.Name,
			Text:    "weir can reach you here. Nothing else happened.",
		})
		if err != nil {
			return err
		}
		first = deliveries[0]
		tx.Record(event(audit.NotificationChannelTested, nil, details{ID: c.ID}))
		return nil
	})
	return first, err
}
