package nativeapi

import (
	"weir/internal/access"
	"weir/internal/endpoint"
	"weir/internal/fault"
	"weir/internal/money"
)

// root is where the API lives.
const root = "/weir/v1"

// amount is an exact sum of money.
type amount struct {
	Value    string `json:"value"` // canonical decimal
	Currency string `json:"currency"`
}

// amountOrNull is u; null for an unknown one, which is not $0.
func amountOrNull(u *money.USD) *amount {
	if u == nil {
		return nil
	}
	return &amount{Value: u.String(), Currency: "usd"}
}

// positiveOrNull is n; null when it is 0, which stands for "not set".
func positiveOrNull(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

// listed is list as JSON shows it: never null.
func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// errNotFound is worded as the store words it, so that what a caller may not
// see looks like what is not there.
func errNotFound(label, id string) error {
	return fault.NotFoundf("%s with ID '%s' not found.", label, id)
}

// inSome reports whether the caller holds p in at least one of the workspaces,
// or in the organization.
func inSome(c *endpoint.Call, p access.Permission, workspaceIDs []string) bool {
	if c.Require(p, access.Scope{}) == nil {
		return true
	}
	for _, workspaceID := range workspaceIDs {
		if c.Require(p, access.Scope{WorkspaceID: workspaceID}) == nil {
			return true
		}
	}
	return false
}

// requireInAll refuses a caller that does not hold p in every one of the
// workspaces.
func requireInAll(c *endpoint.Call, p access.Permission, workspaceIDs []string) error {
	for _, workspaceID := range workspaceIDs {
		if err := c.Require(p, access.Scope{WorkspaceID: workspaceID}); err != nil {
			return err
		}
	}
	return nil
}
