package gateway

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/routing"
	"weir/internal/upstream/upstreamtest"
	"weir/internal/usage"
)

// upload is a form with a file of size random bytes.
func upload(t testing.TB, size int) (contentType string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	must(t, w.WriteField("purpose", "batch"))
	file, err := w.CreateFormFile("file", "x.jsonl")
	must(t, err)
	_, err = io.CopyN(file, rand.Reader, int64(size))
	must(t, err)
	must(t, w.Close())
	return w.FormDataContentType(), b.Bytes()
}

func TestUploadsAreRelayedByteForByte(t *testing.T) {
	for name, tt := range map[string]struct {
		size    int
		chunked bool
		spooled bool
	}{
		"small": {1000, false, false}, "spooled": {3 << 20, false, true}, "spooled, chunked": {3 << 20, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			contentType, body := upload(t, tt.size)
			spooled := false
			r.ledger.onOpen = func() { spooled = strings.Contains(openFiles(t), r.TempDir) }
			r.provider.Enqueue(upstreamtest.JSON(200, `{"id":"file-1"}`))
			var reader io.Reader = bytes.NewReader(body)
			if tt.chunked {
				reader = iotest.HalfReader(reader)
			}
			got := r.do(t, call{path: "/v1/files", reader: reader, header: http.Header{"Content-Type": {contentType}}})
			equal(t, "status", got.StatusCode, 200)
			up := r.provider.Next(t)
			if !bytes.Equal(up.Body, body) {
				t.Error("the upload was changed")
			}
			equal(t, "length", up.Header.Get("Content-Length"), fmt.Sprint(len(body)))
			equal(t, "type", up.Header.Get("Content-Type"), contentType)
			ev := r.ledger.next(t)
			equal(t, "kind", ev.Kind, usage.None)
			equal(t, "bytes", ev.RequestBytes, int64(len(body)))
			equal(t, "spooled", spooled, tt.spooled)
			r.eventually(t, "the file to be closed", func() bool { return !strings.Contains(openFiles(t), r.TempDir) })
			left, err := os.ReadDir(r.TempDir)
			must(t, err)
			equal(t, "files left", len(left), 0)
		})
	}
}

// openFiles are the paths of what the process has open.
func openFiles(t testing.TB) string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	var b strings.Builder
	for _, e := range entries {
		if path, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil { // it may be closed by now
			b.WriteString(path + "\n")
		}
	}
	return b.String()
}

func TestUploadsHaveALimit(t *testing.T) {
	r := newRig(t, func(g *Gateway) { g.Limits.MaxBody, g.Limits.Spool = 1<<20, 1<<10 })
	contentType, body := upload(t, 2<<20)
	for _, reader := range []io.Reader{bytes.NewReader(body), iotest.HalfReader(bytes.NewReader(body))} {
		got := r.do(t, call{path: "/v1/files", reader: reader, header: http.Header{"Content-Type": {contentType}}})
		envelopeOf(t, got, 413, "request_too_large", "")
	}
	equal(t, "requests", len(r.provider.Requests()), 0)
}

func TestNoRoomForAnUpload(t *testing.T) {
	r := newRig(t, func(g *Gateway) { g.TempDir = "/nonexistent" })
	contentType, body := upload(t, 2<<20)
	got := r.do(t, call{path: "/v1/files", reader: bytes.NewReader(body), header: http.Header{"Content-Type": {contentType}}})
	envelopeOf(t, got, 503, "upload_unavailable", "")
	equal(t, "code", r.ledger.next(t).ErrorCode, "upload_unavailable")
}

func TestASpooledUploadCanBeSentElsewhere(t *testing.T) {
	r := newRig(t)
	dead := r.connect(t, "dead", org.ConnectionFields{BaseURL: optional.Of(closedPort(t)), Models: optional.Of([]string{"x"})})
	r.endpoint(t, "two", org.ModelEndpointFields{Upstreams: optional.Of([]routing.Upstream{
		{ConnectionID: dead.ID, Model: "a", Priority: 1, Weight: 1}, {ConnectionID: r.conn.ID, Model: "b", Priority: 2, Weight: 1},
	})})
	contentType, body := upload(t, 2<<20)
	r.provider.Enqueue(upstreamtest.JSON(200, `{}`))
	got := r.do(t, call{path: "/default/models/two/audio/transcriptions", reader: bytes.NewReader(body), header: http.Header{"Content-Type": {contentType}}})
	equal(t, "status", got.StatusCode, 200)
	_, boundary, _ := strings.Cut(contentType, "boundary=")
	field := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nb\r\n" // the form had none
	up := r.provider.Next(t)
	if !bytes.Equal(up.Body, append([]byte(field), body...)) {
		t.Error("the upload was changed")
	}
	equal(t, "length", up.Header.Get("Content-Length"), fmt.Sprint(len(up.Body)))
}
