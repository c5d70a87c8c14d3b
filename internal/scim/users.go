package scim

import (
	"context"
	"net/http"
	"strings"

	"weir/internal/fault"
	"weir/internal/org"
)

// userIndexes are the attributes by which a user is found at once.
var userIndexes = map[string]bool{"id": true, "username": true, "externalid": true, "emails": true, "emails.value": true}

func (a *API) users(c *call) kind[org.User] {
	o := c.actor.OrganizationID
	find := func(ctx context.Context, f org.DirectoryFilter) (org.DirectoryRows[org.User], error) {
		return a.org.DirectoryUsers(ctx, o, f)
	}
	return kind[org.User]{
		indexed: userIndexes, find: find, id: func(u org.User) string { return u.ID },
		lookUp: func(ctx context.Context, l lookup) ([]org.User, error) {
			f := org.DirectoryFilter{Limit: maxScan + 1}
			switch l.fullName {
			case "id":
				u, err := a.org.UserProfile(ctx, o, l.value)
				if fault.Is(err, fault.NotFound) {
					return nil, nil
				}
				return []org.User{u.User}, err
			case "username":
				f.Email = l.value
			case "externalid":
				f.ExternalID = l.value
			default:
				f.Mail = l.value
			}
			rows, err := find(ctx, f)
			return rows.Items, err
		},
		show: func(ctx context.Context, u org.User, p projection) (resource, error) {
			return a.showUser(ctx, c, &u, p)
		},
		tried: func(ctx context.Context, u org.User, f filter) (resource, error) {
			return a.showUser(ctx, c, &u, projection{only: mentioned(f)})
		},
	}
}

// mentioned are the attributes that a filter is about.
func mentioned(f filter) []attribute {
	var names []attribute
	comparisons(f, func(c *comparison) {
		name := c.attribute.name
		if c.within != "" {
			name = c.within
		}
		names = append(names, attribute{name: name})
	})
	return names
}

func (a *API) listUsers(ctx context.Context, c *call) (reply, error) { return list(ctx, c, a.users(c)) }

func (a *API) createUser(ctx context.Context, c *call) (reply, error) {
	fields, err := c.object()
	if err != nil {
		return reply{}, err
	}
	in := org.DirectoryUser{Active: true}
	if err := applyObject(&in, fields); err != nil {
		return reply{}, err
	}
	u, err := a.org.CreateDirectoryUser(ctx, c.actor, in)
	if err != nil {
		return reply{}, err
	}
	return a.answerUser(ctx, c, &u, http.StatusCreated)
}

func (a *API) getUser(ctx context.Context, c *call) (reply, error) {
	u, err := a.org.UserProfile(ctx, c.actor.OrganizationID, c.PathValue("id"))
	if err != nil {
		return reply{}, err
	}
	if v := version(u.ChangedAt()); c.known(v) {
		return reply{status: http.StatusNotModified, version: v}, nil
	}
	return a.answerUser(ctx, c, &u.User, http.StatusOK)
}

// replaceUser makes a user what the body says. Whether it is active stays as it
// is when the body does not say.
func (a *API) replaceUser(ctx context.Context, c *call) (reply, error) {
	fields, err := c.object()
	if err != nil {
		return reply{}, err
	}
	return a.changeUser(ctx, c, func(u *org.DirectoryUser) error {
		*u = org.DirectoryUser{Active: u.Active}
		return applyObject(u, fields)
	})
}

func (a *API) patchUser(ctx context.Context, c *call) (reply, error) {
	steps, err := parsePatch(c.body)
	if err != nil {
		return reply{}, err
	}
	return a.changeUser(ctx, c, func(u *org.DirectoryUser) error { return applySteps(u, steps) })
}

func (a *API) changeUser(ctx context.Context, c *call, change func(*org.DirectoryUser) error) (reply, error) {
	u, err := a.org.ChangeDirectoryUser(ctx, c.actor, c.PathValue("id"), c.unchanged(), change)
	if err != nil {
		return reply{}, err
	}
	return a.answerUser(ctx, c, &u, http.StatusOK)
}

func (a *API) deleteUser(ctx context.Context, c *call) (reply, error) {
	return reply{status: http.StatusNoContent}, a.org.DeleteDirectoryUser(ctx, c.actor, c.PathValue("id"), c.unchanged())
}

func (a *API) answerUser(ctx context.Context, c *call, u *org.User, status int) (reply, error) {
	p, err := c.projection()
	if err != nil {
		return reply{}, err
	}
	shown, err := a.showUser(ctx, c, u, p)
	out := reply{status: status, body: p.of(shown), version: version(u.ChangedAt())}
	if status == http.StatusCreated {
		out.location = c.base + "/Users/" + u.ID
	}
	return out, err
}

