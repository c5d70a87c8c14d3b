package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/sqldb"
	"weir/internal/sqlstore"
)

// atOnce calls every function at the same moment and returns their statuses.
func atOnce(calls ...func() int) []int {
	statuses := make([]int, len(calls))
	start := make(chan struct{})
	var all sync.WaitGroup
	for i, c := range calls {
		all.Go(func() {
			<-start
			statuses[i] = c()
		})
	}
	close(start)
	all.Wait()
	return statuses
}

// TestCallersAtOnce lets administrators get in each other's way: the rules hold,
// nothing answers with a failure of weir's, and the audit log stays a chain.
func TestCallersAtOnce(t *testing.T) {
	dir := t.TempDir()
	p := serve(t, dir)
	by := func(key, method, path string, body any) func() int {
		return func() int {
			status, raw := call(t, method, p.address+path, key, body, nil)
			if status >= 500 {
				t.Errorf("%s %s: %d %s", method, path, status, raw)
			}
			return status
		}
	}
	count := func(statuses []int, status int) (n int) {
		for _, s := range statuses {
			if s == status {
				n++
			}
		}
		return n
	}
	must(t, "POST", p.address+"/weir/v1/connections", adminKey, map[string]any{"name": "sandbox", "provider": "sandbox"}, nil)

	t.Run("one name", func(t *testing.T) {
		for round := range 5 {
			create := by(adminKey, "POST", "/weir/v1/workspaces", map[string]any{"name": fmt.Sprint("w", round)})
			if got := atOnce(create, create, create, create); count(got, 200) != 1 || count(got, 400) != 3 {
				t.Errorf("four creations of one workspace: %v", got)
			}
		}
	})
	t.Run("archive and create", func(t *testing.T) {
		for range 5 {
			projectID, key := project(t, p.address, "doomed")
			path := "/v1/organization/projects/" + projectID
			var mu sync.Mutex
			secrets := []string{key}
			create := func() int {
				var made struct {
					Value string `json:"value"`
				}
				status, _ := call(t, "POST", p.address+"/weir/v1"+strings.TrimPrefix(path, "/v1/organization")+"/api_keys", adminKey, map[string]any{"name": "late"}, &made)
				mu.Lock()
				defer mu.Unlock()
				if made.Value != "" {
					secrets = append(secrets, made.Value)
				}
				return status
			}
			got := atOnce(create, by(adminKey, "POST", path+"/archive", nil), create, by(adminKey, "POST", path+"/service_accounts", map[string]any{"name": "late"}), create)
			if got[1] != http.StatusOK {
				t.Errorf("archiving: %v", got)
			}
			for _, secret := range secrets {
				if status, raw := call(t, "GET", p.address+"/v1/models", secret, nil, nil); status != 401 && status != 403 {
					t.Errorf("a key of an archived project works: %d %s", status, raw)
				}
			}
		}
	})
	t.Run("delete and rotate", func(t *testing.T) {
		for range 5 {
			projectID, _ := project(t, p.address, "keys")
			var made identified
			path := "/weir/v1/projects/" + projectID + "/api_keys"
			must(t, "POST", p.address+path, adminKey, map[string]any{"name": "one"}, &made)
			var mu sync.Mutex
			var secrets []string
			rotate := func() int {
				var rotated struct {
					Value string `json:"value"`
				}
				status, _ := call(t, "POST", p.address+path+"/"+made.ID+"/rotate", adminKey, map[string]any{"overlap_seconds": 60}, &rotated)
				mu.Lock()
				defer mu.Unlock()
				secrets = append(secrets, rotated.Value)
				return status
			}
			remove := by(adminKey, "DELETE", "/v1/organization/projects/"+projectID+"/api_keys/"+made.ID, nil)
			got := atOnce(rotate, remove, rotate, remove)
			if got[1]+got[3] != 200+404 {
				t.Errorf("two deletions of one key: %v", got)
			}
			for _, secret := range slices.DeleteFunc(secrets, func(s string) bool { return s == "" }) {
				if status, raw := call(t, "GET", p.address+"/v1/models", secret, nil, nil); status != 401 {
					t.Errorf("a deleted key works: %d %s", status, raw)
				}
			}
		}
	})
	t.Run("lists walked under change", func(t *testing.T) {
		var keep []string
		for i := range 12 {
			var made identified
			must(t, "POST", p.address+"/weir/v1/workspaces", adminKey, map[string]any{"name": fmt.Sprint("kept-", i)}, &made)
			keep = append(keep, made.ID)
		}
		stop, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				var made identified
				must(t, "POST", p.address+"/weir/v1/workspaces", adminKey, map[string]any{"name": fmt.Sprint("passing-", i)}, &made)
				must(t, "DELETE", p.address+"/weir/v1/workspaces/"+made.ID, adminKey, nil, nil)
			}
		}()
		seen := map[string]int{}
		after, restarts := "", 0
		for {
			var page struct {
				Data    []identified `json:"data"`
				HasMore bool         `json:"has_more"`
				LastID  string       `json:"last_id"`
			}
			status, raw := call(t, "GET", p.address+"/weir/v1/workspaces?limit=2&after="+after, adminKey, nil, &page)
			if status == http.StatusBadRequest && bytes.Contains(raw, []byte(`"after"`)) && restarts < 100 {
				clear(seen) // the row the page ended with was deleted: begin again
				after, restarts = "", restarts+1
				continue
			}
			if status != http.StatusOK {
				t.Fatalf("%d %s", status, raw)
			}
			for _, w := range page.Data {
				seen[w.ID]++
			}
			if !page.HasMore {
				break
			}
			after = page.LastID
		}
		close(stop)
		<-done
		for _, id := range keep {
			if seen[id] != 1 {
				t.Errorf("%s was listed %d times", id, seen[id])
			}
		}
	})
	t.Run("the last admin key", func(t *testing.T) {
		var keys []identified
		var secrets []string
		for i := range 4 {
			var made struct {
				identified
				Value string `json:"value"`
			}
			must(t, "POST", p.address+"/v1/organization/admin_api_keys", adminKey, map[string]any{"name": fmt.Sprint(i)}, &made)
			keys, secrets = append(keys, made.identified), append(secrets, made.Value)
		}
		var first struct {
			KeyID string `json:"api_key_id"`
		}
		must(t, "GET", p.address+"/weir/v1/me", adminKey, nil, &first)
		must(t, "DELETE", p.address+"/v1/organization/admin_api_keys/"+first.KeyID, adminKey, nil, nil)
		// Each key deletes itself.
		var calls []func() int
		for i := range keys {
			calls = append(calls, by(secrets[i], "DELETE", "/v1/organization/admin_api_keys/"+keys[i].ID, nil))
		}
		if got := atOnce(calls...); count(got, 200) != 3 || count(got, 400) != 1 {
			t.Errorf("four keys delete themselves: %v", got)
		}
		working := 0
		for _, secret := range secrets {
			if status, _ := call(t, "GET", p.address+"/weir/v1/me", secret, nil, nil); status == http.StatusOK {
				working++
			}
		}
		if working != 1 {
			t.Errorf("%d admin keys work, want 1", working)
		}
	})
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	auditLog(t, dir)
}

