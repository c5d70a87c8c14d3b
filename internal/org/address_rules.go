package org

import (
	"context"
	"net/netip"

	"weir/internal/fault"
	"weir/internal/peer"
)

// AddressRules say from where an organization may be called. They are made of
// its active lists and do not change. Nil rules let everybody in.
type AddressRules struct {
	organization []netip.Prefix
	projects     map[string][]netip.Prefix
}

// NewAddressRules makes rules of active lists; nil when there are none.
func NewAddressRules(lists []IPAllowlist) *AddressRules {
	if len(lists) == 0 {
		return nil
	}
	rules := &AddressRules{projects: map[string][]netip.Prefix{}}
	for i := range lists {
		networks := lists[i].networks()
		if projectID := lists[i].ProjectID; projectID != "" {
			rules.projects[projectID] = append(rules.projects[projectID], networks...)
		} else {
			rules.organization = append(rules.organization, networks...)
		}
	}
	return rules
}

// Allow reports whether a caller at address may call: one of the organization's
// active lists must hold it, and for a project's key one of the project's besides,
// each where there are any. projectID is "" for who calls with no project's key.
// An address that is not known, which is the zero one, is in no list.
func (a *AddressRules) Allow(projectID string, address netip.Addr) bool {
	if a == nil {
		return true
	}
	within := func(networks []netip.Prefix) bool { return len(networks) == 0 || peer.Contains(networks, address) }
	return within(a.organization) && within(a.projects[projectID])
}

// CodeAddressRefused is the code of a refusal for the caller's address.
const CodeAddressRefused = "ip_address_not_allowed"

// ErrAddressRefused is a call from an address that no list allows.
func ErrAddressRefused(address string) error {
	if address == "" {
		address = "unknown"
	}
	return fault.New(fault.Forbidden, CodeAddressRefused, "", "Your IP address (%s) is not allowed to call this organization. Its IP allowlists say from where it may be called.", address)
}

// CheckAddress refuses a caller whose address the organization's lists, or those
// of the project whose key it has, do not allow.
func CheckAddress(ctx context.Context, r Reader, organizationID, projectID, address string) error {
	lists, err := r.ActiveIPAllowlists(ctx, organizationID)
	if err != nil {
		return err
	}
	at, err := netip.ParseAddr(address)
	if err != nil {
		at = netip.Addr{} // unknown
	}
	if NewAddressRules(lists).Allow(projectID, at) {
		return nil
	}
	return ErrAddressRefused(address)
}
