package peer

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func networks(t testing.TB, texts ...string) []netip.Prefix {
	t.Helper()
	var out []netip.Prefix
	for _, text := range texts {
		n, err := ParseNetwork(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

func TestOrigin(t *testing.T) {
	proxies := Proxies(networks(t, "127.0.0.1", "10.0.0.0/8", "fd00::/8"))
	for _, c := range []struct {
		name, remote string
		forwarded    []string
		want         string
		proxied      bool
	}{
		{"direct", "192.0.2.1:4000", nil, "192.0.2.1", false},
		{"direct with a made-up header", "192.0.2.1:4000", []string{"127.0.0.1"}, "192.0.2.1", false},
		{"one proxy", "127.0.0.1:4000", []string{"192.0.2.1"}, "192.0.2.1", true},
		{"two proxies", "127.0.0.1:4000", []string{"192.0.2.1, 10.1.2.3"}, "192.0.2.1", true},
		{"two proxies, two headers", "127.0.0.1:4000", []string{"192.0.2.1", "10.1.2.3"}, "192.0.2.1", true},
		{"what the caller made up is left of it", "127.0.0.1:4000", []string{"203.0.113.9, 127.0.0.1", "192.0.2.1, 10.1.2.3"}, "192.0.2.1", true},
		{"a caller that poses as a proxy", "127.0.0.1:4000", []string{"127.0.0.1, 192.0.2.1"}, "192.0.2.1", true},
		{"no header", "127.0.0.1:4000", nil, "127.0.0.1", true},
		{"empty header", "127.0.0.1:4000", []string{""}, "127.0.0.1", true},
		{"no address", "127.0.0.1:4000", []string{"192.0.2.1, unknown"}, "127.0.0.1", true},
		{"no address behind a proxy", "127.0.0.1:4000", []string{"192.0.2.1, _hidden, 10.1.2.3"}, "10.1.2.3", true},
		{"proxies only", "127.0.0.1:4000", []string{"10.9.9.9, 10.1.2.3"}, "10.9.9.9", true},
		{"with a port", "127.0.0.1:4000", []string{"192.0.2.1:5555"}, "192.0.2.1", true},
		{"IPv6", "[fd00::1]:4000", []string{"2001:db8::7"}, "2001:db8::7", true},
		{"IPv6 with a port", "[fd00::1]:4000", []string{"[2001:db8::7]:443"}, "2001:db8::7", true},
		{"IPv6 with a zone", "[fe80::1%eth0]:4000", nil, "fe80::1", false},
		{"IPv4 in IPv6", "[::ffff:127.0.0.1]:4000", []string{"::ffff:192.0.2.1"}, "192.0.2.1", true},
		{"a script", "127.0.0.1:4000", []string{"<script>\x00, 192.0.2.1"}, "192.0.2.1", true},
	} {
		if got, proxied := proxies.Origin(c.remote, c.forwarded); got.String() != c.want || proxied != c.proxied {
			t.Errorf("%s: %s, %v; want %s, %v", c.name, got, proxied, c.want, c.proxied)
		}
	}
	if got, proxied := proxies.Origin("in-process", []string{"192.0.2.1"}); got.IsValid() || proxied {
		t.Errorf("no connection: %s, %v", got, proxied)
	}
	if got, proxied := Proxies(nil).Origin("127.0.0.1:1", []string{"192.0.2.1"}); got.String() != "127.0.0.1" || proxied {
		t.Errorf("without proxies: %s, %v", got, proxied)
	}
	if got, _ := proxies.Origin("127.0.0.1:1", []string{"192.0.2.1" + strings.Repeat(", 10.0.0.1", 10_000)}); got.String() != "10.0.0.1" {
		t.Errorf("ten thousand proxies: %s", got)
	}
}

// Whatever a caller sends before the proxy adds the address it was called from,
// that address is the origin.
func TestOriginCannotBeInvented(t *testing.T) {
	proxies := Proxies(networks(t, "10.0.0.0/8"))
	rapid.Check(t, func(rt *rapid.T) {
		sent := rapid.SliceOf(rapid.OneOf(
			rapid.SampledFrom([]string{"10.0.0.1", "127.0.0.1", "203.0.113.1, 10.0.0.1", ",", " ,, ", "unknown"}), rapid.String(),
		)).Draw(rt, "sent")
		forwarded := append(sent, "192.0.2.1") // a header of its own
		if len(sent) > 0 && rapid.Bool().Draw(rt, "appended") {
			forwarded = append(sent[:len(sent)-1:len(sent)-1], sent[len(sent)-1]+", 192.0.2.1")
		}
		if got, _ := proxies.Origin("10.0.0.9:80", forwarded); got.String() != "192.0.2.1" {
			rt.Fatalf("%q: %s", forwarded, got)
		}
	})
}

func TestParseNetwork(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "192.0.2.1/32": "192.0.2.1", "192.0.2.77/24": "192.0.2.0/24", "0.0.0.0/0": "0.0.0.0/0",
		"2001:DB8::1": "2001:db8::1", "2001:db8::ffff/32": "2001:db8::/32", "::/0": "::/0",
		"::ffff:192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1/120": "192.0.2.0/24",
	} {
		if got, err := ParseNetwork(text); err != nil || NetworkText(got) != want {
			t.Errorf("%s: %s (%v)", text, NetworkText(got), err)
		}
	}
	for _, text := range []string{"", " ", "192.0.2", "192.0.2.1 ", "192.0.2.1/33", "192.0.2.1/", "/24", "host", "192.0.2.1-9", "fe80::1%eth0", "fe80::1%eth0/64", "192.0.2.01", "1/1", "::1/129", "192.0.2.1/+8", "\x00"} {
		if got, err := ParseNetwork(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

func TestText(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1", "[::1]:80": "::1", "[::ffff:192.0.2.1]:80": "192.0.2.1", "in-process": "", "": "", "192.0.2.1": "",
	} {
		if got := Text(remote); got != want {
			t.Errorf("%s: %q", remote, got)
		}
	}
}