// TestFirstStartsAtOnce starts several weirs on one new data directory: one
// serves, the others say why they do not.
func TestFirstStartsAtOnce(t *testing.T) {
	dir := t.TempDir()
	env := []string{"WEIR_LISTEN=127.0.0.1:0", "WEIR_DATA_DIR=" + dir}
	var all []*process
	for range 4 {
		all = append(all, spawn(t, env, "serve"))
	}
	serving := 0
	for _, p := range all {
		select {
		case <-p.exited:
			if p.cmd.ProcessState.ExitCode() != 1 || !strings.Contains(p.stderr.String(), "another weir serves from the data directory") {
				t.Errorf("exit code %d:\n%s", p.cmd.ProcessState.ExitCode(), p.stderr)
			}
			if strings.Contains(p.stderr.String(), "admin key:") {
				t.Error("a weir that does not serve has made an organization")
			}
		case <-time.After(3 * time.Second):
			serving++
			if err := p.stop(t); err != nil {
				t.Error(err)
			}
		}
	}
	if serving != 1 {
		t.Errorf("%d weirs serve from one data directory", serving)
	}
	if got := auditLog(t, dir); len(got) != 1 {
		t.Errorf("%d organizations", len(got))
	}
}

// TestFirstStartsOnOneDatabase starts several nodes, each with a data directory
// of its own, on one new database: one of them makes the organization, and no
// other leaves an admin key that does not work.
func TestFirstStartsOnOneDatabase(t *testing.T) {
	for range 2 {
		database := migrated(t)
		var all []*process
		var dirs []string
		for range 4 {
			dir := t.TempDir()
			dirs = append(dirs, dir)
			all = append(all, spawn(t, []string{
				"WEIR_LISTEN=127.0.0.1:0", "WEIR_DATA_DIR=" + dir, "WEIR_DATABASE_URL=" + database, "WEIR_EVENTS_URL=sqlite:" + filepath.Join(dir, "events.db"),
			}, "serve"))
		}
		known := 0
		for i, p := range all {
			address := addressPattern.FindString(p.waitFor(t, "http://127.0.0.1:"))
			if _, err := os.Stat(filepath.Join(dirs[i], "bootstrap-admin-key")); err == nil {
				known++
				must(t, "GET", address+"/weir/v1/me", bootstrapKey(t, dirs[i]), nil, nil)
			}
		}
		if known != 1 {
			t.Errorf("%d nodes have left a first admin key", known)
		}
		for _, p := range all {
			if err := p.stop(t); err != nil {
				t.Errorf("%v\n%s", err, p.stderr)
			}
		}
	}
}

// migrated returns the URL of a database that has tables and nothing in them.
func migrated(t *testing.T) string {
	t.Helper()
	url := "sqlite:" + filepath.Join(t.TempDir(), "weir.db")
	db, err := sqldb.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := sqlstore.Open(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return url
}

// TestKilledInTheFirstStart kills weir at moments all over its first start, then
// lets it start: there is one organization, whose admin key is known.
func TestKilledInTheFirstStart(t *testing.T) {
	for i := range 12 {
		dir := t.TempDir()
		env := []string{"WEIR_LISTEN=127.0.0.1:0", "WEIR_DATA_DIR=" + dir}
		p := spawn(t, env, "serve")
		select {
		case <-p.exited:
			t.Fatalf("ended by itself:\n%s", p.stderr)
		case <-time.After(time.Duration(i) * 8 * time.Millisecond): // the moment is the experiment
		}
		p.kill()
		again := start(t, env, "serve")
		key := bootstrapKey(t, dir)
		must(t, "GET", again.address+"/weir/v1/me", key, nil, nil)
		if err := again.stop(t); err != nil {
			t.Fatal(err)
		}
		for _, got := range auditLog(t, dir) {
			if !slices.Equal(got, firstEvents) {
				t.Errorf("killed after %d ms: events %v", i*8, got)
			}
		}
	}
}
