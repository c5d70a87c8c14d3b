package adminapi_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"weir/internal/optional"
	"weir/internal/org"
)

// newPEM is a certificate that signed itself: an authority's, or a leaf's.
func newPEM(t *testing.T, authority bool) (certificate, key string) {
	t.Helper()
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "client"}, IsCA: authority, BasicConstraintsValid: authority,
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

// certificate uploads a certificate.
func (w *world) certificate(name string) org.Certificate {
	w.t.Helper()
	text, _ := newPEM(w.t, true)
	c, err := w.Org.UploadCertificate(w.t.Context(), w.actor(), org.NewCertificate{Name: optional.Of(name), PEM: text})
	return must(w.t, c, err)
}

// activeCertificate uploads a certificate and activates it; projectID is "" for
// the organization.
func (w *world) activeCertificate(projectID string) org.Certificate {
	w.t.Helper()
	c := w.certificate("active")
	_, err := w.Org.ToggleCertificates(w.t.Context(), w.actor(), org.CertificateToggle{ProjectID: projectID, IDs: []string{c.ID}, Active: true})
	return must(w.t, c, err)
}

// sweep deletes the organization's certificates, of which it may have few.
func (w *world) sweepCertificates() {
	w.t.Helper()
	rows, err := w.Org.Certificates(w.t.Context(), w.Organization.ID, "", org.Page{Limit: 100})
	for _, c := range must(w.t, rows, err).Items {
		_, err := w.Store.Update(w.t.Context(), w.actor(), func(tx org.Tx) error {
			return tx.DeleteCertificate(w.t.Context(), w.Organization.ID, c.ID)
		})
		must(w.t, c, err)
	}
}

func idsBody(ids ...string) string {
	raw, err := json.Marshal(map[string]any{"certificate_ids": ids})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func certificateExamples() map[string]func(w *world) (path, body string) {
	const base = "/v1/organization/certificates"
	one := func(body string) func(w *world) (string, string) {
		return func(w *world) (string, string) {
			w.sweepCertificates()
			return base + "/" + w.certificate("one").ID, body
		}
	}
	project := func(w *world, rest string) (projectID, path string) {
		p := w.project("certified")
		return p.ID, "/v1/organization/projects/" + p.ID + "/certificates" + rest
	}
	return map[string]func(w *world) (path, body string){
		"GET " + base: func(w *world) (string, string) {
			w.activeCertificate("")
			return base, ""
		},
		"POST " + base: func(w *world) (string, string) {
			w.sweepCertificates()
			text, _ := newPEM(w.t, false)
			raw, err := json.Marshal(map[string]any{"certificate": text})
			return base, string(must(w.t, raw, err))
		},
		"POST " + base + "/activate": func(w *world) (string, string) {
			w.sweepCertificates()
			return base + "/activate", idsBody(w.certificate("a").ID, w.certificate("b").ID)
		},
		"POST " + base + "/deactivate": func(w *world) (string, string) {
			w.sweepCertificates()
			return base + "/deactivate", idsBody(w.activeCertificate("").ID)
		},
		"GET " + base + "/{certificate_id}":    one(""),
		"POST " + base + "/{certificate_id}":   one(`{"name": "renamed"}`),
		"DELETE " + base + "/{certificate_id}": one(""),
		"GET /v1/organization/projects/{project_id}/certificates": func(w *world) (string, string) {
			w.sweepCertificates()
			projectID, path := project(w, "")
			w.activeCertificate(projectID)
			return path, ""
		},
		"POST /v1/organization/projects/{project_id}/certificates/activate": func(w *world) (string, string) {
			w.sweepCertificates()
			_, path := project(w, "/activate")
			return path, idsBody(w.certificate("a").ID)
		},
		"POST /v1/organization/projects/{project_id}/certificates/deactivate": func(w *world) (string, string) {
			w.sweepCertificates()
			projectID, path := project(w, "/deactivate")
			return path, idsBody(w.activeCertificate(projectID).ID)
		},
	}
}
