package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"weir/internal/fault"
	"weir/internal/usage"
)

// Owners knows whose the objects at providers are: by what this node remembers
// of late, else by the events store.
type Owners struct {
	Store usage.Objects
	// Flush returns when the store has every event that this node has settled.
	Flush func(context.Context) error
	// Lag is how long the store may lack what another node has settled; 0 where
	// there is no other.
	Lag time.Duration

	mu           sync.Mutex
	young, older map[string][]usage.OwnedObject // by id: two generations
}

// ownersHalf bounds the memory to twice that many objects, some 20 MB.
const ownersHalf = 1 << 15

// flushTime bounds the wait for the store to take what this node has settled.
const flushTime = 5 * time.Second

// lagStep is how often the store is asked again for what another node may bring.
const lagStep = 100 * time.Millisecond

// note remembers what an event says of objects, before the store has it.
func (o *Owners) note(e *usage.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, object := range e.Objects {
		known := o.get(object.ID)
		if slices.ContainsFunc(known, func(k usage.OwnedObject) bool {
			return k.OrganizationID == e.OrganizationID && k.ConnectionID == e.ConnectionID
		}) {
			continue // the first to name it has it
		}
		o.put(object.ID, append(known[:len(known):len(known)], usage.OwnedObject{
			ID: object.ID, Kind: object.Kind, OrganizationID: e.OrganizationID, ConnectionID: e.ConnectionID, ProjectID: e.ProjectID, Made: e.Received,
		}))
	}
}

// get reads the memory. Called with o.mu.
func (o *Owners) get(id string) []usage.OwnedObject {
	known, ok := o.young[id]
	if !ok {
		if known, ok = o.older[id]; ok {
			o.put(id, known)
		}
	}
	return known
}

// put writes the memory. Called with o.mu.
func (o *Owners) put(id string, known []usage.OwnedObject) {
	if _, there := o.young[id]; !there && (o.young == nil || len(o.young) >= ownersHalf) {
		o.older, o.young = o.young, make(map[string][]usage.OwnedObject)
	}
	o.young[id] = known
}

// remembered returns what the memory has of ids, and those it has nothing of, or
// only what satisfied does not take.
func (o *Owners) remembered(ids []string, satisfied func([]usage.OwnedObject) bool) (found map[string][]usage.OwnedObject, missing []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	found = make(map[string][]usage.OwnedObject, len(ids))
	for _, id := range ids {
		if found[id] = o.get(id); !satisfied(found[id]) {
			missing = append(missing, id)
		}
	}
	return found, missing
}

// find returns what is known of ids. An owner that the memory has and that
// satisfies the question is taken at its word; of everything else the store is
// asked, once more after it has got what this node settled, and, when patient,
// until it must have what other nodes did. An error is a fault of kind
// Unavailable.
func (o *Owners) find(ctx context.Context, ids []string, patient bool, satisfied func([]usage.OwnedObject) bool) (map[string][]usage.OwnedObject, error) {
	found, missing := o.remembered(ids, satisfied)
	until := time.Now().Add(o.Lag)
	for round := 0; len(missing) > 0; round++ {
		rows, err := o.Store.Owners(ctx, missing)
		if err != nil {
			return nil, errNoOwners(err)
		}
		o.learn(found, rows)
		missing = slices.DeleteFunc(missing, func(id string) bool { return len(found[id]) > 0 })
		switch {
		case len(missing) == 0:
		case round == 0:
			if err := o.flush(ctx); err != nil {
				return nil, errNoOwners(err)
			}
		case !patient || !time.Now().Before(until):
			return found, nil
		default:
			if err := pause(ctx, lagStep); err != nil {
				return nil, errNoOwners(err)
			}
		}
	}
	return found, nil
}

// learn takes over what the store said.
func (o *Owners) learn(found map[string][]usage.OwnedObject, rows []usage.OwnedObject) {
	said := make(map[string][]usage.OwnedObject, len(rows))
	for _, row := range rows {
		said[row.ID] = append(said[row.ID], row)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for id, known := range said {
		for _, k := range o.get(id) { // what the store does not have yet
			if !slices.ContainsFunc(known, func(s usage.OwnedObject) bool {
				return s.OrganizationID == k.OrganizationID && s.ConnectionID == k.ConnectionID
			}) {
				known = append(known, k)
			}
		}
		said[id] = known
		o.put(id, known)
	}
	maps.Copy(found, said)
}

func (o *Owners) flush(ctx context.Context) error {
	if o.Flush == nil {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, flushTime, errors.New("the events store does not take what was settled"))
	defer cancel()
	return o.Flush(ctx)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// errNoOwners is a question about an object that cannot be answered now. It is
// refused: nobody is let to what may be another's.
func errNoOwners(cause error) error {
	return fault.New(fault.Unavailable, "object_lookup_unavailable", "", "This gateway cannot find out right now whose the object is that the request names. Please try again shortly.").
		With(fmt.Errorf("looking up the owner of an object: %w", cause))
}
