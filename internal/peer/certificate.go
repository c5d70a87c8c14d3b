package peer

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// ForwardedCertificate is the header in which a proxy that ends callers' TLS says
// which certificate a caller showed, as Envoy writes it.
const ForwardedCertificate = "X-Forwarded-Client-Cert"

// Certificate is what a caller showed to identify itself: to weir in the handshake
// of its connection, or to a trusted proxy. Nothing of it has been verified but
// that the caller has its private key.
type Certificate struct {
	// Asked says that the caller could have shown one: it came over TLS, or its
	// proxy told of one.
	Asked bool

	chain     []*x509.Certificate // the leaf first
	forwarded string              // the header's element
}

// CertificateOf is what a request came with. state is of its connection, nil for
// plain text, and holds no certificate where the connection is a trusted proxy's;
// forwarded are the values of ForwardedCertificate, of trusted proxies only. The
// proxy that weir sees stands last and is the one believed: what stands before is
// what it was told.
func CertificateOf(state *tls.ConnectionState, forwarded []string) Certificate {
	c := Certificate{Asked: state != nil || len(forwarded) > 0}
	if state != nil {
		c.chain = state.PeerCertificates
	}
	if len(c.chain) == 0 && len(forwarded) > 0 {
		elements := splitQuoted(forwarded[len(forwarded)-1], ',')
		c.forwarded = elements[len(elements)-1]
	}
	return c
}

// Shown reports whether there is a certificate.
func (c Certificate) Shown() bool { return len(c.chain) > 0 || c.forwarded != "" }

// Fingerprint tells certificates apart. Two with one leaf may have one fingerprint.
func (c Certificate) Fingerprint() [sha256.Size]byte {
	if len(c.chain) > 0 {
		return sha256.Sum256(c.chain[0].Raw)
	}
	return sha256.Sum256([]byte(c.forwarded))
}

// maxChain bounds how many certificates a caller may show at once.
const maxChain = 8

var (
	errNoCertificate = errors.New("it holds no certificate: the proxy must send Cert or Chain")
	errLongChain     = fmt.Errorf("it comes with more than %d certificates", maxChain)
)

// Chain is the certificate and what came with it, the leaf first.
func (c Certificate) Chain() ([]*x509.Certificate, error) {
	chain := c.chain
	if len(chain) == 0 {
		text := ""
		for _, pair := range splitQuoted(c.forwarded, ';') {
			name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if strings.EqualFold(name, "Chain") || strings.EqualFold(name, "Cert") && text == "" {
				text = strings.Trim(value, `"`)
			}
		}
		plain, err := url.PathUnescape(text) // in base64 a plus is a plus
		if err != nil {
			return nil, err
		}
		if chain, err = parseChain([]byte(plain)); err != nil {
			return nil, err
		}
	}
	if len(chain) > maxChain {
		return nil, errLongChain
	}
	return chain, nil
}

func parseChain(text []byte) (chain []*x509.Certificate, err error) {
	for len(chain) <= maxChain {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		chain = append(chain, c)
	}
	if len(chain) == 0 {
		return nil, errNoCertificate
	}
	return chain, nil
}

// splitQuoted cuts text at separators outside of double quotes. There is always
// one part.
func splitQuoted(text string, separator byte) []string {
	var parts []string
	begin, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quoted:
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == separator && !quoted:
			parts = append(parts, text[begin:i])
			begin = i + 1
		}
	}
	return append(parts, text[begin:])
}
