package nativeapi

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Whatever is sent, the answer is a refusal in the envelope and never a failure
// of ours. The client of the fixture checks the envelope.
func TestHostileInputIsRefused(t *testing.T) {
	f := newFixture(t)
	long := strings.Repeat("x", 5000)
	ids := []string{"%00", "%FF%FE", "..%2f..", "'%20OR%201=1", long, "%E2%80%AE", "%7Bid%7D"}
	queries := []string{
		"limit=99999999999999999999", "limit=-1", "limit=%zz", "limit=0x10", "after=%00", "after=%FF", "after=" + long,
		"limit[]=1", "project_ids[]=%00", "models[]=%FF", "effective_at[gt]=1e9", "start_time=-1", "q=%00", strings.Repeat("a=b&", 2000),
		strings.Repeat("project_ids=p&", 1001),
	}
	bodies := []string{
		"null", "[]", `"text"`, "7", "{", "\x00", "\xff", `{"a":` + strings.Repeat("[", 50_000), strings.Repeat("[", 50_000) + strings.Repeat("]", 50_000),
		`{"name":"\u0000"}`, `{"name":"a\u0000b","provider":"sandbox"}`, `{"name":"\ud800","provider":"sandbox"}`,
		`{"name":{"name":{}},"provider":[],"upstreams":"x","principal_id":0,"role":false,"email":{},"overlap_seconds":"1"}`,
		`{"name":"x","name":"y"}`, `{"email":"\u0000","password":"\u0000"}`, `{"email":"` + long + `","password":"` + long + `"}`,
		`{"name":"x","provider":"sandbox","description":"\u0000","models":["\u0000"],"organization":"\u0000"}`,
		`{"name":"x","upstreams":[{"connection_id":"\u0000","model":"\u0000"}]}`, `{"principal_id":"\u0000","role":"member"}`,
		`{"name":"x","owner_user_id":"\u0000"}`, `{"name":"x","project_ids":["\u0000"]}`, `{"name":"x","workspace_ids":["\u0000"],"provider":"sandbox"}`,
	}
	for _, e := range f.api.Endpoints() {
		path := e.Path
		if i := strings.IndexByte(path, '{'); i >= 0 {
			for _, id := range ids {
				segments := strings.Split(path, "/")
				for i, s := range segments {
					if strings.HasPrefix(s, "{") {
						segments[i] = id
					}
				}
				notOurs(t, f.owner().call(e.Method, strings.Join(segments, "/"), nil))
			}
			path = strings.NewReplacer("{workspace_id}", f.workspace.ID, "{project_id}", f.Organization.DefaultProjectID).Replace(path)
		}
		switch e.Method {
		case http.MethodGet:
			for _, q := range queries {
				notOurs(t, f.owner().get(path+"?"+q))
			}
		case http.MethodPost:
			for _, b := range bodies {
				notOurs(t, f.owner().post(path, b))
			}
		}
	}
	notOurs(t, f.as(long).get("/me"))
	notOurs(t, f.as("\xff\xfe").get("/me"))
	notOurs(t, f.as("").with("Cookie", "weir_session="+url.QueryEscape("'; --")).get("/me"))
}

func notOurs(t *testing.T, a answer) {
	t.Helper()
	if a.status >= 500 {
		t.Errorf("%.200s: %d %s", a.call, a.status, a.body)
	}
}
