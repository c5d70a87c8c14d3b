package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
)

// DefaultFile is read from the working directory when no file is named; it
// need not exist.
const DefaultFile = "weir.yaml"

// ConfigEnv names the file in the environment, as --config does on the command
// line.
const ConfigEnv = "WEIR_CONFIG"

// LoadOptions are the sources beside the defaults.
type LoadOptions struct {
	// File is the path given with --config; it must exist. "" is WEIR_CONFIG,
	// else DefaultFile if there is one.
	File string
	// Env is the environment, as os.Environ returns it. An empty variable
	// counts as unset, since compose files cannot leave one out.
	Env []string
	// Flags are the flags that were given, by Setting.Flag.
	Flags map[string]string
	// Foreign are names of WEIR_* variables that belong to other commands and
	// are no error.
	Foreign []string
}

// Load returns the configuration, complete and valid. Its error lists every
// problem found, one sentence per line (errors.Join), and never a secret.
func Load(o LoadOptions) (Config, error) {
	env, problems := envLayer(o.Env, o.Foreign)

	path, optional := o.File, false
	if path == "" {
		path = lookup(o.Env, ConfigEnv)
	}
	if path == "" {
		path, optional = DefaultFile, true
	}
	file, fileProblems := readFile(path, optional)
	flags, flagProblems := flagLayer(o.Flags)
	problems = append(append(fileProblems, problems...), flagProblems...)

	c := Default()
	for _, f := range fieldsOf(&c) {
		value, ok, err := pick(f.setting, file, env, flags)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if !ok {
			continue
		}
		switch err := f.set(value.text); {
		case err == nil:
		case f.setting.Entries:
			problems = append(problems, fmt.Errorf("%s %w", value.origin, err)) // the text may hold secrets
		default:
			problems = append(problems, fmt.Errorf("%s: %q %w", value.origin, value.text, err))
		}
	}
	problems = append(problems, c.OIDC.Providers.readSecrets()...)
	if len(problems) > 0 {
		return Config{}, errors.Join(problems...)
	}
	c = c.WithDerived()
	if err := c.Validate(); err != nil {
		return Config{}, err
	}
	return c, nil
}

func readFile(path string, optional bool) (layer, []error) {
	text, err := readBounded(path)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, []error{fmt.Errorf("configuration file: %w", err)}
	}
	return parseFile(path, text)
}

// pick returns what the last source that gives the setting gives. A secret's
// file is read here, so that only the one that counts is read.
func pick(s Setting, layers ...layer) (given, bool, error) {
	for _, l := range slices.Backward(layers) {
		value, direct := l[s.Name]
		twin, indirect := l[s.Name+fileSuffix]
		switch {
		case direct && s.Secret && indirect:
			return given{}, false, fmt.Errorf("%s and %s are both set; use one of them", value.origin, twin.origin)
		case direct:
			return value, true, nil
		case s.Secret && indirect:
			text, err := readSecret(twin.text)
			if err != nil {
				return given{}, false, fmt.Errorf("%s: %w", twin.origin, err)
			}
			return given{text: text, origin: twin.origin}, true, nil
		}
	}
	return given{}, false, nil
}

// maxFile bounds the files that are read here, in bytes: a path to something
// else by mistake should say so.
const maxFile = 64 << 10

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return text, nil
}

// readSecret reads a whole file, less the newline that editors and echo leave
// at its end.
func readSecret(path string) (string, error) {
	text, err := readBounded(path)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSuffix(string(text), "\n")
	secret = strings.TrimSuffix(secret, "\r")
	if secret == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return secret, nil
}

// envLayer reads the WEIR_* variables.
func envLayer(environ, foreign []string) (layer, []error) {
	names := make(map[string]string) // variable -> name of the setting
	known := []string{ConfigEnv}
	for _, s := range Settings() {
		names[s.Env] = s.Name
		known = append(known, s.Env)
		if s.Secret {
			names[s.FileEnv] = s.Name + fileSuffix
			known = append(known, s.FileEnv)
		}
	}
	l := layer{}
	var problems []error
	for _, variable := range environ {
		env, text, _ := strings.Cut(variable, "=")
		name, ok := names[env]
		switch {
		case !strings.HasPrefix(env, envPrefix), text == "", env == ConfigEnv:
		case ok:
			l[name] = given{text: text, origin: env}
		case !slices.Contains(foreign, env) && !notOurs(env, text):
			problems = append(problems, fmt.Errorf("unknown environment variable %s%s", env, DidYouMean(env, known)))
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return l, problems
}

// serviceVariable matches what Kubernetes puts into every container of a
// namespace with a service called weir or weir-something.
var serviceVariable = regexp.MustCompile(`^WEIR_([A-Z0-9_]+_)?(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// notOurs tells variables that only look like settings: those of weir's own
// tests and checks, and those of Kubernetes.
func notOurs(env, text string) bool {
	return env == "WEIR_CHECK" || strings.HasPrefix(env, "WEIR_CHECK_") || strings.HasPrefix(env, "WEIR_TEST_") ||
		serviceVariable.MatchString(env) ||
		strings.HasSuffix(env, "_PORT") && (strings.HasPrefix(text, "tcp://") || strings.HasPrefix(text, "udp://") || strings.HasPrefix(text, "sctp://"))
}

// lookup returns the last value of a variable, "" when it is unset.
func lookup(environ []string, name string) string {
	for _, variable := range slices.Backward(environ) {
		if env, text, _ := strings.Cut(variable, "="); env == name {
			return text
		}
	}
	return ""
}

func flagLayer(flags map[string]string) (layer, []error) {
	names := make(map[string]string)
	var known []string
	for _, s := range Settings() {
		name := s.Name
		if s.Secret {
			name += fileSuffix
		}
		names[s.Flag] = name
		known = append(known, "--"+s.Flag)
	}
	l := layer{}
	var problems []error
	for flag, text := range flags {
		name, ok := names[flag]
		if !ok {
			problems = append(problems, fmt.Errorf("unknown flag --%s%s", flag, DidYouMean("--"+flag, known)))
			continue
		}
		l[name] = given{text: text, origin: "--" + flag}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return l, problems
}
