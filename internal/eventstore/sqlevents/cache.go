package sqlevents

import "sync"

// cacheHalf bounds the numbers held in memory to twice that many, some 20 MB.
const cacheHalf = 1 << 17

// seriesCache remembers numbers of series that are committed. It keeps two
// generations and drops the older when the younger is full; what is used moves
// to the younger. The zero value is empty and ready.
type seriesCache struct {
	mu           sync.Mutex
	young, older map[digest]int64
}

// find puts the numbers it has into numbers and returns the series it has none of.
func (c *seriesCache) find(all map[digest]series, numbers map[digest]int64) (missing []digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for d := range all {
		n, ok := c.young[d]
		if !ok {
			if n, ok = c.older[d]; ok {
				c.put(d, n)
			}
		}
		if ok {
			numbers[d] = n
		} else {
			missing = append(missing, d)
		}
	}
	return missing
}

// add remembers numbers once their transaction has committed.
func (c *seriesCache) add(numbers map[digest]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for d, n := range numbers {
		if _, ok := c.young[d]; !ok {
			c.put(d, n)
		}
	}
}

func (c *seriesCache) put(d digest, n int64) {
	if c.young == nil || len(c.young) >= cacheHalf {
		c.older, c.young = c.young, map[digest]int64{}
	}
	c.young[d] = n
}
