package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"weir/internal/audit"
	"weir/internal/config"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/identity"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/routing"
	"weir/internal/telemetry"
)

// demoDir is where the demo keeps its data unless told otherwise.
const demoDir = "./demo-data"

func runDemo(ctx context.Context, c *cli, args []string) error {
	fs := flags("demo")
	cfg, err := configure(c, fs, args, fmt.Sprintf("Usage: weir demo [flags]\n\nServes an organization with a sandbox provider, two projects with keys, and some\ndays of traffic, from %s, which is made when it is not there.\n", demoDir))
	if err != nil {
		return ended(err)
	}
	if cfg.DataDir == config.Default().DataDir {
		cfg.DataDir, cfg.DatabaseURL, cfg.EventsURL = demoDir, "", ""
		cfg = cfg.WithDerived()
	}
	if cfg.Log.Format == "auto" && cfg.Log.Level == "info" {
		cfg.Log.Level = "warn" // what the demo prints should stay in sight
	}
	log, flush, err := telemetry.NewLogger(c.stderr, cfg.Log.Format, cfg.Log.Level)
	if err != nil {
		return usageError{err}
	}
	defer func() { _ = flush() }() // stderr is where it would be said
	d, err := openDemo(cfg.DataDir)
	if err != nil {
		return err
	}
	cfg.Bootstrap.AdminKey = config.Secret(d.AdminKey)
	cfg.Bootstrap.OwnerEmail = d.Email
	cfg.Bootstrap.OwnerPassword = config.Secret(d.Password)
	return serve(ctx, cfg, log, c.stdout, func(ctx context.Context, n *node, address string) error {
		if !d.Ready {
			if err := d.fill(ctx, n); err != nil {
				return fmt.Errorf("filling the demo: %w", err)
			}
			if err := d.save(); err != nil {
				return err
			}
		}
		return d.print(c.stdout, address)
	})
}

// demo is what the demo has to remember to print it again: weir itself keeps no
// secret that it could show.
type demo struct {
	path     string
	Ready    bool          `json:"ready"` // filled
	AdminKey string        `json:"admin_key"`
	Email    string        `json:"email"`
	Password string        `json:"password"`
	Projects []demoProject `json:"projects"`
}

type demoProject struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	KeyID string `json:"key_id"`
	Key   string `json:"key"`
}

// openDemo reads what an earlier run has left in dir, or makes up new secrets.
// It refuses an install that is no demo: made-up traffic would be in its books.
func openDemo(dir string) (*demo, error) {
	d := &demo{path: filepath.Join(dir, "demo.json")}
	raw, err := os.ReadFile(d.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if database := filepath.Join(dir, "weir.db"); exists(database) {
			return nil, usageError{fmt.Errorf("%s belongs to an install that is no demo; give the demo a data directory of its own", database)}
		}
		d.AdminKey, d.Email, d.Password = id.Secret(id.AdminSecret), "owner@localhost", id.Secret("")[:16]
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the demo's folder: %w", err)
		}
		return d, d.save()
	case err != nil:
		return nil, fmt.Errorf("reading the demo's folder: %w", err)
	}
	if err := json.Unmarshal(raw, d); err != nil {
		return nil, fmt.Errorf("%s is damaged; delete the folder %s to start the demo anew: %w", d.path, dir, err)
	}
	return d, nil
}

func (d *demo) save() error {
	raw, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFile(d.path, string(raw)+"\n"); err != nil {
		return fmt.Errorf("writing the demo's keys: %w", err)
	}
	return nil
}

