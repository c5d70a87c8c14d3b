package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

const adminKey = "sk-admin-0123456789abcdef0123456789"

// write makes a file in a fresh working directory.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, o LoadOptions) Config {
	t.Helper()
	t.Chdir(t.TempDir())
	c, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// refused returns what Load says, and fails when it says nothing.
func refused(t *testing.T, o LoadOptions) string {
	t.Helper()
	t.Chdir(t.TempDir())
	c, err := Load(o)
	if err == nil {
		t.Fatalf("accepted:\n%s", c)
	}
	return err.Error()
}

func TestNothingHasToBeSet(t *testing.T) {
	c := load(t, LoadOptions{})
	want := Config{
		Listen:      "127.0.0.1:8080",
		DataDir:     "./weir-data",
		DatabaseURL: "sqlite:weir-data/weir.db",
		EventsURL:   "sqlite:weir-data/events.db",
		LimitsURL:   "memory:",
		Bootstrap:   Bootstrap{OwnerEmail: "owner@localhost"},
		Sessions:    Sessions{Lifetime: 12 * time.Hour, IdleTimeout: 2 * time.Hour},
		SMTP:        SMTP{Port: 587, TLS: "starttls"},
		Log:         Log{Level: "info", Format: "auto"},
		Gateway: Gateway{
			MaxBodyBytes: 64 << 20, SpoolBytes: 1 << 20,
			HeaderTimeout: 30 * time.Second, ConnectTimeout: 10 * time.Second, FirstByteTimeout: 10 * time.Minute,
			IdleTimeout:  5 * time.Minute,
			DrainTimeout: time.Minute, DrainBytes: 4 << 20,
		},
		UsageLog:        UsageLog{MaxBacklog: 1_000_000, RequestRetentionDays: 90},
		Cost:            Cost{CallsPerSecond: 1},
		ShutdownTimeout: time.Minute,
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got\n%s\nwant\n%s", c, want)
	}
}

// The names are promised to users; a renamed field must not rename them.
func TestPromisedNames(t *testing.T) {
	known := map[string]Setting{}
	for _, s := range Settings() {
		known[s.Env] = s
		if s.Secret {
			known[s.FileEnv] = s
		}
		if s.Help == "" || s.Name == "" || s.Flag == "" {
			t.Errorf("%+v is not described", s)
		}
	}
	for _, env := range []string{
		"WEIR_LISTEN", "WEIR_DATA_DIR", "WEIR_DATABASE_URL", "WEIR_EVENTS_URL", "WEIR_LIMITS_URL",
		"WEIR_MASTER_KEY", "WEIR_MASTER_KEY_FILE", "WEIR_BOOTSTRAP_ADMIN_KEY", "WEIR_BOOTSTRAP_ADMIN_KEY_FILE",
		"WEIR_BOOTSTRAP_OWNER_EMAIL", "WEIR_BOOTSTRAP_OWNER_PASSWORD", "WEIR_BOOTSTRAP_OWNER_PASSWORD_FILE",
		"WEIR_TLS_CERT_FILE", "WEIR_TLS_KEY_FILE", "WEIR_COST_CALLS_PER_SECOND", "WEIR_WEBHOOK_ALLOW_PRIVATE",
	} {
		if _, ok := known[env]; !ok {
			t.Errorf("%s is gone", env)
		}
	}
	if s := known["WEIR_GATEWAY_DRAIN_TIMEOUT"]; s.Flag != "gateway-drain-timeout" || s.Name != "gateway.drain_timeout" || s.Default != "60s" {
		t.Errorf("%+v", s)
	}
	if s := known["WEIR_MASTER_KEY"]; s.Flag != "master-key-file" || !s.Secret || s.FileEnv != "WEIR_MASTER_KEY_FILE" {
		t.Errorf("%+v", s)
	}
}

