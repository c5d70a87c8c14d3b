package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"weir/internal/id"
)

// Validate returns nil, or every problem of c, one sentence per line
// (errors.Join). It looks at the values only: whether a file exists or a
// database answers shows at the start.
func (c Config) Validate() error {
	problems := c.outOfRange()
	check := func(name string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", envOf(name), err))
		}
	}
	check("listen", validateListen(c.Listen))
	if c.DataDir == "" {
		check("data_dir", errors.New("must not be empty"))
	}
	derived := c.WithDerived()
	check("database_url", validateDatabase(derived.DatabaseURL))
	check("events_url", validateEvents(derived.EventsURL, derived.DatabaseURL))
	check("trusted_proxies", validateProxies(c.TrustedProxies))
	check("limits_url", validateLimits(c.LimitsURL))
	check("bootstrap.admin_key", validateAdminKey(c.Bootstrap.AdminKey))
	check("bootstrap.owner_email", validateEmail(c.Bootstrap.OwnerEmail))
	check("audit.webhook.url", validateAuditWebhook(c.Audit.Webhook, c.Webhook.AllowPrivate))
	check("audit.webhook.secret", validateWebhookSecret(c.Audit.Webhook.Secret))
	check("audit.syslog.url", validateSyslog(c.Audit.Syslog))
	c.validateSMTP(check)
	problems = append(problems, c.validateProviders()...)
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		problems = append(problems, fmt.Errorf("%s and %s must be set together", envOf("tls.cert_file"), envOf("tls.key_file")))
	}
	return errors.Join(problems...)
}

// outOfRange checks the min, max and oneof tags.
func (c Config) outOfRange() []error {
	var problems []error
	var least, greatest Config
	low, high := fieldsOf(&least), fieldsOf(&greatest)
	for i, f := range fieldsOf(&c) {
		if len(f.setting.oneOf) > 0 && !slices.Contains(f.setting.oneOf, f.text()) {
			problems = append(problems, fmt.Errorf("%s: %q is not one of %s", f.setting.Env, f.text(), strings.Join(f.setting.oneOf, ", ")))
		}
		value, _ := f.number()
		if bound, ok := low[i].bound(f.setting.min); ok && value < bound {
			problems = append(problems, fmt.Errorf("%s: %s is less than %s", f.setting.Env, f.text(), f.setting.min))
		}
		if bound, ok := high[i].bound(f.setting.max); ok && value > bound {
			problems = append(problems, fmt.Errorf("%s: %s is more than %s", f.setting.Env, f.text(), f.setting.max))
		}
	}
	return problems
}

// bound is a min or max tag as a number; ok is false where there is none.
func (f field) bound(tag string) (number float64, ok bool) {
	if tag == "" {
		return 0, false
	}
	if err := f.set(tag); err != nil {
		panic("config: bound of " + f.setting.Name + ": " + err.Error()) // a typing error in a tag
	}
	return f.number()
}

func validateListen(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not host:port, such as 127.0.0.1:8080 or :8080", address)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("the port of %q is not a number from 0 to 65535", address)
	}
	return nil
}

// Messages about URLs never show more than the scheme: a URL may hold a
// password.

func validateDatabase(raw string) error {
	if path, ok := strings.CutPrefix(raw, sqliteScheme); ok {
		if path == "" {
			return errors.New("sqlite: needs the path of a file")
		}
		return nil
	}
	if strings.HasPrefix(raw, postgresScheme) || strings.HasPrefix(raw, "postgresql:") {
		u, err := url.Parse(raw)
		if err != nil || !strings.Contains(raw, "://") {
			return errors.New("is not a URL; write postgres://user@host/database, with special characters of the password escaped")
		}
		if u.Fragment != "" {
			return errors.New("has a #, which ends a URL; write it as %23")
		}
		return nil
	}
	return fmt.Errorf("%s is not known; use sqlite:PATH or postgres://…", schemeOf(raw))
}

func validateEvents(raw, database string) error {
	switch scheme, _, _ := strings.Cut(raw, ":"); {
	case scheme == "clickhouse":
		return errors.New("clickhouse:// is not built yet; use sqlite:PATH or postgres://…")
	case raw == database && strings.HasPrefix(raw, sqliteScheme):
		return errors.New("must be another file than the control plane's, whose writers it would hold up")
	}
	return validateDatabase(raw)
}

// validateProxies refuses to trust everybody: whoever calls could then be whoever
// it says.
func validateProxies(proxies Networks) error {
	for _, network := range proxies.Prefixes() {
		if network.Bits() == 0 {
			return fmt.Errorf("%s is everybody, who could then say any address; name the proxies", network)
		}
	}
	return nil
}

func validateLimits(raw string) error {
	switch scheme, _, _ := strings.Cut(raw, ":"); scheme {
	case "memory":
		return nil
	case "redis", "rediss", "valkey":
		return fmt.Errorf("%s:// is not built yet; use memory:, which counts on one node", scheme)
	}
	return fmt.Errorf("%s is not known; memory: is what there is", schemeOf(raw))
}

// schemeOf shows which kind of URL raw is without showing raw.
func schemeOf(raw string) string {
	scheme, _, ok := strings.Cut(raw, ":")
	if !ok || strings.ContainsAny(scheme, "@/ ") {
		return "a URL without a scheme"
	}
	return strconv.Quote(scheme + ":")
}

func validateAdminKey(key Secret) error {
	if key == "" {
		return nil
	}
	return id.CheckAdminSecret(key.Reveal())
}

func validateEmail(address string) error {
	name, domain, ok := strings.Cut(address, "@")
	if !ok || name == "" || domain == "" || strings.ContainsAny(address, " \t\r\n<>") || strings.Contains(domain, "@") {
		return fmt.Errorf("%q is not an e-mail address", address)
	}
	return nil
}