// fill makes what the demo shows. It goes on where an earlier run was ended.
func (d *demo) fill(ctx context.Context, n *node) error {
	owner, err := n.identity.ByKey(ctx, d.AdminKey, identity.From{})
	if fault.Is(err, fault.Unauthenticated) {
		return errors.New("the database belongs to an install that is no demo")
	}
	if err != nil {
		return err
	}
	organizationID := owner.Actor.OrganizationID
	actor := audit.System(organizationID)
	connectionID, err := n.demoConnection(ctx, actor)
	if err != nil {
		return err
	}
	if err := n.demoEndpoint(ctx, actor, connectionID); err != nil {
		return err
	}
	d.Projects = nil
	for _, name := range []string{"Support chat", "Data pipeline"} {
		projectID, err := n.demoProject(ctx, actor, name)
		if err != nil {
			return err
		}
		_, key, secret, err := n.org.CreateServiceAccount(ctx, actor, projectID, org.NewServiceAccount{Name: strings.ToLower(strings.ReplaceAll(name, " ", "-"))})
		if err != nil {
			return err
		}
		d.Projects = append(d.Projects, demoProject{ID: projectID, Name: name, KeyID: key.ID, Key: secret})
	}
	// The events store knows how far it got with the demo's events.
	if err := n.seedTraffic(ctx, organizationID, connectionID, d.Projects, time.Now()); err != nil {
		return err
	}
	d.Ready = true
	return nil
}

// unfinished is more than a demo that was not finished can hold.
const unfinished = 100

func (n *node) demoConnection(ctx context.Context, actor audit.Actor) (connectionID string, err error) {
	there, err := n.org.Connections(ctx, actor.OrganizationID, org.ConnectionFilter{Page: org.Page{Limit: unfinished}})
	if err != nil {
		return "", err
	}
	if len(there.Items) > 0 {
		return there.Items[0].ID, nil
	}
	c, _, err := n.org.CreateConnection(ctx, actor, org.ConnectionFields{
		Name: optional.Of("Sandbox"), Provider: optional.Of(string(routing.Sandbox)),
		Description: optional.Of("The built-in provider: answers without asking anybody."),
	})
	return c.ID, err
}

func (n *node) demoEndpoint(ctx context.Context, actor audit.Actor, connectionID string) error {
	there, err := n.org.ModelEndpoints(ctx, actor.OrganizationID, org.ModelEndpointFilter{Page: org.Page{Limit: unfinished}})
	if err != nil || len(there.Items) > 0 {
		return err
	}
	_, err = n.org.CreateModelEndpoint(ctx, actor, org.ModelEndpointFields{
		Name:      optional.Of("assistant"),
		Upstreams: optional.Of([]routing.Upstream{{ConnectionID: connectionID, Model: "gpt-4o-mini", Priority: 1, Weight: 1}}),
	})
	return err
}

func (n *node) demoProject(ctx context.Context, actor audit.Actor, name string) (projectID string, err error) {
	there, err := n.org.Projects(ctx, actor.OrganizationID, org.ProjectFilter{Page: org.Page{Limit: unfinished}})
	if err != nil {
		return "", err
	}
	for _, p := range there.Items {
		if p.Name == name {
			return p.ID, nil
		}
	}
	p, err := n.org.CreateProject(ctx, actor, org.NewProject{Name: name})
	return p.ID, err
}

func (d *demo) print(w io.Writer, address string) error {
	const text = `
weir is serving a demo at %[1]s
The provider is the built-in sandbox: nothing leaves this machine.

  sign-in      %[2]s  /  %[3]s
  admin key    %[4]s
  project keys %[5]s  %[6]s
               %[7]s  %[8]s

Call a model:

  curl %[1]s/v1/chat/completions -H "Authorization: Bearer %[5]s" -H "Content-Type: application/json" -d '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}]}'

See what it cost:

  curl "%[1]s/v1/organization/costs?start_time=%[9]d&group_by=project_id&group_by=line_item" -H "Authorization: Bearer %[4]s"
  curl "%[1]s/weir/v1/requests?limit=3" -H "Authorization: Bearer %[4]s"

Ctrl-C ends it; 'make demo' goes on with the same data.
`
	a, b := d.Projects[0], d.Projects[1]
	since := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -6).Unix()
	_, err := fmt.Fprintf(w, text, address, d.Email, d.Password, d.AdminKey, a.Key, "("+a.Name+")", b.Key, "("+b.Name+")", since)
	return err
}
