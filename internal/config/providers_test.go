package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

const providersFile = `
public_url: https://weir.example.com
oidc:
  providers:
    # the company's
    - name: okta
      issuer: https://example.okta.com
      client_id: weir
      client_secret: hunter2 # not for the log
      scopes: [openid, email, groups]
      domains: [example.com, "example.org"]
      groups_claim: groups
      groups:
        "idp: admins": Admins
        idp-users: Users
      owner_groups: [Admins]
      just_in_time: true
      default_role: none
    - name: local-dev
      issuer: http://127.0.0.1:5556/dex
      client_id: other
      organization_id: org-x
`

func TestProvidersAreAList(t *testing.T) {
	want := Providers{
		{
			Name: "okta", Issuer: "https://example.okta.com", ClientID: "weir", ClientSecret: "hunter2",
			Scopes: []string{"openid", "email", "groups"}, Domains: []string{"example.com", "example.org"},
			GroupsClaim: "groups", Groups: map[string]string{"idp: admins": "Admins", "idp-users": "Users"}, OwnerGroups: []string{"Admins"},
			JustInTime: true, DefaultRole: "none",
		},
		{Name: "local-dev", Issuer: "http://127.0.0.1:5556/dex", ClientID: "other", OrganizationID: "org-x"},
	}
	c := load(t, LoadOptions{File: write(t, "weir.yaml", providersFile)})
	if !reflect.DeepEqual(c.OIDC.Providers, want) {
		t.Errorf("from the file: %#v", c.OIDC.Providers)
	}
	printed := c.String()
	if strings.Contains(printed, "hunter2") || strings.Contains(fmt.Sprintf("%+v %#v", c, c.OIDC), "hunter2") {
		t.Errorf("the client's secret is printed: %s", printed)
	}
	again := load(t, LoadOptions{File: write(t, "weir.yaml", printed)})
	want[0].ClientSecret = "[set]"
	if !reflect.DeepEqual(again.OIDC.Providers, want) {
		t.Errorf("printed: %s", printed)
	}
	if c.OIDC.Providers[0].ClientSecret.Reveal() != "hunter2" {
		t.Error("printing changed the configuration")
	}
	env := load(t, LoadOptions{Env: []string{
		"WEIR_PUBLIC_URL=http://localhost:8080",
		`WEIR_OIDC_PROVIDERS=[{"name":"a","issuer":"https://a.example","client_id":"x","client_secret_file":"` + write(t, "secret", "from file\n") + `"}]`,
	}})
	if p := env.OIDC.Providers; len(p) != 1 || p[0].ClientSecret.Reveal() != "from file" {
		t.Errorf("from the environment: %#v", p)
	}
}

func TestProvidersAreChecked(t *testing.T) {
	entry := func(fields string) string {
		return "public_url: https://weir.example.com\noidc:\n  providers:\n    - {name: a, issuer: 'https://a.example', client_id: x, client_secret: hunter2" + fields + "}\n"
	}
	for text, want := range map[string]string{
		entry(", isuer: x"):                                                     "weir.yaml:3: oidc.providers is not a list of identity providers: unknown field \"isuer\"",
		entry(", domains: hunter2"):                                             "oidc.providers is not a list",
		entry(", just_in_time: hunter2"):                                        "oidc.providers is not a list",
		entry(", client_secret_file: /nonexistent"):                             "client_secret and client_secret_file are both set",
		entry(", default_role: owner"):                                          `default_role: "owner" is neither reader nor none`,
		entry(", domains: ['@example.com']"):                                    `"@example.com" is not a domain`,
		entry(", domains: ['']"):                                                `"" is not a domain`,
		entry(", groups: {a: b}"):                                               "groups_claim must be set",
		entry(", groups_claim: g, groups: {a: B}, owner_groups: [a]"):           `owner_groups: "a" is not among groups`,
		entry(", groups_claim: g, groups: {a: ''}"):                             "groups: neither side",
		entry("") + entry("")[strings.Index(entry(""), "    -"):]:               `"a" is taken by another provider`,
		strings.Replace(entry(""), "name: a", "name: A/b", 1):                   `name: "A/b" is not`,
		strings.Replace(entry(""), "https://a", "http://a", 1):                  `issuer: must be https`,
		strings.Replace(entry(""), "https://a", "https://u:hunter2@a", 1):       `issuer: is not an address`,
		strings.Replace(entry(""), "client_id: x", "client_id: ''", 1):          `client_id must be set`,
		strings.Replace(entry(""), "weir.example.com", "weir.example.com/x", 1): `WEIR_PUBLIC_URL: is not an address`,
		entry("")[strings.Index(entry(""), "oidc"):]:                            `WEIR_PUBLIC_URL must be set`,
		"oidc:\n  providers: hunter2":                                           "oidc.providers is not a list",
		"oidc:\n  providers:\n    a: {issuer: hunter2}":                         "oidc.providers must be a single value",
		"oidc: [a]": "oidc is a section",
	} {
		t.Run(fmt.Sprint(len(text)), func(t *testing.T) {
			if got := refused(t, LoadOptions{File: write(t, "weir.yaml", text)}); !strings.Contains(got, want) || strings.Contains(got, "hunter2") {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
	}
	if got := refused(t, LoadOptions{Env: []string{"WEIR_OIDC_PROVIDERS=[{name: hunter2"}}); !strings.Contains(got, "WEIR_OIDC_PROVIDERS is not a list") || strings.Contains(got, "hunter2") {
		t.Error(got)
	}
}