func TestLaterSourcesWin(t *testing.T) {
	file := write(t, "weir.yaml", "listen: 127.0.0.1:1\ndata_dir: /file\nlog:\n  level: debug\nusage_log: {request_retention_days: 5}\n")
	c := load(t, LoadOptions{
		File:  file,
		Env:   []string{"WEIR_DATA_DIR=/env", "WEIR_LOG_LEVEL=warn", "HOME=/root", "WEIR_LISTEN="},
		Flags: map[string]string{"log-level": "error"},
	})
	if c.Listen != "127.0.0.1:1" || c.DataDir != "/env" || c.Log.Level != "error" || c.UsageLog.RequestRetentionDays != 5 || c.EventsURL != "sqlite:/env/events.db" {
		t.Errorf("%s", c)
	}
}

func TestWhichFileIsRead(t *testing.T) {
	named := write(t, "named.yaml", "listen: 127.0.0.1:2")
	t.Run("WEIR_CONFIG", func(t *testing.T) {
		if c := load(t, LoadOptions{Env: []string{"WEIR_CONFIG=" + named}}); c.Listen != "127.0.0.1:2" {
			t.Error(c.Listen)
		}
	})
	t.Run("working directory", func(t *testing.T) {
		t.Chdir(filepath.Dir(write(t, DefaultFile, "listen: 127.0.0.1:3")))
		if c, err := Load(LoadOptions{}); err != nil || c.Listen != "127.0.0.1:3" {
			t.Error(c.Listen, err)
		}
	})
	t.Run("named but missing", func(t *testing.T) {
		if got := refused(t, LoadOptions{File: "none.yaml"}); !strings.Contains(got, "none.yaml") {
			t.Error(got)
		}
	})
}

func TestFileValues(t *testing.T) {
	c := load(t, LoadOptions{File: write(t, "weir.yaml", `
# everything a value can look like
listen: ":9090"        # quoted
data_dir: |
  /var/lib/weir
database_url: 'postgres://weir:p%40ss@db/weir'
limits_url:
gateway:
  max_body_bytes: 1048576
  drain_bytes: 2 GiB
  drain_timeout: 1m30s
webhook: {allow_private: true}
cost:
  calls_per_second: 0.5
tls:
`)})
	if c.Listen != ":9090" || c.DataDir != "/var/lib/weir" ||
		c.DatabaseURL != "postgres://weir:p%40ss@db/weir" || c.EventsURL != c.DatabaseURL || c.LimitsURL != "memory:" ||
		c.Gateway.MaxBodyBytes != 1<<20 || c.Gateway.DrainBytes != 2<<30 || c.Gateway.DrainTimeout != 90*time.Second ||
		!c.Webhook.AllowPrivate || c.Cost.CallsPerSecond != 0.5 {
		t.Errorf("%s", c)
	}
}

