// Package smtptest is a mail server on loopback, for tests.
package smtptest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Message is what the server has taken.
type Message struct {
	From      string
	To        []string
	Data      string
	Encrypted bool
	Login     string // as PLAIN carries it: \x00user\x00password
}

// Server speaks enough SMTP for any client. Set its fields before the first call.
type Server struct {
	Host string
	Port int
	CAs  *x509.CertPool // that its certificate is from; it is for example.com

	mu       sync.Mutex
	startTLS bool
	auth     bool
	implicit bool
	refuse   map[string]string // by verb: the answer instead
	taken    []Message

	config *tls.Config
}

// New starts a server that offers STARTTLS or does not.
func New(t *testing.T, startTLS bool) *Server {
	t.Helper()
	borrowed := httptest.NewTLSServer(nil) // for its certificate
	defer borrowed.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Host: host, startTLS: startTLS, refuse: map[string]string{}, CAs: x509.NewCertPool(), config: &tls.Config{
		Certificates: borrowed.TLS.Certificates, MinVersion: tls.VersionTLS12,
	}}
	s.CAs.AddCert(borrowed.Certificate())
	if s.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	var conversations sync.WaitGroup
	conversations.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conversations.Go(func() { s.talk(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		conversations.Wait()
	})
	return s
}

// Refuse answers a verb so from now on; "" lets it pass again.
func (s *Server) Refuse(verb, answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse[verb] = answer
}

// Encrypt talks TLS from the first byte.
func (s *Server) Encrypt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.implicit = true
}

func (s *Server) isImplicit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.implicit
}

// AskPassword offers AUTH PLAIN.
func (s *Server) AskPassword() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.auth = true
}

// Taken returns the messages so far.
func (s *Server) Taken() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.taken...)
}

func (s *Server) refusal(verb string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refuse[verb]
}

// talk is one conversation.
func (s *Server) talk(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	var m Message
	if s.isImplicit() {
		conn, m.Encrypted = tls.Server(conn, s.config), true
	}
	in := bufio.NewReader(conn)
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(conn, format+"\r\n", args...) }
	say("220 example.com ready")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		verb = strings.ToUpper(verb)
		if answer := s.refusal(verb); answer != "" {
			say("%s", answer)
			continue
		}
		switch verb {
		case "EHLO", "HELO":
			s.greet(say, m.Encrypted)
		case "STARTTLS":
			say("220 go on")
			secure := tls.Server(conn, s.config)
			conn, in, m = secure, bufio.NewReader(secure), Message{Encrypted: true}
		case "AUTH":
			_, token, _ := strings.Cut(rest, " ")
			raw, _ := base64.StdEncoding.DecodeString(token)
			m.Login = string(raw)
			say("235 welcome")
		case "MAIL":
			m.From = between(rest)
			say("250 ok")
		case "RCPT":
			m.To = append(m.To, between(rest))
			say("250 ok")
		case "DATA":
			say("354 go on")
			var data strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				data.WriteString(strings.TrimPrefix(line, "."))
			}
			m.Data = data.String()
			s.mu.Lock()
			s.taken = append(s.taken, m)
			s.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (s *Server) greet(say func(string, ...any), encrypted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	say("250-example.com")
	if s.startTLS && !encrypted {
		say("250-STARTTLS")
	}
	if s.auth {
		say("250-AUTH PLAIN")
	}
	say("250 8BITMIME")
}

// between is what stands between < and >.
func between(s string) string {
	_, s, _ = strings.Cut(s, "<")
	s, _, _ = strings.Cut(s, ">")
	return s
}
