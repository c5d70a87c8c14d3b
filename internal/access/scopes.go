package access

import (
	"slices"
	"strings"
)

// AllRead is the scope of a key that reads all its owner may read and changes
// nothing (OpenAI's reference of the project key update).
const AllRead = "api.all.read"

// Covers reports whether the scopes of a key let it use p. No scopes let it use
// all that its owner may do. Permissions of weir's own are covered by their
// names only: a key made for OpenAI's API does not come to hold them by a wide
// scope.
func Covers(scopes []string, p Permission) bool {
	if len(scopes) == 0 || slices.Contains(scopes, string(p)) {
		return true
	}
	return strings.HasPrefix(string(p), "api.") && strings.HasSuffix(string(p), ".read") && slices.Contains(scopes, AllRead)
}

// CoversScopes reports whether a key with the scopes held is at least as wide as
// one with the scopes asked.
func CoversScopes(held, asked []string) bool {
	if len(held) == 0 {
		return true
	}
	return len(asked) > 0 && !slices.ContainsFunc(asked, func(scope string) bool { return !Covers(held, Permission(scope)) })
}
