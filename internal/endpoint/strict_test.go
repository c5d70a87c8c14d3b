package endpoint_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"weir/internal/access"
	"weir/internal/endpoint"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/optional"
)

func TestStrictBodiesRefuseMisspeltFields(t *testing.T) {
	type inner struct {
		ID string `json:"id"`
	}
	type body struct {
		Name    string                  `json:"name"`
		Items   optional.Value[[]inner] `json:"items"`
		Headers map[string]string       `json:"headers"`
	}
	row := endpoint.Write("POST /things", access.Authenticated, endpoint.AtOrganization, nil,
		func(context.Context, *endpoint.Call, body) (string, error) { return "taken", nil })
	env := endpointtest.New(t)
	send := func(strict bool, text string) (int, string) {
		o := env.Options()
		o.StrictBodies = strict
		address := endpointtest.Serve(t, endpoint.NewTable(o, []endpoint.Endpoint{row}))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/things", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+env.AdminKey)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var out strings.Builder
		if _, err := io.Copy(&out, resp.Body); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, out.String()
	}
	for text, param := range map[string]string{
		`{"name":"a","label":"b"}`:                `"param":"label"`,
		`{"items":[{"id":"a"},{"id":"b","x":1}]}`: `"param":"items[1].x"`,
	} {
		if status, out := send(true, text); status != http.StatusBadRequest || !strings.Contains(out, param) || !strings.Contains(out, "unknown_parameter") {
			t.Errorf("%s: %d %s", text, status, out)
		}
		if status, out := send(false, text); status != http.StatusOK {
			t.Errorf("%s where unknown fields are passed over: %d %s", text, status, out)
		}
	}
	for _, text := range []string{"", `{}`, `{"name":"a","items":null,"headers":{"anything":"goes"}}`, `{"items":[{"id":"a"}]}`} {
		if status, out := send(true, text); status != http.StatusOK {
			t.Errorf("%s: %d %s", text, status, out)
		}
	}
}