func TestFileProblemsHaveLines(t *testing.T) {
	for text, want := range map[string]string{
		"listen: 127.0.0.1:1\nlisten_on: x":       `weir.yaml:2: unknown setting "listen_on".`,
		"\nlistne: x":                             `weir.yaml:2: unknown setting "listne". Did you mean listen?`,
		"gateway:\n  drain_timout: 1s":            `weir.yaml:2: unknown setting "gateway.drain_timout". Did you mean gateway.drain_timeout?`,
		"drain_timeout: 1s":                       `Did you mean gateway.drain_timeout?`,
		"usage_log:\n  max_backlog: many":         `weir.yaml:2: usage_log.max_backlog: "many" is not a whole number`,
		"usage_log:\n  max_backlog: 1.5":          `"1.5" is not a whole number`,
		"gateway:\n  drain_timeout: 60":           `weir.yaml:2: gateway.drain_timeout: "60" is not a duration with its unit`,
		"gateway:\n  drain_bytes: -1":             `is not a size`,
		"gateway:\n  drain_bytes: 9223372036 GiB": `is too large`,
		"gateway: 5":                              `weir.yaml:1: gateway is a section`,
		"listen:\n  host: x":                      `weir.yaml:1: listen must be a single value`,
		"listen: [a, b]":                          `weir.yaml:1: listen must be a single value`,
		"- a":                                     `weir.yaml:1: the file must hold settings`,
		"just text":                               `weir.yaml:1: the file must hold settings`,
		"listen: a:1\nlisten: b:1":                `weir.yaml:2:`,
		"listen: *anchor":                         `listen must be a single value`,
		"a: b: c":                                 `weir.yaml:1: it is not YAML`,
		"\tlisten: x":                             `weir.yaml:1: it is not YAML`,
		"listen: a:1\n---\nlisten: b:1":           `only one YAML document`,
		"webhook: {allow_private: maybe}":         `is neither true nor false`,
	} {
		t.Run(text, func(t *testing.T) {
			if got := refused(t, LoadOptions{File: write(t, "weir.yaml", text)}); !strings.Contains(got, want) {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
	}
}

func TestUnknownVariables(t *testing.T) {
	got := refused(t, LoadOptions{Env: []string{"WEIR_LISTEM=x", "WEIR_DRAIN_BYTES=1", "WEIR_SOMETHING_ELSE=1", "OTHER=1"}})
	want := "unknown environment variable WEIR_DRAIN_BYTES. Did you mean WEIR_GATEWAY_DRAIN_BYTES?\n" +
		"unknown environment variable WEIR_LISTEM. Did you mean WEIR_LISTEN?\n" +
		"unknown environment variable WEIR_SOMETHING_ELSE."
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	load(t, LoadOptions{
		Env: []string{
			"WEIR_TEST_POSTGRES=x", "WEIR_CHECK=1", "WEIR_URL=http://x", "WEIRD=1",
			// what Kubernetes sets for the services weir and weir-db
			"WEIR_SERVICE_HOST=10.0.0.1", "WEIR_SERVICE_PORT=8080", "WEIR_SERVICE_PORT_HTTP=8080", "WEIR_PORT=tcp://10.0.0.1:8080",
			"WEIR_PORT_8080_TCP=tcp://10.0.0.1:8080", "WEIR_PORT_8080_TCP_ADDR=10.0.0.1", "WEIR_DB_SERVICE_HOST=10.0.0.2", "WEIR_DB_PORT=tcp://10.0.0.2:5432",
		},
		Foreign: []string{"WEIR_URL"},
	})
	if got := refused(t, LoadOptions{Env: []string{"WEIR_PORT=8080"}}); !strings.Contains(got, "unknown environment variable WEIR_PORT") {
		t.Error(got)
	}
	if got := refused(t, LoadOptions{Flags: map[string]string{"listn": "x", "master-key": "secret"}}); !strings.Contains(got, "--listn. Did you mean --listen?") ||
		!strings.Contains(got, "--master-key. Did you mean --master-key-file?") || strings.Contains(got, "secret") {
		t.Error(got)
	}
}

func TestSecretsFromFiles(t *testing.T) {
	secret := write(t, "secret", "from file\n\n")
	c := load(t, LoadOptions{Env: []string{"WEIR_BOOTSTRAP_OWNER_PASSWORD_FILE=" + secret}})
	if got := c.Bootstrap.OwnerPassword.Reveal(); got != "from file\n" {
		t.Errorf("%q: one newline, and only one, is the file's own", got)
	}
	yamlFile := write(t, "weir.yaml", "bootstrap:\n  owner_password_file: "+secret+"\nmaster_key: direct")
	c = load(t, LoadOptions{File: yamlFile})
	if c.Bootstrap.OwnerPassword.Reveal() != "from file\n" || c.MasterKey.Reveal() != "direct" {
		t.Error("the file's secrets were not read")
	}
	// A later source replaces an earlier one, whichever form either has.
	c = load(t, LoadOptions{File: yamlFile, Env: []string{"WEIR_BOOTSTRAP_OWNER_PASSWORD=direct"}, Flags: map[string]string{"master-key-file": secret}})
	if c.Bootstrap.OwnerPassword.Reveal() != "direct" || c.MasterKey.Reveal() != "from file\n" {
		t.Error("a later source did not win")
	}
	for _, tt := range []struct{ env, want string }{
		{"WEIR_MASTER_KEY=a WEIR_MASTER_KEY_FILE=b", "WEIR_MASTER_KEY and WEIR_MASTER_KEY_FILE are both set"},
		{"WEIR_MASTER_KEY_FILE=/nonexistent", "WEIR_MASTER_KEY_FILE: open /nonexistent"},
		{"WEIR_MASTER_KEY_FILE=" + write(t, "empty", "\n"), "is empty"},
		{"WEIR_CONFIG=/dev/zero", "is larger than"},
		{"WEIR_MASTER_KEY_FILE=" + write(t, "huge", strings.Repeat("x", maxFile+1)), "is larger than"},
		{"WEIR_TLS_CERT_FILE=a", "WEIR_TLS_CERT_FILE and WEIR_TLS_KEY_FILE must be set together"},
	} {
		if got := refused(t, LoadOptions{Env: strings.Fields(tt.env)}); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s", tt.env, got)
		}
	}
}

func TestInvalidValues(t *testing.T) {
	for variable, want := range map[string]string{
		"WEIR_LISTEN=8080":                                  `WEIR_LISTEN: "8080" is not host:port`,
		"WEIR_LISTEN=localhost:http":                        `not a number from 0 to 65535`,
		"WEIR_LISTEN=localhost:70000":                       `not a number from 0 to 65535`,
		"WEIR_LOG_LEVEL=loud":                               `WEIR_LOG_LEVEL: "loud" is not one of debug, info, warn, error`,
		"WEIR_LOG_FORMAT=xml":                               `is not one of auto, json, text`,
		"WEIR_DATABASE_URL=mysql://u:hunter2@h/d":           `WEIR_DATABASE_URL: "mysql:" is not known; use sqlite:PATH or postgres://`,
		"WEIR_DATABASE_URL=hunter2@host/db":                 `a URL without a scheme is not known`,
		"WEIR_DATABASE_URL=sqlite:":                         `needs the path of a file`,
		"WEIR_DATABASE_URL=postgres://u:hunter2%zz@h/d":     `is not a URL`,
		"WEIR_DATABASE_URL=postgres://u:hunter2#x@h/d":      ``,
		"WEIR_EVENTS_URL=clickhouse://u:hunter2@h/d":        `WEIR_EVENTS_URL: clickhouse:// is not built yet; use sqlite:PATH or postgres://…`,
		"WEIR_EVENTS_URL=sqlite:weir-data/weir.db":          `must be another file`,
		"WEIR_LIMITS_URL=redis://:hunter2@h":                `WEIR_LIMITS_URL: redis:// is not built yet; use memory:`,
		"WEIR_LIMITS_URL=etcd://h":                          `"etcd:" is not known`,
		"WEIR_BOOTSTRAP_ADMIN_KEY=hunter2":                  `must begin with sk-admin-`,
		"WEIR_BOOTSTRAP_ADMIN_KEY=sk-admin-hunter2":         `must have at least 32 characters, has 16`,
		"WEIR_BOOTSTRAP_ADMIN_KEY=" + adminKey + " hunter2": `printable ASCII`,
		"WEIR_BOOTSTRAP_OWNER_EMAIL=owner":                  `is not an e-mail address`,
		"WEIR_GATEWAY_MAX_BODY_BYTES=1":                     `WEIR_GATEWAY_MAX_BODY_BYTES: 1 is less than 1KiB`,
		"WEIR_GATEWAY_DRAIN_TIMEOUT=-1s":                    `WEIR_GATEWAY_DRAIN_TIMEOUT: -1s is less than 0s`,
		"WEIR_COST_CALLS_PER_SECOND=0":                      `is less than 0.001`,
		"WEIR_COST_CALLS_PER_SECOND=NaN":                    `is not a number`,
		"WEIR_USAGE_LOG_REQUEST_RETENTION_DAYS=0":           `is less than 1`,
		"WEIR_USAGE_LOG_REQUEST_RETENTION_DAYS=106752":      `WEIR_USAGE_LOG_REQUEST_RETENTION_DAYS: 106752 is more than 36525`, // a time.Duration ends before
		"WEIR_USAGE_LOG_MAX_BACKLOG=99999999999999999999":   `is not a whole number`,
	} {
		t.Run(variable, func(t *testing.T) {
			got := refused(t, LoadOptions{Env: []string{variable}})
			if !strings.Contains(got, want) || strings.Contains(got, "hunter2") {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
	}
	// All problems at once.
	got := refused(t, LoadOptions{Env: []string{"WEIR_LISTEN=x", "WEIR_LOG_LEVEL=y", "WEIR_LIMITS_URL=z"}})
	if strings.Count(got, "\n") != 2 {
		t.Error(got)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	c := load(t, LoadOptions{Env: []string{
		"WEIR_MASTER_KEY=hunter2", "WEIR_BOOTSTRAP_ADMIN_KEY=sk-admin-hunter2" + strings.Repeat("x", 32),
		"WEIR_DATABASE_URL=postgres://weir:hunter2@db/weir", "WEIR_EVENTS_URL=postgres://weir@db/weir?sslpassword=hunter2&sslmode=require",
	}})
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "config", c, "secret", c.MasterKey)
	marshalled, err := json.Marshal(c.Redacted())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"%v": fmt.Sprintf("%v", c), "%+v": fmt.Sprintf("%+v", c), "%#v": fmt.Sprintf("%#v", c.Bootstrap), "&": fmt.Sprint(&c),
		"%s": fmt.Sprintf("%s %q", c.MasterKey, c.MasterKey), "slog": logged.String(), "json": string(marshalled),
	} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("%s shows a secret: %s", name, text)
		}
	}
	text := c.String()
	for _, want := range []string{`master_key: "[set]"`, `database_url: "postgres://weir:xxxxx@db/weir"`, "sslmode=require", "  drain_timeout: 1m\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s\nlacks %s", text, want)
		}
	}
	if c.MasterKey.Reveal() != "hunter2" {
		t.Error("printing changed the configuration")
	}
}

