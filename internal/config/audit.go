package config

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
)

// Audit is about the audit log.
type Audit struct {
	RetentionDays int `yaml:"retention_days" default:"0" shown:"for good" min:"0" help:"how many days audit events are kept; older ones make way for a signed checkpoint"`

	Webhook AuditWebhook `yaml:"webhook"`
	Syslog  AuditSyslog  `yaml:"syslog"`
}

// AuditWebhook is where audit events are posted; off without a URL.
type AuditWebhook struct {
	URL    string `yaml:"url" shown:"off" help:"audit events are posted here, signed: https://…"`
	Secret Secret `yaml:"secret" help:"key of the signatures, at least 16 characters, or whsec_ and base64; several, separated by commas, while it is changed: each signs"`
}

// AuditSyslog is where audit events are written to; off without a URL.
type AuditSyslog struct {
	URL    string `yaml:"url" shown:"off" help:"audit events are written here (RFC 5424): udp://, tcp:// or tls://host:port, or unix:///dev/log"`
	CAFile string `yaml:"ca_file" shown:"the system's certificates" help:"PEM certificates that the tls:// receiver is trusted by"`
}

// leastWebhookSecret is in bytes: shorter ones can be guessed from a signature.
const leastWebhookSecret = 16

func validateAuditWebhook(w AuditWebhook, allowPrivate bool) error {
	if w.URL == "" {
		return nil
	}
	u, err := url.Parse(w.URL)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("is not a URL such as https://host/path")
	case u.User != nil:
		return errors.New("holds a name or password, which would be shown with it; the signature is what proves the sender")
	case u.Scheme == "http" && !allowPrivate:
		return errors.New("must be https://; http:// is for receivers on this machine or network, with " + envOf("webhook.allow_private"))
	case w.Secret == "":
		return errors.New("needs " + envOf("audit.webhook.secret") + ", with which every request is signed")
	}
	return nil
}

func validateWebhookSecret(secret Secret) error {
	if secret == "" {
		return nil
	}
	for key := range strings.SplitSeq(secret.Reveal(), ",") {
		key = strings.TrimSpace(key)
		if encoded, ok := strings.CutPrefix(key, "whsec_"); ok {
			raw, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				return errors.New("has whsec_ and then something else than base64")
			}
			key = string(raw)
		}
		if len(key) < leastWebhookSecret {
			return errors.New("is shorter than 16 bytes; make one with: openssl rand -base64 32")
		}
	}
	return nil
}

func validateSyslog(s AuditSyslog) error {
	if s.URL == "" {
		return nil
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return errors.New("is not a URL such as tls://host:6514")
	}
	switch {
	case u.Scheme == "unix" && u.Host == "" && u.Path != "":
	case (u.Scheme == "udp" || u.Scheme == "tcp" || u.Scheme == "tls") && u.Hostname() != "" && u.User == nil && strings.Trim(u.Path, "/") == "" && u.RawQuery == "":
	default:
		return errors.New("is none of udp://host:port, tcp://host:port, tls://host:port, unix:///path")
	}
	if s.CAFile != "" && u.Scheme != "tls" {
		return errors.New("is not tls://, for which alone " + envOf("audit.syslog.ca_file") + " is")
	}
	return nil
}
