package gateway

import (
	"net/http"
	"strings"

	"weir/internal/envelope"
	"weir/internal/openaiwire"
)

// notRelayed are request headers that end at weir: hop by hop (RFC 9110,
// section 7.6.1), or said anew for the upstream connection.
var notRelayed = map[string]bool{
	"Connection": true, "Proxy-Connection": true, "Keep-Alive": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true, "Content-Length": true, "Host": true, "Expect": true,
	"Accept-Encoding": true, "X-Forwarded-Client-Cert": true,
}

var (
	onlyGzip     = []string{"gzip"}
	onlyIdentity = []string{"identity"}
	noUserAgent  = []string{""}
)

// requestHeader is what goes to the provider, before it speaks for the
// connection (upstream.Identify).
func (x *exchange) requestHeader() http.Header {
	sent := x.r.Header
	named := connectionOptions(sent)
	h := make(http.Header, len(sent)+2)
	for name, values := range sent {
		if !notRelayed[name] && !named[name] {
			h[name] = values
		}
	}
	// The tap reads gzip and plain bodies, and streams only plain; what a resource
	// answers is read for objects. Speech may be a stream without the head saying so.
	if !x.head.Stream && x.door.operation.shape != openaiwire.ShapeMedia && x.door.resource == nil && acceptsGzip(sent) {
		h["Accept-Encoding"] = onlyGzip
	} else {
		h["Accept-Encoding"] = onlyIdentity
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = noUserAgent // otherwise Go would name itself
	}
	return h
}

// notReturned are response headers that end at weir: hop by hop, credentials,
// and those that weir says itself. Alt-Svc and Openai-Project are about the
// connection to the provider and the account there.
var notReturned = map[string]bool{
	"Connection": true, "Proxy-Connection": true, "Keep-Alive": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true,
	"Set-Cookie": true, "Www-Authenticate": true, "Proxy-Authenticate": true, "Authorization": true,
	"Alt-Svc": true, "Openai-Project": true,
	"X-Request-Id": true, "Openai-Organization": true, "Openai-Processing-Ms": true,
	"X-Weir-Cost": true, "X-Weir-Upstream-Request-Id": true,
}

// headerUpstreamID tells the provider's own id of the request.
const headerUpstreamID = "X-Weir-Upstream-Request-Id"

// fillHeader takes the provider's header over into the answer's.
func (x *exchange) fillHeader(response *http.Response) {
	x.filled = true
	h := x.w.Header()
	named := connectionOptions(response.Header)
	for name, values := range response.Header {
		if !notReturned[name] && !named[name] && !strings.HasPrefix(name, "X-Ratelimit-") {
			h[name] = values
		}
	}
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // otherwise net/http would guess one
	}
	if values := response.Header["X-Request-Id"]; len(values) > 0 {
		h[headerUpstreamID] = values
	}
}

// clearHeader takes the provider's header out of the answer's again, for an
// answer of weir's own.
func (x *exchange) clearHeader() {
	if !x.filled {
		return
	}
	h := x.w.Header()
	organization, upstreamID := h[envelope.HeaderOrganization], h[headerUpstreamID]
	clear(h)
	envelope.Begin(h, x.event.ID)
	h[envelope.HeaderOrganization] = organization
	if upstreamID != nil {
		h[headerUpstreamID] = upstreamID
	}
}

// connectionOptions are the headers that the Connection header makes hop by
// hop.
func connectionOptions(h http.Header) map[string]bool {
	var named map[string]bool
	for _, line := range h["Connection"] {
		for option := range strings.SplitSeq(line, ",") {
			if option = http.CanonicalHeaderKey(strings.TrimSpace(option)); option != "" {
				if named == nil {
					named = map[string]bool{}
				}
				named[option] = true
			}
		}
	}
	return named
}

// acceptsGzip reports whether the caller takes gzip (RFC 9110, section 12.5.3).
// A weight of 0 refuses a coding; one that is named beats the asterisk.
func acceptsGzip(h http.Header) bool {
	star := false
	for _, line := range h["Accept-Encoding"] {
		for item := range strings.SplitSeq(line, ",") {
			coding, weight, _ := strings.Cut(item, ";")
			switch coding = strings.TrimSpace(coding); {
			case strings.EqualFold(coding, "gzip"):
				return !isZero(weight)
			case coding == "*":
				star = !isZero(weight)
			}
		}
	}
	return star
}

// isZero reports whether a weight is 0: "q=0", "q=0.000".
func isZero(weight string) bool {
	value, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(weight)), "q=")
	return ok && strings.Trim(value, "0.") == ""
}
