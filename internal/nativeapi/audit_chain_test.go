package nativeapi

import (
	"bytes"
	"testing"
	"time"

	"weir/internal/org"
	"weir/internal/vault"
)

func TestAuditChain(t *testing.T) {
	f := newFixture(t)
	newest := func() event { return ok[page[event]](t, f.owner().get("/audit_events?limit=1")).Data[0] }
	chain := ok[auditChain](t, f.owner().get("/audit_chain"))
	if last := newest(); chain.Head != (auditLink{last.Seq, last.Hash}) || chain.Checkpoint != nil {
		t.Errorf("%+v", chain)
	}
	signer, err := vault.New(bytes.Repeat([]byte{7}, vault.MasterKeySize))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Org.PruneAudit(t.Context(), org.AuditRetention{Signer: signer, Before: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	pruned := ok[auditChain](t, f.owner().get("/audit_chain"))
	if c := pruned.Checkpoint; c == nil || c.Seq != chain.Head.Seq-1 || c.Count != c.Seq || c.KeyID != signer.KeyID() || c.Signature == "" || c.CreatedAt != f.clock.Now().Unix() {
		t.Fatalf("%+v", pruned)
	}
	rest := ok[page[event]](t, f.owner().get("/audit_events")).Data
	if len(rest) != 2 || rest[0].Type != "weir.audit.pruned" || *rest[1].PrevHash != pruned.Checkpoint.Hash {
		t.Errorf("%+v", rest)
	}
	_, _, other := f.NewOrganization(t, "other@example.com")
	if got := ok[auditChain](t, f.as(other).get("/audit_chain")); got.Checkpoint != nil || got.Head == pruned.Head {
		t.Errorf("another organization's: %+v", got)
	}
}
