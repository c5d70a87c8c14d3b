package nativeapi

import (
	"net/http"
	"strings"
	"testing"

	"weir/internal/notify"
	"weir/internal/optional"
	"weir/internal/org"
)

func (f *fixture) channel() org.NotificationChannel {
	f.t.Helper()
	c, _, err := f.Org.CreateNotificationChannel(f.t.Context(), f.actor(), org.NotificationChannelFields{
		Name: optional.Of(f.name()), Kind: optional.Of("webhook"), URL: optional.Of("https://hooks.example.com/weir"),
	})
	return must[org.NotificationChannel](f.t)(c, err)
}

func (f *fixture) testChannel(channelID string) notify.Delivery {
	f.t.Helper()
	return must[notify.Delivery](f.t)(f.Org.TestNotificationChannel(f.t.Context(), f.actor(), channelID))
}

func (f *fixture) channelTarget(method, pattern string) (path string, body any) {
	switch {
	case pattern == "/notification_channels" && method == http.MethodPost:
		return pattern, map[string]any{"name": "Finance", "type": "email", "recipients": []string{"finance@example.com"}}
	case strings.HasSuffix(pattern, "}"):
		body = changeIf(method == http.MethodPost, "name", "Finance")
	}
	return strings.Replace(pattern, "{notification_channel_id}", f.channel().ID, 1), body
}

func TestNotificationChannels(t *testing.T) {
	f := newFixture(t)
	const path = "/notification_channels"
	made := ok[notificationChannel](t, f.owner().post(path, map[string]any{"name": "Ops", "type": "webhook", "url": "https://hooks.example.com/weir"}))
	if !strings.HasPrefix(made.ID, "nch_") || !strings.HasPrefix(made.Secret, "whsec_") || *made.URL != "https://hooks.example.com/weir" {
		t.Errorf("made %+v", made)
	}
	if shown := ok[notificationChannel](t, f.owner().get(path+"/"+made.ID)); shown.Secret != "" || shown.Name != "Ops" || shown.Type != "webhook" {
		t.Errorf("shown %+v", shown)
	}
	// The address of a chat is all that it takes to write there.
	chat := ok[notificationChannel](t, f.owner().post(path, map[string]any{"name": "Chat", "type": "slack", "url": "https://hooks.slack.com/services/T0/B0/hunter2"}))
	if *chat.URL != "https://hooks.slack.com/…" || chat.Secret != "" {
		t.Errorf("a chat: %+v", chat)
	}
	changed := ok[notificationChannel](t, f.owner().post(path+"/"+made.ID, map[string]any{"url": "https://hooks.example.com/new?token=hunter2", "secret": "0123456789abcdef"}))
	if *changed.URL != "https://hooks.example.com/…" || changed.Secret != "" || changed.Name != "Ops" {
		t.Errorf("changed %+v", changed)
	}
	people := ok[notificationChannel](t, f.owner().post(path, map[string]any{"name": "People", "type": "email", "recipients": []string{"a@example.com", "b@example.com"}}))

	// A test is in the log of its channel; without a mail server letters fail there.
	tested := ok[delivery](t, f.owner().post(path+"/"+made.ID+"/test", nil))
	if tested.Status != "pending" || tested.Event != notify.Test || *tested.ChannelID != made.ID {
		t.Errorf("tested %+v", tested)
	}
	ok[delivery](t, f.owner().post(path+"/"+people.ID+"/test", nil))
	log := ok[page[delivery]](t, f.owner().get(path+"/"+people.ID+"/deliveries"))
	if len(log.Data) != 2 || log.Data[0].Status != "failed" || !strings.Contains(*log.Data[0].Error, "WEIR_SMTP_HOST") {
		t.Errorf("the log: %+v", log)
	}
	if all := ok[page[delivery]](t, f.owner().get("/deliveries")); len(all.Data) != 3 {
		t.Errorf("the whole log: %+v", all)
	}
	ok[map[string]any](t, f.owner().call(http.MethodDelete, path+"/"+people.ID, nil))
	if all := ok[page[delivery]](t, f.owner().get("/deliveries")); len(all.Data) != 1 || all.Data[0].ID != tested.ID {
		t.Errorf("after the channel is gone: %+v", all)
	}
	for _, event := range f.events(0) {
		if strings.Contains(string(event.Details), "hunter2") || strings.Contains(string(event.Details), "0123456789") {
			t.Errorf("a secret is in the audit log: %s", event.Details)
		}
	}

	for body, want := range map[string][2]string{
		`{"type":"webhook","url":"https://x.example"}`:                                       {"missing_required_parameter", "name"},
		`{"name":"x","url":"https://x.example"}`:                                             {"missing_required_parameter", "type"},
		`{"name":"x","type":"webhook"}`:                                                      {"missing_required_parameter", "url"},
		`{"name":"x","type":"email"}`:                                                        {"missing_required_parameter", "recipients"},
		`{"name":"x","type":"pager","url":"https://x.example"}`:                              {"invalid_value", "type"},
		`{"name":"x","type":"webhook","url":"ftp://x.example"}`:                              {"invalid_value", "url"},
		`{"name":"x","type":"webhook","url":"https://u:p@x.example"}`:                        {"invalid_value", "url"},
		`{"name":"x","type":"webhook","url":"https://x.example","secret":"short"}`:           {"invalid_value", "secret"},
		`{"name":"x","type":"webhook","url":"https://x.example","secret":"whsec_*"}`:         {"invalid_value", "secret"},
		`{"name":"x","type":"slack","url":"https://x.example","secret":"0123456789abcdef"}`:  {"invalid_value", "secret"},
		`{"name":"x","type":"slack","url":"https://x.example","recipients":["a@b.example"]}`: {"invalid_value", "recipients"},
		`{"name":"x","type":"email","recipients":["nobody"]}`:                                {"invalid_value", "recipients[0]"},
		`{"name":"x","type":"email","recipients":[]}`:                                        {"empty_array", "recipients"},
		`{"name":"x","type":"email","recipients":["a@b.example"],"url":"https://x.example"}`: {"invalid_value", "url"},
	} {
		a := f.owner().post(path, body)
		t.Log(body)
		refused(t, a, http.StatusBadRequest, want[0], want[1])
	}
	refused(t, f.owner().post(path+"/"+made.ID, map[string]any{"type": "slack"}), http.StatusBadRequest, "unchangeable", "type")
	refused(t, f.owner().get(path+"/"+people.ID+"/deliveries"), http.StatusNotFound, "not_found", "")
}
