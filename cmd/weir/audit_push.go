package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"weir/internal/auditpush"
	"weir/internal/config"
	"weir/internal/id"
	"weir/internal/telemetry"
)

// openPushers makes a pusher for each place that audit events are to go.
func (n *node) openPushers() error {
	sinks, err := auditSinks(n.cfg)
	if err != nil {
		return err
	}
	if len(sinks) == 0 {
		return nil
	}
	names := make([]string, len(sinks))
	for i, sink := range sinks {
		n.closers = append(n.closers, sink)
		names[i] = sink.Name()
	}
	meter := telemetry.NewAuditPush(n.metrics, names...)
	holder, err := nodeID(n.cfg.DataDir)
	if err != nil {
		return err
	}
	for _, sink := range sinks {
		n.pushers = append(n.pushers, &auditpush.Pusher{
			Store: n.store, Sink: sink, Meter: meter, Logger: n.log, Holder: holder, Now: time.Now,
		})
	}
	return nil
}

// nodeIDFile holds a name for the node that works on the data directory, alone
// and by turns: after a crash the next process is the same node, and goes on with
// what the last one held.
const nodeIDFile = "node-id"

func nodeID(dataDir string) (string, error) {
	path := filepath.Join(dataDir, nodeIDFile)
	raw, err := os.ReadFile(path)
	if name := strings.TrimSpace(string(raw)); err == nil && name != "" {
		return name, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("reading the node's id: %w", err)
	}
	name := id.New("node_")
	if err := writeFile(path, name+"\n"); err != nil {
		return "", fmt.Errorf("writing the node's id: %w", err)
	}
	return name, nil
}

// auditSinks are the places that the configuration names.
func auditSinks(cfg config.Config) (sinks []auditpush.Sink, err error) {
	if w := cfg.Audit.Webhook; w.URL != "" {
		webhook, err := auditpush.NewWebhook(auditpush.WebhookOptions{
			URL: w.URL, Secret: w.Secret.Reveal(), AllowPrivate: cfg.Webhook.AllowPrivate, UserAgent: "weir/" + version, Now: time.Now,
		})
		if err != nil {
			return nil, fmt.Errorf("pushing audit events to a webhook: %w", err)
		}
		sinks = append(sinks, webhook)
	}
	if s := cfg.Audit.Syslog; s.URL != "" {
		syslog, err := auditpush.NewSyslog(s.URL, s.CAFile)
		if err != nil {
			return nil, fmt.Errorf("pushing audit events to syslog: %w", err)
		}
		sinks = append(sinks, syslog)
	}
	return sinks, nil
}

// sinkNames are the sinks that retention waits for.
func (n *node) sinkNames() []string {
	var names []string
	for _, p := range n.pushers {
		names = append(names, p.Sink.Name())
	}
	return names
}
