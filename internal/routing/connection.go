package routing

import (
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"weir/internal/fault"
)

// Fields of a connection that hold secrets.
const (
	FieldAPIKey   = "api_key"
	FieldAdminKey = "admin_key"
	FieldHeaders  = "headers"
)

// SecretPlace names where a secret is kept, so that a sealed value moved to
// another connection or field does not open.
func (c *Connection) SecretPlace(field string) string {
	return "connection/" + c.ID + "/" + field
}

// Providers are all that have an adapter.
func Providers() []string {
	return []string{string(OpenAI), string(OpenAICompatible), string(AzureOpenAI), string(Sandbox)}
}

// Validate refuses a provider that has no adapter.
func (p Provider) Validate() error {
	return fault.OneOf("provider", string(p), Providers())
}

// ValidateBaseURL returns the base URL of a connection in the form adapters
// expect: absolute, without a trailing slash. raw may be "" where the provider
// has a default. Plain http is allowed: model servers in one's own network
// often have nothing else. Errors are fault.Invalid with param "base_url".
func ValidateBaseURL(p Provider, raw string) (string, error) {
	if err := p.Validate(); err != nil {
		return "", err
	}
	raw = strings.TrimSpace(raw)
	if raw == "" {
		if base := p.DefaultBaseURL(); base != "" {
			return base, nil
		}
		return "", fault.MissingParam("base_url")
	}
	trimmed := strings.TrimRight(raw, "/")
	if p == Sandbox {
		if trimmed != p.DefaultBaseURL() {
			return "", badBaseURL("the sandbox is built in; leave base_url out")
		}
		return trimmed, nil
	}
	u, err := url.Parse(trimmed)
	switch {
	case err != nil:
		return "", badBaseURL("it is not a URL") // url's own error would repeat a password
	case u.Scheme != "http" && u.Scheme != "https":
		return "", badBaseURL("it must begin with https:// or http://")
	case u.User != nil:
		return "", badBaseURL("it must not contain a user name or password; use api_key")
	case u.Hostname() == "":
		return "", badBaseURL("it names no host")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(trimmed, "#"):
		return "", badBaseURL("it must not have a query or a fragment")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return "", badBaseURL("its port is not a number from 1 to 65535")
		}
	}
	path := u.EscapedPath()
	if leadsUp(path) {
		return "", badBaseURL("its path must not contain . or .. segments")
	}
	return u.Scheme + "://" + strings.ToLower(u.Host) + path, nil
}

// SameOrigin reports whether two base URLs are of one scheme, host and port.
func SameOrigin(a, b string) bool {
	u, errA := url.Parse(a)
	v, errB := url.Parse(b)
	return errA == nil && errB == nil && u.Scheme == v.Scheme && u.Host == v.Host
}

// leadsUp reports whether a path has segments that a server would resolve.
func leadsUp(escaped string) bool {
	plain, err := url.PathUnescape(escaped)
	if err != nil {
		return true
	}
	for segment := range strings.SplitSeq(strings.ReplaceAll(plain, "\\", "/"), "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

func badBaseURL(reason string) error {
	return fault.Invalidf("invalid_value", "base_url", "Invalid 'base_url': %s.", reason)
}

// reservedHeaders belong to the connection between weir and the provider or
// are worked out per request; a connection cannot set them.
var reservedHeaders = map[string]bool{
	"accept-encoding": true, "connection": true, "content-encoding": true, "content-length": true,
	"content-type": true, "expect": true, "host": true, "keep-alive": true, "proxy-authorization": true,
	"proxy-connection": true, "te": true, "trailer": true, "transfer-encoding": true, "upgrade": true,
}

// ValidateHeaders checks the extra request headers of a connection. Errors are
// fault.Invalid with param "headers" and never repeat a value.
func ValidateHeaders(headers map[string]string) error {
	for name, value := range headers {
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			return fault.Invalidf("invalid_value", "headers", "Invalid 'headers': %q is not a header name.", name)
		case reservedHeaders[strings.ToLower(name)]:
			return fault.Invalidf("invalid_value", "headers", "Invalid 'headers': '%s' is set by weir itself.", name)
		case !httpguts.ValidHeaderFieldValue(value):
			return fault.Invalidf("invalid_value", "headers", "Invalid 'headers': the value of '%s' has characters that a header cannot hold.", name)
		}
	}
	return nil
}
