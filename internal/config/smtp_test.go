package config

import (
	"strings"
	"testing"
)

func TestSMTP(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*SMTP)
		want   string // of the complaint; "": none
	}{
		"as it should be":               {func(*SMTP) {}, ""},
		"off, whatever else":            {func(s *SMTP) { s.Host, s.From = "", "" }, ""},
		"a name before the address":     {func(s *SMTP) { s.From = "weir <weir@example.com>" }, ""},
		"in the clear, without secret":  {func(s *SMTP) { s.TLS, s.Username, s.Password = "none", "", "" }, ""},
		"in the clear, on this machine": {func(s *SMTP) { s.TLS, s.Host = "none", "127.0.0.1" }, ""},
		"IPv6":                          {func(s *SMTP) { s.Host = "2001:db8::1" }, ""},
		"no sender":                     {func(s *SMTP) { s.From = "" }, "WEIR_SMTP_FROM: must be an e-mail address"},
		"two senders":                   {func(s *SMTP) { s.From = "a@example.com, b@example.com" }, "WEIR_SMTP_FROM"},
		"a header in the sender":        {func(s *SMTP) { s.From = "a@example.com\r\nBcc: b@example.com" }, "WEIR_SMTP_FROM"},
		"a port in the host":            {func(s *SMTP) { s.Host = "smtp.example.com:25" }, "WEIR_SMTP_HOST"},
		"a URL":                         {func(s *SMTP) { s.Host = "smtp://smtp.example.com" }, "WEIR_SMTP_HOST"},
		"no such port":                  {func(s *SMTP) { s.Port = 70000 }, "WEIR_SMTP_PORT"},
		"port 0":                        {func(s *SMTP) { s.Port = 0 }, "WEIR_SMTP_PORT"},
		"no such encryption":            {func(s *SMTP) { s.TLS = "ssl3" }, "WEIR_SMTP_TLS"},
		"a password for nobody":         {func(s *SMTP) { s.Username = "" }, "WEIR_SMTP_USERNAME"},
		"nobody's password":             {func(s *SMTP) { s.Password = "" }, "WEIR_SMTP_USERNAME"},
		"a password in the clear":       {func(s *SMTP) { s.TLS = "none" }, "WEIR_SMTP_TLS: must not be none with a password"},
	} {
		cfg := Default()
		cfg.SMTP = SMTP{Host: "smtp.example.com", Port: 587, From: "weir@example.com", Username: "weir", Password: "hush-hush", TLS: "starttls"}
		c.change(&cfg.SMTP)
		err := cfg.Validate()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: the complaint shows the password: %v", name, err)
		}
	}
}
