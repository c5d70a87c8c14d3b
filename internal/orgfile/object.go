package orgfile

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// Kind is what an object is.
type Kind string

// The kinds.
const (
	KindProject        Kind = "project"
	KindRole           Kind = "role"
	KindServiceAccount Kind = "service account"
	KindGroup          Kind = "group"
	KindMember         Kind = "group member"
	KindAssignment     Kind = "role assignment"
)

// kinds are all of them, what others need before what needs it: the order in
// which things are created, and the reverse of that in which they are deleted.
var kinds = []Kind{
	KindProject, KindSpendLimit, KindSpendAlert, KindDataRetention, KindRateLimit, KindModelPermissions, KindHostedTools, KindServiceTiers,
	KindWorkspace, KindConnection, KindModelEndpoint, KindCertificate, KindActivation,
	KindRole, KindServiceAccount, KindGroup, KindMember, KindAssignment,
}

// Ref names an object by the names that people give things. It is comparable.
type Ref struct {
	Kind      Kind   `json:"kind"`
	Project   string `json:"project,omitempty"`   // where it is; "": the organization
	Workspace string `json:"workspace,omitempty"` // of a model endpoint
	// Name is its own; of a member, the group; of an assignment, the role; of a rate
	// limit, the model. Other settings have none.
	Name   string `json:"name"`
	Holder Holder `json:"holder,omitzero"` // of members and assignments
}

// Holder is who is in a group or holds a role.
type Holder struct {
	User    string `json:"user,omitempty"` // e-mail address, in lower case
	Group   string `json:"group,omitempty"`
	Project string `json:"project,omitempty"` // of the account
	Account string `json:"service_account,omitempty"`
}

// String names the holder on one line, whatever its name holds.
func (h Holder) String() string {
	switch {
	case h.User != "":
		return fmt.Sprintf("%q", h.User)
	case h.Group != "":
		return fmt.Sprintf("group %q", h.Group)
	}
	return fmt.Sprintf("service account %q of project %q", h.Account, h.Project)
}

// String names the object on one line, whatever its name holds.
func (r Ref) String() string {
	in := ""
	if r.Project != "" {
		in = fmt.Sprintf(" in project %q", r.Project)
	}
	switch r.Kind {
	case KindMember:
		return fmt.Sprintf("member %s of group %q", r.Holder, r.Name)
	case KindAssignment:
		return fmt.Sprintf("role %q of %s%s", r.Name, r.Holder, in)
	}
	if r.Workspace != "" {
		in = fmt.Sprintf(" in workspace %q", r.Workspace)
	}
	if in == "" && (r.Kind.isSetting() || r.Kind == KindActivation || r.Kind == KindSpendAlert) {
		in = " of the organization"
	}
	if r.Name == "" {
		return string(r.Kind) + in
	}
	return fmt.Sprintf("%s %q%s", r.Kind, r.Name, in)
}

func (r Ref) compare(o Ref) int {
	return cmp.Or(
		cmp.Compare(slices.Index(kinds, r.Kind), slices.Index(kinds, o.Kind)),
		cmp.Compare(r.Project, o.Project), cmp.Compare(r.Workspace, o.Workspace), cmp.Compare(r.Name, o.Name), cmp.Compare(r.Holder.User, o.Holder.User),
		cmp.Compare(r.Holder.Group, o.Holder.Group), cmp.Compare(r.Holder.Project, o.Holder.Project), cmp.Compare(r.Holder.Account, o.Holder.Account),
	)
}

// account is the service account that the holder is; ok is false for others.
func (h Holder) account() (ref Ref, ok bool) {
	return Ref{Kind: KindServiceAccount, Project: h.Project, Name: h.Account}, h.Account != ""
}

// needs are the objects without which there is none of this name: when one of
// them goes, so does this.
func (r Ref) needs() (refs []Ref) {
	if r.Project != "" {
		refs = append(refs, Ref{Kind: KindProject, Name: r.Project})
	}
	if r.Kind == KindMember {
		refs = append(refs, Ref{Kind: KindGroup, Name: r.Name})
	}
	if r.Kind == KindAssignment {
		refs = append(refs, Ref{Kind: KindRole, Project: r.Project, Name: r.Name})
	}
	if r.Holder.Group != "" {
		refs = append(refs, Ref{Kind: KindGroup, Name: r.Holder.Group})
	}
	if account, ok := r.Holder.account(); ok {
		refs = append(refs, Ref{Kind: KindProject, Name: account.Project}, account)
	}
	return refs
}

// Object is something that a file asks for, or that an organization has.
type Object struct {
	Ref
	Fields []Field

	secrets map[string]Secret // of a connection, by the name of the field
}

// Field is a value beside the name: a string, []string, int64, bool or []Upstream.
type Field struct {
	Name  string
	Value any
}

func (o *Object) value(name string) any {
	for _, f := range o.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return nil
}

func (o *Object) text(name string) string {
	s, _ := o.value(name).(string)
	return s
}

func (o *Object) texts(name string) []string {
	s, _ := o.value(name).([]string)
	return s
}

// covers reports whether the object has all the values that another asks for.
func (o *Object) covers(want []Field) bool {
	return !slices.ContainsFunc(want, func(f Field) bool { return !reflect.DeepEqual(o.value(f.Name), f.Value) })
}

func sameFields(a, b []Field) bool { return reflect.DeepEqual(a, b) }

// joined is errors.Join, less what is said twice.
func joined(problems []error) error {
	seen := map[string]bool{}
	return errors.Join(slices.DeleteFunc(problems, func(err error) bool {
		twice := seen[err.Error()]
		seen[err.Error()] = true
		return twice
	})...)
}
