package org

import "context"

// What the change feed carries of certificates.
const (
	// ChangeCertificate is a certificate, and whether it is active in the
	// organization.
	ChangeCertificate ChangeKind = "certificate"
	// ChangeProjectCertificates is what is active in a project, whose id it is.
	ChangeProjectCertificates ChangeKind = "project_certificates"
)

// CertificateReader reads certificates.
type CertificateReader interface {
	Certificate(ctx context.Context, organizationID, certificateID string) (Certificate, error)
	Certificates(ctx context.Context, organizationID string, p Page) (Rows[Certificate], error)
	// ProjectCertificates returns the ids of those active in the project, in
	// their order.
	ProjectCertificates(ctx context.Context, organizationID, projectID string) ([]string, error)
	// ActiveInProjects returns what is active in any project of the organization.
	ActiveInProjects(ctx context.Context, organizationID string) ([]ProjectCertificate, error)
	// ProjectsOfCertificate returns the ids of at most limit projects, archived
	// ones left out, in which the certificate is active.
	ProjectsOfCertificate(ctx context.Context, organizationID, certificateID string, limit int) ([]string, error)
}

// CertificateWriter writes certificates.
type CertificateWriter interface {
	InsertCertificate(ctx context.Context, c Certificate) error
	UpdateCertificate(ctx context.Context, c Certificate) error
	// DeleteCertificate ends its activations too.
	DeleteCertificate(ctx context.Context, organizationID, certificateID string) error
	InsertProjectCertificate(ctx context.Context, c ProjectCertificate) error
	DeleteProjectCertificate(ctx context.Context, c ProjectCertificate) error
}
