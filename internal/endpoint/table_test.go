package endpoint_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/fault"
	"weir/internal/org"
)

// serve serves rows that anybody may call.
func serve(t *testing.T, rows ...endpoint.Endpoint) string {
	t.Helper()
	return endpointtest.Serve(t, endpoint.NewTable(endpoint.Options{Logger: slog.New(slog.DiscardHandler)}, rows))
}

// call expects a status and returns the body. Every answer but success must be
// the error envelope.
func call(t *testing.T, method, url, body string, want int) []byte {
	t.Helper()
	got, raw := request(t, method, url, "", body)
	if got.StatusCode != want {
		t.Errorf("%s %s: %d %s, want %d", method, url, got.StatusCode, raw, want)
	}
	return raw
}

func request(t *testing.T, method, url, key, body string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := http.DefaultTransport.RoundTrip(req) // does not follow redirects
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 && method != http.MethodHead {
		var envelope struct{ Error map[string]any }
		if err := json.Unmarshal(raw, &envelope); err != nil {
			t.Errorf("%s %s: %d %q", method, url, res.StatusCode, raw)
		}
		for _, name := range []string{"message", "type", "param", "code"} {
			if _, ok := envelope.Error[name]; !ok {
				t.Errorf("%s %s: no %s in %s", method, url, name, raw)
			}
		}
	}
	if !strings.HasPrefix(res.Header.Get("X-Request-Id"), "req_") || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s: headers %v", method, url, res.Header)
	}
	return res, raw
}

type note struct {
	Text string `json:"text" required:"true"`
}

func notes() []endpoint.Endpoint {
	const p, at = access.ProjectRead, endpoint.AtOrganization
	return []endpoint.Endpoint{
		endpoint.Read("GET /v1/notes/{note_id}", p, at, func(_ context.Context, c *endpoint.Call) (note, error) {
			return note{c.Path("note_id")}, nil
		}),
		endpoint.Write("POST /v1/notes", p, at, []audit.Action{audit.ProjectUpdated}, func(_ context.Context, _ *endpoint.Call, in note) (note, error) {
			return in, nil
		}),
		endpoint.Act("DELETE /v1/notes/{note_id}", p, at, []audit.Action{audit.ProjectUpdated}, func(context.Context, *endpoint.Call) (note, error) {
			return note{}, nil
		}),
	}
}

func public(rows []endpoint.Endpoint) []endpoint.Endpoint {
	for i := range rows {
		rows[i] = rows[i].Public()
	}
	return rows
}

func TestTableRoutes(t *testing.T) {
	url := serve(t, public(notes())...)
	for _, test := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/v1/notes/a", 200},
		{"HEAD", "/v1/notes/a", 200},
		{"GET", "/v1/notes/a%2Fb", 200}, // one segment
		{"GET", "/v1/notes/%C3%A4", 200},
		{"DELETE", "/v1/notes/a", 200},
		{"GET", "/", 404},
		{"GET", "/v1/other", 404},
		{"GET", "/v1/notes/a/", 404},
		{"GET", "/v1/notes/a/b", 404},
		{"GET", "/v1//notes/a", 404},
		{"GET", "/v1/notes/../notes/a", 404},
		{"GET", "/v1/notes/%2e%2e", 404},
		{"GET", "/v1/./notes/a", 404},
		{"POST", "/v1/notes/", 404},
		{"GET", "/v1/notes", 405},
		{"HEAD", "/v1/notes", 405},
		{"PUT", "/v1/notes/a", 405},
		{"PATCH", "/v1/notes/a", 405},
		{"OPTIONS", "/v1/notes", 405},
	} {
		call(t, test.method, url+test.path, "", test.status)
	}
	res, raw := request(t, "PATCH", url+"/v1/notes/a", "", "")
	if got := res.Header.Get("Allow"); got != "GET, DELETE" || !strings.Contains(string(raw), "Not allowed to PATCH on /v1/notes/a .") {
		t.Errorf("Allow %q, %s", got, raw)
	}
	if _, raw := request(t, "GET", url+"/v1/other", "", ""); !strings.Contains(string(raw), "Invalid URL (GET /v1/other)") {
		t.Errorf("%s", raw)
	}
	if _, raw := request(t, "HEAD", url+"/v1/notes/a", "", ""); len(raw) != 0 {
		t.Errorf("HEAD is answered a body: %s", raw)
	}
}

func TestTableBodies(t *testing.T) {
	url := serve(t, public(notes())...)
	if got := string(call(t, "POST", url+"/v1/notes", `{"text": "<a> & b"}`, 200)); strings.TrimSpace(got) != `{"text":"<a> & b"}` {
		t.Errorf("answered %s", got)
	}
	call(t, "POST", url+"/v1/notes", `{"text": "`+strings.Repeat("x", endpoint.MaxBody-20)+`"}`, 200)
	call(t, "POST", url+"/v1/notes", `{"text": "`+strings.Repeat("x", endpoint.MaxBody)+`"}`, 413)
	call(t, "GET", url+"/v1/notes/a", strings.Repeat("x", endpoint.MaxBody+1), 413)
	call(t, "POST", url+"/v1/notes", `{"text": 1}`, 400)
	call(t, "POST", url+"/v1/notes?%zz", `{"text": "a"}`, 400)
}

