// Package smtpmail hands letters to a mail server by SMTP (RFC 5321).
package smtpmail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"slices"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	post "weir/internal/mail"
)

// TLS says how the conversation is encrypted.
type TLS string

// The ways to encrypt.
const (
	// StartTLS begins in the clear and goes on encrypted. A server that cannot is
	// refused, unless it is on this machine.
	StartTLS TLS = "starttls"
	Implicit TLS = "implicit" // encrypted from the first byte; port 465
	None     TLS = "none"     // in the clear
)

// Options of a Sender. Username and Password may be empty, for servers that take
// letters from everybody they know.
type Options struct {
	Host     string
	Port     int
	From     string // an address, with or without a name before it
	Username string
	Password string
	TLS      TLS

	TLSConfig *tls.Config // nil: the system's certificates
	// Dial connects to host:port; nil: the system's way.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Sender opens a conversation for each letter: they are few, and servers hang up
// on who is silent.
type Sender struct {
	options  []gomail.Option
	host     string
	from     *mail.Address
	implicit *tls.Config // nil: the conversation begins in the clear
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
}

var _ post.Sender = (*Sender)(nil)

// timeout bounds each step of a conversation.
const timeout = 20 * time.Second

// New returns a sender. It calls nobody yet.
func New(o Options) (*Sender, error) {
	from, err := mail.ParseAddress(o.From)
	if err != nil {
		return nil, fmt.Errorf("the address that letters are from: %w", err)
	}
	config := o.TLSConfig.Clone()
	if config == nil {
		config = &tls.Config{}
	}
	config.MinVersion, config.ServerName = tls.VersionTLS12, o.Host
	s := &Sender{host: o.Host, from: from, dial: o.Dial, options: []gomail.Option{
		gomail.WithPort(o.Port), gomail.WithTimeout(timeout), gomail.WithTLSConfig(config), gomail.WithoutNoop(), gomail.WithHELO(helo(from)),
	}}
	near := IsLoopback(o.Host)
	switch o.TLS {
	case StartTLS:
		policy := gomail.TLSMandatory
		if near {
			policy = gomail.TLSOpportunistic
		}
		s.options = append(s.options, gomail.WithTLSPolicy(policy))
	case Implicit:
		s.options, s.implicit = append(s.options, gomail.WithSSL()), config
	case None:
		s.options = append(s.options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		return nil, fmt.Errorf("%q is no way to encrypt SMTP", o.TLS)
	}
	if s.dial == nil {
		s.dial = new(net.Dialer).DialContext
	}
	if o.Username != "" {
		// PLAIN is refused in the clear, but for this machine.
		s.options = append(s.options, gomail.WithSMTPAuth(gomail.SMTPAuthPlain), gomail.WithUsername(o.Username), gomail.WithPassword(o.Password))
	}
	return s, nil
}

// helo is what the sender calls itself: the domain its letters are from. The
// name of the machine is nobody's business.
func helo(from *mail.Address) string {
	return from.Address[strings.LastIndexByte(from.Address, '@')+1:]
}

// IsLoopback reports whether a host is this machine by its name or address.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Send implements mail.Sender.
func (s *Sender) Send(ctx context.Context, messageID string, written time.Time, l post.Letter) error {
	if err := l.Validate(); err != nil {
		return &post.RefusedError{Reason: err.Error()}
	}
	m, err := s.message(messageID, written, l)
	if err != nil {
		return &post.RefusedError{Reason: err.Error()}
	}
	// The library leaves a connection open whose conversation fails.
	var opened net.Conn
	client, err := gomail.NewClient(s.host, append(slices.Clip(s.options), gomail.WithDialContextFunc(
		func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := s.connect(ctx, network, address)
			opened = conn
			return conn, err
		}))...)
	if err != nil {
		return fmt.Errorf("preparing to speak to the mail server: %w", err)
	}
	defer func() {
		if opened != nil {
			_ = opened.Close()
		}
	}()
	err = client.DialAndSendWithContext(ctx, m)
	if err == nil || m.IsDelivered() { // a farewell that fails changes nothing
		return nil
	}
	var failed *gomail.SendError
	if errors.As(err, &failed) && failed.ErrorCode() >= 500 && refusesLetter(failed.Reason) {
		return &post.RefusedError{Reason: err.Error()}
	}
	return fmt.Errorf("sending a letter through %s: %w", s.host, err)
}

// connect opens a connection, encrypted where it has to be from the first byte.
func (s *Sender) connect(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := s.dial(ctx, network, address)
	if err != nil || s.implicit == nil {
		return conn, err
	}
	secure := tls.Client(conn, s.implicit)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secure, nil
}

// refusesLetter reports whether a refusal at this step is of the letter. Earlier
// ones are of the sender, and pass when somebody corrects the configuration.
func refusesLetter(at gomail.SendErrReason) bool {
	return at == gomail.ErrSMTPRcptTo || at == gomail.ErrSMTPData || at == gomail.ErrSMTPDataClose
}

// message writes the letter down. Header fields are encoded by the library; what
// would break out of them, Validate has refused.
func (s *Sender) message(messageID string, written time.Time, l post.Letter) (*gomail.Msg, error) {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(s.from)
	if err := m.To(l.To); err != nil {
		return nil, err
	}
	m.Subject(l.Subject)
	m.SetDateWithValue(written)
	m.SetMessageIDWithValue(messageID + "@" + helo(s.from))
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no answers of robots
	m.SetBodyString(gomail.TypeTextPlain, l.Text)
	return m, nil
}
