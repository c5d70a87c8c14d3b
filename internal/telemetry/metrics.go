package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"weir/internal/money"
	"weir/internal/usage"
)

// Metrics are the Prometheus metrics of one process, on a registry of their
// own. No label holds anything that callers or administrators make up (keys,
// users, projects, models): the number of series stays that of the program.
// All methods are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	requests        *prometheus.CounterVec
	duration        *prometheus.HistogramVec
	firstByte       *prometheus.HistogramVec
	tokens          *prometheus.CounterVec
	cost            prometheus.Counter
	unpriced        prometheus.Counter
	attempts        *prometheus.CounterVec
	retries         *prometheus.CounterVec
	circuits        *prometheus.CounterVec
	inFlight        prometheus.Gauge
	usageBacklog    prometheus.Gauge
	usageBehind     prometheus.Gauge
	usageSync       prometheus.Histogram
	snapshotVersion prometheus.Gauge
	snapshotRefresh prometheus.Histogram
}

// Buckets in seconds. Requests to models take from milliseconds to the better
// part of an hour; syncs and refreshes should take less than a millisecond.
var (
	requestBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800}
	syncBuckets    = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5}
)

// NewMetrics returns metrics at zero. version is that of the program.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_requests_total", Help: "Requests answered by the gateway.",
		}, []string{"route", "status", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "weir_request_duration_seconds", Help: "From receiving a request to its last byte.", Buckets: requestBuckets,
		}, []string{"route"}),
		firstByte: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "weir_time_to_first_byte_seconds", Help: "From receiving a request to the first byte of its answer.", Buckets: requestBuckets,
		}, []string{"route"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_tokens_total", Help: "Tokens consumed, by the kind of usage and by bucket; the buckets of a direction do not overlap.",
		}, []string{"kind", "direction"}),
		cost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_cost_usd_total", Help: "Metered cost in US dollars. A float, for trends; exact sums are in the cost reports.",
		}),
		unpriced: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_unpriced_requests_total", Help: "Requests that consumed something no price covers; their cost is unknown, not zero.",
		}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_upstream_attempts_total", Help: "Exchanges with providers; status is 0 when no answer came.",
		}, []string{"provider", "status"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_retries_total", Help: "Requests that were sent again after a provider's refusal (made), or were not since their model endpoint's budget was spent (over_budget).",
		}, []string{"result"}),
		circuits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_circuits_opened_total", Help: "Upstreams that failed so often that calls were kept away from them.",
		}, []string{"provider"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_in_flight", Help: "Requests the gateway is working on.",
		}),
		usageBacklog: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_usage_log_backlog", Help: "Usage records that the events database does not hold yet.",
		}),
		usageBehind: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_usage_store_behind", Help: "1 while the events database does not take usage records; they wait in the usage log.",
		}),
		usageSync: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "weir_usage_log_sync_seconds", Help: "Making one batch of usage records durable.", Buckets: syncBuckets,
		}),
		snapshotVersion: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_snapshot_version", Help: "Control-plane version the gateway works with.",
		}),
		snapshotRefresh: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "weir_snapshot_refresh_seconds", Help: "Bringing the gateway's snapshot up to a new version.", Buckets: syncBuckets,
		}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "weir_build_info", Help: "Always 1; the label is the version.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(
		m.requests, m.duration, m.firstByte, m.tokens, m.cost, m.unpriced, m.attempts, m.retries, m.circuits, m.inFlight,
		m.usageBacklog, m.usageBehind, m.usageSync, m.snapshotVersion, m.snapshotRefresh, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// Handler serves the metrics in Prometheus' formats.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// Registry is where other parts of the program may add collectors of their own.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// RequestStarted counts a request as in flight until done is called.
func (m *Metrics) RequestStarted() (done func()) {
	m.inFlight.Inc()
	return m.inFlight.Dec
}

// Request is what the metrics keep of one answered request.
type Request struct {
	Route     string // the pattern that matched, never the path
	Status    int    // answered to the caller; 0: none
	Outcome   usage.Outcome
	Duration  time.Duration
	FirstByte time.Duration // 0: no byte was answered

	Kind       usage.Kind
	Quantities usage.Quantities
	Cost       *money.USD // nil: unknown, or nothing to price
	Unpriced   bool
}

// RequestDone records an answered request.
func (m *Metrics) RequestDone(r Request) {
	m.requests.WithLabelValues(r.Route, strconv.Itoa(r.Status), string(r.Outcome)).Inc()
	m.duration.WithLabelValues(r.Route).Observe(r.Duration.Seconds())
	if r.FirstByte > 0 {
		m.firstByte.WithLabelValues(r.Route).Observe(r.FirstByte.Seconds())
	}
	kind, q := string(r.Kind), r.Quantities
	m.countTokens(kind, "input", q.Input()-q.Cached()-q.CacheWrite)
	m.countTokens(kind, "cached_input", q.Cached())
	m.countTokens(kind, "cache_write", q.CacheWrite)
	m.countTokens(kind, "output", q.Output())
	// Counters only go up: a price may be negative by mistake, a total not.
	if r.Cost != nil && r.Cost.Sign() > 0 {
		m.cost.Add(dollars(*r.Cost))
	}
	if r.Unpriced {
		m.unpriced.Inc()
	}
}

func (m *Metrics) countTokens(kind, direction string, n int64) {
	if n > 0 {
		m.tokens.WithLabelValues(kind, direction).Add(float64(n))
	}
}

// dollars is the one place where money becomes a float: Prometheus has nothing
// else, and nothing is computed from it.
func dollars(u money.USD) float64 { return float64(u.Nano)/1e9 + float64(u.Atto)/1e18 }

// UpstreamAttempt records one exchange with a provider; status is 0 when no
// answer came.
func (m *Metrics) UpstreamAttempt(provider string, status int) {
	m.attempts.WithLabelValues(provider, strconv.Itoa(status)).Inc()
}

// RetryResult is what became of the wish to send a request again.
type RetryResult string

// The results.
const (
	RetryMade       RetryResult = "made"
	RetryOverBudget RetryResult = "over_budget"
)

// Retried counts a retry, or one that was not allowed.
func (m *Metrics) Retried(result RetryResult) { m.retries.WithLabelValues(string(result)).Inc() }

// CircuitOpened counts an upstream that is left alone for a while.
func (m *Metrics) CircuitOpened(provider string) { m.circuits.WithLabelValues(provider).Inc() }

// OpenCircuits has the metrics ask how many upstreams are left alone now.
func (m *Metrics) OpenCircuits(count func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "weir_open_circuits", Help: "Upstreams that calls are kept away from, since they fail: a connection's models one by one.",
	}, func() float64 { return float64(count()) }))
}

// UsageBacklog says how many usage records wait for the events database.
func (m *Metrics) UsageBacklog(records int64) { m.usageBacklog.Set(float64(records)) }

// UsageStoreBehind says whether the events database takes no usage records.
func (m *Metrics) UsageStoreBehind(behind bool) {
	m.usageBehind.Set(0)
	if behind {
		m.usageBehind.Set(1)
	}
}

// UsageSynced records how long one batch took to become durable.
func (m *Metrics) UsageSynced(d time.Duration) { m.usageSync.Observe(d.Seconds()) }

// SnapshotRefreshed says which control-plane version the gateway works with
// now, and how long it took to get there.
func (m *Metrics) SnapshotRefreshed(version int64, d time.Duration) {
	m.snapshotVersion.Set(float64(version))
	m.snapshotRefresh.Observe(d.Seconds())
}
