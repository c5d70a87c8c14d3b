package sqlstore_test

import (
	"context"
	"database/sql"
)

// execs is a transaction of one statement.
func execs(statement string) func(context.Context, *sql.Tx) error {
	return func(ctx context.Context, t *sql.Tx) error {
		_, err := t.ExecContext(ctx, statement)
		return err
	}
}
