package issuer

import (
	"fmt"
	"io"
	"net/http"
)

// The bounds of what an issuer answers, in bytes: its description, its keys, a
// token, what it says of somebody.
const (
	maxAnswer = 512 << 10
	maxHeader = 64 << 10
)

// Bounded reads no more of an answer than issuers have to say, whatever reads it
// above: libraries for OpenID Connect read answers whole. It changes transport,
// which must not be in use yet.
func Bounded(transport *http.Transport) http.RoundTripper {
	transport.MaxResponseHeaderBytes = maxHeader
	return bounded{transport}
}

type bounded struct{ to http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.to.RoundTrip(r)
	if err == nil {
		res.Body = &boundedBody{ReadCloser: res.Body, left: maxAnswer}
	}
	return res, err
}

// boundedBody fails when more than left bytes come.
type boundedBody struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	}
	return n, err
}
