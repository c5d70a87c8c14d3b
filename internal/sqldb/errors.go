package sqldb

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"weir/internal/fault"
)

// SQLSTATE codes, appendix A of the PostgreSQL manual.
const (
	pgForeignKeyViolation  = "23503"
	pgUniqueViolation      = "23505"
	pgSerializationFailure = "40001"
	pgDeadlockDetected     = "40P01"
	pgDiskFull             = "53100"
)

// IsUniqueViolation reports whether err is a row refused because its key, or
// another unique value, is taken.
func IsUniqueViolation(err error) bool {
	switch sqliteCode(err) {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return true
	}
	return postgresCode(err) == pgUniqueViolation
}

// IsForeignKeyViolation reports whether err is a reference to a row that is not
// there, or the removal of a row that others refer to.
func IsForeignKeyViolation(err error) bool {
	return sqliteCode(err) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY || postgresCode(err) == pgForeignKeyViolation
}

// stored tells those who asked for a change why the database could not take it,
// where that is no fault of theirs or of weir's; nothing was changed then.
func stored(err error) error {
	code := sqliteCode(err) & 0xff // the primary code
	switch {
	case code == sqlite3.SQLITE_FULL || postgresCode(err) == pgDiskFull:
		return fault.New(fault.Unavailable, "storage_full", "", "The disk of the database is full, so nothing was changed. Please try again once there is room.").With(err)
	case code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED:
		return fault.New(fault.Unavailable, "storage_busy", "", "Another process holds the database, so nothing was changed. Please try again shortly.").With(err)
	case code == sqlite3.SQLITE_IOERR || code == sqlite3.SQLITE_READONLY:
		return fault.New(fault.Unavailable, "storage_unavailable", "", "The database cannot be written right now, so nothing was changed. Please try again shortly.").With(err)
	}
	return err
}

// isTransient reports whether PostgreSQL rolled a transaction back only because
// of what ran beside it.
func isTransient(err error) bool {
	code := postgresCode(err)
	return code == pgSerializationFailure || code == pgDeadlockDetected
}

func sqliteCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

func postgresCode(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
