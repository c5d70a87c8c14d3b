package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Schema describes the tables and indexes of the database in a text that is the
// same for the same schema, for golden tests. The tables in which [Migrate]
// keeps its books are left out.
func Schema(ctx context.Context, db *DB) (string, error) {
	var b strings.Builder
	err := db.Snapshot(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if db.engine == Postgres {
			return postgresSchema(ctx, tx, &b)
		}
		return sqliteSchema(ctx, tx, &b)
	})
	if err != nil {
		return "", fmt.Errorf("read schema: %w", err)
	}
	return b.String(), nil
}

// sqliteSchema writes the statements as SQLite keeps them, which is as they
// were written.
func sqliteSchema(ctx context.Context, tx *sql.Tx, b *strings.Builder) error {
	return eachRow(ctx, tx, `
		SELECT sql FROM sqlite_master
		WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite~_%' ESCAPE '~' AND tbl_name NOT LIKE 'schema~_%' ESCAPE '~'
		ORDER BY tbl_name, CASE type WHEN 'table' THEN 0 ELSE 1 END, name`,
		func(c []string) { fmt.Fprintf(b, "%s;\n", c[0]) }, 1)
}

// postgresSchema writes columns, constraints and indexes table by table.
func postgresSchema(ctx context.Context, tx *sql.Tx, b *strings.Builder) error {
	var tables []string
	err := eachRow(ctx, tx, `
		SELECT tablename FROM pg_catalog.pg_tables
		WHERE schemaname = current_schema() AND tablename NOT LIKE 'schema~_%' ESCAPE '~'
		ORDER BY tablename COLLATE "C"`,
		func(c []string) { tables = append(tables, c[0]) }, 1)
	if err != nil {
		return err
	}
	for _, table := range tables {
		fmt.Fprintf(b, "%s\n", table)
		err := eachRow(ctx, tx, `
			SELECT column_name, data_type, COALESCE(collation_name, ''), is_nullable, COALESCE(column_default, ''), is_identity
			FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position`,
			func(c []string) { b.WriteString(columnLine(c)) }, 6, table)
		if err != nil {
			return err
		}
		err = eachRow(ctx, tx, `
			SELECT conname, pg_get_constraintdef(c.oid) FROM pg_catalog.pg_constraint c
			JOIN pg_catalog.pg_class t ON t.oid = c.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
			WHERE n.nspname = current_schema() AND t.relname = $1 ORDER BY conname COLLATE "C"`,
			func(c []string) { fmt.Fprintf(b, "  constraint %s %s\n", c[0], c[1]) }, 2, table)
		if err != nil {
			return err
		}
		err = eachRow(ctx, tx, `
			SELECT replace(indexdef, current_schema() || '.', '') FROM pg_catalog.pg_indexes
			WHERE schemaname = current_schema() AND tablename = $1 ORDER BY indexname COLLATE "C"`,
			func(c []string) { fmt.Fprintf(b, "  %s\n", c[0]) }, 1, table)
		if err != nil {
			return err
		}
	}
	return nil
}

func columnLine(c []string) string {
	line := "  " + c[0] + " " + c[1]
	if c[2] != "" {
		line += " COLLATE " + c[2]
	}
	if c[3] == "NO" {
		line += " NOT NULL"
	}
	if c[4] != "" {
		line += " DEFAULT " + c[4]
	}
	if c[5] == "YES" {
		line += " IDENTITY"
	}
	return line + "\n"
}

// eachRow calls fn with the n text columns of each row.
func eachRow(ctx context.Context, tx *sql.Tx, query string, fn func([]string), n int, args ...any) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, into := make([]string, n), make([]any, n)
	for i := range columns {
		into[i] = &columns[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		fn(columns)
	}
	return rows.Err()
}
