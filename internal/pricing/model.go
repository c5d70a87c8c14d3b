package pricing

import "strings"

const (
	dateSuffix = len("-2006-01-02")
	fineTuned  = "ft:"
)

// family removes the date of a snapshot: gpt-4o-2024-08-06 is of the family
// gpt-4o. Only -YYYY-MM-DD counts as a date. The older four-digit endings are
// parts of names: gpt-3.5-turbo-0613 and gpt-3.5-turbo-0125 are sold at different
// prices, and gpt-4-1106-preview is not gpt-4.
func family(model string) string {
	n := len(model) - dateSuffix
	if n <= 0 {
		return model
	}
	for i, c := range []byte(model[n:]) {
		switch i {
		case 0, 5, 8:
			if c != '-' {
				return model
			}
		default:
			if c < '0' || c > '9' {
				return model
			}
		}
	}
	return model[:n]
}

// snapshots are the dated ones among some names, by their family.
func snapshots(names []string) map[string][]string {
	dated := map[string][]string{}
	for _, name := range names {
		if base := family(name); base != name {
			dated[base] = append(dated[base], name)
		}
	}
	return dated
}

// trained returns the name a fine-tuned model is priced by, without its owner
// and id: ft:gpt-4o-2024-08-06 of ft:gpt-4o-2024-08-06:org:name:id. Any other
// model is returned as it is. The base model's own price is never used: tuned
// models cost more.
func trained(model string) string {
	rest, ok := strings.CutPrefix(model, fineTuned)
	if !ok {
		return model
	}
	if base, _, owned := strings.Cut(rest, ":"); owned {
		return model[:len(fineTuned)+len(base)]
	}
	return model
}

// billed returns the model as line items spell it: ft-gpt-4o-2024-08-06 for a
// fine-tuned one, whisper for whisper-1.
func billed(model string) string {
	if model == "whisper-1" {
		return "whisper"
	}
	if strings.HasPrefix(model, fineTuned) {
		return "ft-" + trained(model)[len(fineTuned):]
	}
	return model
}
