package upstream

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"weir/internal/fault"
	"weir/internal/routing"
)

func adapter(t *testing.T, p routing.Provider) Adapter {
	t.Helper()
	a, err := For(p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestURL(t *testing.T) {
	const resource = "https://acme.openai.azure.com"
	for _, tt := range []struct {
		provider routing.Provider
		call     Call
		want     string
	}{
		{routing.OpenAI, Call{Base: "https://api.openai.com/v1", Path: "/chat/completions"}, "https://api.openai.com/v1/chat/completions"},
		{routing.OpenAI, Call{Base: "https://api.openai.com/v1", Path: "/files", RawQuery: "limit=2&after=a%2Fb"}, "https://api.openai.com/v1/files?limit=2&after=a%2Fb"},
		{routing.OpenAI, Call{Base: "https://api.openai.com/v1", Path: "/models/ft:gpt-4o%2Fx.y"}, "https://api.openai.com/v1/models/ft:gpt-4o%2Fx.y"},
		{routing.OpenAI, Call{Base: "https://api.openai.com/v1", Path: "/files/..a/b..c"}, "https://api.openai.com/v1/files/..a/b..c"},
		{routing.OpenAICompatible, Call{Base: "http://127.0.0.1:11434/odd/base", Path: "/embeddings"}, "http://127.0.0.1:11434/odd/base/embeddings"},
		{routing.Sandbox, Call{Base: "sandbox:///v1", Path: "/responses"}, "sandbox:///v1/responses"},

		{routing.AzureOpenAI, Call{Base: resource, Path: "/chat/completions", Model: "my gpt/4"}, resource + "/openai/deployments/my%20gpt%2F4/chat/completions?api-version=2024-10-21"},
		{routing.AzureOpenAI, Call{Base: resource + "/openai", Path: "/embeddings", Model: "e", RawQuery: "api-version=2025-01-01-preview"}, resource + "/openai/deployments/e/embeddings?api-version=2025-01-01-preview"},
		{routing.AzureOpenAI, Call{Base: resource, Path: "/models", RawQuery: "a=b"}, resource + "/openai/models?a=b&api-version=2024-10-21"},
		{routing.AzureOpenAI, Call{Base: resource + "/openai/v1", Path: "/chat/completions", Model: "m"}, resource + "/openai/v1/chat/completions"},
	} {
		got, err := adapter(t, tt.provider).URL(tt.call)
		if err != nil || got != tt.want {
			t.Errorf("%s %+v:\n got %s, %v\nwant %s", tt.provider, tt.call, got, err, tt.want)
		}
	}
}

func TestURLStaysBelowTheBase(t *testing.T) {
	for _, p := range []routing.Provider{routing.OpenAI, routing.AzureOpenAI} {
		for _, path := range []string{
			"", "chat", "/../admin", "/files/../../organization/costs", "/%2e%2e/x", "/a%2f..%2f..%2fb", "/.", "/a/%2E", `/a\..\b`, "/a%5c..%5cb", "/%zz",
		} {
			got, err := adapter(t, p).URL(Call{Base: "https://host/v1", Path: path, Model: "m"})
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s %q: %q, %v", p, path, got, err)
			}
		}
	}
	for _, call := range []Call{{Path: "/chat/completions"}, {Path: "/chat/completions", Model: ".."}, {Path: "/organization/costs"}} {
		if got, err := adapter(t, routing.AzureOpenAI).URL(call); !fault.Is(err, fault.Invalid) {
			t.Errorf("azure %+v: %q, %v", call, got, err)
		}
	}
}

func TestForUnknownProvider(t *testing.T) {
	_, err := For("acme")
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Invalid || f.Param != "provider" {
		t.Fatal(err)
	}
}

func TestIdentifySpeaksForTheConnectionOnly(t *testing.T) {
	callers := http.Header{
		"Authorization": {"Bearer sk-proj-callers"}, "Api-Key": {"callers"}, "X-Api-Key": {"callers"},
		"Openai-Organization": {"org-callers"}, "Openai-Project": {"proj_callers"}, "Cookie": {"a=callers"},
		"Content-Type": {"application/json"}, "Idempotency-Key": {"stainless-1"},
	}
	t.Run("openai", func(t *testing.T) {
		h := callers.Clone()
		Identify(adapter(t, routing.OpenAI), h, Identity{
			Key: "sk-ours", Organization: "org-ours", Project: "proj_ours", Headers: map[string]string{"x-team": "blue"},
		})
		want := http.Header{
			"Authorization": {"Bearer sk-ours"}, "Openai-Organization": {"org-ours"}, "Openai-Project": {"proj_ours"},
			"X-Team": {"blue"}, "Content-Type": {"application/json"}, "idempotency-key": {"stainless-1"},
		}
		equalHeaders(t, h, want)
	})
	t.Run("azure", func(t *testing.T) {
		h := callers.Clone()
		Identify(adapter(t, routing.AzureOpenAI), h, Identity{Key: "ours"})
		equalHeaders(t, h, http.Header{"Api-Key": {"ours"}, "Content-Type": {"application/json"}, "idempotency-key": {"stainless-1"}})
	})
	t.Run("no key", func(t *testing.T) {
		h := callers.Clone()
		Identify(adapter(t, routing.OpenAICompatible), h, Identity{})
		equalHeaders(t, h, http.Header{"Content-Type": {"application/json"}, "idempotency-key": {"stainless-1"}})
	})
}

func equalHeaders(t *testing.T, got, want http.Header) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for name, values := range want {
		if strings.Join(got[name], "|") != strings.Join(values, "|") {
			t.Errorf("%s = %q, want %q", name, got[name], values)
		}
	}
}

func TestScrub(t *testing.T) {
	const secret = `sk-ab/c"d+1`
	for in, want := range map[string]string{
		`Incorrect API key provided: sk-ab/c"d+1.`: `Incorrect API key provided: ***********.`,
		`{"message":"sk-ab/c\"d+1 sk-ab/c\"d+1"}`:  `{"message":"************ ************"}`,
		`{"message":"sk-ab\/c\"d+1"}`:              `{"message":"*************"}`,
		`/login?key=sk-ab%2Fc%22d%2B1`:             `/login?key=*****************`,
		`sk-ab*****d+1 is wrong`:                   `sk-ab*****d+1 is wrong`,
		`nothing`:                                  `nothing`,
	} {
		original := []byte(in)
		if got := string(Scrub(original, "", "none", secret)); got != want {
			t.Errorf("Scrub(%s)\n got %s\nwant %s", in, got, want)
		}
		if string(original) != in {
			t.Errorf("%s was changed in place", in)
		}
	}
	if got := string(Scrub([]byte("none of x"), "none", "x")); got != "none of x" {
		t.Errorf("placeholders were masked: %s", got)
	}
}

func TestTheBuiltInSandboxNeedsNoKey(t *testing.T) {
	h := http.Header{}
	adapter(t, routing.Sandbox).Credential(h, "")
	if h.Get("Authorization") == "" {
		t.Error("the sandbox in this process is asked without a key, which it refuses")
	}
}
