package nativeapi

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"weir/internal/access"
	"weir/internal/endpoint"
)

//go:embed openapi/*.yaml
var own embed.FS

// Description returns the OpenAPI 3.1 description of the API, in JSON. It is
// written by hand. It panics when its files cannot be read as one.
func Description() []byte {
	raw, err := endpoint.Describe(own)
	if err != nil {
		panic("nativeapi: reading the description: " + err.Error())
	}
	return raw
}

func (a *API) description() []endpoint.Endpoint {
	return []endpoint.Endpoint{
		endpoint.Read("GET "+root+"/openapi.json", access.Authenticated, endpoint.AtOrganization, a.getDescription).Public(),
	}
}

// getDescription answers this API and the Admin API in one document.
func (a *API) getDescription(context.Context, *endpoint.Call) (json.RawMessage, error) {
	return a.document, nil
}

// document merges the description of the Admin API into this API's own and
// returns it in JSON. It panics when one of them cannot be read.
func document(admin []byte) json.RawMessage {
	doc := parsed(Description())
	if len(admin) > 0 {
		if err := merge(doc, parsed(admin)); err != nil {
			panic("nativeapi: merging the descriptions: " + err.Error())
		}
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		panic("nativeapi: encoding the description: " + err.Error())
	}
	return raw
}

// object is a JSON object of a description.
type object = map[string]any

func parsed(description []byte) object {
	var doc object
	if err := json.Unmarshal(description, &doc); err != nil {
		panic("nativeapi: reading a description: " + err.Error())
	}
	return doc
}

// merge adds the paths, components and tags of other to doc. A component that
// means something else in doc gets a name of its own; other's paths keep
// other's servers and security.
func merge(doc, other object) error {
	renamed := map[string]string{} // by reference
	for kind, components := range child(other, "components") {
		into := child(child(doc, "components"), kind)
		for _, name := range slices.Sorted(maps.Keys(components.(object))) {
			component := components.(object)[name]
			here, taken := into[name]
			switch {
			case !taken:
				into[name] = component
			case kind == "securitySchemes", selfContained(here) && reflect.DeepEqual(here, component):
				// one and the same
			default:
				renamed["#/components/"+kind+"/"+name] = "#/components/" + kind + "/Admin" + name
				into["Admin"+name] = component
			}
		}
	}
	paths := child(doc, "paths")
	for path, item := range child(other, "paths") {
		if _, taken := paths[path]; taken {
			return fmt.Errorf("both describe %s", path)
		}
		keep(doc, other, item.(object))
		paths[path] = item
	}
	redirect(other, renamed)
	mergeTags(doc, other)
	return nil
}

func mergeTags(doc, other object) {
	mine, _ := doc["tags"].([]any)
	theirs, _ := other["tags"].([]any)
	for _, tag := range theirs {
		if !slices.ContainsFunc(mine, func(t any) bool { return t.(object)["name"] == tag.(object)["name"] }) {
			mine = append(mine, tag)
		}
	}
	doc["tags"] = mine
}

// selfContained reports whether v refers to nothing: only then do equal words
// in two documents mean the same.
func selfContained(v any) bool {
	switch v := v.(type) {
	case object:
		for key, value := range v {
			if key == "$ref" || !selfContained(value) {
				return false
			}
		}
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !selfContained(item) })
	}
	return true
}

// keep writes into a path of other what it took from the top of its document
// and would not find at the top of doc.
func keep(doc, other, item object) {
	if servers, ok := other["servers"]; ok && !reflect.DeepEqual(servers, doc["servers"]) {
		item["servers"] = servers
	}
	security, ok := other["security"]
	if !ok || reflect.DeepEqual(security, doc["security"]) {
		return
	}
	for _, method := range []string{"get", "post", "delete"} {
		if operation, ok := item[method].(object); ok && operation["security"] == nil {
			operation["security"] = security
		}
	}
}

// redirect rewrites the references in v that were renamed.
func redirect(v any, renamed map[string]string) {
	switch v := v.(type) {
	case object:
		for key, value := range v {
			if to, ok := renamed[fmt.Sprint(value)]; ok && key == "$ref" {
				v[key] = to
				continue
			}
			redirect(value, renamed)
		}
	case []any:
		for _, item := range v {
			redirect(item, renamed)
		}
	}
}

// child is the object at key, which is made when it is not there.
func child(parent object, key string) object {
	if c, ok := parent[key].(object); ok {
		return c
	}
	c := object{}
	parent[key] = c
	return c
}
