package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"weir/internal/apiclient"
	"weir/internal/id"
)

// defaultURL is where weir serves unless told otherwise.
const defaultURL = "http://127.0.0.1:8080"

// The variables that say where a running weir is and as whom to call it. Those
// that OpenAI's SDKs read stand in for them.
const (
	urlEnv       = "WEIR_URL"
	keyEnv       = "WEIR_ADMIN_KEY"
	keyFileEnv   = "WEIR_ADMIN_KEY_FILE"
	openaiURLEnv = "OPENAI_BASE_URL"
	openaiKeyEnv = "OPENAI_ADMIN_KEY"
)

// connectionVariables are those of weir's own, which commands that read a
// configuration leave alone.
func connectionVariables() []string { return []string{urlEnv, keyEnv, keyFileEnv} }

// remote is what a command that calls a running weir works with.
type remote struct {
	c     *cli
	api   *apiclient.Client
	json  bool
	quiet bool
}

// connection holds the flags that every command of a running weir takes.
type connection struct {
	url, keyFile string
	json, quiet  bool
}

func (o *connection) flags(fs *flag.FlagSet) {
	fs.StringVar(&o.url, "url", "", "")
	fs.StringVar(&o.keyFile, "admin-key-file", "", "")
	fs.BoolVar(&o.json, "json", false, "")
	fs.BoolVar(&o.quiet, "quiet", false, "")
	fs.BoolVar(&o.quiet, "q", false, "")
}

const connectionHelp = `
Common flags:
  --url URL              where weir serves; else WEIR_URL, else OPENAI_BASE_URL,
                         else ` + defaultURL + `
  --admin-key-file FILE  a file with an admin key; else WEIR_ADMIN_KEY,
                         WEIR_ADMIN_KEY_FILE, OPENAI_ADMIN_KEY
  --json                 print the API's objects: an array of a list, else one object
  -q, --quiet            print ids only; of a new key, its secret only; of a link, it alone
`

// connect finds the address and the key. No flag takes the key itself: everybody
// on the machine can read the flags of a process.
func (o *connection) connect(c *cli) (*remote, error) {
	if o.json && o.quiet {
		return nil, usageError{errors.New("--json and --quiet do not go together")}
	}
	key, openai, err := o.key(c)
	if err != nil {
		return nil, err
	}
	for _, prefix := range []string{id.ProjectSecret, id.ServiceAccountSecret} {
		if strings.HasPrefix(key, prefix) {
			return nil, usageError{fmt.Errorf("the key that was given is a project's (%s…): it calls models and manages nothing. This takes an admin key (%s…)", prefix, id.AdminSecret)}
		}
	}
	address := o.url
	if address == "" {
		address = c.getenv(urlEnv)
	}
	if address == "" {
		address = c.getenv(openaiURLEnv)
		if u, err := url.Parse(address); err == nil && !openai && isOpenAI(u.Hostname()) {
			return nil, usageError{errors.New("OPENAI_BASE_URL names OpenAI itself, which should not get to see a key of weir's: say where weir serves with --url or WEIR_URL")}
		}
	}
	if address == "" {
		address = defaultURL
	}
	api, err := apiclient.New(apiclient.Options{URL: address, Key: key, UserAgent: "weir/" + version})
	if err != nil {
		return nil, usageError{err}
	}
	return &remote{c: c, api: api, json: o.json, quiet: o.quiet}, nil
}

func isOpenAI(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "openai.com" || strings.HasSuffix(host, ".openai.com")
}

// key returns the admin key, and whether it is the one for OpenAI's SDKs.
func (o *connection) key(c *cli) (key string, openai bool, err error) {
	file := o.keyFile
	if file == "" {
		if key := c.getenv(keyEnv); key != "" {
			return key, false, nil
		}
		file = c.getenv(keyFileEnv)
	}
	if file != "" {
		key, err := readKeyFile(file)
		return key, false, err
	}
	if key := c.getenv(openaiKeyEnv); key != "" {
		return key, true, nil
	}
	return "", false, usageError{errors.New("there is no admin key: set WEIR_ADMIN_KEY, or name a file with one in WEIR_ADMIN_KEY_FILE or --admin-key-file. A first start leaves one in weir-data/" + bootstrapKeyFile)}
}

// maxKeyFile is more than a key has, in bytes.
const maxKeyFile = 4096

func readKeyFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", usageError{fmt.Errorf("reading the admin key: %w", err)}
	}
	defer func() { _ = f.Close() }() // it was only read
	raw, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	switch {
	case err != nil:
		return "", usageError{fmt.Errorf("reading the admin key: %w", err)}
	case len(raw) > maxKeyFile:
		return "", usageError{fmt.Errorf("%s is longer than a file that holds an admin key", path)}
	}
	return strings.TrimSpace(string(raw)), nil
}

// getenv returns a variable of the environment the command was given.
func (c *cli) getenv(name string) string {
	value := ""
	for _, entry := range c.env {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			value = v // the last one holds, as in a shell
		}
	}
	return value
}

// confirm asks somebody at a terminal whether to do what cannot be undone. Where
// nobody can be asked, --yes has to have been given.
func (r *remote) confirm(ctx context.Context, yes bool, what string) error {
	if yes {
		return nil
	}
	if !r.c.stdinTerminal {
		return usageError{fmt.Errorf("this would %s; nobody can be asked here, so say --yes", what)}
	}
	if _, err := fmt.Fprintf(r.c.stderr, "This will %s. Type yes to go on: ", what); err != nil {
		return err
	}
	answered := make(chan string, 1)
	go func() { answered <- readLine(r.c.stdin) }()
	select {
	case <-ctx.Done():
		_, _ = fmt.Fprintln(r.c.stderr) // below the prompt
		return errors.New("interrupted; nothing was changed")
	case answer := <-answered:
		if answer == "y" || answer == "yes" {
			return nil
		}
		return errors.New("nothing was changed")
	}
}

// readLine reads a short line, byte by byte: what follows it is not the prompt's.
func readLine(in io.Reader) string {
	var line []byte
	for b := make([]byte, 1); len(line) < 64; {
		n, err := in.Read(b)
		if n == 1 && b[0] != '\n' {
			line = append(line, b[0])
		}
		if err != nil || (n == 1 && b[0] == '\n') {
			break
		}
	}
	return strings.ToLower(strings.TrimSpace(string(line)))
}
