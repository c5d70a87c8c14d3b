// Package config is everything that can be set about a weir process: one struct
// tree, from which the file format, the environment variables, the flags, the
// help and the tables in the documentation all follow.
//
// A setting at gateway.drain_timeout in weir.yaml is WEIR_GATEWAY_DRAIN_TIMEOUT
// in the environment and --gateway-drain-timeout on the command line. Later
// sources win: defaults, file, environment, flags. A name nobody knows is an
// error everywhere. Nothing has to be set.
package config

import (
	"path/filepath"
	"strings"
	"time"
)

// Config is the configuration of one process. The tags of a field are its
// definition:
//
//	yaml     its name in the file; env and flag are derived from it
//	default  as it would be written in the file; "" is the zero value
//	shown    what the help says instead, where the default is worked out
//	min      the least value allowed, written as the default is
//	max      the greatest, likewise
//	oneof    the values allowed
//	help     one phrase for --help and the documentation
//
// Load fills it; Default and WithDerived do for a test.
type Config struct {
	Listen      string `yaml:"listen" default:"127.0.0.1:8080" help:"address that the APIs are served at"`
	DataDir     string `yaml:"data_dir" default:"./weir-data" help:"embedded database, usage log, master key"`
	DatabaseURL string `yaml:"database_url" shown:"SQLite in the data directory" help:"control plane: sqlite:PATH or postgres://…"`
	EventsURL   string `yaml:"events_url" shown:"the control plane's database; for SQLite a second file, events.db" help:"usage events: sqlite:PATH or postgres://…"`
	// TrustedProxies are the proxies in front of weir.
	TrustedProxies Networks `yaml:"trusted_proxies" shown:"none" help:"addresses and networks of proxies in front of weir, separated by commas: their X-Forwarded-For and X-Forwarded-Client-Cert say where a request comes from, anybody else's is passed over"`
	LimitsURL      string   `yaml:"limits_url" default:"memory:" help:"where limits are counted: memory: (none are enforced yet)"`
	PublicURL      string   `yaml:"public_url" help:"address that browsers reach weir at, such as https://weir.example.com; identity providers send people back to it, and the links of invitations begin with it"`
	MasterKey      Secret   `yaml:"master_key" shown:"generated in the data directory" help:"seals provider secrets: 32 bytes in base64; several, separated by commas, while the key is changed: the first seals, all open"`

	Bootstrap Bootstrap `yaml:"bootstrap"`
	TLS       TLS       `yaml:"tls"`
	Sessions  Sessions  `yaml:"sessions"`
	OIDC      OIDC      `yaml:"oidc"`
	SMTP      SMTP      `yaml:"smtp"`
	Log       Log       `yaml:"log"`
	Gateway   Gateway   `yaml:"gateway"`
	UsageLog  UsageLog  `yaml:"usage_log"`
	Cost      Cost      `yaml:"cost"`
	Webhook   Webhook   `yaml:"webhook"`
	Metrics   Metrics   `yaml:"metrics"`
	Audit     Audit     `yaml:"audit"`

	ShutdownTimeout time.Duration `yaml:"shutdown_timeout" default:"60s" min:"0s" help:"how long running requests may go on after SIGTERM"`
}

// Bootstrap is looked at on the first start only.
type Bootstrap struct {
	AdminKey      Secret `yaml:"admin_key" shown:"generated and printed once" help:"first start only: the first admin key, sk-admin-… with at least 32 characters"`
	OwnerEmail    string `yaml:"owner_email" default:"owner@localhost" help:"first start only: the owner's sign-in"`
	OwnerPassword Secret `yaml:"owner_password" shown:"generated and printed once" help:"first start only: the owner's password"`
}

// TLS of the listener; off when both are empty.
type TLS struct {
	CertFile string `yaml:"cert_file" shown:"off: plain HTTP" help:"PEM certificate chain to serve TLS with"`
	KeyFile  string `yaml:"key_file" shown:"off: plain HTTP" help:"PEM private key of the certificate"`
}