// What String prints is a file that means the same.
func TestStringIsAFile(t *testing.T) {
	c := load(t, LoadOptions{Env: []string{"WEIR_DATA_DIR=/a \"b\"", "WEIR_GATEWAY_SPOOL_BYTES=1025", "WEIR_GATEWAY_IDLE_TIMEOUT=1h0m1s", "WEIR_COST_CALLS_PER_SECOND=0.25"}})
	again := load(t, LoadOptions{File: write(t, "weir.yaml", c.String())})
	if !reflect.DeepEqual(c, again) {
		t.Errorf("%s\nread back as\n%s", c, again)
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add([]byte(Default().String()))
	f.Add([]byte("listen: &a x\ndata_dir: *a\n<<: {x: y}\n? [a]\n: b\n---\n"))
	f.Add([]byte("gateway:\n  retries: !!int \"1\"\n- x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, problems := parseFile("weir.yaml", text)
		for _, err := range problems {
			if !strings.HasPrefix(err.Error(), "weir.yaml:") {
				t.Errorf("a problem without a place: %v", err)
			}
		}
		if len(problems) > 0 {
			return
		}
		// What we read without complaint, a YAML decoder must be able to read.
		var decoded any
		if err := yaml.Unmarshal(text, &decoded); err != nil && len(l) > 0 {
			t.Errorf("read %d settings from what is not YAML: %v", len(l), err)
		}
	})
}

func FuzzEnv(f *testing.F) {
	f.Add("WEIR_LISTEN", "127.0.0.1:1")
	f.Add("WEIR_GATEWAY_MAX_BODY_BYTES", "1 KiB")
	f.Add("WEIR_EVENTS_URL", "postgres://u:p@h/d")
	f.Add("WEIR_COST_CALLS_PER_SECOND", "1e300")
	f.Fuzz(func(t *testing.T, name, value string) {
		l, problems := envLayer([]string{name + "=" + value}, nil)
		if len(problems) > 0 {
			return
		}
		c := Default()
		for _, field := range fieldsOf(&c) {
			given, ok := l[field.setting.Name]
			if !ok || field.set(given.text) != nil {
				continue
			}
			// Validate must not panic, and what is printed reads back.
			if c.Validate() != nil || field.setting.Secret {
				continue
			}
			printed := field.text()
			again := Default()
			for _, other := range fieldsOf(&again) {
				if other.setting.Name != field.setting.Name {
					continue
				}
				if err := other.set(printed); err != nil || other.text() != printed {
					t.Errorf("%s=%q prints as %q, which reads as %q, %v", name, value, printed, other.text(), err)
				}
			}
		}
	})
}
