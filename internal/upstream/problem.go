package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/tidwall/gjson"
)

// unreachable is a sentence about an exchange that brought no answer.
func unreachable(host string, err error) string {
	return fmt.Sprintf("Could not reach %s: %s.", host, Reason(err))
}

// Reason says in a few words, for people, why an exchange with a provider
// failed: the first known cause in err's chain. It holds no address but the
// host's and no credential, unless the error's own text does (Scrub it).
func Reason(err error) string {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		alert     tls.AlertError
		timeout   net.Error
	)
	switch {
	case errors.Is(err, context.Canceled):
		return "the request was cancelled"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET):
		return "the connection was reset"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to the host"
	case errors.As(err, &authority):
		return "TLS: its certificate is signed by an unknown authority"
	case errors.As(err, &hostname):
		return "TLS: its certificate is for another name"
	case errors.As(err, &invalid):
		return "TLS: its certificate is not valid (" + invalid.Error() + ")"
	case errors.As(err, &record):
		return "TLS: it does not speak TLS on this port; is it http:// instead of https://?"
	case errors.As(err, &alert):
		return "TLS: " + alert.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it closed the connection without a complete answer"
	}
	return err.Error()
}

// refusal is a sentence about an answer that is not 200.
func (s *session) refusal(path string, resp *http.Response, body []byte) string {
	// Masked before it is cut, so that no half of a secret is left.
	said := providersWords(Scrub(body, s.secrets...))
	status := resp.StatusCode
	switch {
	case status >= 300 && status < 400:
		return fmt.Sprintf("%s answered with a redirect (%d%s). Redirects are not followed, so that the key goes nowhere else; check base_url.",
			s.show(path), status, target(resp))
	case status == http.StatusUnauthorized:
		return fmt.Sprintf("The provider refused the key (401)%s", said)
	case status == http.StatusForbidden:
		return fmt.Sprintf("The key may not read %s (403)%s", path, said)
	case status == http.StatusNotFound:
		return fmt.Sprintf("There is nothing at %s (404); check base_url, which usually ends in /v1.", s.show(path))
	case status == http.StatusTooManyRequests:
		return fmt.Sprintf("The provider limits the rate of this key (429)%s", said)
	}
	return fmt.Sprintf("%s answered with status %d%s", s.show(path), status, said)
}

// target names the host a redirect leads to, " to other.example".
func target(resp *http.Response) string {
	u, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || u.Host == "" {
		return ""
	}
	return " to " + u.Host
}

// maxWords bounds what is quoted of a provider's error text, in bytes.
const maxWords = 300

// providersWords is the message of an error body, ready to follow a sentence:
// ": Incorrect API key provided." or ".".
func providersWords(body []byte) string {
	if !gjson.ValidBytes(body) {
		return "."
	}
	var message string
	for _, path := range [...]string{"error.message", "error", "message", "detail"} {
		if found := gjson.GetBytes(body, path); found.Type == gjson.String {
			message = found.String()
			break
		}
	}
	message = strings.Join(strings.Fields(message), " ")
	switch {
	case message == "":
		return "."
	case len(message) > maxWords:
		return ": " + strings.ToValidUTF8(message[:maxWords], "") + "…"
	case strings.HasSuffix(message, "."):
		return ": " + message
	}
	return ": " + message + "."
}