// Sessions is how long people stay signed in.
type Sessions struct {
	Lifetime    time.Duration `yaml:"lifetime" default:"12h" min:"1m" help:"how long a sign-in lasts, however much it is used"`
	IdleTimeout time.Duration `yaml:"idle_timeout" default:"2h" min:"1m" help:"how long a sign-in lasts that is not used"`
}

// Log is what goes to stderr.
type Log struct {
	Level  string `yaml:"level" default:"info" oneof:"debug info warn error" help:"the least severe line to write"`
	Format string `yaml:"format" default:"auto" oneof:"auto json text" help:"auto is text on a terminal, else JSON lines"`
}

// Gateway is the data plane. Its timeouts are defaults: a model endpoint may
// have its own.
type Gateway struct {
	MaxBodyBytes     Bytes         `yaml:"max_body_bytes" default:"64MiB" min:"1KiB" help:"largest request body"`
	SpoolBytes       Bytes         `yaml:"spool_bytes" default:"1MiB" min:"0" help:"uploads (bodies that are not JSON) above this wait in a temporary file instead of memory"`
	HeaderTimeout    time.Duration `yaml:"header_timeout" default:"30s" min:"1s" help:"how long a caller may take to send the request's header"`
	ConnectTimeout   time.Duration `yaml:"connect_timeout" default:"10s" min:"1ms" help:"opening a connection to a provider"`
	FirstByteTimeout time.Duration `yaml:"first_byte_timeout" default:"10m" min:"1ms" help:"from the request to the first byte of a provider's answer"`
	IdleTimeout      time.Duration `yaml:"idle_timeout" default:"5m" min:"1ms" help:"between two chunks of a provider's answer"`
	DrainTimeout     time.Duration `yaml:"drain_timeout" default:"60s" min:"0s" help:"after a caller hung up, how long the provider's answer is read on to learn its usage"`
	DrainBytes       Bytes         `yaml:"drain_bytes" default:"4MiB" min:"0" help:"after a caller hung up, how much of the provider's answer is read on"`
}

// UsageLog is the record of requests.
type UsageLog struct {
	MaxBacklog           int `yaml:"max_backlog" default:"1000000" min:"1000" help:"usage records, about 2 KB each, that may wait for the events database; beyond, new requests are refused"`
	RequestRetentionDays int `yaml:"request_retention_days" default:"90" min:"1" max:"36525" help:"how many days the request log is kept, a century at most; reports keep their totals"`
}

// Cost is about providers' bills.
type Cost struct {
	CallsPerSecond float64 `yaml:"calls_per_second" default:"1" min:"0.001" help:"calls to a provider's Admin API, per connection (bills are not read yet)"`
}

// Webhook is about notifications that weir sends.
type Webhook struct {
	AllowPrivate bool `yaml:"allow_private" default:"false" help:"also deliver to private and loopback addresses, and over plain HTTP"`
}

// Metrics is about /metrics.
type Metrics struct {
	Public bool `yaml:"public" default:"false" help:"serve /metrics without an admin key on a listener that is not loopback"`
}

// The schemes of database URLs.
const (
	sqliteScheme   = "sqlite:"
	postgresScheme = "postgres:"
)

// Default returns the configuration that applies when nothing is set. The
// database URLs are still empty: see WithDerived.
func Default() Config {
	var c Config
	for _, f := range fieldsOf(&c) {
		if err := f.set(f.setting.defaultText); err != nil {
			panic("config: default of " + f.setting.Name + ": " + err.Error()) // a typing error in a tag above
		}
	}
	return c
}

// WithDerived returns c with the settings filled in that follow from others.
// Load has done it already.
func (c Config) WithDerived() Config {
	if c.DatabaseURL == "" {
		c.DatabaseURL = sqliteScheme + filepath.Join(c.DataDir, "weir.db")
	}
	if c.EventsURL == "" {
		c.EventsURL = c.DatabaseURL
		if strings.HasPrefix(c.DatabaseURL, sqliteScheme) {
			c.EventsURL = sqliteScheme + filepath.Join(c.DataDir, "events.db")
		}
	}
	return c
}
