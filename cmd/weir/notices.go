package main

import (
	"time"

	"weir/internal/notify"
	"weir/internal/webhook"
)

// openNotices lets weir tell channels what happened.
func (n *node) openNotices() {
	client := webhook.New(webhook.Options{AllowPrivate: n.cfg.Webhook.AllowPrivate, UserAgent: "weir/" + version, Now: time.Now})
	n.notices = &notify.Courier{Store: n.store, Opener: n.vault, Poster: webhook.Notices{Client: client}, Logger: n.log, Now: time.Now}
}
