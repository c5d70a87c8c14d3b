package scim

import (
	"strings"
)

// resource is a user, a group or a value of an attribute, as it is written in
// JSON. Its values are strings, booleans, resources, and lists of resources and
// strings.
type resource map[string]any

// get returns an attribute by its name in letters of any case; nil for none.
func (r resource) get(name string) any {
	if v, ok := r[name]; ok {
		return v
	}
	for key, v := range r {
		if strings.EqualFold(key, name) {
			return v
		}
	}
	return nil
}

// elements are the values of an attribute that has several.
func elements(v any) []resource {
	switch v := v.(type) {
	case resource:
		return []resource{v}
	case []resource:
		return v
	}
	return nil
}

// values returns what an attribute holds: of one that has several values with
// parts, the part called value where none is named.
func (r resource) values(a attribute) []any {
	v := r.get(a.name)
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		if v == "" || a.sub != "" {
			return nil
		}
		return []any{v}
	case bool:
		if a.sub != "" {
			return nil
		}
		return []any{v}
	}
	sub := a.sub
	if sub == "" {
		sub = "value"
	}
	var out []any
	for _, element := range elements(v) {
		if part := element.get(sub); part != nil {
			out = append(out, part)
		} else if a.sub == "" {
			out = append(out, element) // present, though nothing equals it
		}
	}
	return out
}

// projection says which attributes an answer shows (RFC 7644, section 3.9).
type projection struct {
	only, without []attribute
}

// always are shown whatever is asked for.
var always = map[string]bool{"id": true, "schemas": true}

func parseProjection(attributes, excluded string) (projection, error) {
	if attributes != "" && excluded != "" {
		return projection{}, invalidValue("'attributes' and 'excludedAttributes' cannot be combined.")
	}
	only, err := parseNames(attributes)
	if err != nil {
		return projection{}, err
	}
	without, err := parseNames(excluded)
	return projection{only, without}, err
}

func parseNames(list string) ([]attribute, error) {
	if list == "" {
		return nil, nil
	}
	var names []attribute
	for text := range strings.SplitSeq(list, ",") {
		p, err := parsePath(strings.TrimSpace(text))
		if err != nil {
			return nil, err
		}
		names = append(names, p.attribute)
	}
	return names, nil
}

// shows reports whether any of an attribute is shown.
func (p projection) shows(name string) bool {
	name = strings.ToLower(name)
	if always[name] {
		return true
	}
	for _, a := range p.without {
		if a.name == name && a.sub == "" {
			return false
		}
	}
	if len(p.only) == 0 {
		return true
	}
	for _, a := range p.only {
		if a.name == name {
			return true
		}
	}
	return false
}

// of returns what is shown of r.
func (p projection) of(r resource) resource {
	shown := resource{}
	for key, v := range r {
		if p.shows(key) {
			shown[key] = p.parts(strings.ToLower(key), v)
		}
	}
	return shown
}

// parts returns what is shown of the attribute name.
func (p projection) parts(name string, v any) any {
	keep := map[string]bool{}
	for _, a := range p.only {
		if a.name == name {
			if a.sub == "" {
				return v
			}
			keep[a.sub] = true
		}
	}
	drop := map[string]bool{}
	for _, a := range p.without {
		if a.name == name && a.sub != "" {
			drop[a.sub] = true
		}
	}
	if len(keep)+len(drop) == 0 {
		return v
	}
	cut := func(element resource) resource {
		out := resource{}
		for key, part := range element {
			if lower := strings.ToLower(key); !drop[lower] && (len(keep) == 0 || keep[lower]) {
				out[key] = part
			}
		}
		return out
	}
	switch v := v.(type) {
	case resource:
		return cut(v)
	case []resource:
		out := make([]resource, len(v))
		for i, element := range v {
			out[i] = cut(element)
		}
		return out
	}
	return v
}
