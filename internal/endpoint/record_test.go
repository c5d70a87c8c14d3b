package endpoint_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/endpoint/endpointtest"
)

// Nobody fills the disk with the log by sending what an error repeats.
func TestAccessRecordsAreBounded(t *testing.T) {
	env := endpointtest.New(t)
	var log bytes.Buffer
	options := env.Options()
	options.Logger = slog.New(slog.NewJSONHandler(&log, nil))
	type body struct {
		Name int64 `json:"name"`
	}
	table := endpoint.NewTable(options, []endpoint.Endpoint{
		endpoint.Write("POST /things/{id}", access.Authenticated, endpoint.AtOrganization, []audit.Action{},
			func(context.Context, *endpoint.Call, body) (body, error) { return body{}, nil }).Public(),
	})
	long := strings.Repeat("é\xff", 100_000)
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodPost, "/things/"+strings.Repeat("a", 60_000), strings.NewReader(`{"`+strings.Repeat("k", 500_000)+`":1,"`+strings.Repeat("k", 500_000)+`":1}`)),
		{Method: "M" + strings.Repeat("X", 60_000), URL: httptest.NewRequest(http.MethodGet, "/things/a", nil).URL, Header: http.Header{}},
		httptest.NewRequest(http.MethodPost, "/things/a?x="+strings.Repeat("%zz", 20_000), strings.NewReader(long)),
	} {
		log.Reset()
		w := httptest.NewRecorder()
		table.ServeHTTP(w, r)
		if w.Code < 400 || w.Code >= 500 {
			t.Errorf("%.40s: %d", r.Method+" "+r.URL.Path, w.Code)
		}
		if log.Len() > 10<<10 || !json.Valid(log.Bytes()) {
			t.Errorf("%.40s: a record of %d bytes: %.200s", r.Method+" "+r.URL.Path, log.Len(), log.String())
		}
	}
}
