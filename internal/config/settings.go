package config

import (
	"reflect"
	"strings"
)

// Setting describes one setting for people: --help, check-config, the tables
// in the documentation.
type Setting struct {
	Name    string // its path in weir.yaml: gateway.drain_timeout
	Env     string // WEIR_GATEWAY_DRAIN_TIMEOUT
	FileEnv string // secrets: WEIR_MASTER_KEY_FILE, the path of a file that holds the value; else ""
	Flag    string // without dashes: gateway-drain-timeout. Secrets: master-key-file, a path, since others can read a command line
	Default string // as the help shows it
	Help    string
	Secret  bool // in weir.yaml a secret, too, may be given as NAME_file
	Switch  bool // a flag that may stand without a value
	List    bool // in weir.yaml it may be a list, elsewhere its values are separated by commas
	Entries bool // in weir.yaml it is a list of sections, elsewhere that list in YAML or JSON

	defaultText string
	min, max    string
	oneOf       []string
}

// Settings lists every setting in the order of the documentation.
func Settings() []Setting {
	var c Config
	fields := fieldsOf(&c)
	settings := make([]Setting, len(fields))
	for i, f := range fields {
		settings[i] = f.setting
	}
	return settings
}

// field is one setting in one Config.
type field struct {
	setting Setting
	ptr     any // *string, *Secret, *bool, *int, *float64, *Bytes, *Networks, *Providers or *time.Duration
}

func fieldsOf(c *Config) []field { return appendFields(nil, "", reflect.ValueOf(c).Elem()) }

func appendFields(fields []field, prefix string, v reflect.Value) []field {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		name := prefix + tag.Get("yaml")
		if v.Field(i).Kind() == reflect.Struct {
			fields = appendFields(fields, name+".", v.Field(i))
			continue
		}
		f := field{ptr: v.Field(i).Addr().Interface()}
		_, secret := f.ptr.(*Secret)
		_, isSwitch := f.ptr.(*bool)
		_, isList := f.ptr.(*Networks)
		_, hasEntries := f.ptr.(*Providers)
		f.setting = Setting{
			Name:        name,
			Env:         envOf(name),
			Flag:        flagOf(name),
			Default:     tag.Get("default"),
			Help:        tag.Get("help"),
			Secret:      secret,
			Switch:      isSwitch,
			List:        isList,
			Entries:     hasEntries,
			defaultText: tag.Get("default"),
			min:         tag.Get("min"),
			max:         tag.Get("max"),
			oneOf:       strings.Fields(tag.Get("oneof")),
		}
		if shown := tag.Get("shown"); shown != "" {
			f.setting.Default = shown
		}
		if secret {
			f.setting.FileEnv = envOf(name + fileSuffix)
			f.setting.Flag = flagOf(name + fileSuffix)
		}
		fields = append(fields, f)
	}
	return fields
}

// fileSuffix makes the name of a secret's twin, which holds a path.
const fileSuffix = "_file"

// envPrefix is that of every environment variable of weir.
const envPrefix = "WEIR_"

func envOf(name string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(name, ".", "_"))
}

func flagOf(name string) string { return strings.NewReplacer(".", "-", "_", "-").Replace(name) }
