package webhook

import (
	"context"

	"weir/internal/notify"
)

// Notices posts what package notify delivers.
type Notices struct{ Client *Client }

// Post implements notify.Poster.
func (n Notices) Post(ctx context.Context, m notify.Message) (status int, err error) {
	message := Message{URL: m.URL, ID: m.ID, Body: m.Body}
	if m.Secret != "" {
		if message.Keys, err = Keys(m.Secret); err != nil {
			return 0, err
		}
	}
	return n.Client.Post(ctx, message)
}
