package auditpush

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"weir/internal/audit"
)

// SyslogName is the syslog receiver's name as a sink.
const SyslogName = "syslog"

// Syslog writes RFC 5424 messages, one for each event, whose text is the event as
// in an export. Over a stream they are framed by their length (RFC 6587, RFC
// 5425). Syslog acknowledges nothing: what the system has taken counts as
// delivered. When a stream breaks, the last batch is written once more.
type Syslog struct {
	network, address string
	tls              *tls.Config // nil: without
	hostname         string
	pid              string

	conn net.Conn
	last []byte // the batch before, for the next connection
}

// NewSyslog returns the receiver at rawURL: udp://host:514, tcp://host:514,
// tls://host:6514 or unix:///dev/log. The ports may be left out. caFile, when it
// is not "", holds the PEM certificates that a TLS receiver is trusted by.
func NewSyslog(rawURL, caFile string) (*Syslog, error) {
	network, address, err := SyslogAddress(rawURL)
	if err != nil {
		return nil, err
	}
	s := &Syslog{network: network, address: address, pid: strconv.Itoa(os.Getpid())}
	name, err := os.Hostname()
	if err != nil {
		name = "-"
	}
	s.hostname = printable(name, 255)
	if network != "tls" {
		return s, nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	s.network, s.tls = "tcp", &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("reading the certificates that a syslog receiver is trusted by: %w", err)
		}
		s.tls.RootCAs = x509.NewCertPool()
		if !s.tls.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no PEM certificate", caFile)
		}
	}
	return s, nil
}

// SyslogAddress reads a receiver's URL. network is udp, tcp, tls or unixgram.
func SyslogAddress(rawURL string) (network, address string, err error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", "", errors.New("is not a URL")
	}
	ports := map[string]string{"udp": "514", "tcp": "514", "tls": "6514"}
	port, ok := ports[u.Scheme]
	switch {
	case u.Scheme == "unix" && u.Host == "" && u.Path != "":
		return "unixgram", u.Path, nil
	case !ok || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return "", "", errors.New("is none of udp://host:port, tcp://host:port, tls://host:port, unix:///path")
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return u.Scheme, net.JoinHostPort(u.Hostname(), port), nil
}

// Name implements Sink.
func (s *Syslog) Name() string { return SyslogName }

// mostDatagram bounds a message that travels in one datagram, in bytes: what
// receivers take (RFC 5424, section 6.1, asks for 2048 and 8192 is usual).
const mostDatagram = 8192

// Send implements Sink.
func (s *Syslog) Send(ctx context.Context, _ string, events []audit.Event) error {
	if s.datagrams() {
		return s.sendDatagrams(ctx, events)
	}
	var batch []byte
	for i := range events {
		message, err := s.message(&events[i], false)
		if err != nil {
			return err
		}
		batch = append(strconv.AppendInt(batch, int64(len(message)), 10), ' ')
		batch = append(batch, message...)
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	if err := s.write(ctx, batch); err != nil {
		return err
	}
	s.last = batch
	return nil
}

func (s *Syslog) datagrams() bool { return s.network == "udp" || s.network == "unixgram" }

func (s *Syslog) sendDatagrams(ctx context.Context, events []audit.Event) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	for i := range events {
		message, err := s.message(&events[i], false)
		if err == nil && len(message) > mostDatagram {
			message, err = s.message(&events[i], true)
		}
		if err != nil {
			return err
		}
		if err := s.write(ctx, message); err != nil {
			return err
		}
	}
	return nil
}

// connect makes a connection where there is none, or the receiver has left. What
// was written last before may not have arrived, and is written again.
func (s *Syslog) connect(ctx context.Context) error {
	if s.conn != nil && s.datagrams() || s.conn != nil && !s.left() {
		return nil
	}
	s.drop()
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	conn, err := dialer.DialContext(ctx, s.network, s.address)
	if err != nil {
		return fmt.Errorf("connecting to the syslog receiver: %w", err)
	}
	if s.tls != nil {
		secure := tls.Client(conn, s.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return errors.Join(fmt.Errorf("connecting to the syslog receiver: %w", err), conn.Close())
		}
		conn = secure
	}
	s.conn = conn
	if len(s.last) > 0 {
		return s.write(ctx, s.last)
	}
	return nil
}

// left reports whether the receiver has closed the connection. It never sends
// anything, so that whatever can be read is the end.
func (s *Syslog) left() bool {
	if err := s.conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		return true
	}
	_, err := s.conn.Read(make([]byte, 1))
	var timeout net.Error
	return err != nil && (!errors.As(err, &timeout) || !timeout.Timeout())
}

func (s *Syslog) write(ctx context.Context, raw []byte) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(sendTimeout)
	}
	err := s.conn.SetWriteDeadline(deadline)
	if err == nil {
		_, err = s.conn.Write(raw)
	}
	if err != nil {
		s.drop()
		return fmt.Errorf("writing to the syslog receiver: %w", err)
	}
	return nil
}

func (s *Syslog) drop() {
	if s.conn != nil {
		_ = s.conn.Close() // it is given up
		s.conn = nil
	}
}

// Facility 13 is "log audit"; severities 5 and 4 are notice and warning.
const (
	priorityNotice  = 13*8 + 5
	priorityWarning = 13*8 + 4
)

// message is e as RFC 5424 has it, without structured data. Details that are cut
// are left out whole, which leaves JSON that says so.
func (s *Syslog) message(e *audit.Event, cut bool) ([]byte, error) {
	priority := priorityNotice
	switch e.Action {
	case audit.LoginFailed.Name, audit.AccessDenied.Name, audit.DenialsOmitted.Name:
		priority = priorityWarning
	}
	shown := *e
	if cut {
		shown.Details = json.RawMessage(`{"weir_omitted":"too long for a datagram"}`)
		shown.Actor.UserAgent = ""
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "<%d>1 %s %s weir %s %s - ", priority, e.EffectiveAt.UTC().Format("2006-01-02T15:04:05.000000Z"),
		s.hostname, s.pid, printable(e.Action, 32))
	return shown.AppendJSON(b.Bytes())
}

// printable is a header field: visible ASCII of a bounded length, "-" for none.
func printable(name string, most int) string {
	name = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, name)
	if name == "" {
		return "-"
	}
	return name[:min(len(name), most)]
}

// Close implements Sink.
func (s *Syslog) Close() error {
	s.drop()
	return nil
}
