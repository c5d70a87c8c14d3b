package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"weir/internal/apiclient"
	"weir/internal/id"
)

// noun is a kind of object that may be given by its id or by its name.
type noun struct {
	what     string   // project
	prefixes []string // of its ids
	path     string   // the list to find names in
	query    url.Values
	name     string                  // where the name stands; "": name
	prefer   func(gjson.Result) bool // those that win over others of the same name
}

// find returns the id of what somebody named. What looks like an id is taken for
// one; whether it exists, the call that uses it says.
func (r *remote) find(ctx context.Context, n noun, named string) (string, error) {
	if err := apiclient.Segment(named); err != nil {
		return "", usageError{fmt.Errorf("the %s: %w", n.what, err)}
	}
	if slices.ContainsFunc(n.prefixes, func(prefix string) bool { return strings.HasPrefix(named, prefix) }) {
		return named, nil
	}
	field := n.name
	if field == "" {
		field = "name"
	}
	query := url.Values{"limit": {"100"}}
	for name, values := range n.query {
		query[name] = values
	}
	var preferred, others []string
	for item, err := range r.api.List(ctx, n.path, query) {
		if refused := (*apiclient.Error)(nil); errors.As(err, &refused) && refused.Status == http.StatusForbidden {
			// Who is an owner of a project alone may use what is there, and not list
			// all there is.
			return "", fmt.Errorf("%w. Finding the %s %q by name takes that; give the id instead", err, n.what, plain(named))
		}
		if err != nil {
			return "", err
		}
		object := gjson.ParseBytes(item)
		if object.Get(field).String() != named {
			continue
		}
		if n.prefer == nil || n.prefer(object) {
			preferred = append(preferred, object.Get("id").String())
		} else {
			others = append(others, object.Get("id").String())
		}
	}
	if len(preferred) == 0 {
		preferred = others
	}
	switch len(preferred) {
	case 0:
		return "", &nobodyError{n.what, named}
	case 1:
		if err := apiclient.Segment(preferred[0]); err != nil {
			return "", fmt.Errorf("the %s %q: %w", n.what, plain(named), err)
		}
		return preferred[0], nil
	}
	return "", fmt.Errorf("several are called %q; give the id of the %s that is meant: %s", plain(named), n.what, strings.Join(preferred, ", "))
}

// nobodyError is that nothing has the name that was given.
type nobodyError struct{ what, named string }

// Error implements error.
func (e *nobodyError) Error() string { return fmt.Sprintf("there is no %s %q", e.what, plain(e.named)) }

// project returns the id of a project. Of the same name, one that is in use wins
// over archived ones.
func (r *remote) project(ctx context.Context, named string) (string, error) {
	return r.find(ctx, noun{
		what: "project", prefixes: []string{id.Project}, path: projectsPath,
		query:  url.Values{"include_archived": {"true"}},
		prefer: func(o gjson.Result) bool { return o.Get("status").String() != "archived" },
	}, named)
}

// projects is project for several.
func (r *remote) projects(ctx context.Context, named []string) ([]string, error) {
	return each(named, func(n string) (string, error) { return r.project(ctx, n) })
}

// user returns the id of a person, who may be given by the e-mail address too. The
// API takes the id of a service account where it takes a person.
func (r *remote) user(ctx context.Context, named string) (string, error) {
	n := personAt(usersPath, named)
	if isEmail(named) {
		n.query = url.Values{"emails[]": {named}}
	}
	return r.find(ctx, n, named)
}

// userOf is user for somebody of a project, "" for the organization. They are
// looked for among the people of the project first, whom its owners may list,
// and then in the organization: people are in projects through groups too.
func (r *remote) userOf(ctx context.Context, projectID, named string) (string, error) {
	if projectID == "" {
		return r.user(ctx, named)
	}
	userID, err := r.find(ctx, personAt(inProject(projectID, "users"), named), named)
	if nobody := (*nobodyError)(nil); errors.As(err, &nobody) {
		return r.user(ctx, named)
	}
	return userID, err
}

// personAt is somebody in a list of people.
func personAt(path, named string) noun {
	n := noun{what: "user", prefixes: []string{id.User, "user_", id.ServiceAccount}, path: path}
	if isEmail(named) {
		n.name = "email"
	}
	return n
}

// each finds several, and nothing when one of them is not found: what is done to
// a list should not begin with its first half.
func each(named []string, find func(string) (string, error)) ([]string, error) {
	ids := make([]string, 0, len(named))
	for _, n := range named {
		found, err := find(n)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ids, found) {
			ids = append(ids, found)
		}
	}
	return ids, nil
}
