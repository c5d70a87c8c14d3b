package org_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/org"
	"weir/internal/peer"
	"weir/internal/peer/peertest"
)

// shownIn is what a caller showed in its handshake.
func shownIn(pair tls.Certificate) peer.Certificate {
	state := &tls.ConnectionState{}
	for _, der := range pair.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			panic(err)
		}
		state.PeerCertificates = append(state.PeerCertificates, c)
	}
	return peer.CertificateOf(state, nil)
}

func TestCertificateRules(t *testing.T) {
	root, other, ofProject := peertest.NewAuthority(t, "root"), peertest.NewAuthority(t, "other"), peertest.NewAuthority(t, "project")
	unit := root.Below(t, "unit").Below(t, "team")
	deep := root
	for range 9 {
		deep = deep.Below(t, "deeper")
	}
	pinned := other.Issue(t, "pinned", nil)
	active := func(id string, der []byte, everywhere bool) org.Certificate {
		return org.Certificate{ID: id, PEM: peertest.PEM(der), Active: everywhere}
	}
	rules := org.NewCertificateRules([]org.Certificate{
		active("root", root.Certificate.Raw, true), active("pinned", pinned.Certificate[0], true),
		active("project", ofProject.Certificate.Raw, false), active("idle", other.Certificate.Raw, false),
	}, []org.ProjectCertificate{{ProjectID: "p", CertificateID: "project"}})
	unsent := unit.Issue(t, "client", nil)
	unsent.Certificate = unsent.Certificate[:1]
	expired := root.Issue(t, "late", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Second) })
	for name, tt := range map[string]struct {
		shown   peer.Certificate
		project string
		code    string
	}{
		"none":                        {peer.CertificateOf(&tls.ConnectionState{}, nil), "p", "client_certificate_required"},
		"none, over plain HTTP":       {peer.CertificateOf(nil, nil), "", "client_certificate_required"},
		"signed by the root":          {shownIn(root.Issue(t, "client", nil)), "q", ""},
		"signed two below":            {shownIn(unit.Issue(t, "client", nil)), "q", ""},
		"without what leads there":    {shownIn(unsent), "q", "client_certificate_refused"},
		"too far below":               {shownIn(deep.Issue(t, "client", nil)), "q", "client_certificate_refused"},
		"the certificate itself":      {shownIn(pinned), "q", ""},
		"another of the same signer":  {shownIn(other.Issue(t, "client", nil)), "q", "client_certificate_refused"},
		"of the project":              {shownIn(ofProject.Issue(t, "client", nil)), "p", ""},
		"of another project":          {shownIn(ofProject.Issue(t, "client", nil)), "q", "client_certificate_refused"},
		"the root in the project":     {shownIn(root.Issue(t, "client", nil)), "p", ""},
		"expired":                     {shownIn(expired), "q", "client_certificate_refused"},
		"not valid yet":               {shownIn(root.Issue(t, "early", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) })), "q", "client_certificate_refused"},
		"a server's":                  {shownIn(root.Issue(t, "server", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })), "q", "client_certificate_refused"},
		"for any use":                 {shownIn(root.Issue(t, "any", func(c *x509.Certificate) { c.ExtKeyUsage = nil })), "q", ""},
		"forwarded":                   {peer.CertificateOf(nil, []string{peertest.Forwarded(unit.Issue(t, "client", nil))}), "q", ""},
		"forwarded, behind a forgery": {peer.CertificateOf(nil, []string{peertest.Forwarded(root.Issue(t, "client", nil)) + "," + peertest.Forwarded(other.Issue(t, "real", nil))}), "q", "client_certificate_refused"},
		"forwarded as a hash":         {peer.CertificateOf(nil, []string{"Hash=00;Subject=\"CN=client\""}), "q", "client_certificate_refused"},
		"forwarded nonsense":          {peer.CertificateOf(nil, []string{`Cert="%zz`}), "q", "client_certificate_refused"},
	} {
		for _, round := range []string{"first", "again"} { // what was accepted is remembered
			until, err := rules.Admit(tt.project, tt.shown, time.Now())
			code := ""
			if refusal := fault.Of(err); refusal != nil {
				code = refusal.Code
			}
			if code != tt.code || code == "" && !until.After(time.Now()) {
				t.Errorf("%s, %s: %q until %v, want %q (%v)", name, round, code, until, tt.code, err)
			}
		}
	}
	// What is remembered ends with the certificate.
	client := shownIn(root.Issue(t, "client", nil))
	until, err := rules.Admit("q", client, time.Now())
	check(t, err)
	if _, err := rules.Admit("q", client, until.Add(time.Second)); !fault.Is(err, fault.Forbidden) {
		t.Errorf("after it has expired: %v", err)
	}
	if rules := org.NewCertificateRules([]org.Certificate{active("idle", root.Certificate.Raw, false)}, nil); rules != nil {
		t.Error("certificates that are active nowhere ask for one")
	}
}
