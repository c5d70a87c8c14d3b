package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/tidwall/gjson"

	"weir/internal/apiclient"
	"weir/internal/id"
)

// throughGroup is the field that --json adds to people who are in a project
// through a group alone: the group's id and name.
const throughGroup = "through_group"

// errEnough ends a list that has as many rows as were asked for.
var errEnough = errors.New("enough")

// listPeople prints the people of a project: those who were put into it, and
// behind them those whose group was.
func (r *remote) listPeople(ctx context.Context, of crowd, limit int) error {
	if limit < 0 {
		return errLimit()
	}
	out := r.table(append(userColumns(), text("THROUGH", throughGroup+".name")), "")
	seen := map[string]bool{}
	add := func(person json.RawMessage) error {
		userID := gjson.GetBytes(person, "id").String()
		switch {
		case limit > 0 && len(seen) == limit:
			return errEnough
		case seen[userID]:
			return nil
		}
		seen[userID] = true
		return out.add(person)
	}
	err := r.eachOf(ctx, of.path, add)
	if err == nil {
		err = r.eachOf(ctx, inProject(of.projectID, "groups"), func(group json.RawMessage) error { return r.eachOfGroup(ctx, group, add) })
	}
	if err != nil && !errors.Is(err, errEnough) {
		return out.failed(err)
	}
	return out.end()
}

// eachOfGroup calls do with the people of a group of a project. Owners of the
// project may see that the group is there, and not always who is in it.
func (r *remote) eachOfGroup(ctx context.Context, group json.RawMessage, do func(json.RawMessage) error) error {
	groupID, name := gjson.GetBytes(group, "group_id").String(), gjson.GetBytes(group, "group_name").String()
	through := map[string]string{"id": groupID, "name": name}
	err := r.eachOf(ctx, groupsPath+apiclient.Path(groupID, "users"), func(member json.RawMessage) error {
		if strings.HasPrefix(gjson.GetBytes(member, "id").String(), id.ServiceAccount) {
			return nil
		}
		person := map[string]any{}
		if err := json.Unmarshal(member, &person); err != nil {
			return err
		}
		person[throughGroup] = through
		marked, err := json.Marshal(person)
		if err != nil {
			return err
		}
		return do(marked)
	})
	if refused := (*apiclient.Error)(nil); errors.As(err, &refused) && refused.Status == http.StatusForbidden {
		_, err = fmt.Fprintf(r.c.stderr, "The group %s is in the project too; listing who is in it takes api.groups.read in the organization.\n", plain(name))
	}
	return err
}

func (r *remote) eachOf(ctx context.Context, path string, do func(json.RawMessage) error) error {
	for item, err := range r.api.List(ctx, path, url.Values{"limit": {"100"}}) {
		if err == nil {
			err = do(item)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
