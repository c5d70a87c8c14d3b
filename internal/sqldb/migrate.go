package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/pressly/goose/v3"
)

// ErrSchemaMismatch is a database this binary must not touch: its migrations
// are not a beginning of the ones the binary has. The error that wraps it says
// what to do.
var ErrSchemaMismatch = errors.New("the database schema does not fit this version of weir")

// Migrate brings the tables of one store up to date. A database may hold
// several stores; name tells their version tables apart.
//
// The top folder of files holds one set of migrations for both engines, plain
// SQL named 0001_what_it_does.sql and so on; [dialect] says what may stand in
// them. Each runs in a transaction of its own together with the record of its
// version and checksum. A SQLite database that holds data already is first
// copied to <file>.before-<version>. On PostgreSQL a lock lets one node
// migrate at a time.
func Migrate(ctx context.Context, db *DB, name string, files fs.FS) error {
	m, err := newMigrator(db, name, files)
	if err != nil {
		return err
	}
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	return errors.Join(m.up(ctx), unlock())
}

// Status returns the version of a store's tables and the latest one this binary
// knows, and changes nothing. They differ while migrations are pending. The
// error wraps [ErrSchemaMismatch] when Migrate would refuse.
func Status(ctx context.Context, db *DB, name string, files fs.FS) (current, latest int64, err error) {
	m, err := newMigrator(db, name, files)
	if err != nil {
		return 0, 0, err
	}
	current, err = m.check(ctx)
	return current, m.migrations[len(m.migrations)-1].version, err
}

// migrator migrates the tables of one store.
type migrator struct {
	db         *DB
	name       string
	migrations []migration
}

func newMigrator(db *DB, name string, files fs.FS) (*migrator, error) {
	migrations, err := readMigrations(files)
	if err != nil {
		return nil, fmt.Errorf("migrations of %s: %w", name, err)
	}
	return &migrator{db: db, name: name, migrations: migrations}, nil
}

// The tables that hold versions (goose's own) and checksums. Both start with
// bookkeepingPrefix.
func (m *migrator) versionTable() string { return bookkeepingPrefix + "versions_" + m.name }
func (m *migrator) sumTable() string     { return bookkeepingPrefix + "checksums_" + m.name }

const bookkeepingPrefix = "schema_"

func (m *migrator) up(ctx context.Context) error {
	current, err := m.check(ctx)
	if err != nil {
		return err
	}
	latest := m.migrations[len(m.migrations)-1].version
	if current == latest {
		return nil
	}
	snapshot, err := m.snapshot(ctx, current)
	if err != nil {
		return err
	}
	if err := m.run(ctx); err != nil {
		return errors.Join(fmt.Errorf("migrate %s from version %d to %d: %w", m.name, current, latest, err), m.discard(ctx, snapshot, current))
	}
	return nil
}

