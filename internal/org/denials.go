package org

import (
	"context"
	"slices"

	"weir/internal/audit"
	"weir/internal/fault"
)

// deniedDetails is the payload of an AccessDenied event. Times are Unix seconds.
type deniedDetails struct {
	Route      string `json:"route"`
	Permission string `json:"permission"`
	Status     int    `json:"status"`
	Code       string `json:"code"`
	Count      int    `json:"count"`
	FirstAt    int64  `json:"first_at"`
	LastAt     int64  `json:"last_at"`
}

// omittedDetails is the payload of a DenialsOmitted event.
type omittedDetails struct {
	Callers audit.Callers `json:"callers"`
	Count   int           `json:"count"`
	FirstAt int64         `json:"first_at"`
	LastAt  int64         `json:"last_at"`
}

// RecordDenials writes refused requests into the logs of the organizations they
// concern. Somebody unknown concerns an install's only organization; where there
// are several, nobody can say whose log it is, and only the process's own log
// has it: an address seen at one tenant is none of another's business.
func (s *Service) RecordDenials(ctx context.Context, denied []audit.Denied, omitted []audit.Omitted) error {
	only, err := s.onlyOrganization(ctx)
	if err != nil {
		return err
	}
	if denied, err = s.named(ctx, denied); err != nil {
		return err
	}
	var events []audit.Event
	add := func(organizationID string, a audit.Action, who audit.Actor, details any) {
		if organizationID == "" {
			organizationID = only
		}
		if organizationID == "" {
			return
		}
		who.OrganizationID = organizationID
		events = append(events, audit.Event{
			Action: a.Name, Type: a.Type, OrganizationID: organizationID, Actor: who, Details: mustJSON(details),
		})
	}
	for _, d := range denied {
		add(d.Actor.OrganizationID, audit.AccessDenied, d.Actor, deniedDetails{
			d.Route, d.Permission, d.Status, d.Code, d.Count, d.First.Unix(), d.Last.Unix(),
		})
	}
	for _, o := range omitted {
		add(o.OrganizationID, audit.DenialsOmitted, audit.System(o.OrganizationID), omittedDetails{
			o.Callers, o.Count, o.First.Unix(), o.Last.Unix(),
		})
	}
	if len(events) == 0 {
		return nil
	}
	return s.update(ctx, audit.System(events[0].OrganizationID), func(tx Tx) error {
		tx.Record(events...)
		return nil
	})
}

// onlyOrganization is the id of the install's one organization, "" when there
// are more.
func (s *Service) onlyOrganization(ctx context.Context) (string, error) {
	all, err := view(ctx, s.Store, func(r Reader) ([]Organization, error) { return r.Organizations(ctx) })
	if err != nil || len(all) != 1 {
		return "", err
	}
	return all[0].ID, nil
}

// named adds the addresses of users of whom only the id is known: that of a key
// that no longer works was not looked up while it was refused.
func (s *Service) named(ctx context.Context, denied []audit.Denied) ([]audit.Denied, error) {
	denied = slices.Clone(denied)
	return denied, s.Store.View(ctx, func(r Reader) error {
		for i := range denied {
			who := &denied[i].Actor
			if who.UserID == "" || who.UserEmail != "" {
				continue
			}
			user, err := r.User(ctx, who.OrganizationID, who.UserID)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			who.UserEmail = user.Email
		}
		return nil
	})
}
