package id

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestIDsMadeLaterSortLater(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	last := ""
	for i := range 1000 {
		got := At(Project, start.Add(time.Duration(i)*time.Microsecond))
		if got <= last {
			t.Fatalf("id %q made after %q sorts before it", got, last)
		}
		if len(got) != len(Project)+24 {
			t.Fatalf("id %q has %d characters after the prefix, want 24", got, len(got)-len(Project))
		}
		last = got
	}
}

func TestSecretsAreNotRepeatedAndNotShown(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		s := Secret(AdminSecret)
		if seen[s] {
			t.Fatal("the same secret twice")
		}
		seen[s] = true
		for _, shown := range []string{Redact(s), Mask(s)} {
			if strings.Contains(shown, s[len(AdminSecret):len(s)-4]) {
				t.Fatalf("%q gives the secret away", shown)
			}
			if !strings.HasSuffix(shown, s[len(s)-4:]) {
				t.Fatalf("%q does not end as the secret does", shown)
			}
		}
	}
	if got := Redact("sk-admin-abcdefghijklmnopqrstuvwx1234"); got != "sk-admin-...1234" {
		t.Errorf("Redact = %q", got)
	}
	if got := Redact("short"); got != "..." {
		t.Errorf("a short secret is shown as %q", got)
	}
}

func TestHashRoundTrip(t *testing.T) {
	h := HashOf("sk-proj-x")
	back, ok := ParseHash(h.String())
	if !ok || back != h {
		t.Fatal("a hash does not survive String and ParseHash")
	}
	for _, bad := range []string{"", "zz", strings.Repeat("g", 64), h.String() + "0"} {
		if _, ok := ParseHash(bad); ok {
			t.Errorf("ParseHash accepted %q", bad)
		}
	}
}

func TestRequestIDShape(t *testing.T) {
	got := Request()
	if len(got) != 36 || !strings.HasPrefix(got, "req_") || strings.Trim(got[4:], "0123456789abcdef") != "" {
		t.Errorf("request id %q is not req_ and 32 hexadecimal digits", got)
	}
}

func TestRequestIDsSortByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen, last := map[string]bool{}, ""
		for range 100 {
			time.Sleep(time.Millisecond) // of the fake clock
			got := Request()
			if got <= last {
				t.Fatalf("request id %q sorts before the earlier %q", got, last)
			}
			last = got
			seen[Request()] = true
		}
		if len(seen) != 100 {
			t.Error("request ids repeat")
		}
	})
}

func BenchmarkRequest(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Request()
	}
}
