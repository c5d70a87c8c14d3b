package scim

import (
	"context"
	"net/http"

	"weir/internal/fault"
	"weir/internal/optional"
	"weir/internal/org"
)

// groupIndexes are the attributes by which groups are found at once.
var groupIndexes = map[string]bool{"id": true, "displayname": true, "externalid": true, "members": true, "members.value": true}

func (a *API) groups(c *call) kind[org.Group] {
	o := c.actor.OrganizationID
	find := func(ctx context.Context, f org.DirectoryFilter) (org.DirectoryRows[org.Group], error) {
		return a.org.DirectoryGroups(ctx, o, f)
	}
	return kind[org.Group]{
		indexed: groupIndexes, find: find, id: func(g org.Group) string { return g.ID },
		lookUp: func(ctx context.Context, l lookup) ([]org.Group, error) {
			f := org.DirectoryFilter{Limit: maxScan + 1}
			switch l.fullName {
			case "id":
				g, err := a.org.DirectoryGroup(ctx, o, l.value)
				if fault.Is(err, fault.NotFound) {
					return nil, nil
				}
				return []org.Group{g}, err
			case "displayname":
				f.Name = l.value
			case "externalid":
				f.ExternalID = l.value
			default:
				return a.org.DirectoryGroupsOf(ctx, o, l.value)
			}
			rows, err := find(ctx, f)
			return rows.Items, err
		},
		show: func(ctx context.Context, g org.Group, p projection) (resource, error) {
			return a.showGroup(ctx, c, &g, p)
		},
		tried: func(ctx context.Context, g org.Group, f filter) (resource, error) {
			r, err := a.showGroup(ctx, c, &g, projection{without: []attribute{{name: "members"}}})
			if err != nil {
				return nil, err
			}
			return r, a.addTriedMembers(ctx, c, &g, f, r)
		},
	}
}

// addTriedMembers gives r the members that the filter asks about. Asked for by
// id they are looked up one by one: a group may have 100,000.
func (a *API) addTriedMembers(ctx context.Context, c *call, g *org.Group, f filter, r resource) error {
	among, whole, asked := []string{}, false, false
	comparisons(f, func(cmp *comparison) {
		full := cmp.fullName()
		if cmp.attribute.name != "members" && cmp.within != "members" {
			return
		}
		asked = true
		value, isText := cmp.value.(string)
		if (full == "members.value" || full == "members") && isText && (cmp.op == opEqual || cmp.op == opNotEqual) {
			among = append(among, value)
			return
		}
		whole = true
	})
	if !asked {
		return nil
	}
	if whole {
		among = nil
	}
	members, err := a.org.DirectoryMembers(ctx, g.OrganizationID, g.ID, among)
	r["members"] = showMembers(c, members)
	return err
}

func (a *API) listGroups(ctx context.Context, c *call) (reply, error) {
	return list(ctx, c, a.groups(c))
}

func (a *API) createGroup(ctx context.Context, c *call) (reply, error) {
	edit, err := wholeGroup(c)
	if err != nil {
		return reply{}, err
	}
	g, err := a.org.CreateDirectoryGroup(ctx, c.actor, edit)
	if err != nil {
		return reply{}, err
	}
	return a.answerGroup(ctx, c, &g, http.StatusCreated)
}

func (a *API) getGroup(ctx context.Context, c *call) (reply, error) {
	g, err := a.org.DirectoryGroup(ctx, c.actor.OrganizationID, c.PathValue("id"))
	if err != nil {
		return reply{}, err
	}
	if v := version(g.ChangedAt()); c.known(v) {
		return reply{status: http.StatusNotModified, version: v}, nil
	}
	return a.answerGroup(ctx, c, &g, http.StatusOK)
}

func (a *API) replaceGroup(ctx context.Context, c *call) (reply, error) {
	edit, err := wholeGroup(c)
	if err != nil {
		return reply{}, err
	}
	if !edit.Name.Given() {
		return reply{}, fault.MissingParam("displayName")
	}
	edit.ExternalID.Sent = true
	if len(edit.Members) == 0 {
		edit.Members = []org.MembersEdit{{Verb: org.SetMembers}}
	}
	g, err := a.org.ChangeDirectoryGroup(ctx, c.actor, c.PathValue("id"), c.unchanged(), edit)
	if err != nil {
		return reply{}, err
	}
	return a.answerGroup(ctx, c, &g, http.StatusOK)
}

