package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/config"
	"weir/internal/fault"
	"weir/internal/org"
	"weir/internal/sqldb"
	"weir/internal/sqlstore"
	"weir/internal/vault"
)

// Without the master key nobody's second factor can be checked: weir says so
// before it makes another key, and forgets them when it is told to.
func TestSecondFactorsUnderALostMasterKey(t *testing.T) {
	ctx := t.Context()
	cfg := config.Config{DataDir: t.TempDir()}.WithDerived()
	db, err := sqldb.Open(ctx, cfg.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	store, err := sqlstore.Open(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	key, other := make([]byte, vault.MasterKeySize), make([]byte, vault.MasterKeySize)
	rand.Read(key)
	rand.Read(other)
	right, err := vault.New(key)
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := vault.New(other)
	if err != nil {
		t.Fatal(err)
	}
	service := &org.Service{Store: store, Feed: noFeed{}, Sealer: right, Prober: noProber{}, Now: time.Now}
	o, err := service.CreateOrganization(ctx, org.NewOrganization{Name: "x", OwnerEmail: "a@example.com", AdminSecret: "sk-admin-0123456789abcdef0123456789"})
	if err != nil {
		t.Fatal(err)
	}
	users, err := service.Users(ctx, o.ID, org.UserFilter{Page: org.Page{Limit: 1}})
	if err != nil {
		t.Fatal(err)
	}
	owner := users.Items[0]
	if err := checkMasterKeyThere(ctx, cfg, store); err != nil {
		t.Error("nothing is sealed:", err)
	}
	if err := service.EnrolSecondFactor(ctx, audit.System(o.ID), owner.ID, []byte("12345678901234567890")); err != nil {
		t.Fatal(err)
	}
	if err := checkMasterKeyThere(ctx, cfg, store); err == nil || !strings.Contains(err.Error(), owner.ID) {
		t.Errorf("without its file: %v", err)
	}
	if err := checkSealed(ctx, store, right); err != nil {
		t.Error(err)
	}
	if err := checkSealed(ctx, store, wrong); err == nil || !strings.Contains(err.Error(), owner.ID) {
		t.Errorf("under another key: %v", err)
	}

	// Once both keys are configured, the former one is not needed any more.
	both, err := vault.New(other, key)
	if err != nil {
		t.Fatal(err)
	}
	for v, opens := range map[*vault.Vault]bool{both: true, wrong: true, right: false} {
		if err := errors.Join(resealSecondFactors(ctx, store, both), checkSealed(ctx, store, v)); (err == nil) != opens {
			t.Errorf("sealed anew: %v", err)
		}
	}
	key, other = other, key

	forget := func(key []byte, yes bool) string {
		t.Helper()
		var out bytes.Buffer
		with := cfg
		if key != nil {
			with.MasterKey = config.Secret(base64.StdEncoding.EncodeToString(key))
		}
		if err := forgetSecrets(ctx, &cli{stdout: &out}, with, db, yes); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if out := forget(key, true); strings.Contains(out, owner.ID) {
		t.Errorf("under its own key: %s", out)
	}
	for _, lost := range [][]byte{nil, other} {
		if out := forget(lost, false); !strings.Contains(out, owner.ID) || !strings.Contains(out, "Nor does one open the second factors of 1 people") {
			t.Error(out)
		}
	}
	if _, err := service.SecondFactor(ctx, o.ID, owner.ID); err != nil {
		t.Error("without --yes it is gone:", err)
	}
	forget(nil, true)
	if _, err := service.SecondFactor(ctx, o.ID, owner.ID); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
}
