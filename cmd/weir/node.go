package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/internal/access"
	"weir/internal/adminapi"
	"weir/internal/audit"
	"weir/internal/auditpush"
	"weir/internal/changefeed"
	"weir/internal/config"
	"weir/internal/endpoint"
	"weir/internal/eventstore/sqlevents"
	"weir/internal/gateway"
	"weir/internal/identity"
	"weir/internal/issuer"
	"weir/internal/jobs"
	"weir/internal/mail"
	"weir/internal/nativeapi"
	"weir/internal/notify"
	"weir/internal/oidc"
	"weir/internal/org"
	"weir/internal/pricing"
	"weir/internal/sandbox"
	"weir/internal/scim"
	"weir/internal/server"
	"weir/internal/sqldb"
	"weir/internal/sqlstore"
	"weir/internal/telemetry"
	"weir/internal/upstream"
	"weir/internal/usage"
	"weir/internal/usage/outbox"
	"weir/internal/usage/recorder"
	"weir/internal/vault"
)

// node is one weir process, put together.
type node struct {
	cfg     config.Config
	log     *slog.Logger
	metrics *telemetry.Metrics
	keyPair *server.KeyPair // nil: plain HTTP
	dir     *dataDir

	store    *sqlstore.Store
	eventsDB *sqldb.DB
	events   *sqlevents.Store
	recorder *recorder.Recorder
	vault    *vault.Vault
	book     *pricing.Book
	feed     *changefeed.Feed
	snapshot *gateway.Snapshot
	org      *org.Service
	identity *identity.Service
	sandbox  *sandbox.Provider
	relay    *gateway.Gateway

	pushers []*auditpush.Pusher
	courier *mail.Courier // nil: no mail server is configured
	notices *notify.Courier

	closers []io.Closer
}

