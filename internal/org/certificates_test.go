package org_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/org"
	"weir/internal/sqldb"
	"weir/internal/sqldb/sqldbtest"
)

func newCertificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// Several administrators at once upload, switch and delete. What the audit log
// says happened, one after the other, keeps every rule, and comes to what is
// there: nobody's change was lost, and nothing active was deleted.
func TestCertificatesOfManyAdministrators(t *testing.T) {
	text := newCertificate(t)
	sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		n, ctx := newTenant(t, open), t.Context()
		const limit = 50
		var kept []string
		for range limit - 2 {
			c, err := n.UploadCertificate(ctx, n.by.Actor, org.NewCertificate{PEM: text})
			check(t, err)
			kept = append(kept, c.ID)
		}
		contested := kept[:3]
		var wg sync.WaitGroup
		for worker := range 4 {
			wg.Go(func() {
				random := mathrand.New(mathrand.NewPCG(1, uint64(worker)))
				for range 25 {
					scope := append([]string{""}, n.projects...)[random.IntN(1+len(n.projects))]
					var err error
					switch random.IntN(8) {
					case 0, 1:
						_, err = n.UploadCertificate(ctx, n.by.Actor, org.NewCertificate{PEM: text})
					case 2:
						err = n.DeleteCertificate(ctx, n.by.Actor, contested[random.IntN(len(contested))])
					default:
						_, err = n.ToggleCertificates(ctx, n.by.Actor, org.CertificateToggle{ProjectID: scope, IDs: contested[random.IntN(len(contested)):], Active: random.IntN(2) == 0})
					}
					if err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.NotFound) {
						t.Errorf("refused with %v", err)
					}
				}
			})
		}
		wg.Wait()

		active := replayCertificates(t, n, limit)
		rows, err := n.Certificates(ctx, n.by.OrganizationID, "", org.Page{Limit: 1000})
		check(t, err)
		if len(rows.Items) != len(active) || len(active) > limit {
			t.Errorf("%d certificates, by the log %d", len(rows.Items), len(active))
		}
		for _, scope := range append([]string{""}, n.projects...) {
			rows, err := n.Certificates(ctx, n.by.OrganizationID, scope, org.Page{Limit: 1000})
			check(t, err)
			for _, c := range rows.Items {
				if got, want := c.ActiveHere, active[c.ID][scope]; got != want {
					t.Errorf("%s in %q: active is %v, by the log %v", c.ID, scope, got, want)
				}
			}
		}
	})
}

// replayCertificates goes through the log and returns the scopes that each
// certificate is active in; the scope "" is the organization.
func replayCertificates(t *testing.T, n *tenant, limit int) map[string]map[string]bool {
	t.Helper()
	active := map[string]map[string]bool{}
	check(t, n.Store.View(t.Context(), func(r org.Reader) error {
		return r.AuditChain(t.Context(), n.by.OrganizationID, 0, func(e audit.Event) error {
			var d struct{ Certificates []struct{ ID string } }
			if err := json.Unmarshal(e.Details, &d); err != nil {
				return err
			}
			switch e.Action {
			case audit.CertificateCreated.Name:
				if active[e.ResourceID] = map[string]bool{}; len(active) > limit {
					t.Errorf("certificate %d was uploaded", len(active))
				}
			case audit.CertificateDeleted.Name:
				if slices.Contains(slices.Collect(maps.Values(active[e.ResourceID])), true) {
					t.Errorf("%s was deleted while active in %v", e.ResourceID, active[e.ResourceID])
				}
				delete(active, e.ResourceID)
			case audit.CertificatesActivated.Name, audit.CertificatesDeactivated.Name:
				on := e.Action == audit.CertificatesActivated.Name
				for _, c := range d.Certificates {
					if active[c.ID] == nil || active[c.ID][e.ProjectID] == on {
						t.Errorf("%s of %s in %q changed nothing that was there", e.Action, c.ID, e.ProjectID)
						continue
					}
					active[c.ID][e.ProjectID] = on
				}
			}
			return nil
		})
	}))
	return active
}