// An error of ours says nothing of its cause to the caller, and all of it to the
// log; a panic is such an error.
func TestTableHidesCauses(t *testing.T) {
	for name, fn := range map[string]func() error{
		"error": func() error { return errors.New("secret cause") },
		"cause": func() error {
			return fault.New(fault.Internal, "", "", "Something broke.").With(errors.New("secret cause"))
		},
		"panic": func() error { panic("secret cause") },
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			row := endpoint.Read("GET /v1/x", access.Authenticated, endpoint.AtOrganization, func(context.Context, *endpoint.Call) (note, error) {
				return note{}, fn()
			}).Public()
			table := endpoint.NewTable(endpoint.Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))}, []endpoint.Endpoint{row})
			raw := call(t, "GET", endpointtest.Serve(t, table)+"/v1/x", "", 500)
			if strings.Contains(string(raw), "secret") {
				t.Errorf("the caller reads %s", raw)
			}
			var line map[string]any
			if err := json.Unmarshal(log.Bytes(), &line); err != nil {
				t.Fatalf("%v in %s", err, log.Bytes())
			}
			if line["level"] != "ERROR" || !strings.Contains(line["error"].(string), "secret cause") || line["route"] != "/v1/x" || line["status"] != 500.0 {
				t.Errorf("the log reads %s", log.Bytes())
			}
		})
	}
}

// Who may call is decided before the body is read and the row runs.
func TestTablePermissions(t *testing.T) {
	env := endpointtest.New(t)
	actor := audit.Actor{OrganizationID: env.Organization.ID, Type: audit.ActorAPIKey, UserID: env.Owner.ID, APIKeyID: "key_test"}
	project, err := env.Org.CreateProject(t.Context(), actor, org.NewProject{Name: "p"})
	if err != nil {
		t.Fatal(err)
	}
	_, _, member, err := env.Org.CreateServiceAccount(t.Context(), actor, project.ID, org.NewServiceAccount{Name: "robot"})
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	row := func(path string, needs access.Permission, scope endpoint.Scope) endpoint.Endpoint {
		return endpoint.Write("POST "+path, needs, scope, nil, func(_ context.Context, c *endpoint.Call, _ note) (note, error) {
			ran++
			return note{c.OrganizationID()}, nil
		})
	}
	rows := []endpoint.Endpoint{
		row("/v1/management", access.ManagementWrite, endpoint.AtOrganization),
		row("/v1/projects/{project_id}/keys", access.APIKeysWrite, endpoint.AtProject),
		row("/v1/workspaces/{workspace_id}", access.WorkspacesWrite, endpoint.AtWorkspace),
		row("/v1/somewhere", access.APIKeysWrite, endpoint.Anywhere),
		row("/v1/anybody", access.Authenticated, endpoint.AtOrganization),
		row("/v1/open", access.ManagementWrite, endpoint.AtOrganization).Public(),
	}
	o := env.Options()
	open := endpointtest.Serve(t, endpoint.NewTable(o, rows))
	o.RefuseProjectKeys = true
	closed := endpointtest.Serve(t, endpoint.NewTable(o, rows))
	for _, test := range []struct {
		path                          string
		nobody, owner, member, closed int
	}{
		{"/v1/management", 401, 200, 403, 403},
		{"/v1/projects/" + project.ID + "/keys", 401, 200, 200, 403},
		{"/v1/projects/proj_other/keys", 401, 200, 403, 403},
		{"/v1/workspaces/ws_any", 401, 200, 403, 403},
		{"/v1/somewhere", 401, 200, 200, 403},
		{"/v1/anybody", 401, 200, 200, 403},
		{"/v1/open", 200, 200, 200, 200},
	} {
		for _, as := range []struct {
			who, url, key string
			want          int
		}{
			{"nobody", open, "", test.nobody}, {"the owner", open, env.AdminKey, test.owner},
			{"a member", open, member, test.member}, {"a member, where project keys are refused", closed, member, test.closed},
		} {
			for body, want := range map[string]int{`{"text": "a"}`: as.want, `{`: map[bool]int{true: 400, false: as.want}[as.want == 200]} {
				before := ran
				res, raw := request(t, "POST", as.url+test.path, as.key, body)
				if res.StatusCode != want || (ran > before) != (want == 200) {
					t.Errorf("%s as %s with %s: %d %s, want %d", test.path, as.who, body, res.StatusCode, raw, want)
				}
				if res.StatusCode == 403 && !strings.Contains(string(raw), "Missing scopes: ") {
					t.Errorf("%s", raw)
				}
			}
		}
	}
}

func TestTableOfOneRouteTwicePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	endpoint.NewTable(endpoint.Options{Logger: slog.New(slog.DiscardHandler)}, append(notes(), notes()...))
}
