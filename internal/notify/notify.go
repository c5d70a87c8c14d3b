// Package notify is what weir tells people and programs: notices of what
// happened, the deliveries of each, and the courier that brings them.
//
// Whoever has something to tell writes the deliveries of a notice in its own
// transaction. Those to webhooks and chats are posted by the Courier, again on a
// schedule until they are taken; those by e-mail are letters of package mail,
// which writes down what became of them. Both are kept as a log.
package notify

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"weir/internal/id"
	"weir/internal/routing"
)

// Kind is the way a notice goes.
type Kind string

// The ways there are.
const (
	Email   Kind = "email"
	Slack   Kind = "slack"   // an incoming webhook of Slack's
	Teams   Kind = "teams"   // a workflow of Microsoft Teams' that takes webhooks
	Webhook Kind = "webhook" // signed, as Standard Webhooks says
)

// Kinds lists them.
func Kinds() []string { return []string{string(Email), string(Slack), string(Teams), string(Webhook)} }

// The events that are told of.
const (
	SpendAlertReached = "spend_alert.reached"
	Test              = "notification_channel.test"
)

// Notice is one thing that happened.
type Notice struct {
	Event     string
	Reference string // id of what it is about
	Subject   string // one line, for people
	Text      string // plain, for people
	Data      any    // for programs
	At        time.Time
}

// Body is what is posted to a channel of a kind, in JSON.
func (n *Notice) Body(kind Kind) ([]byte, error) {
	var body any
	switch kind {
	case Slack:
		body = map[string]string{"text": slackText.Replace(n.Subject + "\n" + n.Text)}
	case Teams:
		block := func(text, weight string) map[string]any {
			return map[string]any{"type": "TextBlock", "text": text, "weight": weight, "wrap": true}
		}
		body = map[string]any{"type": "message", "attachments": []any{map[string]any{
			"contentType": "application/vnd.microsoft.card.adaptive",
			"content": map[string]any{
				"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
				"body": []any{block(n.Subject, "bolder"), block(n.Text, "default")},
			},
		}}}
	default:
		body = map[string]any{"type": n.Event, "timestamp": n.At.UTC().Format(time.RFC3339), "data": n.Data}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encoding a notice of %s: %w", n.Event, err)
	}
	return raw, nil
}

// slackText writes what has a meaning in Slack's texts as itself.
var slackText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// Status is what became of a delivery so far.
type Status string

// What can become of one.
const (
	Pending   Status = "pending"
	Delivered Status = "delivered" // a 2xx, or the mail server has taken it
	Failed    Status = "failed"    // it is not tried again
)

// Delivery is one notice on its way to one place.
type Delivery struct {
	ID             string // the same at every attempt
	OrganizationID string
	ChannelID      string // "": to somebody whom what it is about names
	Recipient      string // of an e-mail
	Event          string
	Reference      string
	Body           string // that is posted; "" for an e-mail
	Status         Status
	Attempts       int
	ResponseStatus int       // of the last attempt; 0: no answer
	Error          string    // of the last attempt
	NextAttempt    time.Time // of what the Courier posts; zero: none
	CreatedAt      time.Time
	FinishedAt     time.Time // zero: it is pending
}

// To begins the delivery of n to a channel.
func (n *Notice) To(organizationID, channelID string, kind Kind) (Delivery, error) {
	d := n.delivery(organizationID)
	d.ChannelID, d.NextAttempt = channelID, n.At
	body, err := n.Body(kind)
	d.Body = string(body)
	return d, err
}

// ToPerson begins the delivery of n by e-mail; channelID is "" where no channel
// names the person.
func (n *Notice) ToPerson(organizationID, channelID, address string) Delivery {
	d := n.delivery(organizationID)
	d.ChannelID, d.Recipient = channelID, address
	return d
}

func (n *Notice) delivery(organizationID string) Delivery {
	return Delivery{
		ID: id.New(id.Delivery), OrganizationID: organizationID, Event: n.Event, Reference: n.Reference, Status: Pending, CreatedAt: n.At,
	}
}

// Target is where a channel posts, and how it signs.
type Target struct {
	URL    routing.Sealed
	Secret routing.Sealed // nil: what is posted is not signed
}

// URLPlace and SecretPlace are where the parts of a channel's target are kept, for
// the vault.
func URLPlace(channelID string) string { return "notification_channel/" + channelID + "/url" }

// SecretPlace is URLPlace's other.
func SecretPlace(channelID string) string { return "notification_channel/" + channelID + "/secret" }

// Due is a delivery that is to be tried, and the target of its channel.
type Due struct {
	Delivery
	Target Target
}

// Message is a delivery, opened for an attempt.
type Message struct {
	ID     string // the same at every attempt
	URL    string
	Secret string // of the signature; "": none
	Body   []byte // JSON
}
