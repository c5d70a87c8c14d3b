package pricing

import (
	"bytes"
	"strings"
	"testing"
)

func TestDataErrorsNameTheLine(t *testing.T) {
	header := strings.SplitAfterN(string(pricesCSV), "\n", 2)[0]
	const good = "m,input_token,standard,0,0.1,,s,2026-01-01\n"
	for _, bad := range []string{
		"m,furlong,standard,0,0.1,,s,2026-01-01",
		"m,image[low],standard,0,0.1,,s,2026-01-01",
		"m,image[low 1x1,standard,0,0.1,,s,2026-01-01",
		"m,web_search_call[high],standard,0,0.1,,s,2026-01-01",
		"m,input_token[x],standard,0,0.1,,s,2026-01-01",
		"m,input_token,express,0,0.1,,s,2026-01-01",
		"m,input_token,standard,all,0.1,,s,2026-01-01",
		"m,input_token,standard,0,NaN,,s,2026-01-01",
		"m,input_token,standard,0,0.1,May,s,2026-01-01",
		"m,input_token,standard,0,0.1,,s,yesterday",
	} {
		_, err := readPrices(strings.NewReader(header + good + bad + "\n"))
		if err == nil || !strings.Contains(err.Error(), "line 3") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := readPrices(strings.NewReader(good)); err == nil {
		t.Error("a file without its header was read")
	}
}

func FuzzFromCSV(f *testing.F) {
	header, rest, _ := strings.Cut(string(pricesCSV), "\n")
	f.Add([]byte(header + "\n" + rest[:2_000]))
	f.Add([]byte(header + "\nm,image[low 1x1],batch,5,1e-7,2026-01-01,s,2026-01-02\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, err := readPrices(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, r := range rows {
			if err := r.Validate(); err != nil {
				t.Fatalf("%+v was read: %v", r, err)
			}
		}
		bookOf(rows...).Models()
	})
}
