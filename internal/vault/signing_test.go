package vault

import (
	"errors"
	"testing"
)

func TestSignaturesAreOfOneKeyAndMessage(t *testing.T) {
	before := open(t, key(1))
	id, signature := before.Sign([]byte("message"))
	after := open(t, key(2), key(1)) // the key was changed
	for what, v := range map[string]*Vault{"the same key": before, "after a change of the key": after} {
		if genuine, err := v.CheckSignature(id, []byte("message"), signature); !genuine || err != nil {
			t.Errorf("%s: %v, %v", what, genuine, err)
		}
		if genuine, err := v.CheckSignature(id, []byte("message2"), signature); genuine || err != nil {
			t.Errorf("%s, another message: %v, %v", what, genuine, err)
		}
		for _, id := range []string{"", "zz", id + "00"} {
			if genuine, err := v.CheckSignature(id, []byte("message"), signature); genuine || err != nil {
				t.Errorf("%s, key id %q: %v, %v", what, id, genuine, err)
			}
		}
		if genuine, err := v.CheckSignature(id, []byte("message"), signature[:31]); genuine || err != nil {
			t.Errorf("%s, a cut signature: %v, %v", what, genuine, err)
		}
	}
	if now, _ := after.Sign([]byte("message")); now == id {
		t.Error("signed under the old key")
	}
	if genuine, err := open(t, key(2)).CheckSignature(id, []byte("message"), signature); genuine || !errors.Is(err, ErrUnknownKey) {
		t.Errorf("without the key: %v, %v", genuine, err)
	}
}
