package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"sync"
)

// Outcome is how an exchange ended, as the provider sees it.
type Outcome string

// The outcomes.
const (
	OutcomeCompleted Outcome = "completed" // answered whole
	OutcomeCut       Outcome = "cut"       // broken off, as the request asked
	OutcomeAbandoned Outcome = "abandoned" // the caller hung up
	OutcomeRefused   Outcome = "refused"   // answered with an error
)

// Entry is one exchange. Tokens are what a bill would say: a cut or abandoned
// one has those of what was sent.
type Entry struct {
	RequestID    string  `json:"request_id"`   // x-request-id
	ID           string  `json:"id,omitempty"` // of the completion or response
	Path         string  `json:"path"`
	Model        string  `json:"model,omitempty"` // resolved
	Status       int     `json:"status"`
	Outcome      Outcome `json:"outcome"`
	InputTokens  int64   `json:"input_tokens"`
	CachedTokens int64   `json:"cached_tokens"` // of the input
	OutputTokens int64   `json:"output_tokens"`
}

// Sum is how much of something was answered.
type Sum struct {
	Requests     int64 `json:"requests"`
	Completed    int64 `json:"completed"`
	Cut          int64 `json:"cut"`
	Abandoned    int64 `json:"abandoned"`
	Refused      int64 `json:"refused"`
	InputTokens  int64 `json:"input_tokens"`  // of completed exchanges
	CachedTokens int64 `json:"cached_tokens"` // of completed exchanges, part of the input
	OutputTokens int64 `json:"output_tokens"` // of completed exchanges
}

// Totals is a copy of the ledger.
type Totals struct {
	Sum
	ByModel   map[string]Sum `json:"by_model"`
	Exchanges []Entry        `json:"exchanges"` // the last keptEntries of those that reached a model, oldest first
}

// keptEntries bounds the memory of a ledger that nobody resets.
const keptEntries = 1 << 16

// ledger counts the requests that were to be metered: calls of a model, not
// look-ups.
type ledger struct {
	mu      sync.Mutex
	all     Sum
	byModel map[string]Sum
	kept    []Entry
	next    int // where the next entry goes once kept is full
}

func (l *ledger) add(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count(e, 1)
	if len(l.kept) < keptEntries {
		l.kept = append(l.kept, e)
		return
	}
	l.kept[l.next] = e
	l.next = (l.next + 1) % keptEntries
}

// replace corrects the entry of an exchange whose last byte turned out not to
// arrive. One that a reset has forgotten stays forgotten.
func (l *ledger) replace(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for at := len(l.kept) - 1; at >= 0; at-- {
		if l.kept[at].RequestID == e.RequestID {
			l.count(l.kept[at], -1)
			l.count(e, 1)
			l.kept[at] = e
			return
		}
	}
}

func (l *ledger) count(e Entry, n int64) {
	sum := l.byModel[e.Model]
	for _, s := range [...]*Sum{&l.all, &sum} {
		s.Requests += n
		switch e.Outcome {
		case OutcomeCompleted:
			s.Completed += n
			s.InputTokens += n * e.InputTokens
			s.CachedTokens += n * e.CachedTokens
			s.OutputTokens += n * e.OutputTokens
		case OutcomeCut:
			s.Cut += n
		case OutcomeAbandoned:
			s.Abandoned += n
		case OutcomeRefused:
			s.Refused += n
		}
	}
	if e.Model == "" {
		return
	}
	if l.byModel == nil {
		l.byModel = make(map[string]Sum)
	}
	l.byModel[e.Model] = sum
}

func (l *ledger) totals() Totals {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := Totals{Sum: l.all, ByModel: map[string]Sum{}, Exchanges: []Entry{}}
	maps.Copy(t.ByModel, l.byModel)
	t.Exchanges = slices.Concat(t.Exchanges, l.kept[l.next:], l.kept[:l.next])
	return t
}

func (l *ledger) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all, l.byModel, l.kept, l.next = Sum{}, nil, nil, 0
}

// serveLedger is GET and DELETE /sandbox/ledger.
func (p *Provider) serveLedger(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodDelete:
		p.ledger.reset()
	case http.MethodGet:
	default:
		w.Header().Set("Allow", "GET, DELETE")
		http.Error(w, "GET or DELETE only", http.StatusMethodNotAllowed)
		return
	}
	body, err := json.Marshal(p.ledger.totals())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(append(body, '\n')) //nolint:errcheck // nobody is left to tell
}
