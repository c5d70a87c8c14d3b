package org

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/optional"
	"weir/internal/peer"
)

// Certificate is an X.509 certificate, a leaf's or an authority's, that callers
// may identify themselves by. Uploading it changes nothing for callers: it counts
// where it is active.
type Certificate struct {
	ID             string
	OrganizationID string
	Name           string    // "": none
	PEM            string    // as it was uploaded
	ValidAt        time.Time // NotBefore, in whole seconds
	ExpiresAt      time.Time // NotAfter, in whole seconds
	Active         bool      // in the organization, which is in all of its projects
	CreatedAt      time.Time
}

// ProjectCertificate says that a certificate is active in a project.
type ProjectCertificate struct {
	OrganizationID string
	ProjectID      string
	CertificateID  string
}

// ScopedCertificate is a certificate as one scope sees it: the organization, or
// one of its projects.
type ScopedCertificate struct {
	Certificate
	ActiveHere bool
}

// The bounds of OpenAI's API, and of a certificate: with a chain of names and
// extensions they reach a few thousand characters.
const (
	maxCertificates        = 50 // of an organization
	maxToggledCertificates = 10 // at once
	maxCertificateLength   = 32 << 10
)

// NewCertificate is a certificate to upload.
type NewCertificate struct {
	Name optional.Value[string]
	PEM  string
}

// Validate reports the first rule that in breaks.
func (in NewCertificate) Validate() error {
	if in.Name.Given() {
		if err := checkName("name", in.Name.V); err != nil {
			return err
		}
	}
	_, err := parseCertificate(in.PEM)
	return err
}

// parseCertificate reads exactly one certificate. What stands around it is
// refused: it is a second certificate, or a private key that must not be kept.
func parseCertificate(text string) (*x509.Certificate, error) {
	refuse := func(format string, args ...any) *fault.Error {
		return fault.Invalidf("invalid_certificate", "certificate", "Invalid 'certificate': "+format, args...)
	}
	if text == "" {
		return nil, fault.EmptyString("certificate")
	}
	if err := checkLength("certificate", text, maxCertificateLength); err != nil {
		return nil, err
	}
	begin, end := strings.Count(text, "-----BEGIN "), strings.Count(text, "-----END ")
	block, rest := pem.Decode([]byte(text))
	switch {
	case strings.Contains(text, "PRIVATE KEY-----"):
		return nil, refuse("it holds a private key, which nobody but its owner should have. Send the certificate alone.")
	case block == nil:
		return nil, refuse("it is not a PEM block, which begins with -----BEGIN CERTIFICATE-----.")
	case begin != 1 || end != 1:
		return nil, refuse("it must hold one certificate, and holds %d PEM blocks.", max(begin, end))
	case block.Type != "CERTIFICATE" || len(block.Headers) > 0:
		return nil, refuse("it is a PEM block of another type than CERTIFICATE, or one with headers.")
	case len(strings.TrimSpace(string(rest))) > 0 || !strings.HasPrefix(strings.TrimSpace(text), "-----BEGIN "):
		return nil, refuse("there is text outside of the PEM block.")
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, refuse("it is not an X.509 certificate.").With(err)
	}
	return parsed, nil
}

// certificateName is a certificate in the details of an audit event.
type certificateName struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	PEM  string `json:"certificate,omitempty"` // of a deleted one
}

func certificateEvent(a audit.Action, c Certificate, text string) audit.Event {
	return audit.Event{
		Action: a.Name, Type: a.Type, ResourceID: c.ID,
		Details: mustJSON(certificateName{ID: c.ID, Name: c.Name, PEM: text}),
	}
}