// open puts a node together on its stores. When it fails nothing stays open.
func open(ctx context.Context, cfg config.Config, log *slog.Logger) (n *node, err error) {
	n = &node{cfg: cfg, log: log, metrics: telemetry.NewMetrics(version), sandbox: sandbox.New(sandbox.Options{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
			n = nil
		}
	}()
	if cfg.TLS.CertFile != "" {
		if n.keyPair, err = server.LoadKeyPair(cfg.TLS.CertFile, cfg.TLS.KeyFile); err != nil {
			return n, err
		}
	}
	if n.dir, err = openDataDir(cfg.DataDir); err != nil {
		return n, err
	}
	n.closers = append(n.closers, n.dir)
	if err := n.openStores(ctx); err != nil {
		return n, err
	}
	if n.book, err = pricing.Builtin(); err != nil {
		return n, fmt.Errorf("reading the price book: %w", err)
	}
	if err := n.openVault(ctx); err != nil {
		return n, err
	}
	if err := n.openRecorder(ctx); err != nil {
		return n, err
	}
	if err := n.openPushers(); err != nil {
		return n, err
	}
	n.snapshot = gateway.NewSnapshot(n.store)
	began := time.Now()
	if n.feed, err = changefeed.Start(ctx, n.store, measuredSnapshot{n.snapshot, n.metrics}, log); err != nil {
		return n, err
	}
	n.metrics.OpenCircuits(n.snapshot.OpenCircuits)
	n.metrics.SnapshotRefreshed(n.feed.Version(), time.Since(began))
	transport := upstream.NewTransport(upstream.Options{Sandbox: n.sandbox, DialTimeout: cfg.Gateway.ConnectTimeout})
	n.org = &org.Service{
		Store: n.store, Feed: n.feed, Sealer: n.vault, Book: n.book, Now: time.Now,
		Prober:        connectionProber{vault: n.vault, prober: &upstream.Prober{Transport: transport}},
		SessionLimits: org.SessionLimits{Lifetime: cfg.Sessions.Lifetime, Idle: cfg.Sessions.IdleTimeout},
		IssuerKeys:    issuer.New(time.Now, nil),
	}
	n.openNotices()
	used := &identity.LastUse{}
	n.identity = &identity.Service{Store: n.store, Org: n.org, Now: time.Now, Used: used, Vault: n.vault, Denials: &audit.Denials{}}
	n.relay = &gateway.Gateway{
		Snapshot: n.snapshot, Recorder: n.recorder, Owners: n.owners(), Vault: n.vault, Book: n.book, Transport: transport,
		Identity: n.identity, Used: used, Limits: relayLimits(cfg.Gateway), Metrics: n.metrics, Logger: log,
		TempDir: cfg.DataDir,
	}
	return n, nil
}

// owners knows whose objects are. Only a database on a server may have other
// nodes, whose usage it lacks for as long as that gathers, and is then applied.
func (n *node) owners() *gateway.Owners {
	o := &gateway.Owners{Store: n.events, Flush: n.recorder.Flush}
	if n.eventsDB.Engine() == sqldb.Postgres {
		o.Lag = 3 * gatherUsage
	}
	return o
}

func relayLimits(g config.Gateway) gateway.Limits {
	l := gateway.DefaultLimits()
	l.MaxBody, l.Spool = int64(g.MaxBodyBytes), int64(g.SpoolBytes)
	l.FirstByte, l.Idle = g.FirstByteTimeout, g.IdleTimeout
	l.DrainTimeout, l.DrainBytes = g.DrainTimeout, int64(g.DrainBytes)
	return l
}

func (n *node) openStores(ctx context.Context) error {
	control, err := sqldb.Open(ctx, n.cfg.DatabaseURL)
	if err != nil {
		return fmt.Errorf("opening the control plane's database: %w", err)
	}
	n.closers = append(n.closers, control)
	if n.store, err = sqlstore.Open(ctx, control); err != nil {
		return fmt.Errorf("opening the control plane: %w", err)
	}
	n.eventsDB = control
	if n.cfg.EventsURL != n.cfg.DatabaseURL {
		if n.eventsDB, err = sqldb.Open(ctx, n.cfg.EventsURL); err != nil {
			return fmt.Errorf("opening the usage events' database: %w", err)
		}
		n.closers = append(n.closers, n.eventsDB)
	}
	if n.events, err = sqlevents.Open(ctx, n.eventsDB); err != nil {
		return fmt.Errorf("opening the usage events: %w", err)
	}
	return nil
}

// openVault reads the master key and makes sure that it is the one that sealed
// what the database holds: a wrong one would fail every request later.
func (n *node) openVault(ctx context.Context) error {
	if err := checkMasterKeyThere(ctx, n.cfg, n.store); err != nil {
		return err
	}
	keys, created, err := vault.LoadMasterKeys(n.cfg.MasterKey.Reveal(), n.cfg.DataDir)
	if err != nil {
		return err
	}
	if n.vault, err = vault.New(keys...); err != nil {
		return err
	}
	if created {
		n.log.Warn("a master key was generated; back it up, since provider secrets cannot be opened without it",
			"file", filepath.Join(n.cfg.DataDir, vault.MasterKeyFile))
		if !strings.HasPrefix(n.cfg.DatabaseURL, "sqlite:") {
			n.log.Warn("other nodes on this database need the same master key (WEIR_MASTER_KEY); with keys of their own they cannot use each other's connections")
		}
	}
	if err := checkSealed(ctx, n.store, n.vault); err != nil {
		return err
	}
	if err := resealSecondFactors(ctx, n.store, n.vault); err != nil {
		return err
	}
	return resealChannels(ctx, n.store, n.vault)
}

// Settled events gather before the events store takes them: for a second, or
// until there are as many as it takes at once. A batch of a few costs it ten
// times as much per event as one of hundreds; reports are promised within five
// seconds. The usage log keeps four such batches in memory, about 1 kB each.
const (
	gatherUsage = time.Second
	usageBatch  = 2048
)

// usageLogDir is where, in the data directory, usage is kept until the events
// store has it.
const usageLogDir = "usage-log"

func (n *node) openRecorder(ctx context.Context) error {
	log, err := outbox.Open(filepath.Join(n.cfg.DataDir, usageLogDir), outbox.Options{Recent: 4 * usageBatch})
	if err != nil {
		return fmt.Errorf("opening the usage log: %w", err)
	}
	n.recorder, err = recorder.Start(ctx, log, n.events, recorder.Options{
		Logger: n.log, MaxBacklog: int64(n.cfg.UsageLog.MaxBacklog), Delay: gatherUsage, Batch: usageBatch,
		Price: func(e *usage.Event) { gateway.Price(n.book, "", e) },
	})
	if err != nil {
		return errors.Join(err, log.Close())
	}
	n.closers = append(n.closers, n.recorder)
	return nil
}

// writeFile writes a private file so that after a crash it is whole or absent.
func writeFile(path, text string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	_, err = tmp.WriteString(text)
	if err == nil {
		err = tmp.Sync()
	}
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}

// Serve answers on listener until ctx ends, then drains and ends in the order
// that loses nothing: requests, usage log, stores.
func (n *node) Serve(ctx context.Context, listener net.Listener) error {
	admin := adminapi.New(adminapi.Options{Org: n.org, Usage: n.events, Identity: n.identity, Logger: n.log, Now: time.Now})
	native := nativeapi.New(nativeapi.Options{
		Org: n.org, Usage: n.events, Identity: n.identity, Book: n.book, Upstreams: n.snapshot, Explainer: n.relay, Logger: n.log, Now: time.Now,
		AdminDescription: adminapi.Description(),
		SecureCookies:    n.keyPair != nil || strings.HasPrefix(n.cfg.PublicURL, "https:"),
		OIDC:             oidcProviders(n.cfg),
		PublicURL:        publicURL(n.cfg, listener),
	})
	srv := &server.Server{
		Admin: admin.Handler(), Native: native.Handler(), SCIM: scim.New(scim.Options{Org: n.org, Identity: n.identity, Logger: n.log, PublicURL: n.cfg.PublicURL}), Gateway: n.relay, Metrics: n.metricsHandler(listener),
		Health: &server.Health{Checks: n.checks()}, Logger: n.log,
		HeaderTimeout: n.cfg.Gateway.HeaderTimeout, ShutdownTimeout: n.cfg.ShutdownTimeout, KeyPair: n.keyPair, AskCertificates: n.snapshot.AsksForCertificates,
		Proxies: n.cfg.TrustedProxies.Prefixes(),
	}
	// What requests lean on runs until they have ended.
	behind, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, behind := errgroup.WithContext(behind)
	group.Go(func() error { return n.recorder.Run(behind) })
	group.Go(func() error { return n.feed.Run(behind) })
	for _, pusher := range n.pushers {
		group.Go(func() error { pusher.Run(behind); return nil })
	}
	group.Go(func() error { n.notices.Run(behind); return nil })
	if n.courier != nil {
		group.Go(func() error { n.courier.Run(behind); return nil })
	}
	for _, job := range n.jobs() {
		group.Go(func() error { job.RunUntil(behind, n.log); return nil })
	}
	front, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	context.AfterFunc(behind, func() { cancel(errors.New("a part of this node ended")) })

	served := srv.Run(front, listener)
	grace, done := context.WithTimeout(context.WithoutCancel(ctx), n.cfg.ShutdownTimeout)
	defer done()
	flushed := n.recorder.Flush(grace)
	if flushed != nil {
		// Nothing is lost: the usage log still has it and the next start goes on.
		n.log.Warn("some usage is not in the events store yet; the next start brings it there", "error", flushed)
	}
	touched := n.identity.Used.Flush(grace, n.store)
	noted := n.identity.Denials.Flush(grace, time.Time{}, n.org.RecordDenials)
	stop()
	return errors.Join(served, touched, noted, group.Wait())
}

// publicURL is the address that links begin with: where the configuration does
// not say one, that of the listener.
func publicURL(cfg config.Config, listener net.Listener) string {
	if cfg.PublicURL != "" {
		return strings.TrimSuffix(cfg.PublicURL, "/")
	}
	return addressOf(cfg, listener)
}

func oidcProviders(cfg config.Config) []*oidc.Provider {
	providers := make([]*oidc.Provider, len(cfg.OIDC.Providers))
	for i, p := range cfg.OIDC.Providers {
		providers[i] = oidc.New(p, nativeapi.OIDCRedirect(cfg.PublicURL, p.Name), time.Now)
	}
	return providers
}

// metricsHandler is open on a loopback listener, where only this machine can
// ask, or when the configuration says so; else it asks for an admin key. A proxy
// on this machine calls for others, so what it passes on is asked too.
func (n *node) metricsHandler(listener net.Listener) http.Handler {
	open := n.metrics.Handler()
	if n.cfg.Metrics.Public {
		return open
	}
	guarded := endpoint.Guarded(n.identity, "GET /metrics", access.ManagementRead, open)
	if address, ok := listener.Addr().(*net.TCPAddr); !ok || !address.IP.IsLoopback() {
		return guarded
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if server.Forwarded(r) {
			guarded.ServeHTTP(w, r)
			return
		}
		open.ServeHTTP(w, r)
	})
}

