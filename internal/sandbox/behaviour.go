package sandbox

import (
	"strconv"
	"strings"
	"time"

	"weir/internal/fault"
	"weir/internal/openaiwire"
)

// OptionsHeader is the request header that asks for a behaviour, as a list with
// commas: "latency=250ms,chunks=20". Options in the model's name win over it.
const OptionsHeader = "X-Weir-Sandbox-Options"

// behaviour is how one request is to be answered. The options, each as name or
// name=value:
//
//	slow            latency=2s and interval=200ms
//	latency=250ms   wait before the first byte
//	interval=10ms   wait between the chunks of a stream
//	chunks=200      tokens of text in the answer, one to a chunk
//	error=429       answer an error with this status (400 to 599)
//	retry-after=5   seconds, of a 429 or 503; otherwise 1
//	cut=3           break the connection after this many chunks; halfway in a unary answer
//	stall, stall=3  stop after this many chunks (1) and wait until the caller hangs up; a unary answer never starts
//	nousage         leave the usage out
//	gzip            answer compressed where the request accepts gzip
type behaviour struct {
	latency    time.Duration
	interval   time.Duration
	chunks     int
	status     int // of the error to answer; 0: none
	retryAfter int // seconds
	cut        int // -1: no
	stall      int // -1: no
	noUsage    bool
	gzip       bool
}

const (
	slowLatency  = 2 * time.Second
	slowInterval = 200 * time.Millisecond
	maxWait      = 10 * time.Minute
	maxChunks    = 100_000
)

// behaviourOf reads the options of a request; name is what remains of the
// model's name.
func (p *Provider) behaviourOf(model, header string) (name string, b behaviour, err error) {
	b = behaviour{latency: p.opts.Latency, interval: p.opts.ChunkInterval, chunks: p.opts.Chunks, cut: -1, stall: -1}
	for option := range strings.SplitSeq(header, ",") {
		if option = strings.TrimSpace(option); option != "" {
			if err := b.set(option); err != nil {
				return "", b, err
			}
		}
	}
	name, suffix, more := strings.Cut(model, "+")
	for more {
		var option string
		option, suffix, more = strings.Cut(suffix, "+")
		if err := b.set(option); err != nil {
			return "", b, err
		}
	}
	return name, b, nil
}

// set applies one option.
func (b *behaviour) set(option string) (err error) {
	name, value, hasValue := strings.Cut(option, "=")
	switch {
	case name == "slow" && !hasValue:
		b.latency, b.interval = slowLatency, slowInterval
	case name == "nousage" && !hasValue:
		b.noUsage = true
	case name == "gzip" && !hasValue:
		b.gzip = true
	case name == "stall" && !hasValue:
		b.stall = 1
	case name == "stall":
		b.stall, err = whole(option, value, 0, maxChunks)
	case name == "cut":
		b.cut, err = whole(option, value, 0, maxChunks)
	case name == "chunks":
		b.chunks, err = whole(option, value, 1, maxChunks)
	case name == "error":
		b.status, err = whole(option, value, 400, 599)
	case name == "retry-after":
		b.retryAfter, err = whole(option, value, 1, 3600)
	case name == "latency":
		b.latency, err = duration(option, value)
	case name == "interval":
		b.interval, err = duration(option, value)
	default:
		return fault.Invalidf("unknown_sandbox_option", "", "Unknown sandbox option: '%s'. "+
			"Supported are: slow, latency=, interval=, chunks=, error=, retry-after=, cut=, stall, nousage and gzip.", option)
	}
	return err
}

func whole(option, value string, least, most int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		return 0, fault.Invalidf("invalid_sandbox_option", "", "Invalid sandbox option: '%s'. Expected a whole number from %d to %d.", option, least, most)
	}
	return n, nil
}

func duration(option, value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 || d > maxWait {
		return 0, fault.Invalidf("invalid_sandbox_option", "", "Invalid sandbox option: '%s'. Expected a duration such as 250ms, up to %s.", option, maxWait)
	}
	return d, nil
}

// askedError is the error that the request asked for.
type askedError struct{ status int }

func (e *askedError) Error() string { return "the request asked for status " + strconv.Itoa(e.status) }

// body is the envelope that goes with the status.
func (e *askedError) body() openaiwire.ErrorBody {
	kinds := map[int]fault.Kind{
		400: fault.Invalid, 401: fault.Unauthenticated, 403: fault.Forbidden, 404: fault.NotFound, 405: fault.MethodNotSupported,
		413: fault.TooLarge, 429: fault.RateLimited, 500: fault.Internal, 502: fault.BadUpstream, 503: fault.Unavailable, 504: fault.UpstreamTimeout,
	}
	kind, known := kinds[e.status]
	if !known && e.status < 500 {
		kind = fault.Invalid
	}
	code := ""
	switch e.status {
	case 401:
		code = "invalid_api_key"
	case 429:
		code = "rate_limit_exceeded"
	}
	_, body := openaiwire.Body(fault.New(kind, code, "", "[sandbox] This error was asked for with error=%d.", e.status))
	return body
}
