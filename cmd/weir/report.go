package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// report is a question for usage or costs: of which time, about whom, grouped by
// what, and whether by bucket or over the whole time.
type report struct {
	span
	by       many
	projects many
	users    many
	keys     many
	models   many
	buckets  string // "": the whole time
}

func (q *report) flags(fs *flag.FlagSet, widths, groups string) {
	q.span.flags(fs, "start", "end")
	_ = q.start.Set("7d") // one of its own forms
	fs.Var(&q.by, "by", "a row for each `GROUP` of "+groups+"; several may be given")
	fs.StringVar(&q.buckets, "width", "", "a row for each `WIDTH` of time too: "+widths)
	fs.Var(&q.projects, "project", "only of this `PROJECT`, by id or name; several may be given")
	fs.Var(&q.users, "user", "only of keys of this `USER`; several may be given")
	fs.Var(&q.keys, "key", "only of the key with this `ID`; several may be given")
}

// groupNames are short words for the API's groups.
var groupNames = map[string]string{
	"project": "project_id", "user": "user_id", "key": "api_key_id", "tier": "service_tier", "vector_store": "vector_store_id",
}

// groups are the API's names of what the rows are grouped by.
func (q *report) groups() []string {
	var groups []string
	for _, g := range q.by {
		g = strings.ReplaceAll(g, "-", "_")
		if name, ok := groupNames[g]; ok {
			g = name
		}
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	return groups
}

// query asks for the report; w is its bucket's width.
func (q *report) query(ctx context.Context, r *remote, w width) (url.Values, error) {
	query := url.Values{"bucket_width": {w.name}, "limit": {strconv.Itoa(w.page)}}
	q.put(query, "start_time", "end_time")
	for name, find := range map[string]func() ([]string, error){
		"group_by[]":    func() ([]string, error) { return q.groups(), nil },
		"project_ids[]": func() ([]string, error) { return r.projects(ctx, q.projects) },
		"user_ids[]": func() ([]string, error) {
			return each(q.users, func(named string) (string, error) { return r.user(ctx, named) })
		},
		"api_key_ids[]": func() ([]string, error) { return q.keys, nil },
		"models[]":      func() ([]string, error) { return q.models, nil },
	} {
		values, err := find()
		if err != nil {
			return nil, err
		}
		if len(values) > 0 {
			query[name] = values
		}
	}
	return query, nil
}

// choose returns the width to ask for: that of the rows, else the widest that
// the time is whole buckets of.
func (q *report) choose(widths []width) (width, error) {
	if err := q.check(); err != nil {
		return width{}, err
	}
	if q.buckets == "" {
		return q.widest(widths)
	}
	for _, w := range widths {
		if w.name == q.buckets {
			return w, nil
		}
	}
	names := make([]string, len(widths))
	for i, w := range widths {
		names[i] = w.name
	}
	return width{}, usageError{fmt.Errorf("--width %s: want %s", q.buckets, strings.Join(names, " or "))}
}

// sum adds up the numbers of a row, digit by digit.
type sum interface {
	add(result gjson.Result) error
	cells() []string
	compare(other sum) int // the larger one comes first
}

// row is a row of the table: the groups it is of, and what they come to.
type row struct {
	groups []string
	sum    sum
}

// run prints a report: its buckets as JSON, else rows and, for people, what they
// come to together.
func (q *report) run(ctx context.Context, r *remote, path string, w width, columns []column, zero func() sum) error {
	if r.quiet {
		return usageError{errors.New("a report has no ids that --quiet could print")}
	}
	query, err := q.query(ctx, r, w)
	if err != nil {
		return err
	}
	if r.json {
		_, err := r.list(ctx, listing{path: path, query: query, page: w.page}, 0)
		return err
	}
	names, err := q.names(ctx, r)
	if err != nil {
		return err
	}
	groups := q.groups()
	var heads []column
	if q.buckets != "" {
		heads = append(heads, column{head: "START"})
	}
	for _, g := range groups {
		heads = append(heads, column{head: heading(g)})
		if names[g] != nil {
			heads = append(heads, column{head: heading(strings.TrimSuffix(g, "_id"))})
		}
	}
	out, total, rows := r.table(append(heads, columns...), ""), zero(), map[string]*row{}
	printed := 0
	flush := func(at string) error {
		for _, one := range sorted(rows) {
			var cells []string
			if q.buckets != "" {
				cells = append(cells, at)
			}
			for i, g := range groups {
				cells = append(cells, one.groups[i])
				if names[g] != nil {
					cells = append(cells, names[g][one.groups[i]])
				}
			}
			if err := out.line(append(cells, one.sum.cells()...)); err != nil {
				return err
			}
			printed++
		}
		clear(rows)
		return nil
	}
	for raw, err := range r.api.List(ctx, path, query) {
		if err != nil {
			return out.failed(err)
		}
		bucket := gjson.ParseBytes(raw)
		for _, result := range bucket.Get("results").Array() {
			if err := errors.Join(addTo(rows, groups, result, zero), total.add(result)); err != nil {
				return out.failed(err)
			}
		}
		if q.buckets != "" {
			if err := flush(stamp(bucket.Get("start_time").Int())); err != nil {
				return err
			}
		}
	}
	if len(groups) == 0 && q.buckets == "" && len(rows) == 0 {
		rows[""] = &row{sum: zero()} // nothing is a sum too
	}
	if err := flush(""); err != nil {
		return err
	}
	if r.c.stdoutTerminal && len(heads) > 0 && printed > 1 {
		cells := append([]string{"TOTAL"}, make([]string, len(heads)-1)...)
		if err := out.line(append(cells, total.cells()...)); err != nil {
			return err
		}
	}
	return out.end()
}

// heading is a group as the head of a column.
func heading(group string) string { return strings.ToUpper(strings.ReplaceAll(group, "_", " ")) }

func addTo(rows map[string]*row, groups []string, result gjson.Result, zero func() sum) error {
	values := make([]string, len(groups))
	for i, g := range groups {
		values[i] = written(result.Get(g))
	}
	key, err := json.Marshal(values)
	if err != nil {
		return err
	}
	one := rows[string(key)]
	if one == nil {
		one = &row{groups: values, sum: zero()}
		rows[string(key)] = one
	}
	return one.sum.add(result)
}

// sorted are the rows, the largest first.
func sorted(rows map[string]*row) []*row {
	all := make([]*row, 0, len(rows))
	for _, one := range rows {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b *row) int {
		return cmp.Or(a.sum.compare(b.sum), slices.Compare(a.groups, b.groups))
	})
	return all
}

// names are what projects and people are called, by group and id, where rows are
// grouped by them.
func (q *report) names(ctx context.Context, r *remote) (map[string]map[string]string, error) {
	names := map[string]map[string]string{}
	for _, known := range []struct{ group, path, field string }{
		{"project_id", projectsPath, "name"}, {"user_id", usersPath, "email"},
	} {
		if !slices.Contains(q.groups(), known.group) {
			continue
		}
		names[known.group] = map[string]string{}
		for item, err := range r.api.List(ctx, known.path, url.Values{"limit": {"100"}, "include_archived": {"true"}}) {
			if err != nil {
				return nil, err
			}
			object := gjson.ParseBytes(item)
			names[known.group][object.Get("id").String()] = object.Get(known.field).String()
		}
	}
	return names, nil
}
