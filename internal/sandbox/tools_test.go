package sandbox

import (
	"encoding/json"
	"testing"

	"github.com/tidwall/gjson"
)

// What is made up for a schema fits it.
func TestSamples(t *testing.T) {
	for schema, want := range map[string]string{
		``:                    `{}`,
		`{"type":"object"}`:   `{}`,
		`{"enum":["b","a"]}`:  `"b"`,
		`{"type":["string"]}`: `"weir"`,
		`{"type":"object","properties":{"ä \"q\"":{"type":"string"},"n":{"type":"integer","minimum":7},"l":{"type":"array","items":{"type":"boolean"}},"o":{"type":"object","properties":{"z":{"type":"null"}}}}}`: `{"ä \"q\"":"weir","n":7,"l":[true],"o":{"z":null}}`,
	} {
		got := string(appendSample(nil, gjson.Parse(schema), 0))
		if got != want || !json.Valid([]byte(got)) {
			t.Errorf("%s: %s, want %s", schema, got, want)
		}
	}
	deep := `{"type":"boolean"}`
	for range 100 {
		deep = `{"type":"array","items":` + deep + `}`
	}
	if got := appendSample(nil, gjson.Parse(deep), 0); !json.Valid(got) || len(got) > 4*deepest {
		t.Errorf("%s", got)
	}
}

// Arguments come in pieces that are text by themselves.
func TestPieces(t *testing.T) {
	const arguments = `{"ääääääääääääääää":"日本語日本語日本語日本語"}`
	var whole string
	for _, piece := range pieces(arguments) {
		var text string
		if err := json.Unmarshal([]byte(quoted(piece)), &text); err != nil || text != piece {
			t.Errorf("%q: %v", piece, err)
		}
		whole += piece
	}
	if whole != arguments {
		t.Error(whole)
	}
}
