package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// trust gives the tenant one of everything that it trusts somebody by:
// certificates, keys and storage in clouds, issuers of tokens; and a share of a
// fine-tuned checkpoint. create keeps an id by the name of its path variable.
func (x *tenant) trust(t *testing.T, create func(variable, path string, body map[string]any)) {
	t.Helper()
	const o = "/v1/organization/"
	create("certificate_id", o+"certificates", map[string]any{"name": "client", "certificate": selfSigned(t)})
	x.must(t, "POST", o+"projects/"+x.ids["project_id"]+"/certificates/activate", map[string]any{"certificate_ids": []string{x.ids["certificate_id"]}}, nil)
	x.ids["fine_tuned_model_checkpoint"] = "ft:gpt-4o-mini:acme::" + x.ids["project_id"]
	var shared struct {
		Data []identified `json:"data"`
	}
	x.must(t, "POST", x.checkpoint(), map[string]any{"project_ids": []string{x.ids["project_id"]}}, &shared)
	x.ids["permission_id"] = shared.Data[0].ID
	create("external_key_id", o+"external_keys", map[string]any{
		"type": "aws", "name": "master", "external_id": x.ids["project_id"], "kms_arn": "arn:aws:kms:eu-central-1:123456789012:key/x", "role_arn": "arn:aws:iam::123456789012:role/x",
	})
	create("external_storage_id", o+"external_storage", map[string]any{
		"project_id": x.ids["project_id"], "provider": map[string]any{"type": "aws", "bucket": "data", "role_arn": "arn:aws:iam::123456789012:role/x"},
	})
	create("workload_identity_provider_id", o+"workload_identity_providers", map[string]any{
		"type": "oidc", "name": "pipelines", "issuer": "https://token.example.com", "audience": "weir",
	})
	create("federation_rule_id", o+"workload_identity_providers/"+x.ids["workload_identity_provider_id"]+"/federation_rules", map[string]any{
		"project_id": x.ids["project_id"], "service_account_id": x.ids["service_account_id"], "attribute_matchers": map[string]any{"sub": "main"},
	})
}

func (x *tenant) checkpoint() string {
	return "/v1/fine_tuning/checkpoints/" + x.ids["fine_tuned_model_checkpoint"] + "/permissions"
}

// trusted are the addresses that show what trust made.
func (x *tenant) trusted() []string {
	const o = "/v1/organization/"
	provider := o + "workload_identity_providers/" + x.ids["workload_identity_provider_id"]
	return []string{
		o + "certificates", o + "projects/" + x.ids["project_id"] + "/certificates", x.checkpoint(), o + "external_keys", o + "external_storage",
		provider, provider + "/federation_rules",
	}
}

func selfSigned(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// What one organization trusts, another cannot name.
func TestTrustIsNotLent(t *testing.T) {
	a, b := twoTenants(t)
	const o = "/v1/organization/"
	before := b.everything(t)
	for what, c := range map[string]struct {
		path string
		body map[string]any
	}{
		"their certificate":         {o + "certificates/activate", map[string]any{"certificate_ids": []string{b.ids["certificate_id"]}}},
		"their certificate here":    {o + "projects/" + a.ids["project_id"] + "/certificates/deactivate", map[string]any{"certificate_ids": []string{b.ids["certificate_id"]}}},
		"a checkpoint for them":     {a.checkpoint(), map[string]any{"project_ids": []string{b.ids["project_id"]}}},
		"storage for them":          {o + "external_storage", map[string]any{"project_id": b.ids["project_id"], "provider": map[string]any{"type": "oci", "bucket": "b", "region": "r", "tenancy_ocid": "t"}}},
		"a key asked for as them":   {o + "external_keys", map[string]any{"type": "aws", "name": "k", "external_id": b.ids["project_id"], "kms_arn": "k", "role_arn": "arn:aws:iam::123456789012:role/x"}},
		"a rule for their account":  {o + "workload_identity_providers/" + a.ids["workload_identity_provider_id"] + "/federation_rules", map[string]any{"project_id": a.ids["project_id"], "service_account_id": b.ids["service_account_id"], "attribute_matchers": map[string]any{"sub": "x"}}},
		"a rule for their project":  {o + "workload_identity_providers/" + a.ids["workload_identity_provider_id"] + "/federation_rules", map[string]any{"project_id": b.ids["project_id"], "service_account_id": b.ids["service_account_id"], "attribute_matchers": map[string]any{"sub": "x"}}},
		"certificates beyond limit": {o + "certificates/activate", map[string]any{"certificate_ids": make([]string, 11)}},
	} {
		if status, raw := call(t, "POST", a.address+c.path, a.key, c.body, nil); status != 400 {
			t.Errorf("%s: %d %s", what, status, raw)
		}
	}
	if after := b.everything(t); after != before {
		t.Errorf("the other organization has changed:\n%s\n%s", before, after)
	}
}
