package gateway

import (
	"cmp"
	"time"

	"github.com/tidwall/gjson"

	"weir/internal/openaiwire"
	"weir/internal/pricing"
	"weir/internal/usage"
)

// consumed writes into the event what the provider reported, or an estimate
// that says it is one.
func (x *exchange) consumed(reading openaiwire.Reading, outputBytes int64) {
	e := &x.event
	if reading.Model != "" {
		e.Model = shorten(reading.Model)
	}
	e.ServiceTier = shorten(reading.ServiceTier)
	if !reading.Found && (x.head.ServiceTier == "flex" || x.head.ServiceTier == "priority") {
		e.ServiceTier = cmp.Or(e.ServiceTier, x.head.ServiceTier) // an estimate is of what was asked for
	}
	switch kind := x.door.operation.kind; {
	case kind == usage.None:
		return
	case kind == usage.Unmetered:
		e.Unpriced = true // something was consumed, and nobody here knows what
		return
	case reading.Found:
		e.Quantities, e.Source = reading.Q, usage.SourceProvider
	case kind == usage.Completions:
		e.Quantities, e.Source = x.estimate()
		e.Quantities.OutputText = openaiwire.EstimateOutput(outputBytes)
	default:
		e.Quantities, e.Source = x.estimate()
	}
	if e.ServiceTier == "" {
		e.ServiceTier = "default"
	}
}

// settle ends the event: prices it and makes it durable. It happens once, on no
// client's context.
func (x *exchange) settle() error {
	if x.settled {
		return nil
	}
	e := &x.event
	e.Done = time.Now()
	x.price()
	x.settled = true
	began := time.Now()
	err := x.g.Recorder.Settle(*e)
	x.g.Metrics.UsageSynced(time.Since(began))
	return err
}

// price puts the cost into the event, when something was consumed.
func (x *exchange) price() {
	e := &x.event
	if x.priced || !e.Counts() {
		return
	}
	x.priced = true // a price that panics is not tried again
	Price(x.g.Book, string(x.hop.connection.Provider), e)
}

// Price writes into an event what it cost by the book. provider is the kind of
// the connection that answered.
func Price(book *pricing.Book, provider string, e *usage.Event) {
	// Searches made by a model's tools are usage of their own kind and are not
	// metered yet; as part of this event they would leave all of it unpriced.
	q := e.Quantities
	q.ToolCalls, q.Sessions = 0, 0
	p := book.Price(pricing.Request{
		At: e.Received, Provider: provider, Model: e.Model, ModelAsked: e.ModelAsked, Kind: e.Kind,
		ServiceTier: e.ServiceTier, Batch: e.Batch, Size: e.Size, Q: q,
	})
	e.Lines, e.Cost, e.Unpriced = p.Lines, p.Cost, p.Unpriced
}

// providerCode is the code of a provider's error, else its type.
func providerCode(body []byte) string {
	if !gjson.ValidBytes(body) {
		return "upstream_error"
	}
	for _, path := range []string{"error.code", "error.type"} {
		if v := gjson.GetBytes(body, path); v.Type == gjson.String && v.Str != "" {
			return v.Str
		}
	}
	return "upstream_error"
}
