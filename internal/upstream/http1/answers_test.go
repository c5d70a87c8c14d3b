package http1

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// answers are what providers may say. net/http is the judge of what it means.
var answers = []string{
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3;ext=1\r\nyes\r\n0\r\nX-Trailer: t\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n5\r\ncu",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok",
	"HTTP/1.1 200 OK\r\n\r\nuntil the end",
	"HTTP/1.0 200 OK\r\n\r\nold",
	"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nold",
	"HTTP/1.1 204 No Content\r\n\r\n",
	"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",
	"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 429 Too Many\r\nRetry-After: 1\r\nRetry-After: 2\r\nContent-Length: 2\r\n\r\nno",
	"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
	"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
	"HTTP/1.1 200 OK\r\nBad Header: x\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\n continued\r\n\r\n",
	"HTTP/2.0 200 OK\r\n\r\n",
	"HTTP/1.1 20x OK\r\n\r\n",
	"SSH-2.0-OpenSSH_9.2\r\n",
	"\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nConn",
	"",
}

func FuzzAnswersMeanWhatNetHTTPSaysTheyMean(f *testing.F) {
	for _, answer := range answers {
		f.Add([]byte(answer))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		if bytes.Contains(answer, []byte(" 101 ")) {
			return // the one answer that net/http takes and this transport does not
		}
		ours := transport(t)
		ours.Dial = saying(answer)
		theirs := &http.Transport{DialContext: saying(answer), DisableCompression: true, MaxResponseHeaderBytes: ours.MaxResponseHeader}
		t.Cleanup(theirs.CloseIdleConnections)
		got, want := outcome(t, ours), outcome(t, theirs)
		if got != want {
			t.Errorf("%q\n got %s\nwant %s", answer, got, want)
		}
	})
}

// saying dials a provider that reads a request, answers so and hangs up.
func saying(answer []byte) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			if _, err := http.ReadRequest(bufio.NewReader(far)); err == nil {
				_, _ = far.Write(answer)
			}
		}()
		return near, nil
	}
}

func outcome(t *testing.T, rt http.RoundTripper) string {
	response, err := rt.RoundTrip(request(t, t.Context(), "GET", "http://provider.test/", ""))
	if err != nil {
		return "no answer"
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return fmt.Sprintf("%s %v %d %v %q cut=%v %v", response.Status, response.Header, response.ContentLength, response.TransferEncoding, body, err != nil, response.Trailer)
}

func BenchmarkRoundTrip(b *testing.B) {
	s, _ := provider(b, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "answer")
	})
	for name, rt := range map[string]http.RoundTripper{"http1": transport(b), "net_http": &http.Transport{MaxIdleConnsPerHost: 16}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				whole(b, rt, request(b, b.Context(), "POST", s.URL, "question"))
			}
		})
	}
}
