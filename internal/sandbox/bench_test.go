package sandbox

import (
	"net/http"
	"strings"
	"testing"
)

// discard is a response that nobody reads.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Flush()                      {}

func BenchmarkProvider(b *testing.B) {
	long := strings.Repeat("The gate keeper wrote down how much water passed. ", 64<<10/50)
	for name, body := range map[string]string{
		"unary":              chatBody("gpt-4o", false),
		"prompt of 64 KiB":   strings.Replace(chatBody("gpt-4o", false), "Hi", long, 1),
		"stream, 200 chunks": chatBody("gpt-4o+chunks=200", true),
	} {
		b.Run(name, func(b *testing.B) {
			p := New(Options{})
			b.ReportAllocs()
			for b.Loop() {
				r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/chat/completions", strings.NewReader(body))
				if err != nil {
					b.Fatal(err)
				}
				r.Header.Set("Authorization", "Bearer sk-test")
				p.ServeHTTP(&discard{http.Header{}}, r)
			}
			if p.Ledger().Completed == 0 {
				b.Fatal("nothing was answered")
			}
		})
	}
}
