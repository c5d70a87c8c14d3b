// Package peertest makes certificate authorities and what they sign.
package peertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Authority signs certificates.
type Authority struct {
	Certificate *x509.Certificate
	above       [][]byte // what leads from it to the root, itself first, the root left out
	key         *ecdsa.PrivateKey
}

// NewAuthority makes a root.
func NewAuthority(tb testing.TB, name string) *Authority {
	tb.Helper()
	a := &Authority{}
	pair := signed(tb, authority(name), nil)
	a.Certificate, a.key = pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// Below makes an authority that a signs.
func (a *Authority) Below(tb testing.TB, name string) *Authority {
	tb.Helper()
	pair := signed(tb, authority(name), a)
	return &Authority{Certificate: pair.Leaf, key: pair.PrivateKey.(*ecdsa.PrivateKey), above: append([][]byte{pair.Leaf.Raw}, a.above...)}
}

func authority(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

// Issue makes a certificate for a client, with all that leads to the root; change,
// if not nil, alters it before it is signed.
func (a *Authority) Issue(tb testing.TB, name string, change func(*x509.Certificate)) tls.Certificate {
	tb.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	pair := signed(tb, template, a)
	pair.Certificate = append(pair.Certificate, a.above...)
	return pair
}

// Server makes a certificate for 127.0.0.1 and the files that hold it.
func (a *Authority) Server(tb testing.TB, name string) (certificate, key []byte) {
	tb.Helper()
	pair := a.Issue(tb, name, func(c *x509.Certificate) {
		c.ExtKeyUsage, c.IPAddresses = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, []net.IP{net.IPv4(127, 0, 0, 1)}
	})
	private, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		tb.Fatal(err)
	}
	return []byte(PEM(pair.Certificate...)), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
}

// PEM writes certificates as text.
func PEM(der ...[]byte) string {
	var b strings.Builder
	for _, raw := range der {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))
	}
	return b.String()
}

// Forwarded is what a proxy says of a caller that showed pair, as Envoy writes it.
func Forwarded(pair tls.Certificate) string {
	return `By=spiffe://proxy;Hash=0000;Subject="CN=x, O=y;z";Cert="` + url.PathEscape(PEM(pair.Certificate[0])) + `";Chain="` + url.PathEscape(PEM(pair.Certificate...)) + `"`
}

// signed makes a key and a certificate for it, signed by a, or by itself.
func signed(tb testing.TB, template *x509.Certificate, a *Authority) tls.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		tb.Fatal(err)
	}
	parent, signer := template, key
	if a != nil {
		parent, signer = a.Certificate, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		tb.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}
