package adminapi_test

import (
	"fmt"

	"weir/internal/org"
)

const invitesPath = "/v1/organization/invites"

func inviteExamples() map[string]func(w *world) (path, body string) {
	one := func(w *world) (string, string) { return invitesPath + "/" + w.invite().ID, "" }
	return map[string]func(w *world) (path, body string){
		"POST " + invitesPath: func(w *world) (string, string) {
			return invitesPath, mustJSON(w.t, map[string]any{"email": w.address(), "role": "reader"})
		},
		"GET " + invitesPath + "/{invite_id}":    one,
		"DELETE " + invitesPath + "/{invite_id}": one,
	}
}

// address is one that nobody has had before.
func (w *world) address() string {
	w.people++
	return fmt.Sprintf("guest%d@example.com", w.people)
}

// invite invites somebody to the default project.
func (w *world) invite() org.Invite {
	w.t.Helper()
	i, err := w.Org.CreateInvite(w.t.Context(), w.grantor(), org.NewInvite{Email: w.address(), Role: "reader"})
	return must(w.t, i, err)
}

// accept makes a token for the invite and accepts it.
func (w *world) accept(inviteID string) org.UserProfile {
	w.t.Helper()
	_, token, err := w.Org.CreateInviteLink(w.t.Context(), w.grantor(), inviteID)
	must(w.t, token, err)
	profile, err := w.Org.AcceptInvite(w.t.Context(), org.Joining{Token: token, Name: "Guest", PasswordHash: "$argon2id$", IPAddress: "127.0.0.1"})
	return must(w.t, profile, err)
}