// showUser looks up the user's groups only where they are shown. They are no
// part of the version, since the groups say them.
func (a *API) showUser(ctx context.Context, c *call, u *org.User, p projection) (resource, error) {
	location := c.base + "/Users/" + u.ID
	r := resource{
		"schemas": []string{userSchema}, "id": u.ID, "userName": u.Email, "displayName": u.Name, "active": u.Active(),
		"name": showName(u), "emails": showEmails(u.Email, u.Directory.Mail),
		"meta": c.meta("User", location, u.CreatedAt, u.ChangedAt()),
	}
	if u.Directory.ExternalID != "" {
		r["externalId"] = u.Directory.ExternalID
	}
	if !p.shows("groups") {
		return r, nil
	}
	groups, err := a.org.DirectoryGroupsOf(ctx, u.OrganizationID, u.ID)
	if len(groups) > 0 {
		shown := make([]resource, len(groups))
		for i, g := range groups {
			shown[i] = resource{"value": g.ID, "display": g.Name, "type": "direct", "$ref": c.base + "/Groups/" + g.ID}
		}
		r["groups"] = shown
	}
	return r, err
}

func showName(u *org.User) resource {
	n := u.Directory.Name
	shown := resource{"formatted": u.Name}
	if n.Formatted != "" {
		shown["formatted"] = n.Formatted
	}
	if n.Given != "" {
		shown["givenName"] = n.Given
	}
	if n.Family != "" {
		shown["familyName"] = n.Family
	}
	return shown
}

func showEmails(userName, mail string) []resource {
	if mail == "" {
		mail = userName
	}
	return []resource{{"value": mail, "type": "work", "primary": true}}
}

func applyObject(u *org.DirectoryUser, fields map[string]any) error {
	steps, err := stepsOf(opReplace, fields)
	if err != nil {
		return err
	}
	return applySteps(u, steps)
}

func applySteps(u *org.DirectoryUser, steps []step) error {
	for i := range steps {
		if err := applyToUser(u, &steps[i]); err != nil {
			return err
		}
	}
	return nil
}

func applyToUser(u *org.DirectoryUser, s *step) (err error) {
	if s.path.values != nil && s.path.name != "emails" {
		if unkept[s.path.name] {
			return nil
		}
		return bad(typeInvalidPath, "'%s' does not have several values.", brief(s.path.name))
	}
	switch s.path.name {
	case "username":
		if s.op == opRemove {
			return bad(typeMutability, "'userName' cannot be removed.")
		}
		u.UserName, err = s.text()
	case "displayname":
		u.DisplayName, err = s.text()
	case "externalid":
		u.ExternalID, err = s.text()
	case "active":
		if s.op == opRemove || s.value == nil {
			return nil
		}
		var ok bool
		if u.Active, ok = truth(s.value); !ok {
			err = invalidValue("'active' is true or false.")
		}
	case "name":
		err = applyToName(u, s)
	case "emails":
		err = applyToEmails(u, s)
	default:
		err = s.other()
	}
	return err
}

func applyToName(u *org.DirectoryUser, s *step) (err error) {
	switch s.path.sub {
	case "formatted":
		u.Name.Formatted, err = s.text()
	case "givenname":
		u.Name.Given, err = s.text()
	case "familyname":
		u.Name.Family, err = s.text()
	case "":
		if s.op == opRemove || s.value == nil {
			u.Name = org.PersonName{}
			return nil
		}
		parts, ok := s.value.(map[string]any)
		if !ok {
			return invalidValue("'name' is an object.")
		}
		if s.op == opReplace && !s.named { // a whole name; a named one is changed in part
			u.Name = org.PersonName{}
		}
		for key, value := range parts {
			part := step{s.op, path{attribute: attribute{"name", strings.ToLower(key)}}, value, false}
			if err := applyToName(u, &part); err != nil {
				return err
			}
		}
	}
	return err // weir does not keep the other parts
}

// applyToEmails keeps one address beside the user's own: the primary one, or the
// one for work.
func applyToEmails(u *org.DirectoryUser, s *step) (err error) {
	if s.path.values != nil {
		current := showEmails(u.UserName, u.Mail)[0]
		if !s.path.values.matches(current) {
			return nil // an address that is not kept
		}
	}
	switch {
	case s.path.sub != "" && s.path.sub != "value": // its type, say
		return nil
	case s.op == opRemove:
		u.Mail = ""
		return nil
	case s.path.sub == "value":
		u.Mail, err = s.text()
		return err
	}
	addresses, err := s.valuesOf()
	if err != nil {
		return err
	}
	if s.op == opReplace {
		u.Mail = ""
	}
	best := 0
	for _, address := range addresses {
		value, isText := address.get("value").(string)
		if !isText {
			return invalidValue("Each of 'emails' has a 'value'.")
		}
		if rank := rankOf(address, s.op); rank > best {
			u.Mail, best = value, rank
		}
	}
	return nil
}

// rankOf is the greater the rather an address is the one to keep; 0 for one that
// is added and not for work.
func rankOf(address resource, op string) int {
	primary, _ := truth(address.get("primary"))
	kind, isText := address.get("type").(string)
	switch {
	case primary:
		return 3
	case !isText || strings.EqualFold(kind, "work"):
		return 2
	case op == opReplace:
		return 1
	}
	return 0
}
