package sqlevents

import (
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"slices"
	"sync"
)

// The dictionaries of the store. A row that another node inserts meanwhile is
// left as it is.
var (
	insertCallers = insert{
		into:       "usage_callers",
		columns:    []string{"digest", "organization_id", "level", "project_id", "api_key_id", "user_id"},
		onConflict: "(digest) DO NOTHING",
	}
	insertItems = insert{
		into: "usage_items",
		columns: []string{
			"digest", "kind", "model", "service_tier", "batch", "size", "source", "context_level", "vector_store_id", "line_item", "unit",
		},
		onConflict: "(digest) DO NOTHING",
	}
)

// named is a row of a dictionary.
type named interface {
	caller | item
	row(d digest) []any
}

// number returns the number of every name, giving one to those that have none
// yet. What it returns may be cached once tx has committed.
func number[T named](ctx context.Context, s *Store, tx *sql.Tx, i insert, cache *numberCache, names map[digest]T) (map[digest]int64, error) {
	numbers := make(map[digest]int64, len(names))
	var missing []digest
	for d := range names {
		if n, ok := cache.get(d); ok {
			numbers[d] = n
		} else {
			missing = append(missing, d)
		}
	}
	if err := s.lookUp(ctx, tx, i.into, missing, numbers); err != nil {
		return nil, err
	}
	missing = slices.DeleteFunc(missing, func(d digest) bool { _, ok := numbers[d]; return ok })
	if len(missing) == 0 {
		return numbers, nil
	}
	// In one order on every node, or two of them could wait for each other.
	slices.SortFunc(missing, func(a, b digest) int { return slices.Compare(a[:], b[:]) })
	rows := make([][]any, len(missing))
	for at, d := range missing {
		rows[at] = names[d].row(d)
	}
	if _, err := s.insert(ctx, tx, i, rows); err != nil {
		return nil, err
	}
	if err := s.lookUp(ctx, tx, i.into, missing, numbers); err != nil {
		return nil, err
	}
	if len(numbers) != len(names) {
		return nil, fmt.Errorf("%s: only %d of %d have a number", i.into, len(numbers), len(names))
	}
	return numbers, nil
}

// lookUp adds the numbers of those names of a dictionary that have one.
func (s *Store) lookUp(ctx context.Context, tx *sql.Tx, table string, names []digest, numbers map[digest]int64) error {
	for _, n := range chunks {
		if len(names) < n {
			continue
		}
		stmt := tx.StmtContext(ctx, s.lookUps[lookUp{table, n}])
		for ; len(names) >= n; names = names[n:] {
			args := make([]any, n)
			for i, d := range names[:n] {
				args[i] = d.String()
			}
			if err := readNumbers(ctx, stmt, args, numbers); err != nil {
				return fmt.Errorf("look up %s: %w", table, err)
			}
		}
	}
	return nil
}

func readNumbers(ctx context.Context, stmt *sql.Stmt, args []any, numbers map[digest]int64) error {
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		var number int64
		if err := rows.Scan(&text, &number); err != nil {
			return err
		}
		var d digest
		if n, err := base64.RawURLEncoding.Decode(d[:], []byte(text)); err != nil || n != len(d) {
			return fmt.Errorf("%q is no digest: %w", text, err)
		}
		numbers[d] = number
	}
	return rows.Err()
}

// cacheHalf bounds a cache to twice that many numbers, some 20 MB.
const cacheHalf = 1 << 17

// numberCache remembers numbers that are committed. It keeps two generations
// and drops the older when the younger is full; what is used moves to the
// younger. The zero value is empty and ready.
type numberCache struct {
	mu           sync.Mutex
	young, older map[digest]int64
}

func (c *numberCache) get(d digest) (int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := c.young[d]
	if !ok {
		if n, ok = c.older[d]; ok {
			c.put(d, n)
		}
	}
	return n, ok
}

func (c *numberCache) add(numbers map[digest]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for d, n := range numbers {
		if _, ok := c.young[d]; !ok {
			c.put(d, n)
		}
	}
}

func (c *numberCache) put(d digest, n int64) {
	if c.young == nil || len(c.young) >= cacheHalf {
		c.older, c.young = c.young, map[digest]int64{}
	}
	c.young[d] = n
}
