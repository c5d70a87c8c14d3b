// Package webhook posts messages to other machines, signed as Standard Webhooks
// says (https://github.com/standard-webhooks/standard-webhooks).
//
// Whoever may say where to post must not reach what only this machine reaches:
// a client keeps to public addresses unless it is told otherwise, looks at the
// address after the name was resolved, and follows no redirect.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Options of a client.
type Options struct {
	// AllowPrivate also posts to private, loopback and link-local addresses.
	AllowPrivate bool
	UserAgent    string
	Now          func() time.Time
}

// Client posts messages.
type Client struct {
	o    Options
	http *http.Client
}

// New returns a client.
func New(o Options) *Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if !o.AllowPrivate {
		// After the name was resolved, so that no name leads inside.
		dialer.Control = func(_, address string, _ syscall.RawConn) error { return checkPublic(address) }
	}
	return &Client{o: o, http: &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, MaxIdleConns: 4, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute,
			TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10,
		},
		// What is posted, and its signature, go where somebody said, and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Message is what is posted.
type Message struct {
	URL  string
	ID   string   // the same at every attempt, so that the receiver can tell
	Body []byte   // JSON
	Keys [][]byte // each signs; none: it is not signed
}

// Post returns nil once the receiver has answered with a 2xx. status is 0 where
// there was no answer. A *RefusedError is about this message; anything else
// concerns the receiver.
func (c *Client) Post(ctx context.Context, m Message) (status int, err error) {
	if !c.o.AllowPrivate && !strings.HasPrefix(strings.ToLower(m.URL), "https:") {
		return 0, errors.New("the URL is not an https one: WEIR_WEBHOOK_ALLOW_PRIVATE=true allows it")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return 0, errors.New("the webhook's URL cannot be used") // without it: it may hold a secret
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", c.o.UserAgent)
	req.Header.Set("Webhook-Id", m.ID)
	if len(m.Keys) > 0 {
		timestamp := strconv.FormatInt(c.o.Now().Unix(), 10)
		req.Header.Set("Webhook-Timestamp", timestamp)
		req.Header.Set("Webhook-Signature", signatures(&m, timestamp))
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, fmt.Errorf("posting: %w", withoutURL(err))
	}
	_, drained := io.CopyN(io.Discard, res.Body, 64<<10) // so that the connection can be used again
	closed := res.Body.Close()
	switch status := res.StatusCode; {
	case status/100 == 2 && drained != nil && !errors.Is(drained, io.EOF):
		return status, fmt.Errorf("reading the answer: %w", drained)
	case status/100 == 2:
		return status, closed
	case status/100 == 4 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests &&
		status != http.StatusUnauthorized && status != http.StatusForbidden && status != http.StatusNotFound:
		return status, &RefusedError{fmt.Sprintf("status %d", status)}
	default:
		return status, fmt.Errorf("the webhook answered with status %d", status)
	}
}

// Close closes the connections that rest.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// RefusedError says that a receiver works, and does not want a message.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return "the message was refused: " + e.Reason }

// Keys are the keys that a webhook's secret stands for: as it is, or base64 after
// "whsec_". While it is changed, several are separated by commas.
func Keys(secrets string) ([][]byte, error) {
	var keys [][]byte
	for secret := range strings.SplitSeq(secrets, ",") {
		secret = strings.TrimSpace(secret)
		key := []byte(secret)
		if encoded, ok := strings.CutPrefix(secret, "whsec_"); ok {
			var err error
			if key, err = base64.StdEncoding.DecodeString(encoded); err != nil {
				return nil, errors.New("what follows whsec_ is not base64")
			}
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// signatures are Standard Webhooks' HMAC-SHA256 over id, time and body, one for
// each key.
func signatures(m *Message, timestamp string) string {
	all := make([]string, len(m.Keys))
	for i, key := range m.Keys {
		mac := hmac.New(sha256.New, key)
		_, _ = io.WriteString(mac, m.ID+"."+timestamp+".") // a hash takes everything
		mac.Write(m.Body)
		all[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(all, " ")
}

// withoutURL is err without the URL, whose query may hold a secret.
func withoutURL(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