func (n *node) jobs() []jobs.Job {
	return []jobs.Job{
		{Name: "TLS certificate files", Every: 2 * time.Second, Run: n.refreshKeyPair},
		{Name: "usage backlog", Every: time.Second, Run: func(context.Context) error {
			n.metrics.UsageBacklog(n.recorder.Backlog())
			n.metrics.UsageStoreBehind(n.recorder.Behind() != nil)
			return nil
		}},
		{Name: "last use of keys", Every: 2 * time.Second, Run: func(ctx context.Context) error { return n.identity.Used.Flush(ctx, n.store) }},
		{Name: "denied requests", Every: 5 * time.Second, Run: func(ctx context.Context) error {
			return n.identity.Denials.Flush(ctx, time.Now(), n.org.RecordDenials)
		}},
		{Name: "connections in error", Every: time.Minute, Run: func(ctx context.Context) error { return n.org.Rediscover(ctx, true) }},
		{Name: "models of connections", Every: time.Hour, Run: func(ctx context.Context) error { return n.org.Rediscover(ctx, false) }},
		{Name: "retention of the request log", Every: time.Hour, Run: func(ctx context.Context) error {
			now := time.Now()
			return n.events.Prune(ctx, now.AddDate(0, 0, -n.cfg.UsageLog.RequestRetentionDays), now.Add(-minuteRetention))
		}},
		{Name: "spend alerts", Every: 15 * time.Second, Run: func(ctx context.Context) error { return n.org.SendSpendAlerts(ctx, n.events) }},
		{Name: "retention of deliveries", Every: time.Hour, Run: func(ctx context.Context) error {
			return n.store.PruneDeliveries(ctx, time.Now().Add(-deliveryRetention))
		}},
		{Name: "retention of the audit log", Every: time.Hour, Run: func(ctx context.Context) error { return n.org.PruneAudit(ctx, n.auditRetention(time.Now())) }},
	}
}

