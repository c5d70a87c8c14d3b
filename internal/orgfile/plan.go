package orgfile

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"weir/internal/access"
)

// Actual is an object that an organization has.
type Actual struct {
	Object
	// ID is the API's; of members and assignments, which have none, it is made of
	// the ids of what they join.
	ID string
	// Default says of a setting that nobody has set it.
	Default bool
}

// World is what an organization has, as far as it was read.
type World struct {
	OrganizationID string
	Objects        map[Ref]Actual
	IDs            map[Ref]string    // of whatever can be referred to: predefined roles too
	Users          map[string]string // ids by e-mail address in lower case
	Ambiguous      map[Ref]int       // names that several have
}

// Action is what is done to an object.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// FieldChange is a field that is not as it should be. Before is nil in a
// creation.
type FieldChange struct {
	Name   string `json:"name"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

// Change is one step of a plan.
type Change struct {
	Action Action `json:"action"`
	Ref
	Fields []FieldChange `json:"fields,omitempty"`

	want Object
	have Actual
}

// Plan leads from an organization to a file.
type Plan struct {
	Changes []Change `json:"changes"` // in the order in which they are made
	Kept    []Ref    `json:"kept"`    // owned projects that are no longer in the file, and stay
}

// Archives are the names of the projects that the plan archives.
func (p *Plan) Archives() (names []string) {
	for _, c := range p.Changes {
		if c.Action == Delete && c.Kind == KindProject {
			names = append(names, c.Name)
		}
	}
	return names
}

// MakePlan compares what is wanted with what is there. What is owned and no
// longer wanted is deleted, of projects only with prune. Its error lists all that
// cannot be planned.
func MakePlan(want []Object, have World, owned Owned, prune bool) (Plan, error) {
	plan := Plan{Changes: []Change{}, Kept: []Ref{}}
	wanted := make(map[Ref]bool, len(want))
	for _, o := range want {
		wanted[o.Ref] = true
	}
	var problems []error
	for _, o := range want {
		problems = append(problems, missing(o, wanted, &have)...)
		actual, there := have.Objects[o.Ref]
		switch {
		case have.Ambiguous[o.Ref] > 1:
			problems = append(problems, fmt.Errorf("there are %d of the name of %s; give all but one another name", have.Ambiguous[o.Ref], o.Ref))
		case !there:
			plan.Changes = append(plan.Changes, Change{Action: Create, Ref: o.Ref, Fields: differing(Object{}, o), want: o})
		case actual.Default && !actual.covers(o.Fields):
			plan.Changes = append(plan.Changes, Change{Action: Create, Ref: o.Ref, Fields: differing(actual.Object, o), want: o, have: actual})
		case !actual.covers(o.Fields):
			if o.Kind == KindCertificate {
				problems = append(problems, fmt.Errorf("the %s is another one in weir, and cannot be changed: give this one another name", o.Ref))
				continue
			}
			if o.Kind == KindProject {
				problems = append(problems, fmt.Errorf("the residency of the %s is %q and cannot be changed", o.Ref, actual.text("residency")))
				continue
			}
			plan.Changes = append(plan.Changes, Change{Action: Update, Ref: o.Ref, Fields: differing(actual.Object, o), want: o, have: actual})
		}
	}
	slices.SortStableFunc(plan.Changes, func(a, b Change) int { return a.compare(b.Ref) })
	problems = append(problems, plan.prune(wanted, &have, owned, prune)...)
	return plan, joined(problems)
}

// missing says which of the things that an object refers to are neither there nor
// wanted.
func missing(o Object, wanted map[Ref]bool, have *World) (problems []error) {
	r := o.Ref
	if email := r.Holder.User; email != "" && have.Users[email] == "" {
		problems = append(problems, fmt.Errorf("there is no user %q; people are invited, a file does not make them", email))
	}
	for _, needed := range append(r.needs(), o.refers()...) {
		if wanted[needed] || have.IDs[needed] != "" || needed.Kind == KindRole && predefined(needed) {
			continue
		}
		problems = append(problems, fmt.Errorf("there is no %s, which the %s needs", needed, r))
	}
	return problems
}

// predefined reports whether weir brings the role along.
func predefined(role Ref) bool {
	if role.Project == "" {
		return role.Name == string(access.OrganizationOwner) || role.Name == string(access.OrganizationReader)
	}
	return slices.Contains([]access.ProjectRole{access.ProjectOwner, access.ProjectMember, access.ProjectViewer}, access.ProjectRole(role.Name))
}

func differing(before, after Object) (changes []FieldChange) {
	for _, f := range after.Fields {
		was := before.value(f.Name)
		if reflect.DeepEqual(was, f.Value) || was == nil && isEmpty(f.Value) {
			continue
		}
		changes = append(changes, FieldChange{f.Name, was, f.Value})
	}
	return changes
}

func isEmpty(value any) bool {
	texts, ok := value.([]string)
	return ok && len(texts) == 0 || value == ""
}

// prune adds the deletions, last what others hang on. What goes with something
// else is no step of its own, and what is still asked for cannot go with it.
func (p *Plan) prune(wanted map[Ref]bool, have *World, owned Owned, projects bool) (problems []error) {
	gone, kept := map[Ref]bool{}, map[Ref]bool{}
	for ref, actual := range have.Objects {
		if wanted[ref] || actual.Default || !owned.has(ref.Kind, actual.ID) {
			continue
		}
		gone[ref] = true
		if ref.Kind == KindProject && !projects {
			kept[ref] = true
			p.Kept = append(p.Kept, ref)
		}
	}
	first := len(p.Changes)
	for ref := range gone {
		follows := func(needed Ref) bool { return gone[needed] }
		if kept[ref] || slices.ContainsFunc(ref.needs(), follows) {
			continue
		}
		p.Changes = append(p.Changes, Change{Action: Delete, Ref: ref, have: have.Objects[ref]})
	}
	slices.SortFunc(p.Changes[first:], func(a, b Change) int { return b.compare(a.Ref) })
	slices.SortFunc(p.Kept, Ref.compare)
	for ref := range wanted {
		for _, needed := range ref.needs() {
			if gone[needed] && !kept[needed] {
				problems = append(problems, fmt.Errorf("the %s is no longer in the file and would be deleted, but the %s needs it", needed, ref))
			}
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return problems
}

// String is the step on one line.
func (c *Change) String() string {
	if c.Action == Delete && c.Kind == KindProject {
		return fmt.Sprintf("archive %s", c.Ref)
	}
	return fmt.Sprintf("%s %s", c.Action, c.Ref)
}

// shown is a value on one line, whatever it holds.
func shown(value any) string {
	switch value.(type) {
	case string, []string:
		return fmt.Sprintf("%q", value)
	}
	return fmt.Sprint(value)
}

// Write shows the plan to a person.
func (p *Plan) Write(w io.Writer) error {
	var out strings.Builder
	signs := map[Action]string{Create: "+", Update: "~", Delete: "-"}
	count := map[Action]int{}
	for _, c := range p.Changes {
		count[c.Action]++
		fmt.Fprintf(&out, "%s %s\n", signs[c.Action], c.Ref)
		for _, f := range c.Fields {
			if f.Before == nil {
				fmt.Fprintf(&out, "    %s: %s\n", f.Name, shown(f.After))
			} else {
				fmt.Fprintf(&out, "    %s: %s -> %s\n", f.Name, shown(f.Before), shown(f.After))
			}
		}
	}
	for _, ref := range p.Kept {
		fmt.Fprintf(&out, "The %s is no longer in the file and stays; --prune archives it.\n", ref)
	}
	if len(p.Changes) == 0 {
		out.WriteString("Nothing to change.\n")
	} else {
		fmt.Fprintf(&out, "%d to create, %d to update, %d to delete.\n", count[Create], count[Update], count[Delete])
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// File is the file that asks for what there is. What has the name of another
// cannot be asked for.
func (w *World) File() (File, error) {
	var objects []Object
	var problems []error
	for ref, actual := range w.Objects {
		if n := w.Ambiguous[ref]; n > 1 {
			problems = append(problems, fmt.Errorf("there are %d of the name of %s; give all but one another name", n, ref))
		}
		if !actual.Default {
			objects = append(objects, actual.Object)
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return FromObjects(objects), joined(problems)
}
