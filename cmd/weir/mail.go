package main

import (
	"fmt"
	"time"

	"weir/internal/mail"
	"weir/internal/org"
	"weir/internal/smtpmail"
	"weir/internal/telemetry"
)

// openMail lets weir write to people, where the configuration names a mail
// server. Their links begin with baseURL.
func (n *node) openMail(baseURL string) error {
	s := n.cfg.SMTP
	if s.Host == "" {
		return nil
	}
	sender, err := smtpmail.New(smtpmail.Options{
		Host: s.Host, Port: s.Port, From: s.From, Username: s.Username, Password: s.Password.Reveal(), TLS: smtpmail.TLS(s.TLS),
	})
	if err != nil {
		return fmt.Errorf("sending mail: %w", err)
	}
	n.courier = &mail.Courier{
		Store: n.store, Opener: n.vault, Sender: sender, Meter: telemetry.NewMail(n.metrics, org.InviteLetter, org.NoticeLetter), Logger: n.log, Now: time.Now,
	}
	n.org.Post = &org.Post{BaseURL: baseURL}
	return nil
}
