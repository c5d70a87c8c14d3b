package org

import (
	"context"

	"weir/internal/mail"
)

// MailWriter keeps letters that are sent once the transaction has committed. They
// are no part of the change feed.
type MailWriter interface {
	InsertMail(ctx context.Context, w mail.Waiting) error
	// TakeBackMail removes the letters about reference that were not sent yet.
	TakeBackMail(ctx context.Context, organizationID, reference string) error
}
