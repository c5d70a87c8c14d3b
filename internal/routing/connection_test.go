package routing

import (
	"net/http"
	"strings"
	"testing"

	"weir/internal/fault"
)

func TestValidateBaseURL(t *testing.T) {
	for _, tt := range []struct {
		provider  Provider
		raw, want string
	}{
		{OpenAI, "", "https://api.openai.com/v1"},
		{OpenAI, " https://EU.api.openai.com/v1// ", "https://eu.api.openai.com/v1"},
		{OpenAICompatible, "http://127.0.0.1:11434/v1/", "http://127.0.0.1:11434/v1"},
		{OpenAICompatible, "http://[::1]:8000", "http://[::1]:8000"},
		{OpenAICompatible, "https://host/v1beta/a%2Fb", "https://host/v1beta/a%2Fb"},
		{Sandbox, "", "sandbox:///v1"},
		{Sandbox, "sandbox:///v1/", "sandbox:///v1"},
	} {
		got, err := ValidateBaseURL(tt.provider, tt.raw)
		if err != nil || got != tt.want {
			t.Errorf("%s %q: %q, %v", tt.provider, tt.raw, got, err)
		}
	}
	for _, tt := range []struct {
		provider  Provider
		raw, want string
	}{
		{OpenAICompatible, "", "Missing required parameter: 'base_url'."},
		{AzureOpenAI, " ", "Missing required parameter"},
		{OpenAI, "api.openai.com/v1", "begin with https://"},
		{OpenAI, "ftp://host", "begin with https://"},
		{OpenAI, "https://", "names no host"},
		{OpenAI, "https://:8080/v1", "names no host"},
		{OpenAI, "https://user:hunter2@host/v1", "user name or password"},
		{OpenAI, "https://user:hunter2@ho st/v1", "not a URL"},
		{OpenAI, "https://host/v1?api-version=1", "query"},
		{OpenAI, "https://host/v1?", "query"},
		{OpenAI, "https://host/v1#", "fragment"},
		{OpenAI, "https://host:0/v1", "port"},
		{OpenAI, "https://host:99999/v1", "port"},
		{OpenAI, "https://host/v1/../x", "segments"},
		{OpenAI, "https://host/%2e%2e", "segments"},
		{Sandbox, "https://host/v1", "built in"},
		{"acme", "https://host/v1", "Invalid value: 'acme'"},
	} {
		got, err := ValidateBaseURL(tt.provider, tt.raw)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s %q: %q, %v; want %q", tt.provider, tt.raw, got, err, tt.want)
		}
	}
}

func FuzzValidateBaseURL(f *testing.F) {
	f.Add("https://api.openai.com/v1/")
	f.Add("http://[::1]:8000/a%2fb//")
	f.Fuzz(func(t *testing.T, raw string) {
		base, err := ValidateBaseURL(OpenAICompatible, raw)
		if err != nil {
			return
		}
		if again, err := ValidateBaseURL(OpenAICompatible, base); err != nil || again != base {
			t.Fatalf("%q became %q, which becomes %q, %v", raw, base, again, err)
		}
		if _, err := http.NewRequest(http.MethodGet, base+"/models", nil); err != nil {
			t.Fatalf("%q became %q, which cannot be asked: %v", raw, base, err)
		}
	})
}

func TestValidateHeaders(t *testing.T) {
	if err := ValidateHeaders(map[string]string{"X-Team": "blue", "HTTP-Referer": "https://weir"}); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"": "x", "a b": "x", "Host": "x", "content-length": "1", "X-A": "a\r\nX-B: secret"} {
		err := ValidateHeaders(map[string]string{name: value})
		if !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
