package config

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// OIDC is signing in through OpenID Connect providers.
type OIDC struct {
	Providers Providers `yaml:"providers" shown:"none: people sign in by password" help:"identity providers, as a list; see docs/operate/sign-in.md"`
}

// Providers are set together: as a list in weir.yaml, as the same list in YAML
// or JSON in the environment.
type Providers []OIDCProvider

// OIDCProvider is one OpenID Connect provider that people sign in through.
type OIDCProvider struct {
	Name             string            `yaml:"name" json:"name"`     // part of addresses: a-z, 0-9 and -
	Issuer           string            `yaml:"issuer" json:"issuer"` // its address, as its tokens name it
	ClientID         string            `yaml:"client_id" json:"client_id"`
	ClientSecret     Secret            `yaml:"client_secret,omitempty" json:"client_secret,omitempty"`           // none for a public client
	ClientSecretFile string            `yaml:"client_secret_file,omitempty" json:"client_secret_file,omitempty"` // a file that holds it
	Scopes           []string          `yaml:"scopes,omitempty" json:"scopes,omitempty"`                         // none: openid, email and profile
	OrganizationID   string            `yaml:"organization_id,omitempty" json:"organization_id,omitempty"`       // whose people they are; none: the oldest organization's
	Domains          []string          `yaml:"domains,omitempty" json:"domains,omitempty"`                       // of e-mail addresses that are let in; none: every domain
	JustInTime       bool              `yaml:"just_in_time,omitempty" json:"just_in_time,omitempty"`             // people unknown so far become users
	DefaultRole      string            `yaml:"default_role,omitempty" json:"default_role,omitempty"`             // of those: reader, which is the default, or none
	GroupsClaim      string            `yaml:"groups_claim,omitempty" json:"groups_claim,omitempty"`             // the claim that lists a person's groups
	Groups           map[string]string `yaml:"groups,omitempty" json:"groups,omitempty"`                         // by a value of that claim, the name of weir's group
	OwnerGroups      []string          `yaml:"owner_groups,omitempty" json:"owner_groups,omitempty"`             // weir's groups that may make somebody an owner this way
}

// maxProviders bounds how many providers there are.
const maxProviders = 50

// set reads a list in YAML. Its error quotes nothing of it, since it may hold
// secrets.
func (p *Providers) set(text string) error {
	var read Providers
	if err := yaml.UnmarshalWithOptions([]byte(text), &read, yaml.DisallowUnknownField()); err != nil {
		var detailed yaml.Error
		if errors.As(err, &detailed) {
			return fmt.Errorf("is not a list of identity providers: %s", detailed.GetMessage())
		}
		return errors.New("is not a list of identity providers")
	}
	if len(read) == 0 {
		read = nil
	}
	*p = read
	return nil
}

// text writes the list on one line, secrets masked.
func (p Providers) text() string {
	if len(p) == 0 {
		return "[]"
	}
	raw, err := yaml.MarshalWithOptions(p, yaml.JSON())
	if err != nil {
		panic("config: encoding identity providers: " + err.Error()) // strings and lists encode
	}
	return strings.TrimSpace(string(raw))
}

// redacted is a copy with its secrets masked.
func (p Providers) redacted() Providers {
	p = slices.Clone(p)
	for i := range p {
		p[i].ClientSecret = Secret(p[i].ClientSecret.String())
	}
	return p
}

// readSecrets takes client secrets from the files that hold them.
func (p Providers) readSecrets() []error {
	var problems []error
	for i := range p {
		switch {
		case p[i].ClientSecretFile == "":
		case p[i].ClientSecret != "":
			problems = append(problems, fmt.Errorf("oidc.providers[%d]: client_secret and client_secret_file are both set; use one of them", i))
		default:
			secret, err := readSecret(p[i].ClientSecretFile)
			if err != nil {
				problems = append(problems, fmt.Errorf("oidc.providers[%d].client_secret_file: %w", i, err))
			}
			p[i].ClientSecret = Secret(secret)
		}
	}
	return problems
}

var providerName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// validateProviders returns every problem of the providers.
func (c Config) validateProviders() []error {
	var problems []error
	if len(c.OIDC.Providers) > maxProviders {
		problems = append(problems, fmt.Errorf("oidc.providers: there are more than %d", maxProviders))
	}
	if err := validatePublicURL(c.PublicURL); err != nil {
		problems = append(problems, fmt.Errorf("%s: %w", envOf("public_url"), err))
	}
	if c.PublicURL == "" && len(c.OIDC.Providers) > 0 {
		problems = append(problems, fmt.Errorf("%s must be set for oidc.providers: it is where they send people back to", envOf("public_url")))
	}
	names := map[string]bool{}
	for i, p := range c.OIDC.Providers {
		at := fmt.Sprintf("oidc.providers[%d]", i)
		bad := func(format string, args ...any) {
			problems = append(problems, fmt.Errorf("%s."+format, append([]any{at}, args...)...))
		}
		if !providerName.MatchString(p.Name) {
			bad("name: %q is not 1 to 32 of a-z, 0-9 and -", p.Name)
		}
		if names[p.Name] {
			bad("name: %q is taken by another provider", p.Name)
		}
		names[p.Name] = true
		if err := validateIssuer(p.Issuer); err != nil {
			bad("issuer: %w", err)
		}
		if p.ClientID == "" {
			bad("client_id must be set")
		}
		if !slices.Contains([]string{"", "reader", "none"}, p.DefaultRole) {
			bad("default_role: %q is neither reader nor none; nobody becomes more by signing in", p.DefaultRole)
		}
		for _, domain := range p.Domains {
			if domain == "" || strings.ContainsAny(domain, "@* /") {
				bad("domains: %q is not a domain such as example.com", domain)
			}
		}
		if len(p.Groups) > 0 && p.GroupsClaim == "" {
			bad("groups_claim must be set, since groups is")
		}
		for _, group := range p.OwnerGroups {
			if !slices.Contains(slices.Collect(maps.Values(p.Groups)), group) {
				bad("owner_groups: %q is not among groups", group)
			}
		}
		for value, group := range p.Groups {
			if value == "" || group == "" {
				bad("groups: neither side of an entry may be empty")
			}
		}
	}
	return problems
}

func validatePublicURL(raw string) error {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("is not an address such as https://weir.example.com, without a path")
	}
	return nil
}

// validateIssuer wants HTTPS, since whoever sits in between could sign anybody
// in. A provider on this machine may do without.
func validateIssuer(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("is not an address such as https://accounts.example.com")
	}
	host := u.Hostname()
	address, err := netip.ParseAddr(host)
	local := host == "localhost" || err == nil && address.IsLoopback()
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return errors.New("must be https://…")
	}
	return nil
}
