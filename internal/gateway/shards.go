package gateway

// shards is an immutable map cut into 256 parts, so that changing one entry
// copies a few hundred others and not a hundred thousand.
type shards[K comparable, V any] [256]map[K]V

// lastByte spreads ids by their last character, which is random.
func lastByte(s string) uint8 {
	if s == "" {
		return 0
	}
	return s[len(s)-1]
}

// at returns the value of k, which is in the shard; the zero V when it is not.
func (s *shards[K, V]) at(shard uint8, k K) V { return s[shard][k] }

// shardEdit changes shards that nobody reads yet; the parts it shares with an
// older state are copied before their first change.
type shardEdit[K comparable, V any] struct {
	of    *shards[K, V]
	shard func(K) uint8
	owned [256]bool
}

func (e *shardEdit[K, V]) get(k K) V { return e.of.at(e.shard(k), k) }

func (e *shardEdit[K, V]) put(k K, v V) { e.own(e.shard(k))[k] = v }

func (e *shardEdit[K, V]) drop(k K) {
	if s := e.shard(k); e.of[s] != nil {
		delete(e.own(s), k)
	}
}

func (e *shardEdit[K, V]) own(s uint8) map[K]V {
	if e.owned[s] {
		return e.of[s]
	}
	e.owned[s] = true
	mine := make(map[K]V, len(e.of[s])+1)
	for k, v := range e.of[s] {
		mine[k] = v
	}
	e.of[s] = mine
	return mine
}
