package org

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"sync"
	"time"

	"weir/internal/fault"
	"weir/internal/peer"
)

// CertificateRules say which certificates callers of models must show. They are
// made of the active certificates of an organization and do not change. Nil rules
// ask nobody.
type CertificateRules struct {
	organization *anchors
	projects     map[string]*anchors
}

// anchors are the certificates that are active in one scope.
type anchors struct {
	pool *x509.CertPool

	// Verifying takes as long as all else that is done for a request, so what was
	// accepted is remembered until it expires. What was not is verified anew: the
	// same leaf may come with its authorities the next time.
	mu       sync.RWMutex
	accepted map[[sha256.Size]byte]time.Time
}

// maxAccepted bounds what is remembered.
const maxAccepted = 10_000

func newAnchors(certificates []*x509.Certificate) *anchors {
	if len(certificates) == 0 {
		return nil
	}
	a := &anchors{pool: x509.NewCertPool(), accepted: map[[sha256.Size]byte]time.Time{}}
	for _, c := range certificates {
		a.pool.AddCert(c)
	}
	return a
}

// NewCertificateRules makes rules of an organization's certificates and of where
// they are active in projects; nil when none is active.
func NewCertificateRules(certificates []Certificate, inProjects []ProjectCertificate) *CertificateRules {
	parsed := map[string]*x509.Certificate{}
	var everywhere []*x509.Certificate
	for i := range certificates {
		block, _ := pem.Decode([]byte(certificates[i].PEM))
		if block == nil {
			continue // not met: it was read when it was uploaded
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			continue // not met, either
		}
		parsed[certificates[i].ID] = c
		if certificates[i].Active {
			everywhere = append(everywhere, c)
		}
	}
	here := map[string][]*x509.Certificate{}
	for _, p := range inProjects {
		if c := parsed[p.CertificateID]; c != nil {
			here[p.ProjectID] = append(here[p.ProjectID], c)
		}
	}
	if len(everywhere) == 0 && len(here) == 0 {
		return nil
	}
	rules := &CertificateRules{organization: newAnchors(everywhere), projects: map[string]*anchors{}}
	for projectID, certificates := range here {
		rules.projects[projectID] = newAnchors(certificates)
	}
	return rules
}

// CertificateRulesOf reads the rules of an organization. kept says whether it has
// any certificate, active or not.
func CertificateRulesOf(ctx context.Context, r Reader, organizationID string) (rules *CertificateRules, kept bool, err error) {
	rows, err := r.Certificates(ctx, organizationID, Page{Limit: maxCertificates})
	if err != nil || len(rows.Items) == 0 {
		return nil, false, err
	}
	inProjects, err := r.ActiveInProjects(ctx, organizationID)
	if err != nil {
		return nil, false, err
	}
	return NewCertificateRules(rows.Items, inProjects), true, nil
}

// Admit refuses a caller of a project, "" being the organization alone, unless the
// certificate it shows is one of those that are active there, or signed by one. The
// certificate must be good at now, for a client, and so must all that lead up to
// the active one. until is when it expires; zero: nothing was asked.
func (c *CertificateRules) Admit(projectID string, shown peer.Certificate, now time.Time) (until time.Time, err error) {
	if c == nil {
		return until, nil
	}
	project := c.projects[projectID]
	if c.organization == nil && project == nil {
		return until, nil
	}
	if !shown.Shown() {
		return until, fault.New(fault.Forbidden, "client_certificate_required", "", "A client certificate is required to call this organization's models, and none was shown. If your client has one, send the request again over a new connection.")
	}
	var refused error
	for _, a := range [...]*anchors{c.organization, project} {
		if a == nil {
			continue
		}
		if until, err = a.verify(shown, now); err == nil {
			return until, nil
		}
		refused = errors.Join(refused, err)
	}
	return time.Time{}, fault.New(fault.Forbidden, "client_certificate_refused", "", "The client certificate that was shown is not accepted: it must be valid, be meant for clients, and be signed by a certificate that is active for this project or organization.").With(refused)
}

func (a *anchors) verify(shown peer.Certificate, now time.Time) (until time.Time, err error) {
	fingerprint := shown.Fingerprint()
	a.mu.RLock()
	until, ok := a.accepted[fingerprint]
	a.mu.RUnlock()
	if ok && now.Before(until) {
		return until, nil
	}
	chain, err := shown.Chain()
	if err != nil {
		return time.Time{}, err
	}
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	verified, err := chain[0].Verify(x509.VerifyOptions{
		Roots: a.pool, Intermediates: intermediates, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return time.Time{}, err
	}
	until = time.Time{}
	for _, path := range verified { // good for as long as one of the paths is
		end := path[0].NotAfter
		for _, c := range path[1:] {
			if c.NotAfter.Before(end) {
				end = c.NotAfter
			}
		}
		if end.After(until) {
			until = end
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.accepted) >= maxAccepted {
		clear(a.accepted)
	}
	a.accepted[fingerprint] = until
	return until, nil
}

// staysCertified refuses a change after which the certificate that its author
// shows would no longer be taken where it was before: most likely nobody else's
// would be. Authors that could not have shown one are not judged.
func staysCertified(ctx context.Context, tx Tx, organizationID string, before *CertificateRules, in CertificateToggle, now time.Time) error {
	if in.Shown == nil || !in.Shown.Asked {
		return nil
	}
	after, _, err := CertificateRulesOf(ctx, tx, organizationID)
	if err != nil {
		return err
	}
	if _, err := before.Admit(in.ProjectID, *in.Shown, now); err != nil {
		return nil //nolint:nilerr // it takes nothing away
	}
	if _, err := after.Admit(in.ProjectID, *in.Shown, now); err != nil {
		return fault.Invalidf("certificate_lockout", "certificate_ids", "This would lock you out: models could not be called with what this request showed. Send it with a client certificate that is, or is signed by, one of those that are active then.").With(err)
	}
	return nil
}
