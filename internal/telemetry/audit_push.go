package telemetry

import "github.com/prometheus/client_golang/prometheus"

// AuditPush are the metrics of pushing audit events, by sink.
type AuditPush struct {
	pending *prometheus.GaugeVec
	pushed  *prometheus.CounterVec
	failed  *prometheus.CounterVec
}

// NewAuditPush adds the metrics to m's registry, at zero for the sinks there are.
func NewAuditPush(m *Metrics, sinks ...string) *AuditPush {
	p := &AuditPush{
		pending: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "weir_audit_push_pending", Help: "Audit events that a sink has not had yet.",
		}, []string{"sink"}),
		pushed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_audit_push_events_total", Help: "Audit events that a sink has taken.",
		}, []string{"sink"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_audit_push_failures_total", Help: "Batches of audit events that a sink did not take; they are sent again.",
		}, []string{"sink"}),
	}
	for _, sink := range sinks {
		p.pending.WithLabelValues(sink)
		p.pushed.WithLabelValues(sink)
		p.failed.WithLabelValues(sink)
	}
	m.registry.MustRegister(p.pending, p.pushed, p.failed)
	return p
}

// AuditPending says how many events a sink has not had yet.
func (p *AuditPush) AuditPending(sink string, events int64) {
	p.pending.WithLabelValues(sink).Set(float64(events))
}

// AuditPushed counts events that a sink has taken.
func (p *AuditPush) AuditPushed(sink string, events int) {
	p.pushed.WithLabelValues(sink).Add(float64(events))
}

// AuditPushFailed counts a batch that a sink has not.
func (p *AuditPush) AuditPushFailed(sink string) { p.failed.WithLabelValues(sink).Inc() }
