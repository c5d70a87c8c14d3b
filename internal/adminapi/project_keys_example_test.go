package adminapi_test

import (
	"weir/internal/access"
	"weir/internal/org"
)

var projectKeyExamples = map[string]func(w *world) (path, body string){
	"POST /v1/organization/projects/{project_id}/api_keys/{api_key_id}": func(w *world) (path, body string) {
		p := w.project("example")
		account, _ := w.account(p.ID, access.ProjectMember)
		return projectKeyPath(p.ID, w.keyOf(p.ID, account.ID).ID), `{"scopes": ["api.model.read"], "expires_in_seconds": 60}`
	},
}

func projectKeyPath(projectID, keyID string) string {
	return "/v1/organization/projects/" + projectID + "/api_keys/" + keyID
}

// keyOf returns the newest key of a service account.
func (w *world) keyOf(projectID, accountID string) org.APIKey {
	w.t.Helper()
	keys, err := w.Org.APIKeys(w.t.Context(), w.Organization.ID, projectID, org.APIKeyFilter{Page: org.Page{Limit: 1}, ServiceAccountID: accountID})
	must(w.t, keys, err)
	return keys.Items[0]
}
