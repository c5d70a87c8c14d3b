package orgtest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
)

func (n *tenant) newCertificate() org.Certificate {
	at := n.clock.next()
	return org.Certificate{
		ID: id.At(id.Certificate, at), OrganizationID: n.org.ID, Name: "Client", PEM: "-----BEGIN CERTIFICATE-----\n…\n",
		ValidAt: time.Unix(0, 0).UTC(), ExpiresAt: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), Active: true, CreatedAt: at,
	}
}

func (n *tenant) activation() org.ProjectCertificate {
	return org.ProjectCertificate{OrganizationID: n.org.ID, ProjectID: n.project.ID, CertificateID: n.certificate.ID}
}

func certificateFamily() family {
	return family{
		insert: func(ctx context.Context, tx org.Tx, n *tenant) error {
			n.certificate = n.newCertificate()
			return errors.Join(tx.InsertCertificate(ctx, n.certificate), tx.InsertProjectCertificate(ctx, n.activation()))
		},
		probes: func(a *tenant) map[string]probe {
			return map[string]probe{
				"Certificate": func(ctx context.Context, r org.Reader, o string) (any, error) {
					return r.Certificate(ctx, o, a.certificate.ID)
				},
				"Certificates": lists(a.certificate, func(ctx context.Context, r org.Reader, o string) (org.Rows[org.Certificate], error) {
					return r.Certificates(ctx, o, org.Page{Limit: 100})
				}),
				"ProjectCertificates": func(ctx context.Context, r org.Reader, o string) (any, error) {
					return r.ProjectCertificates(ctx, o, a.project.ID)
				},
				"ActiveInProjects": func(ctx context.Context, r org.Reader, o string) (any, error) {
					active, err := r.ActiveInProjects(ctx, o)
					return slices.DeleteFunc(active, func(c org.ProjectCertificate) bool { return c.ProjectID != a.project.ID }), err
				},
				"ProjectsOfCertificate": func(ctx context.Context, r org.Reader, o string) (any, error) {
					return r.ProjectsOfCertificate(ctx, o, a.certificate.ID, 100)
				},
			}
		},
		writes: func(ctx context.Context, a *tenant, o string) map[string]func(org.Tx) error {
			certificate, activation := a.certificate, a.activation()
			certificate.OrganizationID, activation.OrganizationID = o, o
			return map[string]func(org.Tx) error{
				"UpdateCertificate":        func(tx org.Tx) error { return tx.UpdateCertificate(ctx, certificate) },
				"DeleteCertificate":        func(tx org.Tx) error { return tx.DeleteCertificate(ctx, o, certificate.ID) },
				"DeleteProjectCertificate": func(tx org.Tx) error { return tx.DeleteProjectCertificate(ctx, activation) },
			}
		},
		lists: []pageable{{
			name: "certificates",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newCertificate()
				v.CreatedAt = at
				return v.ID, tx.InsertCertificate(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteCertificate(ctx, n.org.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.Certificates(ctx, n.org.ID, p)
				return places(rows, err, func(v org.Certificate) place { return place{v.CreatedAt, v.ID} })
			},
		}},
	}
}

func certificates(t *testing.T, s org.Store) {
	c := &clock{}
	n := newTenant(t, s, c)
	newTenant(t, s, c) // whose rows are not to be seen
	ctx, o := t.Context(), n.org.ID
	noun[org.Certificate]{
		label: "Certificate", kind: org.ChangeCertificate, id: func(v org.Certificate) string { return v.ID }, create: n.newCertificate,
		change: func(v *org.Certificate) { v.Name, v.Active = "", false },
		get: func(ctx context.Context, r org.Reader, v org.Certificate) (org.Certificate, error) {
			return r.Certificate(ctx, o, v.ID)
		},
		insert: func(ctx context.Context, tx org.Tx, v org.Certificate) error { return tx.InsertCertificate(ctx, v) },
		update: func(ctx context.Context, tx org.Tx, v org.Certificate) error { return tx.UpdateCertificate(ctx, v) },
		remove: func(ctx context.Context, tx org.Tx, v org.Certificate) error {
			return tx.DeleteCertificate(ctx, o, v.ID)
		},
	}.check(t, s, o)

	archived, project, second := n.newProject(), n.newProject(), n.newCertificate()
	archived.ArchivedAt = c.next()
	in := func(p org.Project, certificateID string) org.ProjectCertificate {
		return org.ProjectCertificate{OrganizationID: o, ProjectID: p.ID, CertificateID: certificateID}
	}
	update(t, s, o, func(tx org.Tx) error {
		return errors.Join(tx.InsertProject(ctx, archived), tx.InsertProject(ctx, project), tx.InsertCertificate(ctx, second))
	})
	version := update(t, s, o, func(tx org.Tx) error {
		return errors.Join(
			tx.InsertProjectCertificate(ctx, in(project, second.ID)), tx.InsertProjectCertificate(ctx, in(project, n.certificate.ID)),
			tx.InsertProjectCertificate(ctx, in(archived, second.ID)),
		)
	})
	changed := func(version int64, want ...org.Change) {
		t.Helper()
		for i := range want {
			want[i].Version, want[i].OrganizationID = version, o
		}
		got, err := s.Changes(ctx, version-1, 100)
		equal(t, "changes", got, want)
		equal(t, "error", err, nil)
	}
	changed(version, org.Change{Kind: org.ChangeProjectCertificates, ID: project.ID}, org.Change{Kind: org.ChangeProjectCertificates, ID: archived.ID})
	is := func(projectID string, want ...string) {
		t.Helper()
		view(t, s, func(r org.Reader) error {
			got, err := r.ProjectCertificates(ctx, o, projectID)
			equal(t, "active in "+projectID, append([]string{}, got...), append([]string{}, want...))
			return err
		})
	}
	is(project.ID, n.certificate.ID, second.ID)
	view(t, s, func(r org.Reader) error {
		both, err := r.ProjectsOfCertificate(ctx, o, n.certificate.ID, 9)
		equal(t, "projects of a certificate", both, []string{n.project.ID, project.ID})
		one, err2 := r.ProjectsOfCertificate(ctx, o, n.certificate.ID, 1)
		equal(t, "one project of a certificate", one, []string{n.project.ID})
		active, err3 := r.ProjectsOfCertificate(ctx, o, second.ID, 9)
		equal(t, "projects, archived ones left out", active, []string{project.ID})
		everywhere, err4 := r.ActiveInProjects(ctx, o)
		count := map[string]int{}
		for _, c := range everywhere {
			count[c.ProjectID]++
		}
		equal(t, "active in projects", count, map[string]int{n.project.ID: 1, project.ID: 2, archived.ID: 1})
		return errors.Join(err, err2, err3, err4)
	})
	if err := refuse(t, s, o, func(tx org.Tx) error { return tx.InsertProjectCertificate(ctx, in(project, second.ID)) }); !fault.Is(err, fault.Invalid) {
		t.Errorf("activated twice: %v, want invalid", err)
	}
	update(t, s, o, func(tx org.Tx) error { return tx.DeleteProjectCertificate(ctx, in(project, n.certificate.ID)) })
	is(project.ID, second.ID)
	if err := refuse(t, s, o, func(tx org.Tx) error { return tx.DeleteProjectCertificate(ctx, in(project, n.certificate.ID)) }); !fault.Is(err, fault.NotFound) {
		t.Errorf("deactivated twice: %v, want not found", err)
	}
	version = update(t, s, o, func(tx org.Tx) error { return tx.DeleteCertificate(ctx, o, second.ID) })
	is(project.ID)
	is(n.project.ID, n.certificate.ID)
	changed(version, org.Change{Kind: org.ChangeCertificate, ID: second.ID},
		org.Change{Kind: org.ChangeProjectCertificates, ID: archived.ID}, org.Change{Kind: org.ChangeProjectCertificates, ID: project.ID})
}
