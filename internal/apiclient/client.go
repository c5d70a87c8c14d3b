// Package apiclient calls the APIs of a running weir: OpenAI's Admin API and
// weir's own. Answers are JSON objects as they came, digit by digit, so that a
// caller can show them unchanged; docs/decisions says why this is not
// OpenAI's SDK.
package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options of a Client.
type Options struct {
	// URL is where weir serves, http://127.0.0.1:8080; a path /v1 at its end, as
	// OpenAI's SDKs want it, is taken away.
	URL string
	// Key is an admin key. It goes to URL's host and nowhere else: redirects are
	// not followed.
	Key       string
	UserAgent string
	Transport http.RoundTripper // nil: http.DefaultTransport
}

// Validate implements the house's rule for inputs.
func (o Options) Validate() error {
	_, err := o.base()
	return err
}

func (o Options) base() (string, error) {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil:
		// The parser's own words repeat the address, and with it a password.
		return "", errors.New("the address of weir cannot be read; it looks like http://127.0.0.1:8080")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return "", errors.New("the address of weir begins with http:// or https:// and names a host, as in http://127.0.0.1:8080")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return "", errors.New("the address of weir has no user, query or fragment")
	}
	if o.Key == "" || strings.IndexFunc(o.Key, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
		return "", errors.New("the admin key is empty or holds something that no key has, such as a space")
	}
	u.Path, u.RawPath = strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/v1"), ""
	return strings.TrimRight(u.String(), "/"), nil
}

// Client calls one weir as one admin key. It may be used by several goroutines.
type Client struct {
	base string
	key  string
	name string
	http *http.Client
}

// New returns a client. It calls nothing yet.
func New(o Options) (*Client, error) {
	base, err := o.base()
	if err != nil {
		return nil, err
	}
	return &Client{base: base, key: o.Key, name: o.UserAgent, http: &http.Client{
		Transport: o.Transport, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// URL is the address that is called, without /v1.
func (c *Client) URL() string { return c.base }

const (
	// timeout is for one call, its answer read.
	timeout = time.Minute
	// maxAnswer bounds an answer, in bytes; a full page of a thousand requests
	// has a few megabytes.
	maxAnswer = 64 << 20
	// attempts is how often something is read before its failure is reported, and
	// maxPause how long an answer may ask to wait before the next.
	attempts = 3
	maxPause = 30 * time.Second
)

// Path makes the path of segments, each of which may hold anything, also what
// somebody typed. It panics for a segment that no server would take as one ("",
// "." and ".."): Segment says so in time.
func Path(segments ...string) string {
	var out strings.Builder
	for _, s := range segments {
		if err := Segment(s); err != nil {
			panic("apiclient: " + err.Error())
		}
		out.WriteByte('/')
		out.WriteString(url.PathEscape(s))
	}
	return out.String()
}

// Segment reports what cannot be an id.
func Segment(s string) error {
	if s == "" || s == "." || s == ".." {
		return fmt.Errorf("%q is no id", s)
	}
	return nil
}

// Get reads an object. A call that failed on the way, or that weir was too busy
// to answer, is made again.
func (c *Client) Get(ctx context.Context, path string, query url.Values) (json.RawMessage, error) {
	for attempt := 1; ; attempt++ {
		answer, err := c.call(ctx, http.MethodGet, path, query, nil)
		pause, again := worthAnother(err, attempt)
		if !again || attempt == attempts {
			return answer, err
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// Post changes something, once: it is never made again, since a failure on the
// way does not say whether the change was made. body may be nil.
func (c *Client) Post(ctx context.Context, path string, body any) (json.RawMessage, error) {
	if body == nil {
		body = struct{}{}
	}
	return c.call(ctx, http.MethodPost, path, nil, body)
}

// Delete removes something, once, as Post changes.
func (c *Client) Delete(ctx context.Context, path string, query url.Values) (json.RawMessage, error) {
	return c.call(ctx, http.MethodDelete, path, query, nil)
}

// worthAnother reports whether a read that failed may go well the next time, and
// when that is.
func worthAnother(err error, attempt int) (pause time.Duration, again bool) {
	pause = time.Duration(attempt) * 500 * time.Millisecond
	var refused *Error
	if !errors.As(err, &refused) {
		var unreached *UnreachedError
		return pause, errors.As(err, &unreached) && unreached.cut
	}
	switch refused.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return max(pause, refused.RetryAfter), refused.RetryAfter <= maxPause
	}
	return 0, false
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Client) call(ctx context.Context, method, path string, query url.Values, body any) (json.RawMessage, error) {
	address := c.base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	var sent io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("writing the body of %s %s: %w", method, path, err)
		}
		sent = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, sent)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Accept", "application/json")
	if sent != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.name != "" {
		req.Header.Set("User-Agent", c.name)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreached(ctx, method, err, false)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, c.unreached(ctx, method, err, true)
	case len(raw) > maxAnswer:
		return nil, fmt.Errorf("%s %s: the answer is longer than %d MiB", method, path, maxAnswer>>20)
	case res.StatusCode != http.StatusOK:
		return nil, readError(method, path, res, raw)
	}
	if kind := bytes.TrimLeft(raw, " \t\r\n"); len(kind) == 0 || kind[0] != '{' || !json.Valid(raw) {
		return nil, fmt.Errorf("%s%s did not answer as weir does: is that its address?", c.base, path)
	}
	return raw, nil
}

// unreached is the failure of a call that got no whole answer. The client's own
// error would name the address twice.
func (c *Client) unreached(ctx context.Context, method string, err error, cut bool) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var dialing *net.OpError
	sent := !errors.As(err, &dialing) || dialing.Op != "dial"
	return &UnreachedError{URL: c.base, Err: err, cut: cut, Unsure: sent && method != http.MethodGet}
}

// retryAfter reads the header of that name, in seconds; 0 without one. A date is
// as good as none: weir sends seconds.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, int(24*time.Hour/time.Second))) * time.Second
}

// merged returns query with more set.
func merged(query, more url.Values) url.Values {
	out := url.Values{}
	for _, values := range []url.Values{query, more} {
		for name, v := range values {
			out[name] = slices.Clone(v)
		}
	}
	return out
}
