package sqlstore

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"time"

	"weir/internal/org"
	"weir/internal/sqldb"
)

var certificates = table[org.Certificate]{
	name: "certificates", label: "Certificate", key: 2, listed: true,
	columns: []string{"id", "organization_id", "name", "pem", "valid_at", "expires_at", "active", "created_at"},
	fields: func(c *org.Certificate) []any {
		return []any{
			&c.ID, &c.OrganizationID, &c.Name, &c.PEM, second{&c.ValidAt}, second{&c.ExpiresAt}, truth{&c.Active}, instant{&c.CreatedAt},
		}
	},
}

var projectCertificates = table[org.ProjectCertificate]{
	name: "project_certificates", label: "Project certificate", key: 3,
	columns: []string{"certificate_id", "project_id", "organization_id"},
	fields: func(c *org.ProjectCertificate) []any {
		return []any{&c.CertificateID, &c.ProjectID, &c.OrganizationID}
	},
}

// second is Unix seconds. A certificate may name any time, the one that stands
// for none in an [instant] included.
type second struct{ t *time.Time }

func (f second) Value() (driver.Value, error) { return f.t.Unix(), nil }

func (f second) Scan(src any) error {
	s, ok := src.(int64)
	if !ok {
		return fmt.Errorf("a time is %T", src)
	}
	*f.t = time.Unix(s, 0).UTC()
	return nil
}

func (r reader) Certificate(ctx context.Context, organizationID, certificateID string) (org.Certificate, error) {
	return certificates.get(ctx, r, certificateID, organizationID)
}

func (r reader) Certificates(ctx context.Context, organizationID string, p org.Page) (org.Rows[org.Certificate], error) {
	return certificates.page(ctx, r, p, list{organizationID: organizationID, scope: inOrganization(organizationID)})
}

func (r reader) ProjectCertificates(ctx context.Context, organizationID, projectID string) ([]string, error) {
	q := sqldb.NewQuery(projectCertificates.selection())
	inProject(organizationID, projectID)(q)
	rows, err := projectCertificates.all(ctx, r, q.Add(" ORDER BY certificate_id"))
	ids := make([]string, len(rows))
	for i, c := range rows {
		ids[i] = c.CertificateID
	}
	return ids, err
}

func (r reader) ActiveInProjects(ctx context.Context, organizationID string) ([]org.ProjectCertificate, error) {
	q := sqldb.NewQuery(projectCertificates.selection()).And("organization_id", sqldb.Equal(organizationID))
	return projectCertificates.all(ctx, r, q.Add(" ORDER BY project_id, certificate_id"))
}

func (r reader) ProjectsOfCertificate(ctx context.Context, organizationID, certificateID string, limit int) ([]string, error) {
	q := sqldb.NewQuery(projectCertificates.selection()).
		And("certificate_id", sqldb.Equal(certificateID)).And("organization_id", sqldb.Equal(organizationID)).
		Where("project_id IN (SELECT p.id FROM projects p WHERE p.archived_at = 0)").
		Add(" ORDER BY project_id LIMIT ?", limit)
	rows, err := projectCertificates.all(ctx, r, q)
	ids := make([]string, len(rows))
	for i, c := range rows {
		ids[i] = c.ProjectID
	}
	return ids, err
}

func (w *tx) InsertCertificate(ctx context.Context, c org.Certificate) error {
	if err := certificates.insert(ctx, w, &c); err != nil {
		return err
	}
	w.change(org.ChangeCertificate, c.OrganizationID, c.ID)
	return nil
}

func (w *tx) UpdateCertificate(ctx context.Context, c org.Certificate) error {
	if err := certificates.update(ctx, w, &c); err != nil {
		return err
	}
	w.change(org.ChangeCertificate, c.OrganizationID, c.ID)
	return nil
}

func (w *tx) DeleteCertificate(ctx context.Context, organizationID, certificateID string) error {
	if !storableArgs([]any{organizationID, certificateID}) {
		return certificates.missing(certificateID)
	}
	left, err := w.execReturning(ctx, `DELETE FROM project_certificates WHERE organization_id = $1 AND certificate_id = $2 RETURNING project_id`, organizationID, certificateID)
	if err != nil {
		return fmt.Errorf("deactivating certificate %s: %w", certificateID, err)
	}
	if err := certificates.remove(ctx, w, certificateID, organizationID); err != nil {
		return err
	}
	w.change(org.ChangeCertificate, organizationID, certificateID)
	slices.Sort(left)
	for _, projectID := range left {
		w.change(org.ChangeProjectCertificates, organizationID, projectID)
	}
	return nil
}

func (w *tx) InsertProjectCertificate(ctx context.Context, c org.ProjectCertificate) error {
	if err := projectCertificates.insert(ctx, w, &c); err != nil {
		return err
	}
	w.change(org.ChangeProjectCertificates, c.OrganizationID, c.ProjectID)
	return nil
}

func (w *tx) DeleteProjectCertificate(ctx context.Context, c org.ProjectCertificate) error {
	if err := projectCertificates.remove(ctx, w, c.CertificateID, c.ProjectID, c.OrganizationID); err != nil {
		return err
	}
	w.change(org.ChangeProjectCertificates, c.OrganizationID, c.ProjectID)
	return nil
}
