package discover

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
)

func TestSplitList(t *testing.T) {
	for _, test := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"a", []string{"a"}},
		{" a ,,b,", []string{"a", "b"}},
		{"/a{1,2}/", []string{"/a{1,2}/"}},
		{"/a{1,2}/,b,!/c,d/,e", []string{"/a{1,2}/", "b", "!/c,d/", "e"}},
		{"/a,b", []string{"/a", "b"}},
		{"!a,! /x,y/", []string{"!a", "! /x,y/"}},
		{"/,/", []string{"/,/"}},
		{"//,b/", []string{"//", "b/"}},
		{"//,b/,c", []string{"//", "b/", "c"}},
		{"a/b,c/d", []string{"a/b", "c/d"}},
	} {
		equal(t, test.in, splitList(test.in), test.want)
	}
}

func TestPattern(t *testing.T) {
	for _, test := range []struct {
		pattern, context string
		want             bool
	}{
		{"prod", "prod", true},
		{"prod", "prod2", false},
		{"prod.eu", "prod-eu", false},
		{"*", "a/b\nc", true},
		{"p?d", "pöd", true},
		{"bücher*", "bücher-1", true},
		{"[a-c]x", "bx", true},
		{"[!a-c]x", "bx", false},
		{"[^a-c]x", "dx", true},
		{"[[]x", "[x", true},
		{"[", "[", true},
		{"[]x", "[]x", true},
		{"a[b*", "a[bc", true},
		{"a[b*", "abc", false},
		{"[]*", "[]x", true},
		{"[!]*", "[!]x", true},
		{"[!a-c]x", "!x", true},
		{"[!!]x", "!x", false},
		{"[^^]x", "^x", false},
		{"[a^]x", "^x", true},
		{`[\\]x`, `\x`, true},
		{"?", "", false},
		{"a?*", "a", false},
		{"*a", "ba", true},
		{"*a", "bab", false},
		{"/^p/", "prod", true},
		{"/^P/", "prod", false},
		{"/(?i)^P/", "prod", true},
		{"//", "a", false},
		{"file/prod", "prod", true},
		{"fi*/p*", "prod", true},
	} {
		all, err := contextPatterns([]string{test.pattern})
		if err != nil || len(all) != 1 {
			t.Errorf("%s: %v, %v", test.pattern, all, err)
			continue
		}
		if got := all[0].matches(entry{&file{path: "dir/file.yaml"}, test.context}); got != test.want {
			t.Errorf("%s matches %q: %v", test.pattern, test.context, got)
		}
	}
}

// TestLiteralContexts tests that every name can be asked for, and that what Pattern gives chooses it alone.
func TestLiteralContexts(t *testing.T) {
	all := []string{"a", "b", "a,b", " sp ", "sp", "=x", "x", "!a", "/a/", "/a,b/", ",", "prod[1]", "prod1", "prod2", "a*", "arn:aws:eks:eu:1:cluster/prod", "=", "!=x", "file/a"}
	text := "kind: Config\nclusters:\n"
	for i := range all {
		text += fmt.Sprintf("- {name: c%d, cluster: {server: \"https://c%d.example.com\"}}\n", i, i)
	}
	text += "contexts:\n"
	for i, name := range all {
		text += fmt.Sprintf("- {name: %q, context: {cluster: c%d}}\n", name, i)
	}
	path := filepath.Join(tree(t, map[string]string{"f": text}), "f")
	for _, name := range all {
		for _, o := range []Options{
			{Contexts: []string{"=" + name}, Multiple: true}, {Contexts: []string{"=" + name}},
			{Contexts: []string{Pattern(name)}, Multiple: true}, {Contexts: []string{Pattern(name)}},
		} {
			o.Kubeconfig = []string{path}
			clusters, _, err := find(t, o)
			if err != nil || len(clusters) != 1 || clusters[0].Context != name {
				t.Errorf("%q of %q: %v, %v", o.Contexts, name, clusterNames(clusters), err)
			}
		}
	}
	for _, test := range []struct {
		contexts    []string
		want        []string
		fails, hint string
	}{
		{contexts: []string{"=a,b", "x"}, want: []string{"a,b", "x"}},
		{contexts: []string{"a**", "!=a,b"}, want: []string{"a", "a*", "arn:aws:eks:eu:1:cluster/prod"}},
		{contexts: []string{"a*"}, want: []string{"a*"}},
		{contexts: []string{"/^a.?$/,!a*"}, want: []string{"a"}},
		{contexts: []string{"prod[1],prod[2]"}, want: []string{"prod2", "prod[1]"}},
		{contexts: []string{"prod*", "!prod[1]"}, want: []string{"prod1", "prod2"}},
		{contexts: []string{"f/prod[1]"}, want: []string{"prod[1]"}},
		{contexts: []string{"f/prod[12]"}, want: []string{"prod1", "prod2"}},
		{contexts: []string{"=f/a"}, want: []string{"a"}},
		{contexts: []string{"="}, fails: `reading --context "=": it names nothing`, hint: "write a name after the ="},
		{contexts: []string{"a", "!="}, fails: `reading --context "!=": it names nothing`, hint: "write a name after the ="},
		{contexts: []string{"=A"}, fails: `--context "=A" matches no context`, hint: "there is "},
		{contexts: []string{"=a\xff"}, fails: `--context "=a\xff" matches no context`, hint: "there is "},
	} {
		clusters, _, err := find(t, Options{Kubeconfig: []string{path}, Contexts: test.contexts, Multiple: true})
		if test.fails != "" {
			fails(t, err, test.fails, test.hint)
			continue
		}
		var got []string
		for _, c := range clusters {
			got = append(got, c.Context)
		}
		slices.Sort(got)
		equal(t, fmt.Sprintf("%q", test.contexts), got, test.want)
	}
	for _, name := range []string{"p,q", " r "} {
		path := filepath.Join(tree(t, map[string]string{"f": config("https://a.example.com", "SECRET", "x", name)}), "f")
		_, _, err := find(t, Options{Kubeconfig: []string{path}, Contexts: []string{name}, Multiple: true})
		fails(t, err, "matches no context", "for the one context of that name give --context '="+name+"'")
	}
}
