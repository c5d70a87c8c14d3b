package adminapi_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"

	"weir/internal/optional"
	"weir/internal/org"
)

const (
	keysPath    = "/v1/organization/external_keys"
	storagePath = "/v1/organization/external_storage"
	roleARN     = "arn:aws:iam::123456789012:role/weir"
	ocid        = "ocid1.key.oc1.eu-frankfurt-1.abcd.efgh0123456789"
	uuid        = "0f8fad5b-d9cb-469f-a165-70867728950e"
)

// keyBodies is a registration in each cloud, all of whose parts are well-formed.
func keyBodies(externalID string) map[string]map[string]any {
	return map[string]map[string]any{
		"aws": {
			"type": "aws", "name": "in aws", "external_id": externalID,
			"kms_arn": "arn:aws:kms:eu-central-1:123456789012:key/" + uuid, "role_arn": roleARN,
		},
		"gcp": {
			"type": "gcp", "name": "in gcp", "audience": externalID, "kms_key_location": "europe-west3", "kms_key_name": "master",
			"kms_key_ring_name": "ring", "kms_project_id": "acme-prod-1", "workload_identity_pool_id": "weir-pool",
			"workload_identity_project_number": "123456789", "workload_identity_provider_id": "weir-provider",
		},
		"azure": {"type": "azure", "name": "in azure", "key_name": "master", "tenant_id": uuid, "vault_uri": "https://acme.vault.azure.net/"},
		"oci":   {"type": "oci", "name": "in oci", "key_ocid": ocid, "region": "eu-frankfurt-1", "vault_ocid": ocid},
	}
}

// storageBodies is storage in each cloud, all of whose parts are well-formed.
func storageBodies() map[string]map[string]any {
	return map[string]map[string]any{
		"aws": {"type": "aws", "bucket": "acme-data", "role_arn": roleARN},
		"azure": {
			"type": "azure", "account_name": "acmedata", "container": "weir", "resource_group": "rg-data_(eu)", "subscription_id": uuid, "tenant_id": uuid,
		},
		"gcp": {
			"type": "gcp", "bucket": "acme-data", "workload_identity_pool_id": "weir-pool",
			"workload_identity_project_number": "123456789", "workload_identity_provider_id": "weir-provider",
		},
		"oci": {"type": "oci", "bucket": "Acme_Data", "region": "eu-frankfurt-1", "tenancy_ocid": "ocid1.tenancy.oc1..aaaa0123456789"},
	}
}

// with is body with some fields changed; nil takes one out.
func with(body map[string]any, fields map[string]any) map[string]any {
	changed := maps.Clone(body)
	for name, value := range fields {
		if changed[name] = value; value == nil {
			delete(changed, name)
		}
	}
	return changed
}

// post is call for creating as the owner; anything but success fails the test.
func (w *world) post(path string, body any) map[string]any {
	w.t.Helper()
	text := ""
	if body != nil {
		text = mustJSON(w.t, body)
	}
	a := w.call(w.AdminKey, "POST", path, text)
	if a.status != 200 {
		w.t.Fatalf("POST %s %s: %d %s", path, text, a.status, a.raw)
	}
	return a.json(w.t)
}

func externalExamples() map[string]func(w *world) (path, body string) {
	key := func(rest string) func(w *world) (string, string) {
		return func(w *world) (string, string) {
			k := w.post(keysPath, keyBodies(w.Organization.ID)["aws"])
			return keysPath + "/" + k["id"].(string) + rest, ""
		}
	}
	storage := func(rest string) func(w *world) (string, string) {
		return func(w *world) (string, string) {
			e := w.post(storagePath, map[string]any{"project_id": w.project("kept").ID, "provider": storageBodies()["aws"]})
			return storagePath + "/" + e["id"].(string) + rest, ""
		}
	}
	return map[string]func(w *world) (path, body string){
		"POST " + keysPath: func(w *world) (string, string) {
			return keysPath, mustJSON(w.t, keyBodies(w.Organization.ID)["gcp"])
		},
		"GET " + keysPath + "/{external_key_id}":           key(""),
		"DELETE " + keysPath + "/{external_key_id}":        key(""),
		"POST " + keysPath + "/{external_key_id}/validate": key("/validate"),
		"POST " + storagePath: func(w *world) (string, string) {
			return storagePath, mustJSON(w.t, map[string]any{"project_id": w.project("kept").ID, "provider": storageBodies()["gcp"]})
		},
		"GET " + storagePath + "/{external_storage_id}":           storage(""),
		"DELETE " + storagePath + "/{external_storage_id}":        storage(""),
		"POST " + storagePath + "/{external_storage_id}/validate": storage("/validate"),
	}
}

func TestExternalKeysThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	keys := w.client.Admin.Organization.ExternalKeys
	k, err := keys.New(ctx, openai.AdminOrganizationExternalKeyNewParams{OfAws: &openai.AdminOrganizationExternalKeyNewParamsBodyAws{
		ExternalID: w.Organization.ID, KmsArn: "arn:aws:kms:us-east-1:123456789012:key/" + uuid, Name: "master", RoleArn: roleARN,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if k.Name != "master" || k.Type != "aws" || k.Purpose != "ekm" || k.RoleArn != roleARN || k.JSON.APIProjectIDs.Raw() != "[]" || !k.JSON.WorkspaceID.Valid() || k.JSON.KeyName.Valid() {
		t.Errorf("registered %s", k.RawJSON())
	}
	kind, _, details := w.lastEvent()
	if data, _ := details["data"].(map[string]any); kind != "external_key.registered" || details["id"] != k.ID || data["role_arn"] != roleARN || data["type"] != "aws" {
		t.Errorf("recorded %s %v", kind, details)
	}
	if got, err := keys.Get(ctx, k.ID); err != nil || got.RawJSON() != k.RawJSON() {
		t.Errorf("got %v, %v", got, err)
	}
	if v, err := keys.Validate(ctx, k.ID); err != nil || v.Status != "validated" {
		t.Errorf("validated: %+v %v", v, err)
	}
	if names := w.logged(); names[len(names)-1] != "weir.external_key.validated" {
		t.Errorf("recorded %q", names[len(names)-1])
	}

	p := w.project("encrypted")
	_, err = w.Org.UpdateProject(ctx, w.actor(), p.ID, org.ProjectChange{ExternalKeyID: optional.Of(k.ID)})
	must(t, p, err)
	if got, err := keys.Get(ctx, k.ID); err != nil || !slices.Equal(got.APIProjectIDs, []string{p.ID}) {
		t.Errorf("projects of the key: %s %v", got.RawJSON(), err)
	}
	w.refuse([]refusal{{"DELETE", keysPath + "/" + k.ID, "", 400, "", "external_key_in_use"}})
	_, err = w.Org.ArchiveProject(ctx, w.actor(), p.ID)
	must(t, p, err)
	gone, err := keys.Delete(ctx, k.ID)
	if err != nil || gone.ID != k.ID || gone.Name != "master" || gone.KmsArn != k.KmsArn {
		t.Errorf("removed: %+v %v", gone, err)
	}
	if kind, _, details := w.lastEvent(); kind != "external_key.removed" || details["id"] != k.ID {
		t.Errorf("recorded %s %v", kind, details)
	}
	if _, err := keys.Get(ctx, k.ID); statusOf(t, err) != 404 {
		t.Errorf("a removed key is answered %v", err)
	}
}

// Each cloud's key is kept as it was sent, and found well-formed or not, part by
// part.
func TestExternalKeysAreValidated(t *testing.T) {
	w := newWorld(t)
	status := func(body map[string]any) string {
		t.Helper()
		return w.post(keysPath+"/"+w.post(keysPath, body)["id"].(string)+"/validate", nil)["status"].(string)
	}
	version := map[string]map[string]any{
		"gcp": {"kms_key_version": "7"}, "azure": {"key_version": "0123456789abcdef0123456789abcdef"}, "oci": {"key_version_ocid": ocid}, "aws": {},
	}
	for cloud, body := range keyBodies(w.Organization.ID) {
		made := w.post(keysPath, body)
		for name, value := range body {
			if made[name] != value {
				t.Errorf("%s: %s is %v, want %v", cloud, name, made[name], value)
			}
		}
		if len(made) != len(body)+6 || made["object"] != "organization.external_key" || made["purpose"] != "ekm" {
			t.Errorf("%s: %v", cloud, made)
		}
		if got := status(body); got != "validated" {
			t.Errorf("%s: %s", cloud, got)
		}
		if got := status(with(with(body, version[cloud]), map[string]any{"purpose": "psp_decryption"})); got != "validated" {
			t.Errorf("%s for decryption: %s", cloud, got)
		}
		// role_arn is refused at once; as whom weir introduces itself, too.
		for name := range with(body, map[string]any{"type": nil, "name": nil, "role_arn": nil, "external_id": nil, "audience": nil}) {
			if got := status(with(body, map[string]any{name: "not such a thing"})); got != "unhealthy" {
				t.Errorf("%s with a strange %s: %s", cloud, name, got)
			}
		}
		// Other clouds' fields are passed over.
		strange := w.post(keysPath, with(keyBodies(w.Organization.ID)["aws"], map[string]any{"tenant_id": "t", "id": "extkey_chosen", "workspace_id": "w"}))
		if strange["tenant_id"] != nil || strange["id"] == "extkey_chosen" || strange["workspace_id"] != "" {
			t.Errorf("%v", strange)
		}
	}
	p := w.project("gone soon")
	k := w.post(keysPath, keyBodies(p.ID)["aws"])
	_, err := w.Org.ArchiveProject(t.Context(), w.actor(), p.ID)
	must(t, p, err)
	if got := w.post(keysPath+"/"+k["id"].(string)+"/validate", nil)["status"]; got != "unhealthy" {
		t.Errorf("asked for as an archived project: %v", got)
	}
}

func TestExternalStorageThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	storage := w.client.Admin.Organization.ExternalStorage
	p, err := w.Org.CreateProject(ctx, w.actor(), org.NewProject{Name: "kept", Residency: optional.Of("EU_STORAGE_PROCESSING")})
	must(t, p, err)
	e, err := storage.New(ctx, openai.AdminOrganizationExternalStorageNewParams{
		ProjectID: p.ID, Provider: openai.AdminOrganizationExternalStorageNewParamsProviderUnion{
			OfAws: &openai.AdminOrganizationExternalStorageNewParamsProviderAws{Bucket: "acme-data", RoleArn: roleARN},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if e.ProjectID != p.ID || e.Status != "pending" || e.Geography != "EU" || e.Provider.Bucket != "acme-data" || e.Provider.AccountID != "123456789012" || e.Provider.ExternalID != p.ID {
		t.Errorf("registered %s", e.RawJSON())
	}
	kind, projectID, details := w.lastEvent()
	if data, _ := details["data"].(map[string]any); kind != "external_storage.registered" || projectID != p.ID || details["id"] != e.ID || data["geography"] != "EU" {
		t.Errorf("recorded %s %s %v", kind, projectID, details)
	}
	validated, err := storage.Validate(ctx, e.ID)
	if err != nil || validated.Status != "validated" {
		t.Errorf("validated: %+v %v", validated, err)
	}
	if got, err := storage.Get(ctx, e.ID); err != nil || got.Status != "validated" {
		t.Errorf("the status is not kept: %+v %v", got, err)
	}
	gone, err := storage.Delete(ctx, e.ID)
	if err != nil || !gone.Deleted || gone.ID != e.ID {
		t.Errorf("removed: %+v %v", gone, err)
	}
	if kind, _, details := w.lastEvent(); kind != "external_storage.removed" || details["id"] != e.ID {
		t.Errorf("recorded %s %v", kind, details)
	}

	for cloud, provider := range storageBodies() {
		made := w.post(storagePath, map[string]any{"project_id": p.ID, "provider": provider})
		shown := made["provider"].(map[string]any)
		for name, value := range provider {
			if shown[name] != value {
				t.Errorf("%s: %s is %v, want %v", cloud, name, shown[name], value)
			}
		}
		if got := w.post(storagePath+"/"+made["id"].(string)+"/validate", nil)["status"]; got != "validated" {
			t.Errorf("%s: %v", cloud, got)
		}
		for name := range with(provider, map[string]any{"type": nil}) {
			strange := w.post(storagePath, map[string]any{"project_id": p.ID, "provider": with(provider, map[string]any{name: "not / such * a thing"})})
			if got := w.post(storagePath+"/"+strange["id"].(string)+"/validate", nil)["status"]; got != "unhealthy" {
				t.Errorf("%s with a strange %s: %v", cloud, name, got)
			}
		}
	}
}

func TestExternalRefusals(t *testing.T) {
	w := newWorld(t)
	stranger, _, strangerKey := w.NewOrganization(t, "stranger@example.com")
	k := w.post(keysPath, keyBodies(w.Organization.ID)["aws"])["id"].(string)
	p, archived := w.project("kept"), w.project("archived")
	e := w.post(storagePath, map[string]any{"project_id": p.ID, "provider": storageBodies()["aws"]})["id"].(string)
	_, err := w.Org.ArchiveProject(t.Context(), w.actor(), archived.ID)
	must(t, archived, err)
	long := string(slices.Repeat([]byte("x"), 2049))
	var refusals []refusal
	key := func(cloud string, fields map[string]any, param, code string) {
		body := mustJSON(t, with(keyBodies(w.Organization.ID)[cloud], fields))
		refusals = append(refusals, refusal{"POST", keysPath, body, 400, param, code})
	}
	for cloud, body := range keyBodies(w.Organization.ID) {
		for name := range body {
			key(cloud, map[string]any{name: nil}, name, "missing_required_parameter")
			key(cloud, map[string]any{name: 7}, name, "invalid_type")
		}
		key(cloud, map[string]any{"purpose": "fun"}, "purpose", "invalid_value")
		key(cloud, map[string]any{"name": " "}, "name", "invalid_value")
	}
	key("aws", map[string]any{"type": "ibm"}, "type", "invalid_value")
	key("aws", map[string]any{"role_arn": "arn:aws:iam::1:role/x"}, "role_arn", "invalid_value")
	key("aws", map[string]any{"kms_arn": long}, "kms_arn", "string_above_max_length")
	key("aws", map[string]any{"kms_arn": "a\nb"}, "kms_arn", "invalid_value")
	key("aws", map[string]any{"kms_arn": "a\x00b"}, "kms_arn", "invalid_value")
	key("aws", map[string]any{"external_id": stranger.ID}, "external_id", "invalid_value")
	key("aws", map[string]any{"external_id": stranger.DefaultProjectID}, "external_id", "invalid_value")
	key("aws", map[string]any{"external_id": archived.ID}, "external_id", "invalid_value")
	key("gcp", map[string]any{"audience": "sts.amazonaws.com"}, "audience", "invalid_value")
	for cloud, field := range map[string]string{"gcp": "kms_key_version", "azure": "key_version", "oci": "key_version_ocid"} {
		key(cloud, map[string]any{"purpose": "psp_decryption"}, field, "missing_required_parameter")
		key(cloud, map[string]any{field: "1"}, field, "invalid_value")
	}
	storage := func(projectID any, provider any, param, code string) {
		body := mustJSON(t, with(map[string]any{"project_id": "", "provider": ""}, map[string]any{"project_id": projectID, "provider": provider}))
		refusals = append(refusals, refusal{"POST", storagePath, body, 400, param, code})
	}
	for cloud, provider := range storageBodies() {
		for name := range provider {
			storage(p.ID, with(provider, map[string]any{name: nil}), "provider."+name, "missing_required_parameter")
		}
		storage("proj_none", provider, "project_id", "invalid_value")
		storage(archived.ID, provider, "project_id", "project_archived")
		storage(stranger.DefaultProjectID, provider, "project_id", "invalid_value")
		storage(p.ID, with(provider, map[string]any{"type": cloud + "!"}), "provider.type", "invalid_value")
	}
	storage(nil, storageBodies()["aws"], "project_id", "missing_required_parameter")
	storage(p.ID, nil, "provider", "missing_required_parameter")
	storage(p.ID, "aws", "provider", "invalid_type")
	refusals = append(refusals, []refusal{
		{"GET", keysPath + "?purpose=fun", "", 400, "purpose", "invalid_value"},
		{"GET", keysPath + "?after=extkey_none", "", 400, "after", "invalid_cursor"},
		{"GET", keysPath + "?limit=101", "", 400, "limit", "integer_above_max_value"},
		{"GET", keysPath + "/extkey_none", "", 404, "", "not_found"},
		{"DELETE", keysPath + "/extkey_none", "", 404, "", "not_found"},
		{"POST", keysPath + "/extkey_none/validate", "", 404, "", "not_found"},
		{"POST", keysPath + "/" + k, `{"name": "renamed"}`, 405, "", "method_not_supported"},
		{"GET", storagePath + "?after=extstorage_none", "", 400, "after", "invalid_cursor"},
		{"GET", storagePath + "/extstorage_none", "", 404, "", "not_found"},
		{"DELETE", storagePath + "/extstorage_none", "", 404, "", "not_found"},
		{"POST", storagePath + "/extstorage_none/validate", "", 404, "", "not_found"},
	}...)
	w.refuse(refusals)
	for _, path := range []string{keysPath + "/" + k, storagePath + "/" + e} {
		for _, call := range []refusal{{method: "GET", path: path}, {method: "POST", path: path + "/validate"}, {method: "DELETE", path: path}} {
			if got := w.call(strangerKey, call.method, call.path, ""); got.status != 404 {
				t.Errorf("another organization's %s %s: %d %s", call.method, call.path, got.status, got.raw)
			}
		}
	}
}

func TestExternalWalkedByOne(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p, other := w.project("kept"), w.project("other")
	for i := range 5 {
		body := keyBodies(w.Organization.ID)["aws"]
		projectID := p.ID
		if i%2 == 0 {
			body, projectID = with(body, map[string]any{"purpose": "psp_decryption"}), other.ID
		}
		w.post(keysPath, with(body, map[string]any{"name": fmt.Sprint(i)}))
		w.post(storagePath, map[string]any{"project_id": projectID, "provider": storageBodies()["oci"]})
	}
	type list struct {
		rows int
		walk func(limit param.Opt[int64]) []string
	}
	o := w.client.Admin.Organization
	for name, l := range map[string]list{
		"keys": {5, func(limit param.Opt[int64]) []string {
			return walk(t, o.ExternalKeys.ListAutoPaging(ctx, openai.AdminOrganizationExternalKeyListParams{Limit: limit}),
				func(k openai.ExternalKey) string { return k.Name })
		}},
		"keys for decryption, oldest first": {3, func(limit param.Opt[int64]) []string {
			return walk(t, o.ExternalKeys.ListAutoPaging(ctx, openai.AdminOrganizationExternalKeyListParams{Limit: limit, Order: "asc", Purpose: "psp_decryption"}),
				func(k openai.ExternalKey) string { return k.Name })
		}},
		"storage": {5, func(limit param.Opt[int64]) []string {
			return walk(t, o.ExternalStorage.ListAutoPaging(ctx, openai.AdminOrganizationExternalStorageListParams{Limit: limit}),
				func(e openai.ExternalStorageConfiguration) string { return e.ID })
		}},
		"storage of a project": {2, func(limit param.Opt[int64]) []string {
			return walk(t, o.ExternalStorage.ListAutoPaging(ctx, openai.AdminOrganizationExternalStorageListParams{Limit: limit, ProjectID: openai.String(p.ID)}),
				func(e openai.ExternalStorageConfiguration) string { return e.ID })
		}},
	} {
		if whole, walked := l.walk(openai.Int(100)), l.walk(openai.Int(1)); len(whole) != l.rows || !slices.Equal(whole, walked) {
			t.Errorf("%s: walked %q, whole %q, want %d", name, walked, whole, l.rows)
		}
	}
}
