package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/optional"
	"weir/internal/org"
)

// certificate is one certificate as the API shows it.
type certificate struct {
	Object    string             `json:"object"` // certificate
	ID        string             `json:"id"`
	Name      *string            `json:"name"`
	CreatedAt int64              `json:"created_at"`
	Details   certificateDetails `json:"certificate_details"`
}

type certificateDetails struct {
	ValidAt   int64  `json:"valid_at"`
	ExpiresAt int64  `json:"expires_at"`
	Content   string `json:"content,omitempty"` // where it was asked for
}

// scopedCertificate is a certificate among those of the organization or of a
// project, which its object says.
type scopedCertificate struct {
	certificate
	Active bool `json:"active"`
}

// toggledCertificates is what an activation or deactivation answers.
type toggledCertificates struct {
	Object string              `json:"object"`
	Data   []scopedCertificate `json:"data"`
}

type deletedCertificate struct {
	Object string `json:"object"` // certificate.deleted
	ID     string `json:"id"`
}

type newCertificate struct {
	Name        optional.Value[string] `json:"name"`
	Certificate string                 `json:"certificate" required:"true"`
}

type certificateChange struct {
	Name optional.Value[string] `json:"name"`
}

type certificateIDs struct {
	IDs []string `json:"certificate_ids" required:"true"`
}

const (
	certificatesPath = "/v1/organization/certificates"
	certificatePath  = certificatesPath + "/{certificate_id}"
)

func (a *API) certificates() []endpoint.Endpoint {
	const read, write, at = access.CertificatesRead, access.CertificatesWrite, endpoint.AtOrganization
	rows := []endpoint.Endpoint{
		endpoint.Write("POST "+certificatesPath, write, at, []audit.Action{audit.CertificateCreated}, a.uploadCertificate),
		endpoint.Read("GET "+certificatePath, read, at, a.certificate),
		endpoint.Write("POST "+certificatePath, write, at, []audit.Action{audit.CertificateUpdated}, a.renameCertificate),
		endpoint.Act("DELETE "+certificatePath, write, at, []audit.Action{audit.CertificateDeleted}, a.deleteCertificate),
	}
	rows = append(rows, a.certificatesAt(certificatesPath, at, "organization.certificate")...)
	return append(rows, a.certificatesAt(projectPath+"/certificates", endpoint.AtProject, "organization.project.certificate")...)
}

// certificatesAt are the rows that the organization and its projects share.
func (a *API) certificatesAt(path string, at endpoint.Scope, object string) []endpoint.Endpoint {
	page := endpoint.Listing[org.ScopedCertificate, scopedCertificate]{
		Limit: 20, Min: 1, Max: 100, Ordered: true,
		ID:   func(c org.ScopedCertificate) string { return c.ID },
		Show: func(c org.ScopedCertificate) scopedCertificate { return showScopedCertificate(c, object) },
	}
	toggle := func(active bool, result string) func(context.Context, *endpoint.Call, certificateIDs) (toggledCertificates, error) {
		return func(ctx context.Context, c *endpoint.Call, in certificateIDs) (toggledCertificates, error) {
			toggled, err := a.org.ToggleCertificates(ctx, c.Actor(), org.CertificateToggle{
				ProjectID: c.Path("project_id"), IDs: in.IDs, Active: active, Shown: endpoint.Certificate(c.Request),
			})
			shown := toggledCertificates{Object: object + result, Data: make([]scopedCertificate, len(toggled))}
			for i, t := range toggled {
				shown.Data[i] = showScopedCertificate(t, object)
			}
			return shown, err
		}
	}
	return []endpoint.Endpoint{
		endpoint.List("GET "+path, access.CertificatesRead, at, page, a.listCertificates),
		endpoint.Write("POST "+path+"/activate", access.CertificatesWrite, at,
			[]audit.Action{audit.CertificatesActivated}, toggle(true, ".activation")),
		endpoint.Write("POST "+path+"/deactivate", access.CertificatesWrite, at,
			[]audit.Action{audit.CertificatesDeactivated}, toggle(false, ".deactivation")),
	}
}

func (a *API) listCertificates(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.ScopedCertificate], error) {
	return a.org.Certificates(ctx, c.OrganizationID(), c.Path("project_id"), p)
}

func (a *API) uploadCertificate(ctx context.Context, c *endpoint.Call, in newCertificate) (certificate, error) {
	uploaded, err := a.org.UploadCertificate(ctx, c.Actor(), org.NewCertificate{Name: in.Name, PEM: in.Certificate})
	return showCertificate(uploaded), err
}

func (a *API) certificate(ctx context.Context, c *endpoint.Call) (certificate, error) {
	include := c.Query.Enums("include", "content")
	if err := c.Query.Err(); err != nil {
		return certificate{}, err
	}
	found, err := a.org.Certificate(ctx, c.OrganizationID(), c.Path("certificate_id"))
	shown := showCertificate(found)
	if len(include) > 0 {
		shown.Details.Content = found.PEM
	}
	return shown, err
}

func (a *API) renameCertificate(ctx context.Context, c *endpoint.Call, in certificateChange) (certificate, error) {
	renamed, err := a.org.RenameCertificate(ctx, c.Actor(), c.Path("certificate_id"), in.Name)
	return showCertificate(renamed), err
}

func (a *API) deleteCertificate(ctx context.Context, c *endpoint.Call) (deletedCertificate, error) {
	certificateID := c.Path("certificate_id")
	return deletedCertificate{Object: "certificate.deleted", ID: certificateID},
		a.org.DeleteCertificate(ctx, c.Actor(), certificateID)
}

func showCertificate(c org.Certificate) certificate {
	return certificate{
		Object: "certificate", ID: c.ID, Name: endpoint.TextOrNull(c.Name), CreatedAt: c.CreatedAt.Unix(),
		Details: certificateDetails{ValidAt: c.ValidAt.Unix(), ExpiresAt: c.ExpiresAt.Unix()},
	}
}

func showScopedCertificate(c org.ScopedCertificate, object string) scopedCertificate {
	shown := scopedCertificate{certificate: showCertificate(c.Certificate), Active: c.ActiveHere}
	shown.Object = object
	return shown
}
