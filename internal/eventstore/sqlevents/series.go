package sqlevents

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"weir/internal/sqldb"
	"weir/internal/usage"
)

// level is how much detail a series keeps.
type level int64

const (
	byKey          level = iota // everything
	byProject                   // neither key nor user
	byOrganization              // no project, key or user
)

// costKind is the kind of the series of cost lines.
const costKind = "costs"

// series is one combination of dimension values, as in table usage_series.
type series struct {
	organizationID, kind                                                 string
	level                                                                level
	projectID, apiKeyID, userID                                          string
	model, serviceTier, batch, size, source, contextLevel, vectorStoreID string
	lineItem, unit                                                       string
}

// seriesOf is the series an event's quantities count in.
func seriesOf(e *usage.Event) series {
	return series{
		organizationID: e.OrganizationID, kind: string(e.Kind),
		projectID: e.ProjectID, apiKeyID: e.APIKeyID, userID: e.UserID,
		model: e.Model, serviceTier: e.ServiceTier, batch: strconv.FormatBool(e.Batch), size: e.Size,
		source: e.ImageSource, contextLevel: e.ContextLevel, vectorStoreID: e.VectorStoreID,
	}
}

// costSeriesOf is the series a cost line of an event counts in.
func costSeriesOf(e *usage.Event, line usage.CostLine) series {
	return series{
		organizationID: e.OrganizationID, kind: costKind,
		projectID: e.ProjectID, apiKeyID: e.APIKeyID, userID: e.UserID,
		lineItem: line.LineItem, unit: line.Unit,
	}
}

// at is the series with the detail of a level only.
func (s series) at(l level) series {
	s.level = l
	if l >= byProject {
		s.apiKeyID, s.userID = "", ""
	}
	if l >= byOrganization {
		s.projectID = ""
	}
	return s
}

func (s *series) texts() [15]string {
	return [...]string{
		s.organizationID, s.kind, s.projectID, s.apiKeyID, s.userID, s.model, s.serviceTier, s.batch,
		s.size, s.source, s.contextLevel, s.vectorStoreID, s.lineItem, s.unit, strconv.FormatInt(int64(s.level), 10),
	}
}

// digest identifies a series: 128 bits of the SHA-256 of its values, each with
// its length before it.
type digest [16]byte

func (d digest) String() string { return base64.RawURLEncoding.EncodeToString(d[:]) }

func (s *series) digest() digest {
	b := make([]byte, 0, 256)
	for _, text := range s.texts() {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	sum := sha256.Sum256(b)
	return digest(sum[:16])
}

// insertSeries ignores a series that another node has numbered meanwhile.
var insertSeries = insert{
	into: "usage_series",
	columns: []string{
		"digest", "organization_id", "kind", "level", "project_id", "api_key_id", "user_id", "model", "service_tier", "batch",
		"size", "source", "context_level", "vector_store_id", "line_item", "unit",
	},
	onConflict: "(digest) DO NOTHING",
}

func (s *series) row(d digest) []any {
	return []any{
		d.String(), s.organizationID, s.kind, int64(s.level), s.projectID, s.apiKeyID, s.userID, s.model, s.serviceTier, s.batch,
		s.size, s.source, s.contextLevel, s.vectorStoreID, s.lineItem, s.unit,
	}
}

// number returns the number of every series in all, giving one to those that
// have none yet.
func (s *Store) number(ctx context.Context, tx *sql.Tx, all map[digest]series) (map[digest]int64, error) {
	numbers := make(map[digest]int64, len(all))
	missing := s.cache.find(all, numbers)
	if err := selectNumbers(ctx, tx, missing, numbers); err != nil {
		return nil, fmt.Errorf("series: %w", err)
	}
	missing = slices.DeleteFunc(missing, func(d digest) bool { _, ok := numbers[d]; return ok })
	if len(missing) == 0 {
		return numbers, nil
	}
	// In one order on every node, or two of them could wait for each other.
	slices.SortFunc(missing, func(a, b digest) int { return slices.Compare(a[:], b[:]) })
	rows := make([][]any, len(missing))
	for i, d := range missing {
		one := all[d]
		rows[i] = one.row(d)
	}
	if _, err := s.insert(ctx, tx, insertSeries, rows); err != nil {
		return nil, err
	}
	if err := selectNumbers(ctx, tx, missing, numbers); err != nil {
		return nil, fmt.Errorf("series: %w", err)
	}
	if len(numbers) != len(all) {
		return nil, fmt.Errorf("series: %d of %d have a number", len(numbers), len(all))
	}
	return numbers, nil
}

// selectNumbers adds the numbers of those series that have one.
func selectNumbers(ctx context.Context, tx *sql.Tx, digests []digest, numbers map[digest]int64) error {
	for chunk := range slices.Chunk(digests, 500) {
		q := sqldb.NewQuery("SELECT digest, id FROM usage_series").And("digest", sqldb.In(texts(chunk)))
		err := each(ctx, tx, q, func(scan func(...any) error) error {
			var text string
			var id int64
			if err := scan(&text, &id); err != nil {
				return err
			}
			var d digest
			if _, err := base64.RawURLEncoding.Decode(d[:], []byte(text)); err != nil {
				return fmt.Errorf("digest %q: %w", text, err)
			}
			numbers[d] = id
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func texts(digests []digest) []string {
	all := make([]string, len(digests))
	for i, d := range digests {
		all[i] = d.String()
	}
	return all
}

// byNumber orders roll-up rows as their tables do.
func byNumber(a, b []any) int {
	return cmp.Or(cmp.Compare(a[0].(int64), b[0].(int64)), cmp.Compare(a[1].(int64), b[1].(int64)))
}
