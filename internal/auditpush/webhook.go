package auditpush

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"weir/internal/audit"
)

// WebhookName is the webhook's name as a sink.
const WebhookName = "webhook"

// WebhookOptions say where to post, and how to sign.
type WebhookOptions struct {
	URL string
	// Secret is the key of the signatures: as it is, or base64 after "whsec_".
	// While it is changed, several are separated by commas; each signs.
	Secret string
	// AllowPrivate also posts to private, loopback and link-local addresses.
	AllowPrivate bool
	UserAgent    string
	Now          func() time.Time
}

// Webhook posts batches, signed as Standard Webhooks says
// (https://github.com/standard-webhooks/standard-webhooks).
type Webhook struct {
	o      WebhookOptions
	keys   [][]byte
	client *http.Client
}

// NewWebhook returns a webhook. The URL must be an HTTP one.
func NewWebhook(o WebhookOptions) (*Webhook, error) {
	keys, err := signingKeys(o.Secret)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if !o.AllowPrivate {
		// After the name was resolved, so that no name leads inside.
		dialer.Control = func(_, address string, _ syscall.RawConn) error { return checkPublic(address) }
	}
	return &Webhook{o: o, keys: keys, client: &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, MaxIdleConns: 1, IdleConnTimeout: time.Minute,
			TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10,
		},
		// Events and signature go where the operator said, and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// signingKeys are the keys that a webhook's secrets stand for.
func signingKeys(secrets string) ([][]byte, error) {
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

// checkPublic refuses the addresses of this machine and of private networks.
func checkPublic(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%s is no address", address)
	}
	ip := at.Addr().Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return fmt.Errorf("%s is not a public address: WEIR_WEBHOOK_ALLOW_PRIVATE=true allows it", ip)
	}
	for _, special := range specialNetworks {
		if special.Contains(ip) {
			return fmt.Errorf("%s is not a public address: WEIR_WEBHOOK_ALLOW_PRIVATE=true allows it", ip)
		}
	}
	return nil
}

// specialNetworks are global by their form and not by their use (IANA's special
// purpose registries): this network, carrier NAT, protocol assignments,
// benchmarks, reserved ones, and IPv4 within IPv6.
var specialNetworks = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"),
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
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.o.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("the webhook's URL: %w", err)
	}
	timestamp := strconv.FormatInt(w.o.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", w.o.UserAgent)
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", timestamp)
	req.Header.Set("Webhook-Signature", w.signatures(id, timestamp, body))
	res, err := w.client.Do(req)
	if err != nil {
		return fmt.Errorf("posting: %w", withoutURL(err))
	}
	_, drained := io.CopyN(io.Discard, res.Body, 64<<10) // so that the connection can be used again
	closed := res.Body.Close()
	switch status := res.StatusCode; {
	case status/100 == 2 && drained != nil && !errors.Is(drained, io.EOF):
		return fmt.Errorf("reading the answer: %w", drained)
	case status/100 == 2:
		return closed
	case status/100 == 4 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests &&
		status != http.StatusUnauthorized && status != http.StatusForbidden && status != http.StatusNotFound:
		return &RefusedError{fmt.Sprintf("status %d", status)}
	default:
		return fmt.Errorf("the webhook answered with status %d", status)
	}
}

// signatures are Standard Webhooks' HMAC-SHA256 over id, time and body, one for
// each key.
func (w *Webhook) signatures(id, timestamp string, body []byte) string {
	all := make([]string, len(w.keys))
	for i, key := range w.keys {
		mac := hmac.New(sha256.New, key)
		_, _ = io.WriteString(mac, id+"."+timestamp+".") // a hash takes everything
		mac.Write(body)
		all[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(all, " ")
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

// withoutURL is err without the URL, whose query may hold a secret.
func withoutURL(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// Close implements Sink.
func (w *Webhook) Close() error {
	w.client.CloseIdleConnections()
	return nil
}
