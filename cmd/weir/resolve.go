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
			// Who is an owner of a project alone may use it, and not list all there are.
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
		return "", fmt.Errorf("there is no %s %q", n.what, plain(named))
	case 1:
		if err := apiclient.Segment(preferred[0]); err != nil {
			return "", fmt.Errorf("the %s %q: %w", n.what, plain(named), err)
		}
		return preferred[0], nil
	}
	return "", fmt.Errorf("several are called %q; give the id of the %s that is meant: %s", plain(named), n.what, strings.Join(preferred, ", "))
}

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
	n := noun{what: "user", prefixes: []string{id.User, "user_", id.ServiceAccount}, path: usersPath}
	if isEmail(named) {
		n.name, n.query = "email", url.Values{"emails[]": {named}}
	}
	return r.find(ctx, n, named)
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
