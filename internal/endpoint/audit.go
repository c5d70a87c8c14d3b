package endpoint

import "weir/internal/audit"

// AuditQuery reads the filters that both views of the audit log take. Event
// types are the view's own.
func (q *Query) AuditQuery() audit.Query {
	return audit.Query{
		EffectiveGT:  q.Seconds("effective_at[gt]"),
		EffectiveGTE: q.Seconds("effective_at[gte]"),
		EffectiveLT:  q.Seconds("effective_at[lt]"),
		EffectiveLTE: q.Seconds("effective_at[lte]"),
		ProjectIDs:   q.Strings("project_ids"),
		ActorIDs:     q.Strings("actor_ids"),
		ActorEmails:  q.Strings("actor_emails"),
		ResourceIDs:  q.Strings("resource_ids"),
	}
}
