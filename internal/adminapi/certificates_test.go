package adminapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"

	"weir/internal/fault"
	"weir/internal/org"
)

// refusal is a call that is refused.
type refusal struct {
	method, path, body string
	status             int
	param, code        string
}

// refuse wants each call to be refused as it says, and all of them to leave no
// trace in the audit log.
func (w *world) refuse(refusals []refusal) {
	w.t.Helper()
	before := w.logged()
	for _, r := range refusals {
		name := fmt.Sprintf("%s %.90s %.90s", r.method, r.path, r.body)
		got := w.call(w.AdminKey, r.method, r.path, r.body)
		if got.status != r.status {
			w.t.Errorf("%s: %d %.200s, want %d", name, got.status, got.raw, r.status)
			continue
		}
		if f := got.failure(w.t); f.Param != r.param || f.Code != r.code || f.Type != "invalid_request_error" {
			w.t.Errorf("%s: param %q code %q type %q, want %q %q: %s", name, f.Param, f.Code, f.Type, r.param, r.code, f.Message)
		}
	}
	if after := w.logged(); !slices.Equal(before, after) {
		w.t.Errorf("refused requests changed something: %q", after[len(before):])
	}
}

// lastEvent is the newest entry of the audit log, with its details.
func (w *world) lastEvent() (kind, projectID string, details map[string]any) {
	w.t.Helper()
	entry := w.get("/v1/organization/audit_logs?limit=1")["data"].([]any)[0].(map[string]any)
	kind = entry["type"].(string)
	return kind, entry["project"].(map[string]any)["id"].(string), entry[kind].(map[string]any)
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	return string(must(t, raw, err))
}

func TestCertificatesThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	certificates := w.client.Admin.Organization.Certificates
	here := w.client.Admin.Organization.Projects.Certificates
	p, other := w.project("home"), w.project("other")
	authority, _ := newPEM(t, true)
	leaf, _ := newPEM(t, false)

	one, err := certificates.New(ctx, openai.AdminOrganizationCertificateNewParams{Certificate: authority, Name: openai.String("authority")})
	if err != nil {
		t.Fatal(err)
	}
	if one.Object != "certificate" || one.Name != "authority" || one.JSON.Active.Valid() || one.CertificateDetails.JSON.Content.Valid() ||
		one.CertificateDetails.ValidAt != 1767225600 || one.CertificateDetails.ExpiresAt != 1798761600 {
		t.Errorf("uploaded %s", one.RawJSON())
	}
	if kind, projectID, details := w.lastEvent(); kind != "certificate.created" || projectID != w.Organization.DefaultProjectID ||
		details["id"] != one.ID || details["name"] != "authority" || len(details) != 2 {
		t.Errorf("recorded %s %s %v", kind, projectID, details)
	}
	two, err := certificates.New(ctx, openai.AdminOrganizationCertificateNewParams{Certificate: leaf})
	if err != nil || two.JSON.Name.Raw() != "null" {
		t.Fatalf("a certificate without a name: %v %s", err, two.RawJSON())
	}
	got, err := certificates.Get(ctx, one.ID, openai.AdminOrganizationCertificateGetParams{Include: []string{"content"}})
	if err != nil || got.CertificateDetails.Content != authority || got.JSON.Active.Valid() {
		t.Errorf("with its content: %v %s", err, got.RawJSON())
	}
	if got, err := certificates.Get(ctx, one.ID, openai.AdminOrganizationCertificateGetParams{}); err != nil || got.CertificateDetails.JSON.Content.Valid() {
		t.Errorf("without its content: %v %s", err, got.RawJSON())
	}
	renamed, err := certificates.Update(ctx, one.ID, openai.AdminOrganizationCertificateUpdateParams{Name: openai.String("root")})
	if err != nil || renamed.Name != "root" || renamed.Object != "certificate" {
		t.Errorf("renamed: %v %s", err, renamed.RawJSON())
	}
	if kept, err := certificates.Update(ctx, one.ID, openai.AdminOrganizationCertificateUpdateParams{}); err != nil || kept.Name != "root" {
		t.Errorf("renamed to nothing: %v %s", err, kept.RawJSON())
	}

	// In the project alone, whatever the organization says.
	activated, err := here.Activate(ctx, p.ID, openai.AdminOrganizationProjectCertificateActivateParams{CertificateIDs: []string{two.ID, one.ID, two.ID}})
	if err != nil || len(activated.Data) != 2 || activated.Data[0].ID != two.ID || !activated.Data[1].Active || activated.Data[0].Object != "organization.project.certificate" {
		t.Fatalf("activated in a project: %v %s", err, activated.RawJSON())
	}
	if kind, projectID, details := w.lastEvent(); kind != "certificates.activated" || projectID != p.ID ||
		mustJSON(t, details) != fmt.Sprintf(`{"certificates":[{"id":%q,"name":""},{"id":%q,"name":"root"}]}`, two.ID, one.ID) {
		t.Errorf("recorded %s %s %v", kind, projectID, details)
	}
	active := func(projectID string) (ids []string) {
		t.Helper()
		page, err := here.List(ctx, projectID, openai.AdminOrganizationProjectCertificateListParams{})
		if err != nil || len(page.Data) != 2 {
			t.Fatalf("listed in a project: %v %+v", err, page)
		}
		for _, c := range page.Data {
			if c.Active {
				ids = append(ids, c.ID)
			}
		}
		return ids
	}
	if got := active(p.ID); !slices.Equal(got, []string{two.ID, one.ID}) {
		t.Errorf("active in the project: %q", got)
	}
	if got := active(other.ID); len(got) > 0 {
		t.Errorf("active in another project: %q", got)
	}
	page, err := certificates.List(ctx, openai.AdminOrganizationCertificateListParams{Order: "asc"})
	if err != nil || len(page.Data) != 2 || page.Data[0].ID != one.ID || page.Data[0].Active || page.Data[0].Object != "organization.certificate" {
		t.Errorf("listed in the organization: %v %+v", err, page)
	}

	// In the organization: those that are active stay so, and are not recorded.
	toggle := openai.AdminOrganizationCertificateActivateParams{CertificateIDs: []string{one.ID}}
	if done, err := certificates.Activate(ctx, toggle); err != nil || len(done.Data) != 1 || !done.Data[0].Active || done.Object != "organization.certificate.activation" {
		t.Errorf("activated: %v %+v", err, done)
	}
	before := w.logged()
	if done, err := certificates.Activate(ctx, toggle); err != nil || len(done.Data) != 1 || !done.Data[0].Active {
		t.Errorf("activated again: %v %+v", err, done)
	}
	if after := w.logged(); len(after) != len(before) {
		t.Errorf("what changed nothing recorded %q", after[len(before):])
	}
	toggle.CertificateIDs = []string{one.ID, two.ID}
	if _, err := certificates.Activate(ctx, toggle); err != nil {
		t.Error(err)
	}
	if _, _, details := w.lastEvent(); mustJSON(t, details) != fmt.Sprintf(`{"certificates":[{"id":%q,"name":""}]}`, two.ID) {
		t.Errorf("recorded %v", details)
	}

	// Deleted only when inactive everywhere.
	still := func(where string) {
		t.Helper()
		_, err := certificates.Delete(ctx, one.ID)
		var failed *openai.Error
		if !errors.As(err, &failed) || failed.StatusCode != 400 || failed.Code != "certificate_active" {
			t.Errorf("deleted while active in the %s: %v", where, err)
		}
	}
	still("organization")
	if done, err := certificates.Deactivate(ctx, openai.AdminOrganizationCertificateDeactivateParams{CertificateIDs: []string{one.ID}}); err != nil || done.Data[0].Active {
		t.Errorf("deactivated: %v %+v", err, done)
	}
	still("project")
	if done, err := here.Deactivate(ctx, p.ID, openai.AdminOrganizationProjectCertificateDeactivateParams{CertificateIDs: []string{one.ID}}); err != nil || done.Data[0].Active {
		t.Errorf("deactivated in the project: %v %+v", err, done)
	}
	if gone, err := certificates.Delete(ctx, one.ID); err != nil || gone.ID != one.ID || gone.RawJSON() != fmt.Sprintf(`{"object":"certificate.deleted","id":%q}`, one.ID) {
		t.Errorf("deleted: %v %q", err, gone.RawJSON())
	}
	if kind, _, details := w.lastEvent(); kind != "certificate.deleted" || details["certificate"] != authority || details["name"] != "root" {
		t.Errorf("recorded %s %v", kind, details)
	}
	if _, err := certificates.Get(ctx, one.ID, openai.AdminOrganizationCertificateGetParams{}); statusOf(t, err) != 404 {
		t.Errorf("a deleted certificate is answered %v", err)
	}

	// What was active in a project that is archived can be deleted all the same.
	if _, err := certificates.Deactivate(ctx, openai.AdminOrganizationCertificateDeactivateParams{CertificateIDs: []string{two.ID}}); err != nil {
		t.Error(err)
	}
	if _, err := w.Org.ArchiveProject(ctx, w.actor(), p.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := certificates.Delete(ctx, two.ID); err != nil {
		t.Errorf("active in an archived project only: %v", err)
	}
}

