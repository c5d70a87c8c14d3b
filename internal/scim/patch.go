package scim

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// maxOperations bounds a PATCH.
const maxOperations = 1000

// The operations of a PATCH (RFC 7644, section 3.5.2).
const (
	opAdd     = "add"
	opReplace = "replace"
	opRemove  = "remove"
)

// step is one operation on one attribute. A PATCH without a path, and the body
// of a POST or a PUT, are steps for each of the attributes they hold.
type step struct {
	op    string
	path  path
	value any  // as encoding/json reads it; nil for null and for none
	named bool // the path stood there, and not in a value
}

// parsePatch reads a PATCH.
func parsePatch(body []byte) ([]step, error) {
	var patch struct {
		Operations []struct {
			Op    string
			Path  string
			Value any
		}
	}
	if err := json.Unmarshal(body, &patch); err != nil {
		return nil, bad(typeInvalidSyntax, "The body of the request is not a PatchOp.")
	}
	if len(patch.Operations) == 0 || len(patch.Operations) > maxOperations {
		return nil, bad(typeInvalidSyntax, "A PatchOp has between 1 and %d Operations.", maxOperations)
	}
	var steps []step
	for _, o := range patch.Operations {
		op := strings.ToLower(o.Op)
		switch {
		case op != opAdd && op != opReplace && op != opRemove:
			return nil, bad(typeInvalidSyntax, "'%s' is no operation: there are add, replace and remove.", brief(o.Op))
		case o.Path != "":
			p, err := parsePath(o.Path)
			if err != nil {
				return nil, err
			}
			steps = append(steps, step{op, p, o.Value, true})
		case op == opRemove:
			return nil, bad(typeNoTarget, "A remove needs a path.")
		default:
			fields, ok := o.Value.(map[string]any)
			if !ok {
				return nil, invalidValue("The value of an operation without a path is an object.")
			}
			more, err := stepsOf(op, fields)
			if err != nil {
				return nil, err
			}
			steps = append(steps, more...)
		}
	}
	return steps, nil
}

// stepsOf is one step for each attribute of an object, in the order of their
// names. Entra ID and Okta write paths there too: "name.givenName".
func stepsOf(op string, fields map[string]any) ([]step, error) {
	steps := make([]step, 0, len(fields))
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		p, err := parsePath(key)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step{op, p, fields[key], false})
	}
	return steps, nil
}

// text is the value of a step that sets text; "" for none.
func (s *step) text() (string, error) {
	if s.op == opRemove || s.value == nil {
		return "", nil
	}
	text, ok := s.value.(string)
	if !ok {
		return "", invalidValue("'%s' is text.", s.path.attribute)
	}
	return text, nil
}

// unkept are attributes that the standard has and weir does not keep. Providers
// send them by default; they are passed over.
var unkept = map[string]bool{
	"nickname": true, "profileurl": true, "title": true, "usertype": true, "preferredlanguage": true, "locale": true,
	"timezone": true, "password": true, "phonenumbers": true, "ims": true, "photos": true, "addresses": true,
	"entitlements": true, "roles": true, "x509certificates": true,
}

// readOnly are attributes that the provider cannot set (RFC 7643, section 3.1).
var readOnly = map[string]bool{"id": true, "schemas": true, "meta": true, "groups": true}

// other takes a step on an attribute that is not kept, and refuses one that
// nobody knows or can change when it was asked for by name.
func (s *step) other() error {
	name := s.path.name
	switch {
	case !s.named || unkept[name] || strings.HasPrefix(name, "urn:"):
		return nil
	case readOnly[name]:
		return bad(typeMutability, "'%s' cannot be changed.", s.path.attribute)
	}
	return bad(typeInvalidPath, "There is no attribute '%s'.", brief(s.path.attribute.String()))
}

// valuesOf reads the values of an attribute that may have several: objects with
// a value, or the values alone.
func (s *step) valuesOf() ([]resource, error) {
	var list []any
	switch v := s.value.(type) {
	case nil:
	case []any:
		list = v
	default:
		list = []any{v}
	}
	out := make([]resource, 0, len(list))
	for _, v := range list {
		switch v := v.(type) {
		case string:
			out = append(out, resource{"value": v})
		case map[string]any:
			out = append(out, resource(v))
		default:
			return nil, invalidValue("The values of '%s' are objects with a 'value'.", s.path.attribute)
		}
	}
	return out, nil
}
