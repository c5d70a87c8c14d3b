package org

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"

	"weir/internal/fault"
	"weir/internal/routing"
)

// checkBounds refuses more than a connection may hold.
func (in *ConnectionFields) checkBounds() error {
	for _, text := range []struct {
		param, value string
		limit        int
	}{
		{"description", in.Description.V, maxDescription},
		{"base_url", in.BaseURL.V, maxURLLength},
		{"api_key", in.APIKey.V, maxSecretLength},
		{"admin_key", in.AdminKey.V, maxSecretLength},
		{"organization", in.Organization.V, maxReference},
		{"project", in.Project.V, maxReference},
	} {
		if err := checkLength(text.param, text.value, text.limit); err != nil {
			return err
		}
	}
	if err := checkReferences("models", in.Models.V, maxModels); err != nil {
		return err
	}
	if err := checkCount("workspace_ids", len(in.WorkspaceIDs.V), maxIDs); err != nil {
		return err
	}
	if err := checkCount("headers", len(in.Headers.V), maxHeaders); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(in.Headers.V)) {
		if err := checkLength("headers", name+in.Headers.V[name], maxSecretLength); err != nil {
			return err
		}
	}
	return nil
}

// checkMoved refuses an address on another host unless every secret comes with
// it: whoever may change the address could otherwise have the provider's key
// sent to a host of their own.
func checkMoved(c *routing.Connection, in ConnectionFields) error {
	if !in.BaseURL.Sent { // null is the provider's own address
		return nil
	}
	next, err := routing.ValidateBaseURL(c.Provider, in.BaseURL.V)
	if err != nil || routing.SameOrigin(c.BaseURL, next) {
		return err
	}
	for _, secret := range []struct {
		field string
		kept  bool
	}{
		{routing.FieldAPIKey, c.APIKey != nil && !in.APIKey.Sent},
		{routing.FieldAdminKey, c.AdminKey != nil && !in.AdminKey.Sent},
		{routing.FieldHeaders, c.Headers != nil && !in.Headers.Sent},
	} {
		if secret.kept {
			return fault.Invalidf("secret_required", secret.field, "'base_url' moves to another host, so '%s' must be sent again, or as null to remove it: a stored secret is sent only to the host it was entered for.", secret.field)
		}
	}
	return nil
}

// checkEndpointsStay refuses a connection that leaves a workspace in which model
// endpoints stand on it.
func checkEndpointsStay(ctx context.Context, r Reader, c *routing.Connection) error {
	used, err := r.ModelEndpointsOn(ctx, c.OrganizationID, c.ID)
	if err != nil {
		return err
	}
	for _, m := range used {
		if !slices.Contains(c.WorkspaceIDs, m.WorkspaceID) {
			return fault.Invalidf("connection_in_use", "workspace_ids", "The connection '%s' serves the model endpoint '%s' in a workspace it would leave. Change or delete that first.", c.Name, m.Name)
		}
	}
	return nil
}

// checkWorkspaces refuses workspaces that are not there.
func checkWorkspaces(ctx context.Context, r Reader, organizationID string, ids []string) error {
	for i, workspaceID := range ids {
		if _, err := r.Workspace(ctx, organizationID, workspaceID); err != nil {
			return notFoundAsInvalid(err, fmt.Sprintf("workspace_ids[%d]", i))
		}
	}
	return nil
}

// headerText reports whether s can be sent in a header as it is. Bytes beyond
// ASCII could, but no two servers read them alike.
func headerText(s string) bool {
	return httpguts.ValidHeaderFieldValue(s) && !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
