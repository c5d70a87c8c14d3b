package orgtest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
)

func rollback(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx := t.Context()
	before, err := s.Version(ctx)
	if err != nil {
		t.Fatal(err)
	}
	events := chain(t, s, n.org.ID)
	user, stop := n.newUser(), errors.New("stop")
	err = refuse(t, s, n.org.ID, func(tx org.Tx) error {
		tx.Record(audit.Event{Action: "user.added"})
		if err := tx.InsertUser(ctx, user); err != nil {
			return err
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Errorf("got %v, want the error of fn", err)
	}
	view(t, s, func(r org.Reader) error {
		if _, err := r.User(ctx, n.org.ID, user.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("the user is there: %v", err)
		}
		return nil
	})
	after, err := s.Version(ctx)
	changes, err2 := s.Changes(ctx, before, 10)
	if after != before || len(changes) > 0 || err != nil || err2 != nil {
		t.Errorf("version %d after %d, changes %v, %v %v", after, before, changes, err, err2)
	}
	equal(t, "the log", chain(t, s, n.org.ID), events)
}

// refused: fn may not go on as if a refused write had not been.
func refused(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx := t.Context()
	user, project := n.newUser(), n.newProject()
	user.Email = n.user.Email
	refuse(t, s, n.org.ID, func(tx org.Tx) error {
		if err := tx.InsertProject(ctx, project); err != nil {
			return err
		}
		wantFault(t, "the address", tx.InsertUser(ctx, user), fault.Invalid, "email_taken", "email")
		return nil
	})
	view(t, s, func(r org.Reader) error {
		_, err := r.Project(ctx, n.org.ID, project.ID)
		wantNotFound(t, err, "Project with ID '"+project.ID+"' not found.")
		return nil
	})
	// What is not found is no such refusal.
	update(t, s, n.org.ID, func(tx org.Tx) error {
		wantNotFound(t, tx.UpdateProject(ctx, project), "Project with ID '"+project.ID+"' not found.")
		return tx.InsertProject(ctx, project)
	})
}

func ownWrites(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx := t.Context()
	update(t, s, n.org.ID, func(tx org.Tx) error {
		user, conn := n.newUser(), n.newConnection()
		if err := errors.Join(tx.InsertUser(ctx, user), tx.InsertConnection(ctx, conn)); err != nil {
			return err
		}
		got, err := tx.User(ctx, n.org.ID, user.ID)
		equal(t, "the user", got, user)
		gotConn, err2 := tx.Connection(ctx, n.org.ID, conn.ID)
		equal(t, "the connection", gotConn, conn)
		rows, err3 := tx.Users(ctx, n.org.ID, org.UserFilter{Page: org.Page{Limit: 1}})
		equal(t, "the list", rows, org.Rows[org.User]{Items: []org.User{user}, More: true})
		view(t, s, func(r org.Reader) error {
			if _, err := r.User(ctx, n.org.ID, user.ID); !fault.Is(err, fault.NotFound) {
				t.Errorf("others see it already: %v", err)
			}
			return nil
		})
		return errors.Join(err, err2, err3)
	})
}

func snapshot(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx := t.Context()
	view(t, s, func(r org.Reader) error {
		before, err := r.Project(ctx, n.org.ID, n.project.ID)
		if err != nil {
			return err
		}
		renamed, added := before, n.newProject()
		renamed.Name = "Renamed"
		update(t, s, n.org.ID, func(tx org.Tx) error {
			return errors.Join(tx.UpdateProject(ctx, renamed), tx.InsertProject(ctx, added))
		})
		after, err := r.Project(ctx, n.org.ID, n.project.ID)
		equal(t, "the project within the view", after, before)
		rows, err2 := r.Projects(ctx, n.org.ID, org.ProjectFilter{Page: org.Page{Limit: 9}})
		equal(t, "the list within the view", rows.Items, []org.Project{before})
		return errors.Join(err, err2)
	})
}

func versions(t *testing.T, s org.Store) {
	ctx := t.Context()
	if v, err := s.Version(ctx); v != 0 || err != nil {
		t.Errorf("an empty store is at version %d, %v", v, err)
	}
	if changes, err := s.Changes(ctx, 0, 10); len(changes) > 0 || err != nil {
		t.Errorf("an empty store has changes %v, %v", changes, err)
	}
	n := newTenant(t, s, &clock{})
	want := func(what string, got, want int64) {
		t.Helper()
		latest, err := s.Version(ctx)
		if got != want || latest != want || err != nil {
			t.Errorf("%s: version %d, the store's %d, want %d, %v", what, got, latest, want, err)
		}
	}
	want("a reading transaction", update(t, s, n.org.ID, func(org.Tx) error { return nil }), 1)
	want("an event alone", update(t, s, n.org.ID, func(tx org.Tx) error {
		tx.Record(audit.Event{Action: "login.failed"})
		return nil
	}), 1)
	want("an admin key", update(t, s, n.org.ID, func(tx org.Tx) error { return tx.InsertAdminKey(ctx, n.newAdminKey()) }), 1)
	project := n.newProject()
	want("a row written twice", update(t, s, n.org.ID, func(tx org.Tx) error {
		return errors.Join(tx.InsertProject(ctx, project), tx.InsertUser(ctx, n.newUser()), tx.UpdateProject(ctx, project))
	}), 2)
	changes, err := s.Changes(ctx, 1, 10)
	if err != nil || len(changes) != 2 || changes[0].ID != project.ID {
		t.Errorf("got %+v, %v, want the project and the user once each", changes, err)
	}
}

func wholeVersions(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{}) // version 1
	ctx := t.Context()
	sizes := []int{3, 1, 5, 1200, 2}
	for _, size := range sizes {
		update(t, s, n.org.ID, func(tx org.Tx) error {
			for range size {
				if err := tx.InsertProject(ctx, n.newProject()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for limit := 1; limit < 14; limit++ {
		after, seen := int64(1), map[int64]int{}
		for {
			changes, err := s.Changes(ctx, after, limit)
			if err != nil {
				t.Fatal(err)
			}
			if len(changes) == 0 {
				break
			}
			several := changes[0].Version != changes[len(changes)-1].Version
			if several && len(changes) > limit {
				t.Errorf("limit %d: %d changes of several versions", limit, len(changes))
			}
			for _, c := range changes {
				if c.Version < after {
					t.Errorf("version %d comes after %d", c.Version, after)
				}
				after = c.Version
				seen[after]++
			}
		}
		for i, size := range sizes {
			if seen[int64(i)+2] != size {
				t.Errorf("limit %d: version %d has %d changes, want %d", limit, i+2, seen[int64(i)+2], size)
			}
		}
	}
}

// concurrentWriters: writers of several organizations leave versions without
// gaps, a feed in their order and chains that verify; readers of the feed never
// see a version before an earlier one.
func concurrentWriters(t *testing.T, s org.Store) {
	c := &clock{}
	tenants := []*tenant{newTenant(t, s, c), newTenant(t, s, c)}
	const writers, rounds = 6, 8
	ctx := t.Context()
	start, err := s.Version(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	wrote := map[int64]string{} // version -> project
	var group sync.WaitGroup
	fail := make(chan error, 2*writers+1)
	for w := range writers {
		group.Go(func() {
			n := tenants[w%len(tenants)]
			for i := range rounds {
				p := org.Project{ID: id.New(id.Project), OrganizationID: n.org.ID, Name: fmt.Sprintf("%d/%d", w, i), CreatedAt: epoch}
				version, err := s.Update(ctx, audit.System(n.org.ID), func(tx org.Tx) error {
					tx.Record(audit.Event{Action: "project.created", ResourceID: p.ID}, audit.Event{Action: "noted", ResourceID: p.ID})
					return tx.InsertProject(ctx, p)
				})
				if err != nil {
					fail <- fmt.Errorf("writer %d: %w", w, err)
					return
				}
				mu.Lock()
				wrote[version] = p.ID
				mu.Unlock()
			}
		})
		group.Go(func() {
			for range rounds {
				if err := s.TouchKeys(ctx, touches(tenants)); err != nil {
					fail <- fmt.Errorf("touch: %w", err)
					return
				}
			}
		})
	}
	group.Go(func() { // the feed: read while it grows
		for next := start + 1; next <= start+writers*rounds && len(fail) == 0; {
			changes, err := s.Changes(ctx, next-1, 3)
			if err != nil {
				fail <- err
				return
			}
			for _, c := range changes {
				if c.Version != next {
					fail <- fmt.Errorf("version %d is read where %d is next", c.Version, next)
					return
				}
				next++
			}
		}
	})
	group.Wait()
	close(fail)
	for err := range fail {
		t.Error(err)
	}
	if t.Failed() {
		return
	}
	if len(wrote) != writers*rounds {
		t.Errorf("%d versions of %d updates", len(wrote), writers*rounds)
	}
	changes, err := s.Changes(ctx, start, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range changes {
		if c.Version != start+1+int64(i) || wrote[c.Version] != c.ID {
			t.Errorf("change %d is %+v, want version %d of %s", i, c, start+1+int64(i), wrote[c.Version])
		}
	}
	for _, n := range tenants {
		if got := len(verifyChain(t, s, n.org.ID)); got != 1+2*rounds*writers/len(tenants) {
			t.Errorf("the log has %d events", got)
		}
	}
}

// touches is a use of every key, in no particular order.
func touches(tenants []*tenant) map[string]time.Time {
	used := map[string]time.Time{}
	for _, n := range tenants {
		used[n.key.ID], used[n.userKey.ID], used[n.adminKey.ID] = epoch, epoch, epoch
	}
	return used
}
