package sqldb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Bounds of the PostgreSQL pool: a default server allows 100 connections, and
// several nodes with two stores each have to fit.
const (
	postgresConnections = 12
	postgresIdle        = 6
	postgresIdleTime    = 5 * time.Minute
	postgresLifetime    = time.Hour
	postgresDialTimeout = 5 * time.Second
)

func openPostgres(ctx context.Context, rawURL string) (*DB, error) {
	cfg, err := pgx.ParseConfig(rawURL) // its errors leave the password out
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err)
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = postgresDialTimeout
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "weir"
	}
	pool := stdlib.OpenDB(*cfg)
	pool.SetMaxOpenConns(postgresConnections)
	pool.SetMaxIdleConns(postgresIdle)
	pool.SetConnMaxIdleTime(postgresIdleTime)
	pool.SetConnMaxLifetime(postgresLifetime)
	db := &DB{engine: Postgres, write: pool, read: pool}
	if err := db.Ping(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}
