package scim

import (
	"context"
	"net/http"
)

// The schemas of what a provider asks about this service (RFC 7643, sections 5
// to 7).
const (
	configSchema       = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	resourceTypeSchema = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	schemaSchema       = "urn:ietf:params:scim:schemas:core:2.0:Schema"
)

func (a *API) serviceProviderConfig(_ context.Context, c *call) (reply, error) {
	no := resource{"supported": false}
	return reply{status: http.StatusOK, body: resource{
		"schemas": []string{configSchema}, "patch": resource{"supported": true},
		"bulk":   resource{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
		"filter": resource{"supported": true, "maxResults": maxCount}, "changePassword": no, "sort": no, "etag": resource{"supported": true},
		"authenticationSchemes": []resource{{
			"type": "oauthbearertoken", "name": "Bearer token", "description": "A token made with POST /weir/v1/scim_tokens.", "primary": true,
		}},
		"meta": resource{"resourceType": "ServiceProviderConfig", "location": c.base + "/ServiceProviderConfig"},
	}}, nil
}

func resourceTypes(c *call) []resource {
	one := func(name, schema string) resource {
		return resource{
			"schemas": []string{resourceTypeSchema}, "id": name, "name": name, "endpoint": "/" + name + "s", "schema": schema,
			"meta": resource{"resourceType": "ResourceType", "location": c.base + "/ResourceTypes/" + name},
		}
	}
	return []resource{one("User", userSchema), one("Group", groupSchema)}
}

func (a *API) listResourceTypes(_ context.Context, c *call) (reply, error) {
	return described(c, resourceTypes(c))
}

func (a *API) getResourceType(_ context.Context, c *call) (reply, error) {
	return oneOf(c, resourceTypes(c))
}

func (a *API) listSchemas(_ context.Context, c *call) (reply, error) { return described(c, schemas(c)) }

func (a *API) getSchema(_ context.Context, c *call) (reply, error) { return oneOf(c, schemas(c)) }

// described answers a list of descriptions, which cannot be filtered (RFC 7644,
// section 4).
func described(c *call, all []resource) (reply, error) {
	if c.FormValue("filter") != "" {
		return reply{}, &problem{http.StatusForbidden, "", "Descriptions cannot be filtered."}
	}
	return reply{status: http.StatusOK, body: listed(all, len(all), 1)}, nil
}

func oneOf(c *call, all []resource) (reply, error) {
	for _, r := range all {
		if r["id"] == c.PathValue("id") {
			return reply{status: http.StatusOK, body: r}, nil
		}
	}
	return reply{}, &problem{http.StatusNotFound, "", "There is no such description."}
}

// attr describes an attribute; traits change what is usual.
func attr(name, kind, description string, traits resource) resource {
	a := resource{
		"name": name, "type": kind, "description": description, "multiValued": false, "required": false,
		"mutability": "readWrite", "returned": "default",
	}
	if kind == "string" {
		a["caseExact"], a["uniqueness"] = false, "none"
	}
	for k, v := range traits {
		a[k] = v
	}
	return a
}

func schemas(c *call) []resource {
	fixed := resource{"mutability": "readOnly"}
	one := func(id, name, description string, attributes []resource) resource {
		return resource{
			"schemas": []string{schemaSchema}, "id": id, "name": name, "description": description, "attributes": attributes,
			"meta": resource{"resourceType": "Schema", "location": c.base + "/Schemas/" + id},
		}
	}
	return []resource{
		one(userSchema, "User", "A person of the organization", []resource{
			attr("userName", "string", "The e-mail address by which the person is known.", resource{"required": true, "uniqueness": "server"}),
			attr("displayName", "string", "What the person is called.", nil),
			attr("name", "complex", "The parts of the name.", resource{"subAttributes": []resource{
				attr("formatted", "string", "The whole name.", nil), attr("givenName", "string", "", nil), attr("familyName", "string", "", nil),
			}}),
			attr("emails", "complex", "One address, for work.", resource{"multiValued": true, "subAttributes": []resource{
				attr("value", "string", "The address.", nil), attr("type", "string", "work", nil), attr("primary", "boolean", "true", nil),
			}}),
			attr("active", "boolean", "Whether the person can sign in and have keys.", nil),
			attr("groups", "complex", "The groups the person is in.", resource{"multiValued": true, "mutability": "readOnly", "subAttributes": []resource{
				attr("value", "string", "The id of the group.", fixed), attr("display", "string", "Its name.", fixed),
				attr("$ref", "reference", "Its address.", resource{"mutability": "readOnly", "referenceTypes": []string{"Group"}}),
				attr("type", "string", "direct", fixed),
			}}),
		}),
		one(groupSchema, "Group", "A group of people, which roles are assigned to", []resource{
			attr("displayName", "string", "The name of the group.", resource{"required": true, "uniqueness": "server", "caseExact": true}),
			attr("members", "complex", "The people in it.", resource{"multiValued": true, "subAttributes": []resource{
				attr("value", "string", "The id of a user.", resource{"mutability": "immutable", "caseExact": true}),
				attr("display", "string", "What the person is called.", fixed),
				attr("$ref", "reference", "Its address.", resource{"mutability": "readOnly", "referenceTypes": []string{"User"}}),
				attr("type", "string", "User", resource{"mutability": "immutable"}),
			}}),
		}),
	}
}
