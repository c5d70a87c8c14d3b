package config

import (
	"net/url"
	"strconv"
	"strings"
)

// Redacted returns c for printing: secrets and the passwords of URLs are
// masked.
func (c Config) Redacted() Config {
	for _, f := range fieldsOf(&c) {
		switch p := f.ptr.(type) {
		case *Secret:
			*p = Secret(p.String())
		case *Providers:
			*p = p.redacted()
		case *string:
			*p = withoutPassword(*p)
		}
	}
	return c
}

// String is the redacted configuration as a weir.yaml. Unset secrets are left
// out.
func (c Config) String() string {
	c = c.Redacted()
	var b strings.Builder
	section := ""
	var nested strings.Builder // sections come after the settings that have none
	for _, f := range fieldsOf(&c) {
		if f.setting.Secret && f.text() == "" {
			continue
		}
		head, name, ok := strings.Cut(f.setting.Name, ".")
		if !ok {
			b.WriteString(head + ": " + yamlScalar(f) + "\n")
			continue
		}
		if head != section {
			section = head
			nested.WriteString(head + ":\n")
		}
		nested.WriteString("  " + name + ": " + yamlScalar(f) + "\n")
	}
	return b.String() + nested.String()
}

// yamlScalar quotes texts, whose content could mean something to YAML.
func yamlScalar(f field) string {
	switch f.ptr.(type) {
	case *string, *Secret, *Networks:
		return strconv.Quote(f.text())
	}
	return f.text()
}

// withoutPassword masks the passwords that a database URL may hold: in front
// of the host and in libpq's query parameters.
func withoutPassword(raw string) string {
	if !strings.Contains(raw, "://") {
		return raw
	}
	u, err := url.Parse(raw)
	if err != nil {
		scheme, _, _ := strings.Cut(raw, ":")
		return scheme + "://[not a URL]"
	}
	query := u.Query()
	masked := false
	for name := range query {
		if strings.Contains(strings.ToLower(name), "password") {
			query.Set(name, "xxxxx")
			masked = true
		}
	}
	if masked {
		u.RawQuery = query.Encode()
	}
	return u.Redacted()
}