// run gives the pending migrations to goose.
func (m *migrator) run(ctx context.Context) error {
	create := `CREATE TABLE IF NOT EXISTS ` + m.sumTable() + ` (version BIGINT NOT NULL PRIMARY KEY, sha256 TEXT NOT NULL)`
	if _, err := m.db.write.ExecContext(ctx, create); err != nil {
		return err
	}
	steps := make([]*goose.Migration, len(m.migrations))
	for i, mig := range m.migrations {
		steps[i] = goose.NewGoMigration(mig.version, &goose.GoFunc{RunTx: m.step(mig)}, nil)
	}
	dialects := map[Engine]goose.Dialect{SQLite: goose.DialectSQLite3, Postgres: goose.DialectPostgres}
	p, err := goose.NewProvider(dialects[m.db.engine], m.db.write, nil,
		goose.WithGoMigrations(steps...),
		goose.WithTableName(m.versionTable()),
		goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

func (m *migrator) step(mig migration) func(context.Context, *sql.Tx) error {
	return func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, dialect(m.db.engine, mig.text)); err != nil {
			return fmt.Errorf("%s: %w", mig.file, err)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO `+m.sumTable()+` (version, sha256) VALUES ($1, $2)`, mig.version, mig.sum)
		return err
	}
}

// lock keeps other nodes from migrating the same tables until unlock is called.
func (m *migrator) lock(ctx context.Context) (unlock func() error, err error) {
	if m.db.engine != Postgres {
		return lockFile(ctx, m.db.path+".migrating")
	}
	conn, err := m.db.write.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate %s: %w", m.name, err)
	}
	const key = `hashtextextended(current_schema() || '.weir.' || $1::text, 0)`
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(`+key+`)`, m.name); err != nil {
		return nil, errors.Join(fmt.Errorf("migrate %s: wait for other nodes: %w", m.name, err), conn.Close())
	}
	return func() error {
		_, err := conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(`+key+`)`, m.name)
		return errors.Join(err, conn.Close())
	}, nil
}

// snapshot copies a SQLite database of the given version and returns the copy's
// path; "" where there is nothing to lose, or on PostgreSQL.
func (m *migrator) snapshot(ctx context.Context, version int64) (path string, err error) {
	if m.db.engine != SQLite || version == 0 {
		return "", nil
	}
	base := m.db.path + ".before-" + strconv.FormatInt(m.migrations[m.next(version)].version, 10)
	const copies = 9
	for n := 1; n <= copies; n++ {
		if path = base; n > 1 {
			path += "." + strconv.Itoa(n)
		}
		err := m.db.Backup(ctx, path)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		return path, err
	}
	return "", fmt.Errorf("migrate %s: there are %d copies named %s already: move those you want to keep, delete the others, and start again", m.name, copies, base)
}

// discard removes the copy made before a migration that changed nothing, so
// that restarting in a loop does not fill the disk.
func (m *migrator) discard(ctx context.Context, snapshot string, before int64) error {
	if snapshot == "" {
		return nil
	}
	if now, err := m.check(context.WithoutCancel(ctx)); err != nil || now != before {
		return err
	}
	return os.Remove(snapshot)
}

// next is the index of the first migration after version.
func (m *migrator) next(version int64) int {
	for i, mig := range m.migrations {
		if mig.version > version {
			return i
		}
	}
	return len(m.migrations)
}

// check compares what was applied with what the binary has and returns the
// version of the database, 0 for one never migrated.
func (m *migrator) check(ctx context.Context) (current int64, err error) {
	applied, err := m.applied(ctx)
	if err != nil {
		return 0, fmt.Errorf("schema of %s: %w", m.name, err)
	}
	known := map[int64]migration{}
	for _, mig := range m.migrations {
		known[mig.version] = mig
	}
	latest := m.migrations[len(m.migrations)-1].version
	for version := range applied {
		current = max(current, version)
	}
	if current > latest {
		return current, fmt.Errorf("%w: %s is at version %d and this binary knows up to %d: install the newer weir again, or restore the copy made before the upgrade (on SQLite beside the database file, *.before-%d)",
			ErrSchemaMismatch, m.name, current, latest, latest+1)
	}
	for version, sum := range applied {
		mig, ok := known[version]
		if !ok {
			return current, fmt.Errorf("%w: %s has had migration %d, which this binary does not have: install the weir that wrote it, or restore a backup",
				ErrSchemaMismatch, m.name, version)
		}
		if sum != mig.sum {
			return current, fmt.Errorf("%w: migration %s of %s was applied with other contents: install the weir that wrote it, or restore a backup",
				ErrSchemaMismatch, mig.file, m.name)
		}
	}
	for _, mig := range m.migrations {
		if _, ok := applied[mig.version]; !ok && mig.version < current {
			return current, fmt.Errorf("%w: %s is at version %d but never had migration %s: restore a backup made before the upgrade",
				ErrSchemaMismatch, m.name, current, mig.file)
		}
	}
	return current, nil
}

// applied reads the versions that were applied and their checksums.
func (m *migrator) applied(ctx context.Context) (map[int64]string, error) {
	exists := `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = $1`
	if m.db.engine == Postgres {
		exists = `SELECT COUNT(*) FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename = $1`
	}
	var n int
	if err := m.db.read.QueryRowContext(ctx, exists, m.sumTable()).Scan(&n); err != nil || n == 0 {
		return nil, err
	}
	rows, err := m.db.read.QueryContext(ctx, `SELECT version, sha256 FROM `+m.sumTable())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	applied := map[int64]string{}
	for rows.Next() {
		var version int64
		var sum string
		if err := rows.Scan(&version, &sum); err != nil {
			return nil, err
		}
		applied[version] = sum
	}
	return applied, rows.Err()
}