// UploadCertificate keeps a certificate, active nowhere.
func (s *Service) UploadCertificate(ctx context.Context, actor audit.Actor, in NewCertificate) (Certificate, error) {
	if err := in.Validate(); err != nil {
		return Certificate{}, err
	}
	parsed, err := parseCertificate(in.PEM)
	if err != nil {
		return Certificate{}, err
	}
	c := Certificate{
		ID: id.New(id.Certificate), OrganizationID: actor.OrganizationID, Name: in.Name.Or(""), PEM: in.PEM,
		ValidAt: parsed.NotBefore, ExpiresAt: parsed.NotAfter, CreatedAt: s.Now(),
	}
	err = s.update(ctx, actor, func(tx Tx) error {
		// Writers take turns, so nobody uploads between the count and the row.
		kept, err := tx.Certificates(ctx, actor.OrganizationID, Page{Limit: maxCertificates})
		if err != nil {
			return err
		}
		if len(kept.Items) >= maxCertificates {
			return fault.Invalidf("certificate_limit_reached", "", "An organization can have %d certificates, and has them. Delete one first.", maxCertificates)
		}
		tx.Record(certificateEvent(audit.CertificateCreated, c, ""))
		return tx.InsertCertificate(ctx, c)
	})
	return c, err
}

// RenameCertificate gives a certificate another name; without one it keeps its
// own. Nothing else of a certificate can change.
func (s *Service) RenameCertificate(ctx context.Context, actor audit.Actor, certificateID string, name optional.Value[string]) (Certificate, error) {
	if name.Given() {
		if err := checkName("name", name.V); err != nil {
			return Certificate{}, err
		}
	}
	var c Certificate
	err := s.update(ctx, actor, func(tx Tx) error {
		var err error
		if c, err = tx.Certificate(ctx, actor.OrganizationID, certificateID); err != nil {
			return err
		}
		c.Name = name.Or(c.Name)
		tx.Record(certificateEvent(audit.CertificateUpdated, c, ""))
		return tx.UpdateCertificate(ctx, c)
	})
	return c, err
}

// DeleteCertificate removes a certificate that is active nowhere. Archived
// projects do not count: nothing can be called there, and nothing changed.
func (s *Service) DeleteCertificate(ctx context.Context, actor audit.Actor, certificateID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		c, err := tx.Certificate(ctx, actor.OrganizationID, certificateID)
		if err != nil {
			return err
		}
		if c.Active {
			return fault.Invalidf("certificate_active", "", "Certificate with ID '%s' is active in the organization. Deactivate it first.", c.ID)
		}
		used, err := tx.ProjectsOfCertificate(ctx, actor.OrganizationID, c.ID, 1)
		if err != nil {
			return err
		}
		if len(used) > 0 {
			return fault.Invalidf("certificate_active", "", "Certificate with ID '%s' is active in project '%s'. Deactivate it there first.", c.ID, used[0])
		}
		tx.Record(certificateEvent(audit.CertificateDeleted, c, c.PEM))
		return tx.DeleteCertificate(ctx, actor.OrganizationID, c.ID)
	})
}

// CertificateToggle says which certificates are to be active, or no longer.
type CertificateToggle struct {
	ProjectID string // "": the organization
	IDs       []string
	Active    bool
	Shown     *peer.Certificate // by who asks for it; nil: nobody who calls over the network
}

// ToggleCertificates activates or deactivates certificates at a scope, all or
// none, and returns them in the order they were asked for, each once.
//
// A certificate that is active in the organization counts in every project; one
// may be active in a project alone. Hence activation in a project asks for the
// certificate to be in the organization, and not for it to be active there. What
// is in the wanted state already stays in it: the audit event names those that
// were not, and there is none when nothing changed.
func (s *Service) ToggleCertificates(ctx context.Context, actor audit.Actor, in CertificateToggle) ([]ScopedCertificate, error) {
	if len(in.IDs) == 0 {
		return nil, fault.EmptyArray("certificate_ids")
	}
	if err := checkReferences("certificate_ids", in.IDs, maxToggledCertificates); err != nil {
		return nil, err
	}
	var toggled []ScopedCertificate
	err := s.update(ctx, actor, func(tx Tx) error {
		scope, err := certificateScopeOf(ctx, tx, actor.OrganizationID, in.ProjectID)
		if err != nil {
			return err
		}
		before, _, err := CertificateRulesOf(ctx, tx, actor.OrganizationID)
		if err != nil {
			return err
		}
		toggled = nil
		var changed []certificateName
		for i, certificateID := range in.IDs {
			if slices.ContainsFunc(toggled, func(c ScopedCertificate) bool { return c.ID == certificateID }) {
				continue
			}
			c, err := tx.Certificate(ctx, actor.OrganizationID, certificateID)
			if err != nil {
				return notFoundAsInvalid(err, fmt.Sprintf("certificate_ids[%d]", i))
			}
			if scope.active(c) != in.Active {
				if err := scope.set(ctx, tx, &c, in.Active); err != nil {
					return err
				}
				changed = append(changed, certificateName{ID: c.ID, Name: c.Name})
			}
			toggled = append(toggled, ScopedCertificate{Certificate: c, ActiveHere: in.Active})
		}
		if len(changed) == 0 {
			return nil
		}
		tx.Record(scope.toggled(in.Active, changed))
		return staysCertified(ctx, tx, actor.OrganizationID, before, in, s.Now())
	})
	return toggled, err
}

