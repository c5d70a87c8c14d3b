package org

import (
	"context"
	"time"

	"weir/internal/mail"
	"weir/internal/notify"
)

// NoticeLetter is the kind of letters that are notices.
const NoticeLetter = "notice"

// noticeLasts is how long a notice is worth sending by e-mail.
const noticeLasts = 3 * 24 * time.Hour

// tell begins the deliveries of a notice to a channel.
func (s *Service) tell(ctx context.Context, tx Tx, c *NotificationChannel, n notify.Notice) ([]notify.Delivery, error) {
	if c.Kind != notify.Email {
		d, err := n.To(c.OrganizationID, c.ID, c.Kind)
		if err != nil {
			return nil, err
		}
		return []notify.Delivery{d}, tx.InsertDelivery(ctx, d)
	}
	return s.write(ctx, tx, c.OrganizationID, c.ID, c.Recipients, n)
}

// write begins the deliveries of a notice to people. Without a mail server they
// fail at once, and the log says so.
func (s *Service) write(ctx context.Context, tx Tx, organizationID, channelID string, addresses []string, n notify.Notice) ([]notify.Delivery, error) {
	deliveries := make([]notify.Delivery, len(addresses))
	for i, address := range addresses {
		d := n.ToPerson(organizationID, channelID, address)
		if s.Post == nil {
			d.Status, d.Error, d.FinishedAt = notify.Failed, "no mail server is configured (WEIR_SMTP_HOST)", n.At
		}
		deliveries[i] = d
		if err := tx.InsertDelivery(ctx, d); err != nil {
			return nil, err
		}
		if s.Post == nil {
			continue
		}
		letter, err := mail.Seal(s.Sealer, mail.Letter{To: address, Subject: n.Subject, Text: n.Text}, mail.About{
			OrganizationID: organizationID, Kind: NoticeLetter, Reference: d.ID, Now: n.At, GiveUp: n.At.Add(noticeLasts),
		})
		if err != nil {
			return nil, err
		}
		if err := tx.InsertMail(ctx, letter); err != nil {
			return nil, err
		}
	}
	return deliveries, nil
}
