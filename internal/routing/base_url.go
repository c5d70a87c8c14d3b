package routing

import (
	"net/url"
	"strings"

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

// CheckBaseURL returns the address without its trailing slash, refusing one
// that requests could not be sent to.
func CheckBaseURL(p Provider, raw string) (string, error) {
	if p == Sandbox && raw == p.DefaultBaseURL() {
		return raw, nil
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.Hostname() == "":
		return "", fault.Invalidf("invalid_value", "base_url", "Invalid 'base_url': expected an address like https://api.example.com/v1.")
	case u.User != nil:
		return "", fault.Invalidf("invalid_value", "base_url", "Invalid 'base_url': put credentials in 'api_key' or 'headers', not in the address.")
	case u.RawQuery != "", u.Fragment != "", u.ForceQuery:
		return "", fault.Invalidf("invalid_value", "base_url", "Invalid 'base_url': it may have neither a query nor a fragment.")
	}
	return strings.TrimRight(raw, "/"), nil
}
