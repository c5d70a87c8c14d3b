package adminapi_test

import "weir/internal/org"

const (
	someLimit = `{"threshold_amount": 10000, "currency": "USD", "interval": "month"}`
	someAlert = `{"threshold_amount": 100000, "currency": "USD", "interval": "month", "notification_channel":
		{"type": "email", "recipients": ["finance@example.com"], "subject_prefix": "Spend"}}`
)

// settingsExamples are calls about spending, data retention, models, tools and
// tiers, of the organization and of a project.
func settingsExamples() map[string]func(w *world) (path, body string) {
	type example = func(w *world) (path, body string)
	const inProject = "/v1/organization/projects/{project_id}"
	examples := map[string]example{}
	add := func(method, path string, at func(w *world, projectID string) (more, body string)) {
		examples[method+" /v1/organization"+path] = func(w *world) (string, string) {
			more, body := at(w, "")
			return "/v1/organization" + more, body
		}
		examples[method+" "+inProject+path] = func(w *world) (string, string) {
			projectID := w.project("example").ID
			more, body := at(w, projectID)
			return "/v1/organization/projects/" + projectID + more, body
		}
	}
	limited := func(w *world, projectID string) (string, string) {
		w.spendLimit(projectID)
		return "/spend_limit", ""
	}
	add("GET", "/spend_limit", limited)
	add("DELETE", "/spend_limit", limited)
	add("POST", "/spend_limit", func(*world, string) (string, string) { return "/spend_limit", someLimit })
	alerted := func(body string) func(w *world, projectID string) (string, string) {
		return func(w *world, projectID string) (string, string) {
			return "/spend_alerts/" + w.spendAlert(projectID).ID, body
		}
	}
	add("GET", "/spend_alerts", func(w *world, projectID string) (string, string) {
		w.spendAlert(projectID)
		return "/spend_alerts", ""
	})
	add("POST", "/spend_alerts", func(*world, string) (string, string) { return "/spend_alerts", someAlert })
	add("GET", "/spend_alerts/{alert_id}", alerted(""))
	add("POST", "/spend_alerts/{alert_id}", alerted(someAlert))
	add("DELETE", "/spend_alerts/{alert_id}", alerted(""))
	add("GET", "/data_retention", func(*world, string) (string, string) { return "/data_retention", "" })
	add("POST", "/data_retention", func(*world, string) (string, string) {
		return "/data_retention", `{"retention_type": "zero_data_retention"}`
	})

	permitted := func(w *world) (string, string) {
		p := w.project("example")
		_, err := w.Org.SetModelPermissions(w.t.Context(), w.actor(), p.ID, org.ModelPermissions{Mode: org.AllowList, ModelIDs: []string{"o3"}})
		must(w.t, p, err)
		return "/v1/organization/projects/" + p.ID + "/model_permissions", ""
	}
	examples["GET "+inProject+"/model_permissions"], examples["DELETE "+inProject+"/model_permissions"] = permitted, permitted
	for path, body := range map[string]string{
		"/model_permissions": `{"mode": "deny_list", "model_ids": ["o3"]}`, "/hosted_tool_permissions": `{"mcp": {"enabled": false}}`,
		"/service_tier_settings": `{"default": "fast"}`,
	} {
		examples["POST "+inProject+path] = func(w *world) (string, string) { return w.inProject(path), body }
		if _, ok := examples["GET "+inProject+path]; !ok {
			examples["GET "+inProject+path] = func(w *world) (string, string) { return w.inProject(path), "" }
		}
	}
	return examples
}

func (w *world) spendLimit(projectID string) {
	w.t.Helper()
	l, err := w.Org.SetSpendLimit(w.t.Context(), w.actor(), projectID, org.Spend{Threshold: 10000, Currency: "USD", Interval: "month"})
	must(w.t, l, err)
}

func (w *world) spendAlert(projectID string) org.SpendAlert {
	w.t.Helper()
	a, err := w.Org.CreateSpendAlert(w.t.Context(), w.actor(), projectID, org.SpendAlertFields{
		Spend: org.Spend{Threshold: 10000, Currency: "USD", Interval: "month"}, ChannelType: "email", Recipients: []string{"finance@example.com"},
	})
	return must(w.t, a, err)
}
