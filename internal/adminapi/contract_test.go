//go:build contract

package adminapi_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// books adds the contract: OpenAI's own description, as `make check-contract`
// names it in WEIR_CONTRACT_DIR.
func books(t *testing.T) []book {
	t.Helper()
	return []book{ownBook(t), sharedBook(t)}
}

func sharedBook(t *testing.T) book {
	t.Helper()
	dir := os.Getenv("WEIR_CONTRACT_DIR")
	if dir == "" {
		t.Fatal("WEIR_CONTRACT_DIR names no folder: run make check-contract")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "admin-api.openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := readBook("the contract", raw, "/v1")
	if err != nil {
		t.Fatal(err)
	}
	kinds := b.doc.Components.Schemas["AuditLogEventType"].Value
	kinds.Enum = append(kinds.Enum, newerEvents...)
	for _, route := range newer {
		b.newer = append(b.newer, matching(route))
	}
	return b
}

// newerEvents are the types of audit events of the operations that are newer.
var newerEvents = []any{"external_storage.registered", "external_storage.removed"}

// Every operation, called successfully, answers what the contract says.
func TestContractAgainstShared(t *testing.T) {
	w := newWorld(t)
	w.seedUsage()
	for _, e := range w.api.Endpoints() {
		path, body := w.example(e.Route())
		if got := w.call(w.AdminKey, e.Method, path, body); got.status != 200 {
			t.Errorf("%s: %d %s", e.Route(), got.status, got.raw)
		}
	}
}

// newer are the operations that OpenAI's clients have and its published
// description has not: section 9 of the contract.
var newer = []string{
	"GET /v1/organization/projects/{project_id}/service_tier_settings",
	"POST /v1/organization/projects/{project_id}/service_tier_settings",
	"POST /v1/organization/projects/{project_id}/api_keys/{api_key_id}",
	"GET /v1/organization/usage/decisions",
	"GET /v1/organization/external_keys",
	"POST /v1/organization/external_keys",
	"GET /v1/organization/external_keys/{external_key_id}",
	"DELETE /v1/organization/external_keys/{external_key_id}",
	"POST /v1/organization/external_keys/{external_key_id}/validate",
	"GET /v1/organization/external_storage",
	"POST /v1/organization/external_storage",
	"GET /v1/organization/external_storage/{external_storage_id}",
	"DELETE /v1/organization/external_storage/{external_storage_id}",
	"POST /v1/organization/external_storage/{external_storage_id}/validate",
	"GET /v1/organization/workload_identity_providers",
	"POST /v1/organization/workload_identity_providers",
	"GET /v1/organization/workload_identity_providers/{workload_identity_provider_id}",
	"POST /v1/organization/workload_identity_providers/{workload_identity_provider_id}",
	"DELETE /v1/organization/workload_identity_providers/{workload_identity_provider_id}",
	"GET /v1/organization/workload_identity_providers/{workload_identity_provider_id}/federation_rules",
	"POST /v1/organization/workload_identity_providers/{workload_identity_provider_id}/federation_rules",
	"GET /v1/organization/workload_identity_providers/{workload_identity_provider_id}/federation_rules/{federation_rule_id}",
	"POST /v1/organization/workload_identity_providers/{workload_identity_provider_id}/federation_rules/{federation_rule_id}",
	"DELETE /v1/organization/workload_identity_providers/{workload_identity_provider_id}/federation_rules/{federation_rule_id}",
}

// Every operation weir serves is one of the contract's.
func TestContractHasEveryRow(t *testing.T) {
	shared := sharedBook(t)
	for _, e := range newWorld(t).api.Endpoints() {
		if slices.Contains(newer, e.Route()) {
			continue
		}
		if item := shared.doc.Paths.Value(e.Path[len("/v1"):]); item == nil || item.GetOperation(e.Method) == nil {
			t.Errorf("%s is not in the contract", e.Route())
		}
	}
}
