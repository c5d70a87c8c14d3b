package adminapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"

	"weir/internal/org"
)

func TestSpendLimitsThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	o, p := w.client.Admin.Organization, w.project("home")
	if _, err := o.SpendLimit.Get(ctx); statusOf(t, err) != http.StatusNotFound {
		t.Errorf("none yet: %v", err)
	}
	if _, err := o.Projects.SpendLimit.Delete(ctx, p.ID); statusOf(t, err) != http.StatusNotFound {
		t.Errorf("deleting none: %v", err)
	}
	for _, cents := range []int64{10_000, 1} { // created, replaced
		l, err := o.SpendLimit.Update(ctx, openai.AdminOrganizationSpendLimitUpdateParams{ThresholdAmount: cents, Currency: "USD", Interval: "month"})
		if err != nil || l.Object != "organization.spend_limit" || l.ThresholdAmount != cents || l.Currency != "USD" || l.Interval != "month" || l.Enforcement.Status != "inactive" {
			t.Errorf("set: %+v %v", l, err)
		}
	}
	kind, projectID, details := w.lastEvent()
	want := fmt.Sprintf(`{"changes_requested":{"spend_limit":{"currency":"USD","interval":"month","threshold_amount":1}},"id":%q}`, w.Organization.ID)
	if kind != "organization.updated" || projectID != w.Organization.DefaultProjectID || mustJSON(t, details) != want {
		t.Errorf("recorded %s %s %v", kind, projectID, details)
	}
	l, err := o.Projects.SpendLimit.Update(ctx, p.ID, openai.AdminOrganizationProjectSpendLimitUpdateParams{ThresholdAmount: 500, Currency: "USD", Interval: "month"})
	if err != nil || l.Object != "project.spend_limit" || l.ThresholdAmount != 500 {
		t.Errorf("the project's: %+v %v", l, err)
	}
	if kind, projectID, _ := w.lastEvent(); kind != "project.updated" || projectID != p.ID {
		t.Errorf("recorded %s %s", kind, projectID)
	}
	// The one is not the other.
	gone, err := o.SpendLimit.Delete(ctx)
	if err != nil || !gone.Deleted || gone.Object != "organization.spend_limit.deleted" {
		t.Errorf("deleted: %+v %v", gone, err)
	}
	if _, err := o.SpendLimit.Get(ctx); statusOf(t, err) != http.StatusNotFound {
		t.Errorf("deleted and there: %v", err)
	}
	if l, err := o.Projects.SpendLimit.Get(ctx, p.ID); err != nil || l.ThresholdAmount != 500 {
		t.Errorf("the project's went too: %+v %v", l, err)
	}
	if gone, err := o.Projects.SpendLimit.Delete(ctx, p.ID); err != nil || gone.Object != "project.spend_limit.deleted" {
		t.Errorf("deleted: %+v %v", gone, err)
	}
}

func TestSpendAlertsThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	o, p, other := w.client.Admin.Organization, w.project("home"), w.project("other")
	var ids []string
	for i := range 5 {
		a, err := o.Projects.SpendAlerts.New(ctx, p.ID, openai.AdminOrganizationProjectSpendAlertNewParams{
			ThresholdAmount: int64(i), Currency: "USD", Interval: "month",
			NotificationChannel: openai.AdminOrganizationProjectSpendAlertNewParamsNotificationChannel{
				Recipients: []string{"finance@example.com", "müller@example.com"}, SubjectPrefix: openai.String("Spend"),
			},
		})
		if err != nil || a.Object != "project.spend_alert" || a.ThresholdAmount != int64(i) || a.NotificationChannel.SubjectPrefix != "Spend" ||
			!strings.HasPrefix(a.ID, "alert_") || len(a.NotificationChannel.Recipients) != 2 || a.NotificationChannel.Type != "email" {
			t.Fatalf("made %s %v", a.RawJSON(), err)
		}
		ids = append(ids, a.ID)
	}
	kind, projectID, details := w.lastEvent()
	changes := details["changes_requested"].(map[string]any)["spend_alert"].(map[string]any)
	if kind != "project.updated" || projectID != p.ID || details["id"] != p.ID || changes["id"] != ids[4] || changes["threshold_amount"] != 4.0 {
		t.Errorf("recorded %s %s %v", kind, projectID, details)
	}
	list := func(limit param.Opt[int64], order openai.AdminOrganizationProjectSpendAlertListParamsOrder) []string {
		return walk(t, o.Projects.SpendAlerts.ListAutoPaging(ctx, p.ID, openai.AdminOrganizationProjectSpendAlertListParams{Limit: limit, Order: order}),
			func(a openai.ProjectSpendAlert) string { return a.ID })
	}
	newest := slices.Clone(ids)
	slices.Reverse(newest)
	for _, got := range [][]string{list(openai.Int(1), ""), list(openai.Int(100), "asc"), list(param.Opt[int64]{}, "")} {
		if !slices.Equal(got, ids) {
			t.Errorf("oldest first: %q, want %q", got, ids)
		}
	}
	if got := list(openai.Int(1), "desc"); !slices.Equal(got, newest) {
		t.Errorf("newest first: %q, want %q", got, newest)
	}
	base := "/v1/organization/projects/" + p.ID + "/spend_alerts"
	if back := w.get(base + "?limit=2&before=" + ids[3]); back["first_id"] != ids[1] || back["last_id"] != ids[2] || back["has_more"] != true {
		t.Errorf("before: %v", back)
	}
	if back := w.get(base + "?limit=2&order=desc&before=" + ids[3]); back["first_id"] != ids[4] || back["has_more"] != false {
		t.Errorf("before, newest first: %v", back)
	}
	for _, path := range []string{base + "?limit=0", "/v1/organization/projects/" + other.ID + "/spend_alerts", "/v1/organization/spend_alerts"} {
		empty := w.get(path)
		first, hasFirst := empty["first_id"]
		last, hasLast := empty["last_id"]
		if len(empty["data"].([]any)) != 0 || !hasFirst || !hasLast || first != nil || last != nil || empty["has_more"] != false {
			t.Errorf("%s: %v", path, empty)
		}
	}

	// An update replaces all: what is left out is gone.
	set, err := o.Projects.SpendAlerts.Update(ctx, p.ID, ids[0], openai.AdminOrganizationProjectSpendAlertUpdateParams{
		ThresholdAmount: 9, Currency: "USD", Interval: "month",
		NotificationChannel: openai.AdminOrganizationProjectSpendAlertUpdateParamsNotificationChannel{Recipients: []string{"cfo@example.com"}},
	})
	if err != nil || set.ID != ids[0] || set.ThresholdAmount != 9 || !strings.Contains(set.RawJSON(), `"subject_prefix":null`) {
		t.Errorf("replaced: %s %v", set.RawJSON(), err)
	}
	if got, err := o.Projects.SpendAlerts.Get(ctx, p.ID, ids[0]); err != nil || got.RawJSON() != set.RawJSON() {
		t.Errorf("got %s, want %s: %v", got.RawJSON(), set.RawJSON(), err)
	}
	gone, err := o.Projects.SpendAlerts.Delete(ctx, p.ID, ids[0])
	if err != nil || !gone.Deleted || gone.ID != ids[0] || gone.Object != "project.spend_alert.deleted" {
		t.Errorf("deleted: %+v %v", gone, err)
	}
	if _, err := o.Projects.SpendAlerts.Get(ctx, p.ID, ids[0]); statusOf(t, err) != http.StatusNotFound {
		t.Errorf("deleted and there: %v", err)
	}

	// The organization's are its own.
	a, err := o.SpendAlerts.New(ctx, openai.AdminOrganizationSpendAlertNewParams{
		ThresholdAmount: 7, Currency: "USD", Interval: "month",
		NotificationChannel: openai.AdminOrganizationSpendAlertNewParamsNotificationChannel{Recipients: []string{"cfo@example.com"}},
	})
	if err != nil || a.Object != "organization.spend_alert" {
		t.Fatalf("made %s %v", a.RawJSON(), err)
	}
	if kind, projectID, _ := w.lastEvent(); kind != "organization.updated" || projectID != w.Organization.DefaultProjectID {
		t.Errorf("recorded %s %s", kind, projectID)
	}
	if own, err := o.SpendAlerts.Get(ctx, a.ID); err != nil || own.ThresholdAmount != 7 {
		t.Errorf("got %+v %v", own, err)
	}
	if gone, err := o.SpendAlerts.Delete(ctx, a.ID); err != nil || gone.Object != "organization.spend_alert.deleted" {
		t.Errorf("deleted: %+v %v", gone, err)
	}
}

