package scim

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/id"
	"weir/internal/org"
)

// Where there are many people, a filter is answered by an index or refused.
func TestFiltersOfManyPeople(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	_, err := w.Store.Update(ctx, audit.System(w.Organization.ID), func(tx org.Tx) error {
		for i := range maxScan {
			u := org.User{
				ID: id.New(id.User), OrganizationID: w.Organization.ID, Email: fmt.Sprintf("p%d@example.com", i), Name: "P",
				Role: access.OrganizationReader, CreatedAt: w.Organization.CreatedAt, Directory: org.DirectoryEntry{ExternalID: fmt.Sprint(i)},
			}
			if err := tx.InsertUser(ctx, u); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, filter := range []string{`userName sw "p1"`, `active eq true`, `not (userName eq "p1@example.com")`, `userName eq "p1@example.com" or displayName eq "P"`} {
		w.refused(w.do("GET", "/Users?filter="+url.QueryEscape(filter), ""), http.StatusBadRequest, typeTooMany)
	}
	for filter, want := range map[string]string{
		`userName eq "P77@example.com"`: "p77@example.com", `externalId eq "78"`: "p78@example.com", `emails.value eq "p79@example.com" and active eq true`: "p79@example.com",
	} {
		a := w.want(w.do("GET", "/Users?attributes=userName&filter="+url.QueryEscape(filter), ""), http.StatusOK)
		w.is(a, want, "Resources", 0, "userName")
		w.is(a, float64(1), "totalResults")
	}
	last := w.want(w.do("GET", fmt.Sprintf("/Users?startIndex=%d", maxScan+1), ""), http.StatusOK)
	w.is(last, float64(maxScan+1), "totalResults")
	w.is(last, float64(1), "itemsPerPage")
}
