package smtpmail

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/internal/mail"
	"weir/internal/smtpmail/smtptest"
)

var written = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func letter() mail.Letter {
	return mail.Letter{To: "ann@example.com", Subject: "You are invited to Bäckerei", Text: "Grüße\n.\nhttps://weir.example.com/weir/join#" + strings.Repeat("t", 80) + "\n"}
}

func to(s *smtptest.Server) Options {
	return Options{Host: s.Host, Port: s.Port, From: "weir of Acme <weir@example.com>", TLS: StartTLS}
}

// far is the server as if it were on another machine.
func far(s *smtptest.Server) Options {
	o := to(s)
	o.Host, o.TLSConfig = "example.com", &tls.Config{RootCAs: s.CAs, MinVersion: tls.VersionTLS12}
	o.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
	}
	return o
}

func send(t *testing.T, o Options, l mail.Letter) error {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s.Send(t.Context(), "mail_1", written, l)
}

func TestLetterArrivesAsWritten(t *testing.T) {
	server := smtptest.New(t, false)
	if err := send(t, to(server), letter()); err != nil {
		t.Fatal(err)
	}
	got := server.Taken()
	if len(got) != 1 || got[0].From != "weir@example.com" || len(got[0].To) != 1 || got[0].To[0] != "ann@example.com" || got[0].Encrypted {
		t.Fatalf("taken: %+v", got)
	}
	m, err := netmail.ReadMessage(strings.NewReader(got[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != letter().Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	for name, want := range map[string]string{
		"From": `"weir of Acme" <weir@example.com>`, "To": "<ann@example.com>", "Message-ID": "<mail_1@example.com>", "Auto-Submitted": "auto-generated",
	} {
		if m.Header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, m.Header.Get(name), want)
		}
	}
	if date, err := m.Header.Date(); err != nil || !date.Equal(written) {
		t.Errorf("dated %v, %v", date, err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if text := strings.ReplaceAll(string(body), "\r\n", "\n"); err != nil || strings.TrimSpace(text) != strings.TrimSpace(letter().Text) {
		t.Errorf("says %q, %v", text, err)
	}
}

func TestEncryption(t *testing.T) {
	plain, secure := smtptest.New(t, false), smtptest.New(t, true)
	if err := send(t, far(plain), letter()); err == nil || len(plain.Taken()) > 0 {
		t.Errorf("a server far away is written to in the clear: %v", err)
	}
	off := far(plain)
	off.TLS = None
	if err := send(t, off, letter()); err != nil || len(plain.Taken()) != 1 {
		t.Errorf("explicitly off: %v", err)
	}
	if err := send(t, far(secure), letter()); err != nil || len(secure.Taken()) != 1 || !secure.Taken()[0].Encrypted {
		t.Errorf("STARTTLS: %v", err)
	}
	whole := smtptest.New(t, false)
	whole.Encrypt()
	implicit := far(whole)
	implicit.TLS, implicit.Username, implicit.Password = Implicit, "weir", "hush"
	whole.AskPassword()
	if err := send(t, implicit, letter()); err != nil || len(whole.Taken()) != 1 || !whole.Taken()[0].Encrypted || whole.Taken()[0].Login == "" {
		t.Errorf("TLS from the first byte: %v", err)
	}
	unknown := far(secure)
	unknown.TLSConfig = nil
	if err := send(t, unknown, letter()); err == nil || len(secure.Taken()) != 1 {
		t.Errorf("a certificate of nobody we know is taken: %v", err)
	}
}

func TestPassword(t *testing.T) {
	plain, secure := smtptest.New(t, false), smtptest.New(t, true)
	plain.AskPassword()
	secure.AskPassword()
	with := func(o Options) Options {
		o.Username, o.Password = "weir", "hush"
		return o
	}
	if err := send(t, with(far(secure)), letter()); err != nil || secure.Taken()[0].Login != "\x00weir\x00hush" {
		t.Errorf("%v %+v", err, secure.Taken())
	}
	unencrypted := with(far(plain))
	unencrypted.TLS = None
	if err := send(t, unencrypted, letter()); err == nil || strings.Contains(err.Error(), "hush") || len(plain.Taken()) > 0 {
		t.Errorf("the password goes in the clear: %v", err)
	}
	secure.Refuse("AUTH", "535 5.7.8 wrong")
	var refused *mail.RefusedError
	if err := send(t, with(far(secure)), letter()); err == nil || errors.As(err, &refused) {
		t.Errorf("a wrong password is the letter's fault: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	server := smtptest.New(t, false)
	var refused *mail.RefusedError
	for _, c := range []struct {
		verb, answer string
		final        bool
	}{
		{"RCPT", "550 5.1.1 no such user", true},
		{"RCPT", "451 4.7.1 greylisted", false},
		{"MAIL", "550 5.7.1 not from you", false}, // the configuration can be corrected
		{"DATA", "554 5.6.0 spam", true},
		{"DATA", "452 4.2.2 full", false},
	} {
		server.Refuse(c.verb, c.answer)
		err := send(t, to(server), letter())
		if err == nil || errors.As(err, &refused) != c.final {
			t.Errorf("%s %s: %v, final %t", c.verb, c.answer, err, c.final)
		}
		server.Refuse(c.verb, "")
	}
	server.Refuse("QUIT", "421 gone")
	if err := send(t, to(server), letter()); err != nil || len(server.Taken()) != 1 {
		t.Errorf("taken, and sent again: %v, %d", err, len(server.Taken()))
	}
	gone := to(server)
	gone.Port = 1
	if err := send(t, gone, letter()); err == nil || errors.As(err, &refused) {
		t.Errorf("nobody there: %v", err)
	}
}

// What would become a header or a recipient of its own never reaches a server.
func TestInjection(t *testing.T) {
	server := smtptest.New(t, false)
	for _, spoil := range []func(*mail.Letter){
		func(l *mail.Letter) { l.To = "ann@example.com\r\nBcc: eve@example.com" },
		func(l *mail.Letter) { l.To = "ann@example.com, eve@example.com" },
		func(l *mail.Letter) { l.To = "ann@example.com> SIZE=1\r\nRCPT TO:<eve@example.com" },
		func(l *mail.Letter) { l.To = "Ann <ann@example.com>" },
		func(l *mail.Letter) { l.Subject = "Hello\r\nBcc: eve@example.com" },
		func(l *mail.Letter) { l.Subject = "" },
	} {
		l := letter()
		spoil(&l)
		var refused *mail.RefusedError
		if err := send(t, to(server), l); !errors.As(err, &refused) {
			t.Errorf("%+v: %v", l, err)
		}
	}
	l := letter()
	l.Text = "one\r\n.\r\nMAIL FROM:<eve@example.com>\r\nDATA\r\n.\r\n"
	if err := send(t, to(server), l); err != nil {
		t.Error(err)
	}
	if got := server.Taken(); len(got) != 1 || got[0].From != "weir@example.com" {
		t.Errorf("taken: %+v", got)
	}
}
