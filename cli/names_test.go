package cli

import (
	"strings"
	"testing"
)

// TestCheckNames tests which patterns no name can match, and what is shown in their place.
func TestCheckNames(t *testing.T) {
	for _, tt := range []struct{ flag, pattern, hint string }{
		{"", "a,b", "use mktail 'a|b', or mktail a b"},
		{"", "web, db,", "use mktail 'web|db', or mktail web db"},
		{"", "^web-.*$ ^db", "use mktail '^web-.*$|^db', or mktail '^web-.*$' '^db'"},
		{"", "web,", "use mktail web"},
		{"", " ^web", "use mktail '^web'"},
		{"", "Web", "names of pods are in lower case: use mktail web"},
		{"", "WEB_API", "names of pods have no underscores: use mktail web-api"},
		{"", "web_.*", "names of pods have no underscores: use mktail 'web-.*'"},
		{"", "app=web", "labels are selected by -l app=web"},
		{"", "app=web,tier!=front", "labels are selected by -l 'app=web,tier!=front'"},
		{"", "web:app", "names of pods have a-z, 0-9, - and ."},
		{"", `web\_A`, "names of pods have a-z, 0-9, - and ."},
		{"", "A,b_c,d", "names of pods are in lower case and have no underscores: use mktail 'a|b-c|d', or mktail a b-c d"},
		{"", "[A-Z]+", "names of pods are in lower case: use mktail '[a-z]+'"},
		{"", "(web |db)_", "names of pods have a-z, 0-9, - and ."},
		{"exclude-pod", "a,b", "use --exclude-pod 'a|b'"},
		{"container", "App", "names of containers are in lower case: use --container app"},
		{"container", "app=x", "names of containers have a-z, 0-9 and -"},
		{"exclude-container", "istio,linkerd", "use --exclude-container 'istio|linkerd'"},
		{"container", `a\\.b`, "names of containers have"},
		{"", "web", ""},
		{"", "", ""},
		{"", "(?i)WEB", ""},
		{"", "web|DB", ""},
		{"", "web,?", ""},
		{"", "web[,-]db", ""},
		{"", "web( x)*", ""},
		{"", "web(_){0,2}", ""},
		{"", `^web\\W`, ""},
		{"", `\\bweb\\b`, ""},
		{"", `[^A-Z]`, ""},
		{"", "web.1", ""},
		{"container", "a.b", ""},
	} {
		pattern := strings.ReplaceAll(tt.pattern, `\\`, `\`)
		err := checkNames(tt.flag, []string{pattern})
		usage, _ := err.(*UsageError)
		switch {
		case tt.hint == "" && err != nil:
			t.Errorf("%q: %v", pattern, err)
		case tt.hint != "" && (usage == nil || !strings.Contains(usage.Hint, tt.hint)):
			t.Errorf("%q: %#v, want %s", pattern, err, tt.hint)
		}
	}
}

// TestGlobLike tests which regular expressions look like globs.
func TestGlobLike(t *testing.T) {
	for pattern, want := range map[string]bool{
		"web*": true, "web-*": true, "*web": true, "*": true, "web-*-db": true, "web-*.*": true,
		"web": false, "web.*": false, "^web*": false, "(web)*": false, "web-[a-z]*": false, "": false, "w+": false,
	} {
		if globLike.MatchString(pattern) != want {
			t.Errorf("%q", pattern)
		}
	}
}
