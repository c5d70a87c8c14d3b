package audit

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Checkpoint stands for the events of a log that were pruned: the chain goes on
// behind it. The zero Checkpoint is that of a log from which nothing was.
type Checkpoint struct {
	OrganizationID string
	Link                     // the last event pruned; as sequences begin at 1, Seq events were in all
	Through        time.Time // when that event took effect
	Count          int64     // how many events the last pruning removed
	At             time.Time // when that was
	KeyID          string    // the master key whose child signed it
	Signature      string    // hexadecimal
}

// Signer signs with a key derived from the master key, and checks what was
// signed. Package vault implements it.
type Signer interface {
	// Sign returns the signature and the id of the master key.
	Sign(message []byte) (keyID string, signature []byte)
	// CheckSignature reports whether signature is of message. An error says that
	// the master key is not there to tell.
	CheckSignature(keyID string, message, signature []byte) (bool, error)
}

// ErrNoSigner says that a checkpoint cannot be checked without a master key.
var ErrNoSigner = errors.New("the log begins with a checkpoint, and without the master key nobody can say whether weir signed it")

// Sign signs c.
func (c *Checkpoint) Sign(signer Signer) error {
	message, err := c.message()
	if err != nil {
		return err
	}
	keyID, signature := signer.Sign(message)
	c.KeyID, c.Signature = keyID, hex.EncodeToString(signature)
	return nil
}

// Check returns a *BrokenError when c is not what weir signed, and another error
// when that cannot be said. The zero Checkpoint is always right.
func (c *Checkpoint) Check(signer Signer) error {
	if *c == (Checkpoint{}) {
		return nil
	}
	if signer == nil {
		return ErrNoSigner
	}
	message, err := c.message()
	if err != nil {
		return err
	}
	signature, err := hex.DecodeString(c.Signature)
	genuine := false
	if err == nil {
		if genuine, err = signer.CheckSignature(c.KeyID, message, signature); err != nil {
			return fmt.Errorf("the checkpoint of %s: %w", c.OrganizationID, err)
		}
	}
	if !genuine {
		return &BrokenError{c.OrganizationID, "", c.Seq, "the checkpoint there is not one that weir signed"}
	}
	return nil
}

// message is what is signed: docs/formats/audit-chain.md.
func (c *Checkpoint) message() ([]byte, error) {
	raw, err := json.Marshal([]any{
		"weir-audit-checkpoint-1", c.OrganizationID, c.Seq, c.Hash, c.Through.UnixMicro(), c.Count, c.At.UnixMicro(),
	})
	if err != nil {
		return nil, fmt.Errorf("signing the checkpoint of %s: %w", c.OrganizationID, err)
	}
	return raw, nil
}
