package nativeapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
)

// auditChain is where an organization's chain of audit events begins and ends: a
// head that is noted elsewhere shows later whether the log is still the same.
type auditChain struct {
	Object     string           `json:"object"` // audit_chain
	Head       auditLink        `json:"head"`
	Checkpoint *auditCheckpoint `json:"checkpoint"` // null: nothing was pruned
}

// auditLink is an event's place in the chain.
type auditLink struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

// auditCheckpoint stands for the events up to its own, which were pruned.
type auditCheckpoint struct {
	auditLink
	Through   int64  `json:"through"` // when the last of them took effect
	Count     int64  `json:"count"`   // how many the last pruning removed
	CreatedAt int64  `json:"created_at"`
	KeyID     string `json:"key_id"`
	Signature string `json:"signature"`
}

func (a *API) auditChain() []endpoint.Endpoint {
	return []endpoint.Endpoint{
		endpoint.Read("GET "+root+"/audit_chain", access.ManagementRead, endpoint.AtOrganization, a.getAuditChain),
	}
}

func (a *API) getAuditChain(ctx context.Context, c *endpoint.Call) (auditChain, error) {
	head, checkpoint, err := a.org.AuditEnds(ctx, c.OrganizationID())
	if err != nil {
		return auditChain{}, err
	}
	shown := auditChain{Object: "audit_chain", Head: auditLink(head)}
	if checkpoint != (audit.Checkpoint{}) {
		shown.Checkpoint = &auditCheckpoint{
			auditLink(checkpoint.Link), checkpoint.Through.Unix(), checkpoint.Count, checkpoint.At.Unix(), checkpoint.KeyID, checkpoint.Signature,
		}
	}
	return shown, nil
}
