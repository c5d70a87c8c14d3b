package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Mail are the metrics of letters to people, by what they are about.
type Mail struct {
	waiting prometheus.Gauge
	sent    *prometheus.CounterVec
	failed  *prometheus.CounterVec
	givenUp *prometheus.CounterVec
}

// NewMail adds the metrics to m's registry, at zero for the kinds there are.
func NewMail(m *Metrics, kinds ...string) *Mail {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"kind"})
	}
	p := &Mail{
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{Name: "weir_mail_waiting", Help: "Letters that were not sent yet, of all nodes on the database."}),
		sent:    counter("weir_mail_sent_total", "Letters that the mail server has taken."),
		failed:  counter("weir_mail_failures_total", "Attempts to send a letter that failed; it is sent again."),
		givenUp: counter("weir_mail_given_up_total", "Letters that were never taken: refused, or not in time."),
	}
	for _, kind := range kinds {
		for _, c := range []*prometheus.CounterVec{p.sent, p.failed, p.givenUp} {
			c.WithLabelValues(kind)
		}
	}
	m.registry.MustRegister(p.waiting, p.sent, p.failed, p.givenUp)
	return p
}

// MailWaiting says how many letters wait.
func (p *Mail) MailWaiting(letters int64) { p.waiting.Set(float64(letters)) }

// MailSent counts a letter that was sent.
func (p *Mail) MailSent(kind string) { p.sent.WithLabelValues(kind).Inc() }

// MailFailed counts an attempt that failed.
func (p *Mail) MailFailed(kind string) { p.failed.WithLabelValues(kind).Inc() }

// MailGivenUp counts a letter that nobody got.
func (p *Mail) MailGivenUp(kind string) { p.givenUp.WithLabelValues(kind).Inc() }
