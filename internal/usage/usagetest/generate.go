package usagetest

import (
	"crypto/rand"
	"fmt"
	"reflect"
	"time"

	"pgregory.net/rapid"

	"weir/internal/money"
	"weir/internal/usage"
)

// epoch is where generated events begin: a UTC midnight, a Sunday, the end of a
// month two days later.
var epoch = time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)

// span is how long generated events go on.
const span = 3 * 24 * time.Hour

var kinds = []usage.Kind{
	usage.Completions, usage.Embeddings, usage.Moderations, usage.Images, usage.AudioSpeeches, usage.AudioTranscriptions,
	usage.VectorStores, usage.CodeInterpreterSessions, usage.FileSearchCalls, usage.WebSearchCalls, usage.Decisions,
}

var usageDimensions = []usage.Dimension{
	usage.ByProject, usage.ByUser, usage.ByAPIKey, usage.ByModel, usage.ByBatch, usage.ByServiceTier,
	usage.BySize, usage.BySource, usage.ByVectorStore, usage.ByContextLevel,
}

var costDimensions = []usage.Dimension{usage.ByProject, usage.ByUser, usage.ByAPIKey, usage.ByLineItem}

// Values of dimensions. They sort differently byte by byte, by letter and by
// locale, and "" is none.
var (
	projects      = []string{"proj_B", "proj_a", "proj_É"}
	users         = []string{"", "user-1", "user_1", "User-2"}
	keys          = []string{"key_a", "key_B", "key_c", "key-d"}
	models        = []string{"", "gpt-4o-2024-08-06", "gpt-4o mini", "o3%_", "모델"}
	tiers         = []string{"", "default", "flex"}
	lineItems     = []string{"gpt-4o-2024-08-06, input", "gpt-4o-2024-08-06, output", "o3 audio, input"}
	errorCodes    = []string{"", "rate_limit_exceeded", "server_error"}
	outcomes      = []usage.Outcome{usage.OutcomeCompleted, usage.OutcomeFailed, usage.OutcomeClientGone}
	statuses      = []int{200, 404, 429, 502}
	endpoints     = []string{"", "mep_1", "mep_2"}
	sizes         = []string{"", "1024x1024", "512x512"}
	imageSources  = []string{"", "image.generation", "image.edit"}
	vectorStores  = []string{"", "vs_1", "vs_2"}
	contextLevels = []string{"", "low", "high"}
)

// event draws one settled event of an organization, often at the same moment
// and often at the edge of a bucket.
func event(t *rapid.T, w world, id string) usage.Event {
	pick := func(label string, from []string) string { return rapid.SampledFrom(from).Draw(t, label) }
	received := epoch.Add(rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour, 24 * time.Hour}).Draw(t, "edge")).
		Add(time.Duration(rapid.Int64Range(-2, int64(span/time.Microsecond)).Draw(t, "at")) * time.Microsecond * time.Duration(rapid.IntRange(0, 1).Draw(t, "spread")))
	e := usage.Event{
		ID: id, OrganizationID: w.organizationID,
		ProjectID: pick("project", projects), APIKeyID: pick("key", keys), UserID: pick("user", users),
		Kind:   rapid.SampledFrom(append([]usage.Kind{usage.None, usage.Unmetered}, w.kinds...)).Draw(t, "kind"),
		Method: "POST", Path: "/v1/chat/completions",
		ModelEndpointID: pick("endpoint", endpoints), ModelAsked: pick("asked", models), Model: pick("model", models),
		ServiceTier: pick("tier", tiers), Batch: rapid.Bool().Draw(t, "batch"),
		Size: pick("size", sizes), ImageSource: pick("image source", imageSources),
		ContextLevel: pick("context", contextLevels), VectorStoreID: pick("store", vectorStores),
		Received: received,
		Status:   rapid.SampledFrom(statuses).Draw(t, "status"), ErrorCode: pick("error", errorCodes),
		Outcome:  rapid.SampledFrom(outcomes).Draw(t, "outcome"),
		Attempts: []usage.Attempt{{ConnectionID: "conn_1", Model: "m", Status: 200, StartMicros: 3, DurationMicros: 7}},
		Source:   rapid.SampledFrom([]usage.Source{usage.SourceProvider, usage.SourceEstimated, usage.SourceUnknown, ""}).Draw(t, "source"),
	}
	if e.UserID == "" {
		e.ServiceAccount = "svc_1"
	}
	if rapid.Bool().Draw(t, "done") {
		e.Done = received.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "latency")) * time.Second)
	}
	fields := reflect.ValueOf(&e.Quantities).Elem()
	for i := range fields.NumField() {
		if rapid.Bool().Draw(t, "has") {
			fields.Field(i).SetInt(rapid.Int64Range(0, 1<<40).Draw(t, "quantity"))
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "lines") {
		e.Lines = append(e.Lines, costLine(t))
	}
	return e
}