// patchGroup answers without the group unless attributes of it are asked for: it
// may have many members.
func (a *API) patchGroup(ctx context.Context, c *call) (reply, error) {
	steps, err := parsePatch(c.body)
	if err != nil {
		return reply{}, err
	}
	edit, err := editOf(steps)
	if err != nil {
		return reply{}, err
	}
	g, err := a.org.ChangeDirectoryGroup(ctx, c.actor, c.PathValue("id"), c.unchanged(), edit)
	if err != nil {
		return reply{}, err
	}
	if c.FormValue("attributes") == "" {
		return reply{status: http.StatusNoContent, version: version(g.ChangedAt())}, nil
	}
	return a.answerGroup(ctx, c, &g, http.StatusOK)
}

func (a *API) deleteGroup(ctx context.Context, c *call) (reply, error) {
	return reply{status: http.StatusNoContent}, a.org.DeleteDirectoryGroup(ctx, c.actor, c.PathValue("id"), c.unchanged())
}

func (a *API) answerGroup(ctx context.Context, c *call, g *org.Group, status int) (reply, error) {
	p, err := c.projection()
	if err != nil {
		return reply{}, err
	}
	shown, err := a.showGroup(ctx, c, g, p)
	out := reply{status: status, body: p.of(shown), version: version(g.ChangedAt())}
	if status == http.StatusCreated {
		out.location = c.base + "/Groups/" + g.ID
	}
	return out, err
}

func (a *API) showGroup(ctx context.Context, c *call, g *org.Group, p projection) (resource, error) {
	r := resource{
		"schemas": []string{groupSchema}, "id": g.ID, "displayName": g.Name,
		"meta": c.meta("Group", c.base+"/Groups/"+g.ID, g.CreatedAt, g.ChangedAt()),
	}
	if g.ExternalID != "" {
		r["externalId"] = g.ExternalID
	}
	if !p.shows("members") {
		return r, nil
	}
	members, err := a.org.DirectoryMembers(ctx, g.OrganizationID, g.ID, nil)
	r["members"] = showMembers(c, members)
	return r, err
}

func showMembers(c *call, members []org.User) []resource {
	shown := make([]resource, len(members))
	for i, u := range members {
		shown[i] = resource{"value": u.ID, "display": u.Name, "type": "User", "$ref": c.base + "/Users/" + u.ID}
	}
	return shown
}

// wholeGroup reads the body of a POST or a PUT.
func wholeGroup(c *call) (org.DirectoryGroupEdit, error) {
	fields, err := c.object()
	if err != nil {
		return org.DirectoryGroupEdit{}, err
	}
	steps, err := stepsOf(opReplace, fields)
	if err != nil {
		return org.DirectoryGroupEdit{}, err
	}
	return editOf(steps)
}

// editOf puts the steps of a change together.
func editOf(steps []step) (org.DirectoryGroupEdit, error) {
	var edit org.DirectoryGroupEdit
	for i := range steps {
		if err := addToEdit(&edit, &steps[i]); err != nil {
			return edit, err
		}
	}
	return edit, nil
}

func addToEdit(edit *org.DirectoryGroupEdit, s *step) error {
	if s.path.values != nil && s.path.name != "members" {
		return bad(typeInvalidPath, "'%s' does not have several values.", brief(s.path.name))
	}
	switch s.path.name {
	case "displayname":
		if s.op == opRemove {
			return bad(typeMutability, "'displayName' cannot be removed.")
		}
		text, err := s.text()
		edit.Name = optional.Of(text)
		return err
	case "externalid":
		text, err := s.text()
		edit.ExternalID = optional.Of(text)
		return err
	case "members":
		members, err := membersEdit(s)
		edit.Members = append(edit.Members, members)
		return err
	}
	return s.other()
}

// membersEdit reads a step about members. Those to remove are named in the path,
// members[value eq "…"], or, as Entra ID also does, in the value.
func membersEdit(s *step) (org.MembersEdit, error) {
	edit := org.MembersEdit{Verb: org.AddMembers}
	switch s.op {
	case opReplace:
		edit.Verb = org.SetMembers
	case opRemove:
		edit.Verb = org.RemoveMembers
	}
	if s.path.values != nil {
		ids, ok := equalTo(s.path.values, "members.value")
		if !ok || s.op != opRemove || s.path.sub != "" {
			return edit, bad(typeInvalidFilter, `Members are chosen by their value to be removed, and in no other way: members[value eq "…"].`)
		}
		edit.IDs = ids
		return edit, nil
	}
	if s.path.sub != "" {
		return edit, bad(typeMutability, "The parts of a member cannot be changed.")
	}
	if s.op == opRemove && s.value == nil {
		return org.MembersEdit{Verb: org.SetMembers}, nil // nobody
	}
	values, err := s.valuesOf()
	if err != nil {
		return edit, err
	}
	for _, v := range values {
		memberID, isText := v.get("value").(string)
		if !isText {
			return edit, invalidValue("Each of 'members' has a 'value', the id of a user.")
		}
		edit.IDs = append(edit.IDs, memberID)
	}
	return edit, nil
}