// deliveryRetention is how long the log of deliveries goes back.
const deliveryRetention = 90 * 24 * time.Hour

// refreshKeyPair shows a new TLS certificate once there is one.
func (n *node) refreshKeyPair(context.Context) error {
	if n.keyPair == nil {
		return nil
	}
	replaced, err := n.keyPair.Refresh()
	if err != nil {
		return fmt.Errorf("%w; the certificate that was read before is still shown", err)
	}
	if replaced {
		n.log.Info("the TLS certificate was replaced", "expires", n.keyPair.Expires())
	}
	return nil
}

// minuteRetention is how long reports by the minute go back; by the hour and
// day they go back to the start.
const minuteRetention = 35 * 24 * time.Hour

// checks read from the stores: a connection alone says little of a file.
func (n *node) checks() []server.Check {
	return []server.Check{
		{Name: "data directory", Run: func(context.Context) error { return n.dir.check() }},
		{Name: "control plane", Run: func(ctx context.Context) error { _, err := n.hasOrganization(ctx); return err }},
		{Name: "usage events", Run: func(ctx context.Context) error {
			_, _, err := sqldb.Status(ctx, n.eventsDB, sqlevents.MigrationsName, sqlevents.Migrations())
			return err
		}},
		{Name: "usage log", Run: func(context.Context) error { return n.recorder.Healthy() }},
		{Name: "shipping of usage", Bearable: true, Run: func(context.Context) error { return n.recorder.Behind() }},
		{Name: "change feed", Run: func(context.Context) error { return n.feed.Err() }},
	}
}

// Close closes what the node has opened, the last first.
func (n *node) Close() error {
	var errs []error
	for i := len(n.closers) - 1; i >= 0; i-- {
		errs = append(errs, n.closers[i].Close())
	}
	n.closers = nil
	return errors.Join(errs...)
}