func TestSpendRefusals(t *testing.T) {
	w := newWorld(t)
	p, other, archived := w.project("home"), w.project("other"), w.project("archived")
	gone, err := w.Org.ArchiveProject(t.Context(), w.actor(), archived.ID)
	must(t, gone, err)
	mine, theirs := w.spendAlert(""), w.spendAlert(other.ID)
	stranger, _, _ := w.NewOrganization(t, "stranger@example.com")
	limit := func(threshold, currency, interval string) string {
		return fmt.Sprintf(`{"threshold_amount": %s, "currency": %s, "interval": %s}`, threshold, currency, interval)
	}
	alert := func(channel string) string {
		return `{"threshold_amount": 1, "currency": "USD", "interval": "month", "notification_channel": ` + channel + `}`
	}
	to := func(recipients ...string) string {
		return alert(mustJSON(t, map[string]any{"type": "email", "recipients": recipients}))
	}
	prefixed := func(prefix string) string {
		return alert(mustJSON(t, map[string]any{"type": "email", "recipients": []string{"a@b"}, "subject_prefix": prefix}))
	}
	const o, projects = "/v1/organization", "/v1/organization/projects/"
	var refusals []refusal
	for _, at := range []string{o, projects + p.ID} {
		l, a := at+"/spend_limit", at+"/spend_alerts"
		refusals = append(refusals, []refusal{
			{"GET", l, ``, 404, "", "not_found"},
			{"DELETE", l, ``, 404, "", "not_found"},
			{"POST", l, ``, 400, "threshold_amount", "missing_required_parameter"},
			{"POST", l, `{"threshold_amount": 1, "interval": "month"}`, 400, "currency", "missing_required_parameter"},
			{"POST", l, `{"threshold_amount": 1, "currency": "USD", "interval": null}`, 400, "interval", "missing_required_parameter"},
			{"POST", l, limit(`0`, `"USD"`, `"month"`), 400, "threshold_amount", "integer_below_min_value"},
			{"POST", l, limit(`920000000001`, `"USD"`, `"month"`), 400, "threshold_amount", "integer_above_max_value"},
			{"POST", l, limit(`1.5`, `"USD"`, `"month"`), 400, "threshold_amount", "invalid_type"},
			{"POST", l, limit(`"1"`, `"USD"`, `"month"`), 400, "threshold_amount", "invalid_type"},
			{"POST", l, limit(`1`, `"usd"`, `"month"`), 400, "currency", "invalid_value"},
			{"POST", l, limit(`1`, `"USD"`, `"day"`), 400, "interval", "invalid_value"},
			{"POST", a, someLimit, 400, "notification_channel", "missing_required_parameter"},
			{"POST", a, alert(`[]`), 400, "notification_channel", "invalid_type"},
			{"POST", a, alert(`{"recipients": ["a@b"]}`), 400, "notification_channel.type", "missing_required_parameter"},
			{"POST", a, alert(`{"type": "sms", "recipients": ["a@b"]}`), 400, "notification_channel.type", "invalid_value"},
			{"POST", a, alert(`{"type": "email"}`), 400, "notification_channel.recipients", "missing_required_parameter"},
			{"POST", a, alert(`{"type": "email", "recipients": "a@b"}`), 400, "notification_channel.recipients", "invalid_type"},
			{"POST", a, alert(`{"type": "email", "recipients": [7]}`), 400, "notification_channel.recipients[0]", "invalid_type"},
			{"POST", a, to(), 400, "notification_channel.recipients", "missing_required_parameter"}, // null
			{"POST", a, alert(`{"type": "email", "recipients": []}`), 400, "notification_channel.recipients", "empty_array"},
			{"POST", a, to(slices.Repeat([]string{"a@b"}, 101)...), 400, "notification_channel.recipients", "array_above_max_length"},
			{"POST", a, to("a@b", ""), 400, "notification_channel.recipients[1]", "empty_string"},
			{"POST", a, to("a@b", "nobody"), 400, "notification_channel.recipients[1]", "invalid_value"},
			{"POST", a, to("Name <a@b>"), 400, "notification_channel.recipients[0]", "invalid_value"},
			{"POST", a, to("a@b\r\nBcc: c@d"), 400, "notification_channel.recipients[0]", "invalid_value"},
			{"POST", a, to("a\x00@b"), 400, "notification_channel.recipients[0]", "invalid_value"},
			{"POST", a, to(strings.Repeat("x", 255) + "@b"), 400, "notification_channel.recipients[0]", "string_above_max_length"},
			{"POST", a, prefixed("a\r\nBcc: c@d"), 400, "notification_channel.subject_prefix", "invalid_value"},
			{"POST", a, prefixed(strings.Repeat("ä", 257)), 400, "notification_channel.subject_prefix", "string_above_max_length"},
			{"POST", a, strings.Replace(someAlert, "100000", "-1", 1), 400, "threshold_amount", "integer_below_min_value"},
			{"POST", a, strings.Replace(someAlert, "USD", "EUR", 1), 400, "currency", "invalid_value"},
			{"GET", a + "?limit=101", ``, 400, "limit", "integer_above_max_value"},
			{"GET", a + "?limit=-1", ``, 400, "limit", "integer_below_min_value"},
			{"GET", a + "?order=up", ``, 400, "order", "invalid_value"},
			{"GET", a + "?after=alert_none", ``, 400, "after", "invalid_cursor"},
			{"GET", a + "?before=" + theirs.ID, ``, 400, "before", "invalid_cursor"},
			{"GET", a + "/" + theirs.ID, ``, 404, "", "not_found"},
			{"POST", a + "/" + theirs.ID, someAlert, 404, "", "not_found"},
			{"DELETE", a + "/" + theirs.ID, ``, 404, "", "not_found"},
			{"DELETE", a + "/alert_%00", ``, 404, "", "not_found"},
		}...)
	}
	refusals = append(refusals, []refusal{
		{"GET", projects + p.ID + "/spend_alerts/" + mine.ID, ``, 404, "", "not_found"},
		{"POST", o + "/spend_alerts/" + mine.ID, `{"threshold_amount": 5}`, 400, "currency", "missing_required_parameter"}, // not a part of it
		{"POST", projects + w.Organization.DefaultProjectID + "/spend_limit", someLimit, 400, "", "default_project"},
		{"GET", projects + stranger.DefaultProjectID + "/spend_alerts", ``, 404, "", "not_found"},
		{"POST", projects + stranger.DefaultProjectID + "/spend_alerts", someAlert, 404, "", "not_found"},
		{"POST", projects + stranger.DefaultProjectID + "/spend_limit", someLimit, 404, "", "not_found"},
		{"GET", projects + archived.ID + "/spend_limit", ``, 400, "", "project_archived"},
		{"POST", projects + archived.ID + "/spend_limit", someLimit, 400, "", "project_archived"},
		{"POST", projects + archived.ID + "/spend_alerts", someAlert, 400, "", "project_archived"},
	}...)
	w.refuse(refusals)
	if a := w.get(o + "/spend_alerts/" + mine.ID); a["threshold_amount"] != 10000.0 {
		t.Errorf("a refused update stands: %v", a)
	}
}

// There are never more alerts than there may be, however many come at once.
func TestSpendAlertsAreBounded(t *testing.T) {
	w := newWorld(t)
	p := w.project("home")
	for range 97 {
		w.spendAlert(p.ID)
	}
	var wg sync.WaitGroup
	codes := make(chan string, 8)
	for range cap(codes) {
		wg.Go(func() {
			a := w.call(w.AdminKey, "POST", "/v1/organization/projects/"+p.ID+"/spend_alerts", someAlert)
			if a.status == 200 {
				codes <- "made"
				return
			}
			codes <- a.failure(t).Code
		})
	}
	wg.Wait()
	close(codes)
	made := 0
	for code := range codes {
		switch code {
		case "made":
			made++
		case "spend_alert_limit_reached":
		default:
			t.Errorf("refused with %q", code)
		}
	}
	rows, err := w.Org.SpendAlerts(t.Context(), w.Organization.ID, p.ID, org.Page{Limit: 1000})
	if made != 3 || err != nil || len(rows.Items) != 100 {
		t.Errorf("made %d, kept %d: %v", made, len(rows.Items), err)
	}
	w.spendAlert("") // others have room
}
