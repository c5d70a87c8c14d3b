package openaiwire

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/usage"
)

func TestBodyTapReadsWhatReadUnaryReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		answer := rapid.SampledFrom([]string{
			`{"id":"x","model":"m","choices":[{"message":{"content":%s}}],"usage":{"prompt_tokens":10,"completion_tokens":4}}`,
			`{"object":"list","data":[{"embedding":[0.25,-1e-7 , 3]},{"embedding":[%s,[1,true,2,null]]}],"model":"m","usage":{"prompt_tokens":8}}`,
			`{"id":"r","status":"completed","output":[{"type":"web_search_call"},{"content":[{"text":%s,"annotations":[1,{"a":2},3]}]}],"usage":{"input_tokens":3,"output_tokens":4}}`,
			`{"created":1,"data":[{"b64_json":%s},{}],"size":"1024x1024","usage":{"input_tokens":3,"output_tokens":4}}`,
		}).Draw(t, "answer")
		var text string
		if rapid.Bool().Draw(t, "long") {
			text = quote(strings.Repeat(rapid.SampledFrom([]string{"x", `\`, `"`, "é", "😀\n"}).Draw(t, "of"), rapid.IntRange(900, 3000).Draw(t, "length")))
		} else {
			text = jsonText(3).Draw(t, "value")
		}
		body := []byte(fmt.Sprintf(answer, text))
		kind := rapid.SampledFrom([]usage.Kind{usage.Completions, usage.Images}).Draw(t, "kind")
		tap := NewBodyTap(kind)
		for chunk := range slices.Chunk(body, rapid.SampledFrom([]int{1, 2, 7, 100, 5000}).Draw(t, "chunk")) {
			write(t, tap, chunk)
		}
		if got, want := tap.Reading(), ReadUnary(kind, body); !reflect.DeepEqual(got, want) || !got.Found {
			t.Fatalf("%s\nskeleton %s\ngot  %+v\nwant %+v", body, tap.skeleton, got, want)
		}
	})
}

// write feeds a tap, which takes everything and never fails.
func write(t interface{ Fatal(...any) }, tap *BodyTap, p []byte) {
	if n, err := tap.Write(p); n != len(p) || err != nil {
		t.Fatal(n, err)
	}
}

// largeEmbeddings is a body as a batch of so many embeddings makes it.
func largeEmbeddings(n int) []byte {
	vector := strings.Repeat("-0.012345678,", 1535) + "0.1"
	item := `{"object":"embedding","index":0,"embedding":[` + vector + `]}`
	return []byte(`{"object":"list","data":[` + strings.Repeat(item+",", n-1) + item + `],"model":"text-embedding-3-small","usage":{"prompt_tokens":8,"total_tokens":8}}`)
}

func TestBodyTapHoldsLittle(t *testing.T) {
	picture := base64.StdEncoding.EncodeToString(make([]byte, 4<<20))
	for name, body := range map[string][]byte{
		"embeddings": largeEmbeddings(512),
		"pictures":   []byte(`{"data":[{"b64_json":"` + picture + `"}],"usage":{"input_tokens":3,"output_tokens":4}}`),
	} {
		tap := NewBodyTap(usage.Completions)
		for chunk := range slices.Chunk(body, 32<<10) {
			write(t, tap, chunk)
		}
		if r := tap.Reading(); !r.Found || cap(tap.skeleton) > 256<<10 {
			t.Errorf("%s: held %d of %d bytes, %+v", name, cap(tap.skeleton), len(body), r)
		}
	}
	tap := NewBodyTap(usage.Completions)
	for range 200_000 {
		write(t, tap, []byte(`{"a":1},[[[`))
	}
	if tap.Reading().Found || len(tap.skeleton)+len(tap.open) > 0 {
		t.Error("a body that leaves too much should be given up")
	}
}

func FuzzBodyTap(f *testing.F) {
	f.Add([]byte(`{"data":[{"embedding":[1,2]}],"usage":{"prompt_tokens":1}}`), uint8(3))
	f.Add([]byte(`]}"\`), uint8(0))
	f.Fuzz(func(t *testing.T, body []byte, size uint8) {
		tap := NewBodyTap(usage.Completions)
		for chunk := range slices.Chunk(body, int(size)+1) {
			write(t, tap, chunk)
		}
		if want := ReadUnary(usage.Completions, body); want.Found && len(body) < keptString && !reflect.DeepEqual(tap.Reading(), want) {
			t.Fatalf("%q leaves %q: %+v, want %+v", body, tap.skeleton, tap.Reading(), want)
		}
		checkQuantities(t, tap.Reading().Q)
	})
}

func BenchmarkBodyTapEmbeddings(b *testing.B) {
	body := largeEmbeddings(64)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		tap := NewBodyTap(usage.Embeddings)
		for chunk := range slices.Chunk(body, 32<<10) {
			write(b, tap, chunk)
		}
		if !tap.Reading().Found {
			b.Fatal("not found")
		}
	}
}
