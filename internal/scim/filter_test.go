package scim

import (
	"strings"
	"testing"
)

func sample() resource {
	return resource{
		"id": "user-Abc", "userName": "Ann@Example.com", "active": true, "displayName": `Ann "A" Li`,
		"name": resource{"givenName": "Ann"}, "emails": []resource{{"value": "ann@example.com", "type": "work"}, {"value": "a@home.example", "type": "home"}},
		"meta": resource{"lastModified": "2026-11-24T12:00:00.5Z"},
	}
}

func TestFilters(t *testing.T) {
	for text, want := range map[string]bool{
		`userName eq "ann@example.com"`: true, `USERNAME Eq "ANN@example.com"`: true, `userName eq "ann"`: false,
		`userName ne "bo@example.com"`: true, `userName co "@exam"`: true, `userName sw "ann"`: true, `userName ew ".com"`: true, `userName sw "x"`: false,
		`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "ann"`: true,
		`id eq "user-Abc"`: true, `id eq "user-abc"`: false,
		`active eq true`: true, `active eq "True"`: true, `active eq false`: false, `active ne false`: true,
		`displayName eq "Ann \"A\" Li"`: true, `displayName eq "\u0041nn \"A\" Li"`: true,
		`title pr`: false, `not (title pr)`: true, `name pr`: true, `emails pr`: true, `title eq null`: true, `userName eq null`: false,
		`name.givenName eq "ann"`: true, `name.familyName pr`: false, `nothing eq "x"`: false, `nothing ne "x"`: true,
		`emails.value eq "a@home.example"`: true, `emails eq "a@home.example"`: true, `emails.type eq "other"`: false,
		`emails[type eq "work" and value co "@example"]`: true, `emails[type eq "home" and value co "@example.com"]`: false,
		`emails[type eq "work"].value eq "ann@example.com"`: true, `emails[type eq "home"].value eq "ann@example.com"`: false,
		`emails[not (type eq "work")]`:                true,
		`meta.lastModified gt "2026-11-24T12:00:00Z"`: true, `meta.lastModified le "2026-11-24T13:00:00.5+01:00"`: true, `meta.lastModified lt "2026-11-24T12:00:00Z"`: false,
		`meta.lastModified eq "2026-11-24T13:00:00.5+01:00"`: true, `meta.lastModified sw "2026-11"`: true,
		`userName gt "a" and userName lt "b"`: true, `userName ge "b" or active eq true`: true,
		// and binds closer than or
		`title pr and title pr or active eq true`: true, `title pr and (title pr or active eq true)`: false, `active eq true or title pr and title pr`: true,
		`(active eq true)and(id pr)`: true, "  active\teq true ": true, `urn:x:y:department eq "R&D"`: false,
	} {
		f, err := parseFilter(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := f.matches(sample()); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestFiltersThatAreRefused(t *testing.T) {
	for _, text := range []string{
		"", " ", "userName", "userName eq", `eq "x"`, `userName eq "x`, `userName eq 'x'`, `userName eq x`, `userName is "x"`, `userName eq "x" and`,
		`(userName eq "x"`, `userName eq "x")`, `not userName eq "x"`, `userName eq "x" userName eq "y"`, `a..b eq "x"`, `a.b.c eq "x"`, `"userName" eq "x"`,
		`emails[type eq "work"`, `emails[]`, `emails[a[b pr]]`, `emails[type eq "work"]. eq "x"`, `userName gt 5`, `active gt true`, `userName co null`,
		`meta.lastModified gt "yesterday"`, `userName eq "\x"`, "user\x00Name pr",
		strings.Repeat("(", maxDepth+1) + "a pr" + strings.Repeat(")", maxDepth+1), strings.Repeat(`not (`, 5000), strings.Repeat("a pr or ", maxTerms) + "a pr",
		`userName eq "` + strings.Repeat("x", maxFilter) + `"`,
	} {
		_, err := parseFilter(text)
		if p, ok := err.(*problem); !ok || p.scimType != typeInvalidFilter {
			t.Errorf("%.80s: %v", text, err)
		}
	}
}

// What an index answers is looked up, and everything else tried: a lookup that
// misses a match would hide it.
func TestLookups(t *testing.T) {
	for text, want := range map[string]string{
		`userName eq "a"`: "username=a", `active eq true and externalId eq "e"`: "externalid=e", `userName eq "a" or id eq "b"`: "username=a id=b",
		`emails[type eq "work" and value eq "m"]`: "emails.value=m", `emails[type eq "work"].value eq "m"`: "emails.value=m",
		`userName eq "a" or active eq true`: "", `not (userName eq "a")`: "", `userName ne "a"`: "", `userName sw "a"`: "", `userName eq ""`: "", `userName eq null`: "",
		`(userName eq "a" or id eq "b") and active eq true`: "username=a id=b",
	} {
		f, err := parseFilter(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		found, ok := lookups(f, userIndexes)
		var parts []string
		for _, l := range found {
			parts = append(parts, l.fullName+"="+l.value)
		}
		if got := strings.Join(parts, " "); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q, %v", text, got, ok)
		}
	}
}

// Whatever comes is read or refused, and never takes the process along.
func FuzzFilter(f *testing.F) {
	for _, text := range []string{`userName eq "a" and not (emails[type eq "work"].value co "b")`, `members[value eq "x"]`, `a.b pr or c gt "1"`, `((`, `"`, "urn:a:b:c eq 1e5"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if parsed, err := parseFilter(text); err == nil {
			if parsed.matches(sample()) == (&negation{parsed}).matches(sample()) {
				t.Errorf("%q holds and does not", text)
			}
			lookups(parsed, userIndexes)
		} else if _, ok := err.(*problem); !ok {
			t.Errorf("%q: %v", text, err)
		}
		if p, err := parsePath(text); err == nil && p.name == "" {
			t.Errorf("%q is a path to nothing", text)
		}
	})
}
