package mail_test

import (
	"bytes"
	"io"
	"log/slog"
	"mime/quotedprintable"
	netmail "net/mail"
	"regexp"
	"strings"
	"testing"
	"time"

	"weir/internal/endpoint/endpointtest"
	"weir/internal/mail"
	"weir/internal/org"
	"weir/internal/smtpmail"
	"weir/internal/smtpmail/smtptest"
)

type meter struct{ waiting, sent, failed, givenUp int }

func (m *meter) MailWaiting(n int64) { m.waiting = int(n) }
func (m *meter) MailSent(string)     { m.sent++ }
func (m *meter) MailFailed(string)   { m.failed++ }
func (m *meter) MailGivenUp(string)  { m.givenUp++ }

// office is an organization that writes to people through a server on loopback.
type office struct {
	*endpointtest.Env
	t       *testing.T
	server  *smtptest.Server
	courier *mail.Courier
	meter   *meter
	log     bytes.Buffer
	now     time.Time
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{Env: endpointtest.New(t), t: t, server: smtptest.New(t, false), meter: &meter{}, now: time.Now()}
	sender, err := smtpmail.New(smtpmail.Options{Host: o.server.Host, Port: o.server.Port, From: "weir@example.com", TLS: smtpmail.StartTLS})
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return o.now }
	o.Org.Now, o.Org.Post = clock, &org.Post{BaseURL: "https://weir.example.com"}
	o.courier = &mail.Courier{
		Store: o.Store, Opener: o.Vault, Sender: sender, Meter: o.meter, Logger: slog.New(slog.NewTextHandler(&o.log, nil)), Now: clock,
	}
	return o
}

func (o *office) invite(email string) org.Invite {
	o.t.Helper()
	by := org.SystemGrantor(o.Organization.ID)
	by.UserID, by.UserEmail = o.Owner.ID, o.Owner.Email
	i, err := o.Org.CreateInvite(o.t.Context(), by, org.NewInvite{Email: email, Role: "reader"})
	if err != nil {
		o.t.Fatal(err)
	}
	return i
}

func (o *office) turn() {
	o.t.Helper()
	if _, err := o.courier.Turn(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) want(what string, waiting int64, m meter) {
	o.t.Helper()
	left, _, err := o.Store.MailWaiting(o.t.Context(), o.now)
	got := *o.meter
	got.waiting = 0
	if err != nil || left != waiting || got != m {
		o.t.Errorf("%s: %d wait, %+v, %v; want %d, %+v\n%s", what, left, got, err, waiting, m, o.log.String())
	}
}

// An invitation is in the post with the commit, and its link works.
func TestInvitationIsDelivered(t *testing.T) {
	o := newOffice(t)
	o.invite("ann@example.com")
	o.want("invited", 1, meter{})
	if len(o.server.Taken()) > 0 {
		t.Error("the call waited for the mail server")
	}
	o.turn()
	o.want("delivered", 0, meter{sent: 1})
	o.turn()
	taken := o.server.Taken()
	if len(taken) != 1 || taken[0].To[0] != "ann@example.com" {
		t.Fatalf("taken: %+v", taken)
	}
	m, err := netmail.ReadMessage(strings.NewReader(taken[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	link := regexp.MustCompile(`https://weir\.example\.com/weir/join#(\w+)`).FindSubmatch(text)
	if err != nil || link == nil || !bytes.Contains(text, []byte(o.Owner.Email+" invites you to join "+o.Organization.Name)) {
		t.Fatalf("says %s, %v", text, err)
	}
	if strings.Contains(o.log.String(), string(link[1])) {
		t.Error("the token is in the log")
	}
	joined, err := o.Org.AcceptInvite(t.Context(), org.Joining{Token: string(link[1]), Name: "Ann", PasswordHash: "$argon2id$", IPAddress: "127.0.0.1"})
	if err != nil || joined.Email != "ann@example.com" {
		t.Errorf("joined: %+v, %v", joined, err)
	}
}

// What the server does not take now is sent later, and not before.
func TestLettersAreSentAgain(t *testing.T) {
	o := newOffice(t)
	o.server.Refuse("RCPT", "451 4.7.1 later")
	o.invite("ann@example.com")
	o.turn()
	o.turn()
	o.want("refused for now", 1, meter{failed: 1})
	if !strings.Contains(o.log.String(), "a letter was not taken") || !strings.Contains(o.log.String(), "451") {
		t.Errorf("the log: %s", o.log.String())
	}
	o.now = o.now.Add(time.Minute)
	o.turn()
	o.want("refused again", 1, meter{failed: 2})
	o.server.Refuse("RCPT", "")
	o.turn() // not yet
	o.want("resting", 1, meter{failed: 2})
	o.now = o.now.Add(time.Minute)
	o.turn()
	o.want("taken", 0, meter{failed: 2, sent: 1})
}

// Letters of no use any more are given up, and said to be.
func TestLettersAreGivenUp(t *testing.T) {
	o := newOffice(t)
	o.server.Refuse("RCPT", "550 5.1.1 no such user")
	o.invite("nobody@example.com")
	o.turn()
	o.want("no such user", 0, meter{givenUp: 1})

	o.server.Refuse("RCPT", "451 4.7.1 later")
	late := o.invite("late@example.com")
	o.turn()
	o.now = late.ExpiresAt
	o.server.Refuse("RCPT", "")
	o.turn()
	o.want("expired", 0, meter{givenUp: 2, failed: 1})
	if len(o.server.Taken()) > 0 || !strings.Contains(o.log.String(), "a letter is given up") {
		t.Errorf("taken %+v, log %s", o.server.Taken(), o.log.String())
	}
}

// A link that is void is not sent.
func TestVoidLettersAreTakenBack(t *testing.T) {
	o := newOffice(t)
	deleted, replaced := o.invite("one@example.com"), o.invite("two@example.com")
	if err := o.Org.DeleteInvite(t.Context(), org.SystemGrantor(o.Organization.ID).Actor, deleted.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := o.Org.CreateInviteLink(t.Context(), org.SystemGrantor(o.Organization.ID), replaced.ID); err != nil {
		t.Fatal(err)
	}
	o.turn()
	o.want("taken back", 0, meter{})
	if len(o.server.Taken()) > 0 {
		t.Errorf("sent: %+v", o.server.Taken())
	}
}