// certificateScope is where certificates are active: in the organization, or in
// one project.
type certificateScope struct {
	project *Project        // nil: the organization
	ids     map[string]bool // of the certificates active in the project
}

func certificateScopeOf(ctx context.Context, r Reader, organizationID, projectID string) (certificateScope, error) {
	if projectID == "" {
		return certificateScope{}, nil
	}
	project, err := activeProject(ctx, r, organizationID, projectID)
	if err != nil {
		return certificateScope{}, err
	}
	active, err := r.ProjectCertificates(ctx, organizationID, projectID)
	if err != nil {
		return certificateScope{}, err
	}
	s := certificateScope{project: &project, ids: map[string]bool{}}
	for _, certificateID := range active {
		s.ids[certificateID] = true
	}
	return s, nil
}

func (s certificateScope) active(c Certificate) bool {
	if s.project == nil {
		return c.Active
	}
	return s.ids[c.ID]
}

func (s certificateScope) set(ctx context.Context, tx Tx, c *Certificate, active bool) error {
	if s.project == nil {
		c.Active = active
		return tx.UpdateCertificate(ctx, *c)
	}
	here := ProjectCertificate{OrganizationID: c.OrganizationID, ProjectID: s.project.ID, CertificateID: c.ID}
	if active {
		return tx.InsertProjectCertificate(ctx, here)
	}
	return tx.DeleteProjectCertificate(ctx, here)
}

// toggled is the event of a change of several certificates. It is about no one
// resource: OpenAI's log has a list of them and no id.
func (s certificateScope) toggled(active bool, changed []certificateName) audit.Event {
	action := audit.CertificatesDeactivated
	if active {
		action = audit.CertificatesActivated
	}
	e := audit.Event{Action: action.Name, Type: action.Type, Details: mustJSON(map[string]any{"certificates": changed})}
	if s.project != nil {
		e.ProjectID, e.ProjectName = s.project.ID, s.project.Name
	}
	return e
}

// Certificates of the organization as a scope sees them: all of them, active
// there or not. projectID is "" for the organization.
func (s *Service) Certificates(ctx context.Context, organizationID, projectID string, p Page) (Rows[ScopedCertificate], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[ScopedCertificate], error) {
		scope, err := certificateScopeOf(ctx, r, organizationID, projectID)
		if err != nil {
			return Rows[ScopedCertificate]{}, err
		}
		rows, err := r.Certificates(ctx, organizationID, p)
		seen := Rows[ScopedCertificate]{Items: make([]ScopedCertificate, len(rows.Items)), More: rows.More}
		for i, c := range rows.Items {
			seen.Items[i] = ScopedCertificate{Certificate: c, ActiveHere: scope.active(c)}
		}
		return seen, err
	})
}

// Certificate returns one certificate, active or not.
func (s *Service) Certificate(ctx context.Context, organizationID, certificateID string) (Certificate, error) {
	return view(ctx, s.Store, func(r Reader) (Certificate, error) {
		return r.Certificate(ctx, organizationID, certificateID)
	})
}
