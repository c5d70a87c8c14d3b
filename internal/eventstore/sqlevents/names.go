package sqlevents

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"

	"weir/internal/usage"
)

// level is how much detail a caller keeps.
type level int64

const (
	byKey          level = iota // all of it
	byProject                   // neither key nor user
	byOrganization              // no project, key or user
)

// levels is how many there are.
const levels = byOrganization + 1

// caller is a row of usage_callers.
type caller struct {
	organizationID              string
	level                       level
	projectID, apiKeyID, userID string
}

func callerOf(e *usage.Event, l level) caller {
	c := caller{organizationID: e.OrganizationID, level: l}
	if l < byOrganization {
		c.projectID = e.ProjectID
	}
	if l < byProject {
		c.apiKeyID, c.userID = e.APIKeyID, e.UserID
	}
	return c
}

func (c caller) digest() digest {
	return digestOf(strconv.Itoa(int(c.level)), c.organizationID, c.projectID, c.apiKeyID, c.userID)
}

func (c caller) row(d digest) []any {
	return []any{d.String(), c.organizationID, int64(c.level), c.projectID, c.apiKeyID, c.userID}
}

// costKind is the kind of the items that are cost lines.
const costKind = "costs"

// item is a row of usage_items.
type item struct {
	kind                                                                 string
	model, serviceTier, batch, size, source, contextLevel, vectorStoreID string
	lineItem, unit                                                       string
}

// itemOf is what an event's quantities count as.
func itemOf(e *usage.Event) item {
	return item{
		kind: string(e.Kind), model: e.Model, serviceTier: e.ServiceTier, batch: strconv.FormatBool(e.Batch), size: e.Size,
		source: e.ImageSource, contextLevel: e.ContextLevel, vectorStoreID: e.VectorStoreID,
	}
}

// costItemOf is what a cost line counts as.
func costItemOf(line usage.CostLine) item {
	return item{kind: costKind, lineItem: line.LineItem, unit: line.Unit}
}

func (i item) digest() digest {
	return digestOf(i.kind, i.model, i.serviceTier, i.batch, i.size, i.source, i.contextLevel, i.vectorStoreID, i.lineItem, i.unit)
}

func (i item) row(d digest) []any {
	return []any{
		d.String(), i.kind, i.model, i.serviceTier, i.batch, i.size, i.source, i.contextLevel, i.vectorStoreID, i.lineItem, i.unit,
	}
}

// digest identifies a caller or an item: 128 bits of the SHA-256 of its values,
// each with its length before it.
type digest [16]byte

func digestOf(values ...string) digest {
	b := make([]byte, 0, 256)
	for _, v := range values {
		b = binary.AppendUvarint(b, uint64(len(v)))
		b = append(b, v...)
	}
	sum := sha256.Sum256(b)
	return digest(sum[:16])
}

func (d digest) String() string { return base64.RawURLEncoding.EncodeToString(d[:]) }
