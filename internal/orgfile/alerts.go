package orgfile

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"weir/internal/apiclient"
	"weir/internal/org"
)

// SpendAlert is an e-mail that is sent when a month has cost so much. It has no
// name: alerts that differ in anything are different alerts.
type SpendAlert struct {
	ThresholdCents int64    `yaml:"threshold_cents"`
	Recipients     []string `yaml:"recipients"`
	SubjectPrefix  string   `yaml:"subject_prefix"`
}

// KindSpendAlert is the kind of spend alerts.
const KindSpendAlert Kind = "spend alert"

// name stands for the name that an alert has not.
func (a SpendAlert) name() string {
	name := fmt.Sprintf("%d cents to %s", a.ThresholdCents, strings.Join(a.Recipients, ", "))
	if a.SubjectPrefix != "" {
		name += " as " + a.SubjectPrefix
	}
	return name
}

func (a SpendAlert) object(project string) Object {
	a.Recipients = sortedNames(a.Recipients)
	return Object{Ref: Ref{Kind: KindSpendAlert, Project: project, Name: a.name()}, Fields: fieldsOf(a)}
}

func (c *collector) alerts(project string, alerts []SpendAlert) {
	for _, a := range alerts {
		if a.ThresholdCents == 0 || len(a.Recipients) == 0 {
			c.problem("a spend alert needs threshold_cents and recipients")
			continue
		}
		o := a.object(project)
		c.add(o.Ref, o.Fields...)
	}
}

func (f *File) placeAlert(o Object, project *Project) {
	to := &f.Organization.SpendAlerts
	if project != nil {
		to = &project.SpendAlerts
	}
	var a SpendAlert
	fill(&a, o.Fields)
	*to = append(*to, a)
}

// foundAlert is an alert as weir has it.
type foundAlert struct {
	id    string
	alert SpendAlert
}

func alertsPath(projectID string) string {
	return strings.TrimSuffix(settingPath(KindSpendLimit, projectID), "spend_limit") + "spend_alerts"
}

func readAlerts(ctx context.Context, api *apiclient.Client, projectID string) (alerts []foundAlert, err error) {
	items, err := apiclient.Collect(api.List(ctx, alertsPath(projectID), url.Values{"limit": {"100"}}))
	for _, raw := range items {
		got := gjson.ParseBytes(raw)
		alerts = append(alerts, foundAlert{got.Get("id").String(), SpendAlert{
			got.Get("threshold_amount").Int(), sortedTexts(got.Get("notification_channel.recipients")), got.Get("notification_channel.subject_prefix").String(),
		}})
	}
	return alerts, err
}

func (r *Reader) readAlertsOf(ctx context.Context, project string) error {
	alerts, err := readAlerts(ctx, r.api, r.world.IDs[Ref{Kind: KindProject, Name: project}])
	for _, a := range alerts {
		o := a.alert.object(project)
		r.world.Objects[o.Ref] = Actual{Object: o, ID: a.id}
		r.world.Ambiguous[o.Ref]++
	}
	return err
}

// observeAlert reads the alert of a step again.
func (r *Run) observeAlert(ctx context.Context, c Change) (o Object, there bool, err error) {
	alerts, err := readAlerts(ctx, r.API, r.project(c.Project))
	i := slices.IndexFunc(alerts, func(a foundAlert) bool {
		return a.alert.object(c.Project).Ref == c.Ref && (c.have.ID == "" || c.have.ID == a.id)
	})
	if i < 0 {
		return Object{}, false, err
	}
	return alerts[i].alert.object(c.Project), true, err
}

// alert creates or deletes a spend alert.
func (r *Run) alert(ctx context.Context, c Change) (id string, err error) {
	path := alertsPath(r.project(c.Project))
	if c.Action == Delete {
		_, err = r.API.Delete(ctx, path+apiclient.Path(c.have.ID), nil)
		return c.have.ID, err
	}
	var a SpendAlert
	fill(&a, c.want.Fields)
	channel := map[string]any{"type": "email", "recipients": a.Recipients}
	if a.SubjectPrefix != "" {
		channel["subject_prefix"] = a.SubjectPrefix
	}
	raw, err := r.API.Post(ctx, path, map[string]any{
		"threshold_amount": a.ThresholdCents, "currency": org.SpendCurrency, "interval": org.SpendInterval, "notification_channel": channel,
	})
	return gjson.GetBytes(raw, "id").String(), err
}
