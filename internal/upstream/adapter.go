// Package upstream speaks to model providers: where a call goes, which header
// carries the credential, the transport it travels on, and what a key can do.
//
// Adapters know addresses and credentials, nothing else: requests and answers
// are relayed by the gateway as they come.
package upstream

import (
	"net/http"
	"net/url"
	"strings"

	"weir/internal/fault"
	"weir/internal/routing"
)

// Call names one request of a provider's API.
type Call struct {
	Base     string // the connection's base URL, as routing.ValidateBaseURL returned it
	Path     string // what follows /v1, escaped as the caller sent it: "/chat/completions"
	Model    string // the provider's name of the model; only some of Azure's addresses hold it
	RawQuery string // without the question mark
}

// Validate refuses a path that is not below the base URL. A provider that
// resolves dot segments (or decodes %2f) would otherwise be asked, with the
// connection's key, for something the caller was never permitted.
func (c Call) Validate() error {
	if !strings.HasPrefix(c.Path, "/") {
		return fault.Invalidf("invalid_path", "", "The path %q does not begin with a slash.", c.Path)
	}
	plain := c.Path
	if strings.ContainsAny(plain, "%\\.") {
		var err error
		if plain, err = url.PathUnescape(plain); err != nil {
			return fault.Invalidf("invalid_path", "", "The path %q is not properly escaped.", c.Path)
		}
		for segment := range strings.SplitSeq(strings.ReplaceAll(plain, "\\", "/"), "/") {
			if segment == "." || segment == ".." {
				return fault.Invalidf("invalid_path", "", "The path %q leads outside the API.", c.Path)
			}
		}
	}
	return nil
}

// Adapter is what differs between providers. Adapters are stateless and safe
// for concurrent use.
type Adapter interface {
	// URL returns where the call goes. Its error is fault.Invalid when the
	// provider has no such address.
	URL(Call) (string, error)
	// Credential puts the key where the provider looks for it; nothing when
	// key is "".
	Credential(h http.Header, key string)
}

// For returns the adapter of a provider; fault.Invalid (param "provider") when
// there is none.
func For(p routing.Provider) (Adapter, error) {
	switch p {
	case routing.OpenAI, routing.OpenAICompatible:
		return openAI{}, nil
	case routing.Sandbox:
		return builtIn{}, nil
	case routing.AzureOpenAI:
		return azure{}, nil
	}
	return nil, fault.Invalidf("invalid_value", "provider",
		"Unknown provider '%s'. Use one of: openai, openai_compatible, azure_openai, sandbox.", p)
}

// Identity is what a connection sends to say who it is.
type Identity struct {
	Key          string            // "": none
	Organization string            // sent as OpenAI-Organization; "": none
	Project      string            // sent as OpenAI-Project; "": none
	Headers      map[string]string // extra headers; they win over everything else
}

// callersOwn are request headers that say who the caller of weir is. None of
// them may reach a provider.
var callersOwn = [...]string{
	"Authorization", "Api-Key", "X-Api-Key", "Openai-Organization", "Openai-Project", "Cookie", "Proxy-Authorization",
}

// replayMarks are headers that make http.Transport, which calls through a proxy
// travel on, send a POST again by itself when a connection breaks: a second
// generation that nobody recorded. It finds them by their canonical spelling.
var replayMarks = [...]string{"Idempotency-Key", "X-Idempotency-Key"}

// Identify makes h, the header of a request about to go out, speak for the
// connection instead of for the caller.
func Identify(a Adapter, h http.Header, who Identity) {
	for _, name := range callersOwn {
		delete(h, name)
	}
	for _, name := range replayMarks {
		if values, ok := h[name]; ok {
			delete(h, name)
			h[strings.ToLower(name)] = values // the same header on the wire
		}
	}
	a.Credential(h, who.Key)
	if who.Organization != "" {
		h.Set("OpenAI-Organization", who.Organization)
	}
	if who.Project != "" {
		h.Set("OpenAI-Project", who.Project)
	}
	for name, value := range who.Headers {
		h.Set(name, value)
	}
}

// openAI is the wire of OpenAI and of everything that copies it.
type openAI struct{}

func (openAI) URL(c Call) (string, error) {
	if err := c.Validate(); err != nil {
		return "", err
	}
	return join(c.Base, c.Path, c.RawQuery), nil
}

func (openAI) Credential(h http.Header, key string) {
	if key != "" {
		h.Set("Authorization", "Bearer "+key)
	}
}

func join(base, path, query string) string {
	if query == "" {
		return base + path
	}
	return base + path + "?" + query
}

// builtIn is the sandbox in this process. It wants to see a key, as the real
// API does, and takes any.
type builtIn struct{ openAI }

func (b builtIn) Credential(h http.Header, key string) {
	if key == "" {
		key = "built-in"
	}
	b.openAI.Credential(h, key)
}
