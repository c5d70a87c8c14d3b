package orgfile

import (
	"context"
	"net/url"

	"github.com/tidwall/gjson"

	"weir/internal/apiclient"
)

// Certificate is a client certificate, and where it is active.
type Certificate struct {
	Name     string   `yaml:"name"`
	PEM      string   `yaml:"pem"`
	Active   bool     `yaml:"active"`    // in the organization
	Projects []string `yaml:"active_in"` // projects
}

// That a certificate is active somewhere is an object of its own: it is named by
// the certificate and the project.
const (
	KindCertificate Kind = "certificate"
	KindActivation  Kind = "active certificate"
)

const certificatesPath = "/v1/organization/certificates"

func (k Kind) isCertificate() bool { return k == KindCertificate || k == KindActivation }

func (c *collector) certificates(certificates []Certificate) {
	for _, cert := range certificates {
		if cert.PEM == "" {
			c.problem("the certificate %q has no pem", cert.Name)
		}
		c.add(Ref{Kind: KindCertificate, Name: cert.Name}, Field{"pem", cert.PEM})
		if cert.Active {
			c.add(Ref{Kind: KindActivation, Name: cert.Name})
		}
		for _, project := range cert.Projects {
			c.add(Ref{Kind: KindActivation, Project: project, Name: cert.Name})
		}
	}
}

func (f *File) placeCertificate(o Object) {
	cert := named(&f.Certificates, o.Name, func(c *Certificate) *string { return &c.Name })
	switch {
	case o.Kind == KindCertificate:
		cert.PEM = o.text("pem")
	case o.Project == "":
		cert.Active = true
	default:
		cert.Projects = append(cert.Projects, o.Project)
	}
}

// certificatesOf is the path of the certificates of the organization, or of a
// project.
func certificatesOf(projectID string) string {
	if projectID == "" {
		return certificatesPath
	}
	return projectsPath + apiclient.Path(projectID, "certificates")
}

// readCertificates reads all of the certificates, and where they are active.
func (r *Reader) readCertificates(ctx context.Context) error {
	items, err := list(ctx, r.api, certificatesPath, nil)
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, it := range items {
		if it.Name == "" {
			continue // what has no name cannot be asked for
		}
		o, _, err := readCertificate(ctx, r.api, it.ID)
		if err != nil {
			return err
		}
		r.world.Objects[o.Ref] = Actual{Object: o, ID: it.ID}
		r.world.Ambiguous[o.Ref]++
		r.world.IDs[o.Ref] = it.ID
		names[it.ID] = it.Name
	}
	for _, place := range append(r.foundProjects(), Ref{}) {
		projectID := r.world.IDs[place]
		items, err := list(ctx, r.api, certificatesOf(projectID), nil)
		if err != nil {
			return err
		}
		for _, it := range items {
			if it.Active && names[it.ID] != "" {
				ref := Ref{Kind: KindActivation, Project: place.Name, Name: names[it.ID]}
				r.world.Objects[ref] = Actual{Object: Object{Ref: ref}, ID: projectID + "/" + it.ID}
			}
		}
	}
	return nil
}

func readCertificate(ctx context.Context, api *apiclient.Client, id string) (o Object, there bool, err error) {
	raw, err := api.Get(ctx, certificatesPath+apiclient.Path(id), url.Values{"include[]": {"content"}})
	if err != nil {
		return Object{}, false, err
	}
	got := gjson.ParseBytes(raw)
	return Object{
		Ref:    Ref{Kind: KindCertificate, Name: got.Get("name").String()},
		Fields: []Field{{"pem", got.Get("certificate_details.content").String()}},
	}, true, nil
}

// observeCertificate reads the object of a step again.
func (r *Run) observeCertificate(ctx context.Context, c Change) (o Object, there bool, err error) {
	items, err := list(ctx, r.API, certificatesOf(r.project(c.Project)), nil)
	if err != nil {
		return Object{}, false, err
	}
	id := r.World.IDs[Ref{Kind: KindCertificate, Name: c.Name}]
	for _, it := range items {
		switch {
		case c.Kind == KindActivation && it.ID == id:
			return Object{}, it.Active, nil
		case c.Kind == KindCertificate && c.have.ID == "" && it.Name == c.Name:
			return Object{}, true, nil
		case c.Kind == KindCertificate && c.have.ID == it.ID:
			return readCertificate(ctx, r.API, it.ID)
		}
	}
	return Object{}, false, nil
}

// certify makes a change of a certificate, or of where one is active, and returns
// its id.
func (r *Run) certify(ctx context.Context, c Change) (id string, err error) {
	ref := Ref{Kind: KindCertificate, Name: c.Name}
	switch {
	case c.Kind == KindActivation:
		verb := "/activate"
		if c.Action == Delete {
			verb = "/deactivate"
		}
		projectID := r.project(c.Project)
		if _, err := r.API.Post(ctx, certificatesOf(projectID)+verb, map[string]any{"certificate_ids": []string{r.World.IDs[ref]}}); err != nil {
			return "", err
		}
		return projectID + "/" + r.World.IDs[ref], nil
	case c.Action == Delete:
		_, err := r.API.Delete(ctx, certificatesPath+apiclient.Path(c.have.ID), nil)
		return c.have.ID, err
	}
	raw, err := r.API.Post(ctx, certificatesPath, map[string]any{"name": c.Name, "certificate": c.want.text("pem")})
	if err != nil {
		return "", err
	}
	id = gjson.GetBytes(raw, "id").String()
	r.World.IDs[ref] = id
	return id, nil
}
