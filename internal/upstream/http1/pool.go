package http1

import "time"

// kept takes the connection out that was used last: the others may then grow
// old enough to be closed.
func (t *Transport) kept(to place) *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.idle[to]
	if len(list) == 0 {
		return nil
	}
	c := list[len(list)-1]
	list[len(list)-1] = nil
	t.idle[to] = list[:len(list)-1]
	return c
}

// keep takes a connection back that can serve another request.
func (t *Transport) keep(c *conn) {
	c.used++
	c.since = time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.idle[c.to]) >= t.MaxIdlePerHost {
		c.close()
		return
	}
	if t.idle == nil {
		t.idle = make(map[place][]*conn)
	}
	t.idle[c.to] = append(t.idle[c.to], c)
	if t.sweeper == nil {
		t.sweeper = time.AfterFunc(t.IdleTimeout, t.sweep)
	}
}

// sweep closes what has been idle for too long, and comes back while anything is.
func (t *Transport) sweep() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	next := t.IdleTimeout
	for to, list := range t.idle {
		old := 0
		for old < len(list) && now.Sub(list[old].since) >= t.IdleTimeout {
			list[old].close()
			old++
		}
		list = append(list[:0:0], list[old:]...) // not what a burst grew it to
		if len(list) == 0 {
			delete(t.idle, to)
			continue
		}
		t.idle[to] = list
		next = min(next, t.IdleTimeout-now.Sub(list[0].since))
	}
	if len(t.idle) == 0 {
		t.sweeper = nil
		return
	}
	t.sweeper.Reset(next)
}

// CloseIdleConnections closes the connections that serve no request.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, list := range t.idle {
		for _, c := range list {
			c.close()
		}
	}
	clear(t.idle)
}
