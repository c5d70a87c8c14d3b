package nativeapi

import (
	"net/http"
	"testing"

	"weir/internal/access"
	"weir/internal/optional"
	"weir/internal/org"
)

// A reset lets its maker become the person, so it ends with what its maker held
// when it was made: nobody who is shown out leaves a door open behind himself.
func TestPasswordResetsEndWithTheirMakersStanding(t *testing.T) {
	f := newFixture(t)
	colleague, _ := f.person(access.OrganizationOwner, "the colleague's own")
	accept := func(token string) answer {
		return f.as("").post("/password_reset/accept", map[string]string{"token": token, "new_password": "what the leaver chose"})
	}
	leaver, secret := f.user(access.OrganizationOwner)
	reset := ok[passwordReset](t, f.as(secret).post("/users/"+colleague.ID+"/password_reset", nil))
	demote := org.UserChange{Role: optional.Of(string(access.OrganizationReader))}
	by := org.SystemGrantor(f.Organization.ID)
	must[org.UserProfile](t)(f.Org.UpdateUser(t.Context(), by, leaver.ID, demote))
	refused(t, accept(reset.Token), http.StatusBadRequest, "invalid_token", "token")

	promote := org.UserChange{Role: optional.Of(string(access.OrganizationOwner))}
	must[org.UserProfile](t)(f.Org.UpdateUser(t.Context(), by, leaver.ID, promote))
	reset = ok[passwordReset](t, f.as(secret).post("/users/"+colleague.ID+"/password_reset", nil))
	active := func(is bool) {
		t.Helper()
		must[org.User](t)(f.Org.ChangeDirectoryUser(t.Context(), f.actor(), leaver.ID, nil, func(u *org.DirectoryUser) error {
			u.Active = is
			return nil
		}))
	}
	active(false)
	refused(t, accept(reset.Token), http.StatusBadRequest, "invalid_token", "token")
	active(true)
	_, secret, err := f.Org.CreateAdminKey(t.Context(), f.actor(), org.NewAdminKey{Name: "another", UserID: leaver.ID})
	must[string](t)(secret, err)
	reset = ok[passwordReset](t, f.as(secret).post("/users/"+colleague.ID+"/password_reset", nil))
	if err := f.Org.DeleteUser(t.Context(), f.actor(), leaver.ID); err != nil {
		t.Fatal(err)
	}
	refused(t, accept(reset.Token), http.StatusBadRequest, "invalid_token", "token")
	f.signInAs(colleague.Email, "the colleague's own")

	reset = ok[passwordReset](t, f.owner().post("/users/"+colleague.ID+"/password_reset", nil))
	ok[passwordSet](t, accept(reset.Token))
}