func TestCertificateRefusals(t *testing.T) {
	w := newWorld(t)
	text, key := newPEM(t, false)
	second, _ := newPEM(t, true)
	c, active := w.certificate("kept"), w.activeCertificate("")
	archived := w.project("archived")
	p, err := w.Org.ArchiveProject(t.Context(), w.actor(), archived.ID)
	must(t, p, err)
	const base = "/v1/organization/certificates"
	home := "/v1/organization/projects/" + w.project("home").ID + "/certificates"
	old := "/v1/organization/projects/" + archived.ID + "/certificates"
	upload := func(certificate any) string { return mustJSON(t, map[string]any{"certificate": certificate}) }
	var eleven []string
	for i := range 11 {
		eleven = append(eleven, fmt.Sprintf("cert_%d", i))
	}
	refusals := []refusal{
		{"POST", base, `{}`, 400, "certificate", "missing_required_parameter"},
		{"POST", base, upload(nil), 400, "certificate", "missing_required_parameter"},
		{"POST", base, upload(7), 400, "certificate", "invalid_type"},
		{"POST", base, upload(""), 400, "certificate", "empty_string"},
		{"POST", base, upload(strings.Repeat("x", 40_000)), 400, "certificate", "string_above_max_length"},
		{"POST", base, upload(text[:40]), 400, "certificate", "invalid_certificate"},
		{"POST", base, upload(strings.Replace(text, "MI", "AA", 1)), 400, "certificate", "invalid_certificate"},
		{"POST", base, upload("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 400, "certificate", "invalid_certificate"},
		{"POST", base, upload(strings.ReplaceAll(text, "CERTIFICATE", "CERTIFICATE REQUEST")), 400, "certificate", "invalid_certificate"},
		{"POST", base, upload(key), 400, "certificate", "invalid_certificate"},
		{"POST", base, upload(text + key), 400, "certificate", "invalid_certificate"},
		{"POST", base, upload(text + second), 400, "certificate", "invalid_certificate"},
		{"POST", base, upload(text + "-----BEGIN CERTIFICATE-----\nbroken"), 400, "certificate", "invalid_certificate"},
		{"POST", base, upload("Certificate: of somebody\n" + text), 400, "certificate", "invalid_certificate"},
		{"POST", base, upload(text + "and more"), 400, "certificate", "invalid_certificate"},
		{"POST", base, upload(text + "\x00"), 400, "certificate", "invalid_value"},
		{"POST", base, mustJSON(t, map[string]any{"certificate": text, "name": ""}), 400, "name", "empty_string"},
		{"POST", base, mustJSON(t, map[string]any{"certificate": text, "name": strings.Repeat("n", org.MaxNameLength+1)}), 400, "name", "string_above_max_length"},
		{"POST", base + "/" + c.ID, `{"name": 1}`, 400, "name", "invalid_type"},
		{"POST", base + "/cert_none", `{"name": "a"}`, 404, "", "not_found"},
		{"GET", base + "/cert_none", "", 404, "", "not_found"},
		{"GET", base + "/" + c.ID + "?include[]=key", "", 400, "include", "invalid_value"},
		{"DELETE", base + "/cert_none", "", 404, "", "not_found"},
		{"DELETE", base + "/" + active.ID, "", 400, "", "certificate_active"},
		{"GET", base + "?limit=101", "", 400, "limit", "integer_above_max_value"},
		{"GET", base + "?order=ascending", "", 400, "order", "invalid_value"},
		{"GET", base + "?after=cert_none", "", 400, "after", "invalid_cursor"},
		{"GET", home + "?after=cert_none", "", 400, "after", "invalid_cursor"},
		{"GET", "/v1/organization/projects/proj_none/certificates", "", 404, "", "not_found"},
		{"GET", old, "", 400, "", "project_archived"},
		{"POST", old + "/activate", idsBody(c.ID), 400, "", "project_archived"},
		{"POST", "/v1/organization/projects/proj_none/certificates/activate", idsBody(c.ID), 404, "", "not_found"},
	}
	for _, path := range []string{base + "/activate", base + "/deactivate", home + "/activate", home + "/deactivate"} {
		refusals = append(refusals,
			refusal{"POST", path, `{}`, 400, "certificate_ids", "missing_required_parameter"},
			refusal{"POST", path, `{"certificate_ids": []}`, 400, "certificate_ids", "empty_array"},
			refusal{"POST", path, `{"certificate_ids": "cert_1"}`, 400, "certificate_ids", "invalid_type"},
			refusal{"POST", path, idsBody(eleven...), 400, "certificate_ids", "array_above_max_length"},
			refusal{"POST", path, idsBody(c.ID, "cert_none"), 400, "certificate_ids[1]", "invalid_value"},
			refusal{"POST", path, idsBody(""), 400, "certificate_ids[0]", "empty_string"},
		)
	}
	w.refuse(refusals)
	// One unknown id, and nothing was activated.
	if list := w.get(base + "?order=asc")["data"].([]any); list[0].(map[string]any)["active"] != false {
		t.Errorf("half of an activation stands: %v", list)
	}
}

// Another organization's certificates are unknown, and nothing in a body can
// make a certificate active or give it an id.
func TestCertificatesAreTheOrganizations(t *testing.T) {
	w := newWorld(t)
	c, p := w.certificate("mine"), w.project("mine")
	_, _, stranger := w.NewOrganization(t, "stranger@example.com")
	const base = "/v1/organization/certificates"
	for _, r := range []refusal{
		{method: "GET", path: base + "/" + c.ID, status: 404},
		{method: "POST", path: base + "/" + c.ID, body: `{"name": "theirs"}`, status: 404},
		{method: "DELETE", path: base + "/" + c.ID, status: 404},
		{method: "POST", path: base + "/activate", body: idsBody(c.ID), status: 400},
		{method: "GET", path: "/v1/organization/projects/" + p.ID + "/certificates", status: 404},
		{method: "POST", path: "/v1/organization/projects/" + p.ID + "/certificates/activate", body: idsBody(c.ID), status: 404},
	} {
		if got := w.call(stranger, r.method, r.path, r.body); got.status != r.status {
			t.Errorf("%s %s: %d %s", r.method, r.path, got.status, got.raw)
		}
	}
	if got := w.call(stranger, "GET", base, ""); strings.Contains(string(got.raw), c.ID) {
		t.Errorf("another organization's: %s", got.raw)
	}
	text, _ := newPEM(t, false)
	made := w.call(w.AdminKey, "POST", base, mustJSON(t, map[string]any{
		"certificate": text, "id": "cert_chosen", "active": true, "object": "organization.certificate", "created_at": 1,
	})).json(t)
	if made["id"] == "cert_chosen" || made["object"] != "certificate" || made["created_at"] == 1.0 {
		t.Errorf("made %v", made)
	}
	if list := w.get(base)["data"].([]any); list[0].(map[string]any)["active"] != false {
		t.Errorf("a body activated: %v", list)
	}
}

func TestCertificatesWalkedByOne(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p := w.project("home")
	for i := range 5 {
		c := w.certificate(fmt.Sprint(i))
		if i%2 == 0 {
			_, err := w.Org.ToggleCertificates(ctx, w.actor(), org.CertificateToggle{ProjectID: p.ID, IDs: []string{c.ID}, Active: true})
			must(t, c, err)
		}
	}
	for name, list := range map[string]func(limit param.Opt[int64]) []string{
		"organization": func(limit param.Opt[int64]) []string {
			return walk(t, w.client.Admin.Organization.Certificates.ListAutoPaging(ctx, openai.AdminOrganizationCertificateListParams{Limit: limit}),
				func(c openai.AdminOrganizationCertificateListResponse) string { return c.ID })
		},
		"project, oldest first": func(limit param.Opt[int64]) []string {
			return walk(t, w.client.Admin.Organization.Projects.Certificates.ListAutoPaging(ctx, p.ID, openai.AdminOrganizationProjectCertificateListParams{Limit: limit, Order: "asc"}),
				func(c openai.AdminOrganizationProjectCertificateListResponse) string {
					return fmt.Sprint(c.ID, c.Active)
				})
		},
	} {
		if whole, walked := list(openai.Int(100)), list(openai.Int(1)); len(whole) != 5 || !slices.Equal(whole, walked) {
			t.Errorf("%s: walked %q, whole %q", name, walked, whole)
		}
	}
}

// However many upload at once, an organization has 50 certificates at most.
func TestFiftyCertificatesUnderConcurrency(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	text, _ := newPEM(t, false)
	var wg sync.WaitGroup
	results := make(chan error, 60)
	for range 6 {
		wg.Go(func() {
			for range 10 {
				_, err := w.Org.UploadCertificate(ctx, w.actor(), org.NewCertificate{PEM: text})
				results <- err
			}
		})
	}
	wg.Wait()
	close(results)
	uploaded := 0
	for err := range results {
		var f *fault.Error
		switch {
		case err == nil:
			uploaded++
		case !errors.As(err, &f) || f.Kind != fault.Invalid || f.Code != "certificate_limit_reached":
			t.Errorf("refused with %v", err)
		}
	}
	if rows := w.get("/v1/organization/certificates?limit=100")["data"].([]any); uploaded != 50 || len(rows) != 50 {
		t.Errorf("%d uploaded, %d kept, want 50", uploaded, len(rows))
	}
	w.refuse([]refusal{{"POST", "/v1/organization/certificates", mustJSON(t, map[string]any{"certificate": text}), 400, "", "certificate_limit_reached"}})
}
