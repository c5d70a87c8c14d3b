package auditpush

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/internal/audit"
)

// header is RFC 5424's, with nil structured data, before a text of JSON.
var header = regexp.MustCompile(`^<(\d+)>1 (\S+) (\S+) weir (\d+) (\S{1,32}) - (\{.*\})$`)

func checkMessage(t *testing.T, message string, want audit.Event) {
	t.Helper()
	m := header.FindStringSubmatch(message)
	if m == nil {
		t.Fatalf("no RFC 5424: %q", message)
	}
	line, err := want.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	if m[1] != "109" || m[2] != "2027-01-15T08:00:00.123456Z" || m[5] != "project.created" || m[6] != string(line) {
		t.Errorf("%q", message)
	}
}

// frame reads one message framed by its length.
func frame(r *bufio.Reader) (string, error) {
	length, err := r.ReadString(' ')
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(length, " "))
	if err != nil {
		return "", err
	}
	message := make([]byte, n)
	_, err = io.ReadFull(r, message)
	return string(message), err
}

func newSyslog(t *testing.T, url, caFile string) *Syslog {
	t.Helper()
	s, err := NewSyslog(url, caFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func accept(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// A broken stream loses nothing of the last batch, and the order stays.
func TestSyslogOverTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := newSyslog(t, "tcp://"+l.Addr().String(), "")
	events := someEvents(t, 5)
	if err := s.Send(t.Context(), "org-1", events[:2]); err != nil {
		t.Fatal(err)
	}
	conn := accept(t, l)
	r := bufio.NewReader(conn)
	for i := range 2 {
		message, err := frame(r)
		if err != nil {
			t.Fatal(err)
		}
		checkMessage(t, message, events[i])
	}
	if err := s.Send(t.Context(), "org-1", events[2:3]); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close() // before it has read the third
	if err := s.Send(t.Context(), "org-1", events[3:5]); err != nil {
		if err = s.Send(t.Context(), "org-1", events[3:5]); err != nil { // as a pusher does
			t.Fatal(err)
		}
	}
	r = bufio.NewReader(accept(t, l))
	for i := 2; i < 5; i++ {
		message, err := frame(r)
		if err != nil {
			t.Fatal(err)
		}
		checkMessage(t, message, events[i])
	}
}

func TestSyslogOverTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(nil) // for its certificate
	srv.StartTLS()
	defer srv.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: srv.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan string, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if message, err := frame(bufio.NewReader(conn)); err == nil {
				got <- message
			}
		}
	}()
	events := someEvents(t, 1)
	url := "tls://" + l.Addr().String()
	if err := newSyslog(t, url, "").Send(t.Context(), "org-1", events); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a receiver that nobody vouches for: %v", err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := newSyslog(t, url, ca).Send(t.Context(), "org-1", events); err != nil {
		t.Fatal(err)
	}
	checkMessage(t, <-got, events[0])
	for _, file := range []string{filepath.Join(t.TempDir(), "none"), os.DevNull} {
		if _, err := NewSyslog(url, file); err == nil {
			t.Errorf("%s is taken for certificates", file)
		}
	}
}

func TestSyslogInDatagrams(t *testing.T) {
	for network, address := range map[string]string{"udp": "127.0.0.1:0", "unixgram": filepath.Join(t.TempDir(), "log")} {
		receiver, err := (&net.ListenConfig{}).ListenPacket(t.Context(), network, address)
		if err != nil {
			t.Fatal(err)
		}
		url := "udp://" + receiver.LocalAddr().String()
		if network == "unixgram" {
			url = "unix://" + address
		}
		s := newSyslog(t, url, "")
		events := someEvents(t, 3)
		large := audit.Event{
			ID: "audit_log-x", OrganizationID: "org-1", Action: audit.AccessDenied.Name, Actor: audit.Actor{Type: audit.ActorUnknown, UserAgent: strings.Repeat("é", 256)},
			EffectiveAt: time.Unix(1_800_000_000, 0), Details: json.RawMessage(`{"x":"` + strings.Repeat("x", 100_000) + `"}`), Hash: "abc",
		}
		if err := s.Send(t.Context(), "org-1", append(events, large)); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 1<<17)
		for i := range 4 {
			n, _, err := receiver.ReadFrom(buffer)
			if err != nil {
				t.Fatal(err)
			}
			message := string(buffer[:n])
			if i < 3 {
				checkMessage(t, message, events[i])
				continue
			}
			m := header.FindStringSubmatch(message)
			if m == nil || n > mostDatagram || m[1] != "108" || !json.Valid([]byte(m[6])) || !strings.Contains(m[6], `"hash":"abc"`) || !strings.Contains(m[6], "weir_omitted") {
				t.Errorf("a large event: %d bytes, %.300s", n, message)
			}
		}
		// The receiver of a socket went away and came back.
		_ = receiver.Close()
		if network == "unixgram" {
			if err := s.Send(t.Context(), "org-1", events); err == nil {
				t.Error("nobody listens, and nobody says so")
			}
			_ = os.Remove(address)
			if receiver, err = (&net.ListenConfig{}).ListenPacket(t.Context(), network, address); err != nil {
				t.Fatal(err)
			}
			if err := s.Send(t.Context(), "org-1", events); err != nil {
				t.Error(err)
			}
			_ = receiver.Close()
		}
	}
}

func TestSyslogAddresses(t *testing.T) {
	for url, want := range map[string]string{
		"udp://log": "udp log:514", "tcp://log:99": "tcp log:99", "tls://[::1]": "tls [::1]:6514", "unix:///dev/log": "unixgram /dev/log",
		"log:514": "", "http://log": "", "udp://": "", "tcp://log/x": "", "unix://dev/log": "", "tls://a:b@log": "", "udp://log?x=y": "",
	} {
		network, address, err := SyslogAddress(url)
		if got := strings.TrimSpace(network + " " + address); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", url, got, err, want)
		}
	}
	for name, want := range map[string]string{"": "-", "a b\nc\x7fé": "a_b_c__", strings.Repeat("x", 40): strings.Repeat("x", 32)} {
		if got := printable(name, 32); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestSyslogThatHangsIsGivenUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // accepts, and never reads
	s := newSyslog(t, "tcp://"+l.Addr().String(), "")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	huge := someEvents(t, 1)
	huge[0].Details = json.RawMessage(`"` + strings.Repeat("x", 32<<20) + `"`)
	var timeout net.Error
	if err := s.Send(ctx, "org-1", huge); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("%v", err)
	}
}
