package auditpush

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"weir/internal/audit"
	"weir/internal/webhook"
)

// WebhookName is the webhook's name as a sink.
const WebhookName = "webhook"

// WebhookOptions say where to post, and how to sign.
type WebhookOptions struct {
	URL string
	// Secret is the key of the signatures, as [webhook.Keys] reads it.
	Secret string
	// AllowPrivate also posts to private, loopback and link-local addresses.
	AllowPrivate bool
	UserAgent    string
	Now          func() time.Time
}

// Webhook posts batches.
type Webhook struct {
	url    string
	keys   [][]byte
	client *webhook.Client
}

// NewWebhook returns a webhook. The URL must be an HTTP one.
func NewWebhook(o WebhookOptions) (*Webhook, error) {
	keys, err := webhook.Keys(o.Secret)
	if err != nil {
		return nil, err
	}
	return &Webhook{
		url: o.URL, keys: keys, client: webhook.New(webhook.Options{AllowPrivate: o.AllowPrivate, UserAgent: o.UserAgent, Now: o.Now}),
	}, nil
}

// Name implements Sink.
func (w *Webhook) Name() string { return WebhookName }

// payload is the body of a request, but for its data: the events as in an export.
type payload struct {
	Type           string `json:"type"` // audit.events
	OrganizationID string `json:"organization_id"`
	FirstSeq       int64  `json:"first_seq"`
	LastSeq        int64  `json:"last_seq"`
}

// Send implements Sink: any 2xx takes the batch.
func (w *Webhook) Send(ctx context.Context, organizationID string, events []audit.Event) error {
	id, body, err := encode(organizationID, events)
	if err != nil {
		return err
	}
	_, err = w.client.Post(ctx, webhook.Message{URL: w.url, ID: id, Body: body, Keys: w.keys})
	var refused *webhook.RefusedError
	if errors.As(err, &refused) {
		return &RefusedError{refused.Reason}
	}
	return err
}

func encode(organizationID string, events []audit.Event) (id string, body []byte, err error) {
	p := payload{Type: "audit.events", OrganizationID: organizationID, FirstSeq: events[0].Seq, LastSeq: events[len(events)-1].Seq}
	if body, err = json.Marshal(p); err != nil {
		return "", nil, fmt.Errorf("encoding audit events: %w", err)
	}
	// By hand, since an encoder would write the details anew, and their hash is of
	// every byte.
	body = append(bytes.TrimSuffix(body, []byte("}")), `,"data":[`...)
	for i := range events {
		if i > 0 {
			body = append(body, ',')
		}
		if body, err = events[i].AppendJSON(body); err != nil {
			return "", nil, err
		}
	}
	body = append(body, "]}"...)
	return fmt.Sprintf("%s.%d-%d", organizationID, p.FirstSeq, p.LastSeq), body, nil
}

// Close implements Sink.
func (w *Webhook) Close() error {
	w.client.Close()
	return nil
}
