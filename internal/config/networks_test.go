package config

import (
	"strings"
	"testing"
)

func TestTrustedProxies(t *testing.T) {
	const want = "127.0.0.1,10.0.0.0/8,2001:db8::/32"
	for name, file := range map[string]string{
		"text":  "trusted_proxies: 127.0.0.1, 10.1.2.3/8,2001:db8::1/32,127.0.0.1/32\n",
		"list":  "trusted_proxies:\n  - 127.0.0.1\n  - 10.0.0.0/8\n  - \"2001:db8::/32\"\n",
		"array": "trusted_proxies: [127.0.0.1, 10.0.0.0/8, \"2001:db8::/32\"]\n",
	} {
		c := load(t, LoadOptions{File: write(t, "weir.yaml", file)})
		if string(c.TrustedProxies) != want || len(c.TrustedProxies.Prefixes()) != 3 {
			t.Errorf("%s: %q", name, c.TrustedProxies)
		}
		if again := load(t, LoadOptions{File: write(t, "weir.yaml", c.String())}); again.TrustedProxies != c.TrustedProxies {
			t.Errorf("%s: written down and read, %q", name, again.TrustedProxies)
		}
	}
	if c := load(t, LoadOptions{Env: []string{"WEIR_TRUSTED_PROXIES=::1"}, Flags: map[string]string{"trusted-proxies": "192.0.2.1"}}); c.TrustedProxies != "192.0.2.1" {
		t.Errorf("%q", c.TrustedProxies)
	}
	if got := Default().TrustedProxies.Prefixes(); len(got) != 0 {
		t.Errorf("trusted without being asked: %v", got)
	}
	for file, want := range map[string]string{
		"trusted_proxies: 10.0.0.0/8,0.0.0.0/0\n": "everybody",
		"trusted_proxies: \"::/0\"\n":             "everybody",
		"trusted_proxies: everybody\n":            "such as 127.0.0.1,10.0.0.0/8",
		"trusted_proxies: [10.0.0.0/33]\n":        "such as 127.0.0.1,10.0.0.0/8",
		"trusted_proxies: [[10.0.0.0/8]]\n":       "single value",
		"trusted_proxies: {a: 10.0.0.0/8}\n":      "single value",
		"listen: [127.0.0.1:1, 127.0.0.1:2]\n":    "single value",
	} {
		if _, err := Load(LoadOptions{File: write(t, "weir.yaml", file)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", file, err)
		}
	}
}