func costLine(t *rapid.T) usage.CostLine {
	line := usage.CostLine{
		LineItem: rapid.SampledFrom(lineItems).Draw(t, "line item"), Meter: "input",
		Quantity: rapid.Int64Range(0, 1<<30).Draw(t, "quantity"), Unit: rapid.SampledFrom([]string{"tokens", "tokens", "images"}).Draw(t, "unit"),
	}
	if rapid.IntRange(0, 2).Draw(t, "priced") > 0 {
		amount := money.FromParts(
			rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(-5, 1<<50)).Draw(t, "nano"),
			rapid.OneOf(rapid.Int64Range(0, 3), rapid.Int64Range(999_999_990, 999_999_999)).Draw(t, "atto"))
		line.Amount = &amount
	}
	return line
}

// world is what the events of one draw have in common: few kinds of report, so
// that few events fill them.
type world struct {
	organizationID string
	kinds          []usage.Kind
}

func newWorld(t *rapid.T) world {
	return world{organizationID: "org-" + rand.Text(), kinds: rapid.Permutation(kinds).Draw(t, "kinds")[:2]}
}

// events draws up to n of them, with ids in no order.
func (w world) events(t *rapid.T, n int) []usage.Event {
	all := make([]usage.Event, rapid.IntRange(1, n).Draw(t, "events"))
	for i := range all {
		all[i] = event(t, w, fmt.Sprintf("req_%02x_%s", i*7%len(all), rand.Text()))
	}
	return all
}

// query draws a report over the generated span and a little around it.
func (w world) query(t *rapid.T, widths []usage.Width, dims []usage.Dimension) usage.Query {
	q := usage.Query{
		OrganizationID: w.organizationID,
		Kind:           rapid.SampledFrom(w.kinds).Draw(t, "report"),
		Width:          rapid.SampledFrom(widths).Draw(t, "width"),
		GroupBy:        rapid.Permutation(dims).Draw(t, "group by")[:rapid.IntRange(0, len(dims)).Draw(t, "groups")],
		Filters:        map[usage.Dimension][]string{},
	}
	width, most := time.Duration(q.Width), 6
	if q.Width != usage.Day {
		most = 80
	}
	offset := time.Duration(rapid.IntRange(-2, int(span/width)).Draw(t, "start"))
	if rapid.Bool().Draw(t, "from the beginning") {
		offset = -1
	}
	q.Start = epoch.Add(offset * width)
	q.End = q.Start.Add(time.Duration(rapid.IntRange(1, most).Draw(t, "buckets")) * width)
	values := map[usage.Dimension][]string{
		usage.ByProject: projects, usage.ByUser: users, usage.ByAPIKey: keys, usage.ByModel: models,
		usage.ByBatch: {"true", "false"}, usage.ByServiceTier: tiers, usage.BySize: sizes, usage.BySource: imageSources,
		usage.ByVectorStore: vectorStores, usage.ByContextLevel: contextLevels, usage.ByLineItem: lineItems,
	}
	for _, d := range dims {
		if rapid.IntRange(0, 4).Draw(t, "filtered") == 0 {
			q.Filters[d] = rapid.SliceOfN(rapid.SampledFrom(append(values[d], "nobody")), 0, 3).Draw(t, string(d))
		}
	}
	return q
}
