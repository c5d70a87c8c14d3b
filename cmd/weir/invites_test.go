package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestInvitesCommand(t *testing.T) {
	u := newTown(t)
	chat := u.id("projects", "create", "Chat")
	ada := u.id("invites", "create", "ada@example.com", "--project", "Chat", "--project-role", "owner")
	if out := u.must("invites", "get", "ada@example.com"); !strings.Contains(out, "\nstatus\tpending\n") || !strings.Contains(out, "\nprojects\t"+chat+"\n") {
		t.Errorf("%q", out)
	}
	bob := u.id("invites", "create", "bob@example.com", "--no-project", "--role", "owner")
	if out := u.must("invites", "get", bob); !strings.Contains(out, "\nrole\towner\n") || !strings.Contains(out, "\nprojects\t\n") {
		t.Errorf("%q", out)
	}
	if out := u.must("invites", "list", "-q"); out != bob+"\n"+ada+"\n" {
		t.Errorf("%q", out)
	}
	// The link is all that somebody needs to join.
	link := u.id("invites", "link", "ada@example.com")
	token := regexp.MustCompile(`[A-Za-z0-9_-]+$`).FindString(link)
	body, err := json.Marshal(map[string]string{"token": token, "name": "Ada", "password": "correct horse battery staple"})
	if err != nil {
		t.Fatal(err)
	}
	if status := u.post("/weir/v1/invites/accept", string(body)); status != http.StatusOK {
		t.Errorf("joining by %s: %d", link, status)
	}
	if out := u.must("users", "list", "--project", "Chat"); !strings.Contains(out, "\tada@example.com\tAda\towner\t") {
		t.Errorf("%q", out)
	}
	u.refused(1, "code ", "invites", "delete", ada) // it was accepted
	u.must("invites", "delete", "bob@example.com")
	u.refused(1, `no invite "bob@example.com"`, "invites", "link", "bob@example.com")
	u.refused(1, "param role", "invites", "create", "eve@example.com", "--role", "king")
	u.refused(1, `no project "Nowhere"`, "invites", "create", "eve@example.com", "--project", "Nowhere")
	u.refused(2, "do not go together", "invites", "create", "eve@example.com", "--project", "Chat", "--no-project")
	if said := u.said.String(); strings.Contains(said, token) {
		t.Errorf("the link was written to standard error:\n%s", said)
	}
}
