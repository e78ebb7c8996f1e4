package discover

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestRules(t *testing.T) {
	home := tree(t, map[string]string{
		".kube/config":       config("https://config.example.com", "SECRET", "config"),
		".kube/broken.yaml":  "@broken.yaml",
		"env/a":              config("https://a.example.com", "SECRET", "a"),
		"env/b":              config("https://b.example.com", "SECRET", "b"),
		"env/empty":          "@empty.yaml",
		"env/broken":         "@broken.yaml",
		"env/deployment":     "@deployment.yaml",
		"env/zero":           "",
		"env/spaces":         " \n\t\n",
		"env/comments":       "# to be written by a tool\n---\n",
		"env/[x].yaml":       config("https://x.example.com", "SECRET", "x"),
		"deep/1/2/3/c.yaml":  config("https://c.example.com", "SECRET", "c"),
		"deep/d.yml":         config("https://d.example.com", "SECRET", "d"),
		"deep/.hidden/e.yml": config("https://e.example.com", "SECRET", "e"),
		"deep/junk.txt":      "junk",
	})
	if err := os.Symlink(".", filepath.Join(home, "deep", "1", "loop")); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink("..", filepath.Join(home, "deep", "1", "up")); err != nil {
		t.Skip(err)
	}
	for _, test := range []struct {
		name        string
		kubeconfig  []string
		env         []string
		want        []string
		fails, hint string
		said        string
	}{
		{name: "default", want: []string{"config"}, said: "warn: HOME/.kube/broken.yaml: passed over: line 5: did not find expected ',' or '}'"},
		{name: "list", env: []string{"HOME/env/b", "", "HOME/env/a", "HOME/env/../env/a"}, want: []string{"a", "b"}},
		{name: "list of nothing", env: []string{"", ""}, want: []string{"config"}},
		{name: "list with an empty config", env: []string{"HOME/env/empty", "HOME/env/a"}, want: []string{"a"}, said: "warn: HOME/env/empty: passed over: it has no context"},
		{name: "list with a missing file", env: []string{"HOME/env/a", "HOME/env/missing"}, want: []string{"a"}, said: "warn: HOME/env/missing: passed over: no such file or directory"},
		{name: "list with an empty file", env: []string{"HOME/env/zero", "HOME/env/a"}, want: []string{"a"}, said: "warn: HOME/env/zero: passed over: it is empty"},
		{name: "list with a file of spaces", env: []string{"HOME/env/spaces", "HOME/env/a"}, want: []string{"a"}, said: "warn: HOME/env/spaces: passed over: it is empty"},
		{name: "list with a file of comments", env: []string{"HOME/env/comments", "HOME/env/a"}, want: []string{"a"}, said: "warn: HOME/env/comments: passed over: it is empty"},
		{name: "list of missing and empty files", env: []string{"HOME/env/missing", "HOME/env/zero"}, fails: "no usable kubeconfig: looked at $KUBECONFIG (HOME/env/missing" + string(filepath.ListSeparator) + "HOME/env/zero)", hint: "--kubeconfig FILE"},
		{name: "list with another kind", env: []string{"HOME/env/a", "HOME/env/deployment"}, fails: "reading kubeconfig HOME/env/deployment: it is no kubeconfig (kind: Config)", hint: "$KUBECONFIG"},
		{name: "list with a broken file", env: []string{"HOME/env/a", "HOME/env/broken"}, fails: "reading kubeconfig HOME/env/broken: line 5", hint: "$KUBECONFIG"},
		{name: "list is no glob", env: []string{"HOME/env/?"}, fails: "no usable kubeconfig: looked at $KUBECONFIG (HOME/env/?)", hint: "--kubeconfig FILE"},
		{name: "flag before list", kubeconfig: []string{"HOME/env/a"}, env: []string{"HOME/env/missing"}, want: []string{"a"}},
		{name: "flags", kubeconfig: []string{"HOME/env/b", "HOME/env/a", "HOME/env/b"}, want: []string{"a", "b"}},
		{name: "home", kubeconfig: []string{"~/env/a"}, want: []string{"a"}},
		{name: "glob", kubeconfig: []string{"~/env/*"}, want: []string{"x", "a", "b"}, said: "warn: HOME/env/broken: passed over: line 5"},
		{name: "braces", kubeconfig: []string{"~/env/{a,b}"}, want: []string{"a", "b"}},
		{name: "a name with glob characters", kubeconfig: []string{"~/env/[x].yaml"}, want: []string{"x"}},
		{name: "deep glob, links in circles, hidden", kubeconfig: []string{"~/deep/**/*"}, want: []string{"c", "d"}, said: "debug: HOME/deep/junk.txt: passed over: it is no kubeconfig (kind: Config)"},
		{name: "hidden as written", kubeconfig: []string{"~/deep/.h*/*.y*ml"}, want: []string{"e"}},
		{name: "glob and name", kubeconfig: []string{"~/env/a*", "~/env/a"}, want: []string{"a"}},
		{name: "glob and name of a broken file", kubeconfig: []string{"~/env/bro*", "~/env/broken"}, fails: "reading kubeconfig HOME/env/broken: line 5", hint: "fix or remove what --kubeconfig names"},
		{name: "name and glob of a broken file", kubeconfig: []string{"~/env/broken", "~/env/*"}, fails: "reading kubeconfig HOME/env/broken: line 5", hint: "fix or remove what --kubeconfig names"},
		{name: "missing file", kubeconfig: []string{"HOME/missing"}, fails: "reading kubeconfig HOME/missing: no such file or directory", hint: "fix or remove what --kubeconfig names"},
		{name: "another kind", kubeconfig: []string{"HOME/env/deployment"}, fails: "reading kubeconfig HOME/env/deployment: it is no kubeconfig (kind: Config)", hint: "fix or remove what --kubeconfig names"},
		{name: "empty file", kubeconfig: []string{"HOME/env/a", "HOME/env/zero"}, fails: "reading kubeconfig HOME/env/zero: it is empty", hint: "fix or remove what --kubeconfig names"},
		{name: "directory", kubeconfig: []string{"HOME/env"}, fails: "reading kubeconfig HOME/env: it is no regular file", hint: "give a glob: --kubeconfig 'HOME/env/*'"},
		{name: "directory in the list", env: []string{"HOME/env"}, fails: "reading kubeconfig HOME/env: it is no regular file", hint: "$KUBECONFIG takes files"},
		{name: "glob of nothing", kubeconfig: []string{"~/env/a", "~/none/*.yaml"}, fails: "--kubeconfig ~/none/*.yaml matches no file", hint: "check the path"},
		{name: "glob of junk", kubeconfig: []string{"~/env/a", "~/deep/*.txt"}, fails: "--kubeconfig ~/deep/*.txt matches no kubeconfig", hint: "with -v"},
		{name: "glob of directories", kubeconfig: []string{"~/deep/1*"}, fails: "--kubeconfig ~/deep/1* matches no file", hint: "check the path"},
		{name: "bad glob", kubeconfig: []string{"~/env/[a"}, fails: "reading --kubeconfig ~/env/[a: syntax error in pattern", hint: "doublestar"},
		{name: "the home directory", kubeconfig: []string{"~"}, fails: "reading kubeconfig HOME: it is no regular file", hint: "give a glob: --kubeconfig 'HOME/*'"},
		{name: "another's home", kubeconfig: []string{"~other/env/a"}, fails: "reading kubeconfig ~other/env/a: no such file or directory", hint: "fix or remove what --kubeconfig names"},
		{name: "empty", kubeconfig: []string{""}, fails: "--kubeconfig is empty", hint: "give a file or a glob"},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := strings.NewReplacer("HOME", home).Replace
			o := Options{Home: home, Multiple: true, Env: in(strings.Join(test.env, string(filepath.ListSeparator)))}
			for _, p := range test.kubeconfig {
				o.Kubeconfig = append(o.Kubeconfig, in(p))
			}
			clusters, log, err := find(t, o)
			if test.fails != "" {
				fails(t, err, in(test.fails), in(test.hint))
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "clusters", clusterNames(clusters), test.want)
			if !said(log, in(test.said)) && test.said != "" {
				t.Errorf("no %q in\n%s", in(test.said), strings.Join(log, "\n"))
			}
		})
	}
	_, _, err := find(t, Options{Kubeconfig: []string{"~/x"}, Multiple: true})
	fails(t, err, "reading --kubeconfig ~/x: there is no home directory", "in full")
}

func TestLinks(t *testing.T) {
	home := tree(t, map[string]string{
		".kube/configs/prod.yaml":    "@relative.yaml",
		".kube/configs/certs/ca.pem": "@certs/ca.pem", ".kube/configs/certs/client.pem": "@certs/client.pem", ".kube/configs/certs/client-key.pem": "@certs/client-key.pem",
		".kube/z": config("https://z.example.com", "SECRET", "z"),
	})
	kube := filepath.Join(home, ".kube")
	for link, to := range map[string]string{"config": "configs/prod.yaml", "self": "self", "self.yaml": "self.yaml", "nowhere": "gone", "kubeconfig": "gone"} {
		if err := os.Symlink(to, filepath.Join(kube, link)); err != nil {
			t.Skip(err)
		}
	}
	if err := os.Link(filepath.Join(kube, "z"), filepath.Join(kube, "a")); err != nil {
		t.Skip(err)
	}
	clusters, log, err := find(t, Options{Home: home, Multiple: true})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "clusters", clusterNames(clusters), []string{"relative", "z"})
	equal(t, "files", []string{clusters[0].File, clusters[1].File}, []string{filepath.Join(kube, "configs", "prod.yaml"), filepath.Join(kube, "a")})
	for _, want := range []string{
		"debug: KUBE/config: passed over: the same file as KUBE/configs/prod.yaml",
		"debug: KUBE/z: passed over: the same file as KUBE/a",
		"debug: KUBE/self: passed over: too many levels of symbolic links",
		"warn: KUBE/self.yaml: passed over: too many levels of symbolic links",
		"debug: KUBE/nowhere: passed over: no such file or directory",
		"warn: KUBE/kubeconfig: passed over: no such file or directory",
	} {
		if want = strings.ReplaceAll(want, "KUBE", kube); !said(log, want) {
			t.Errorf("no %q in\n%s", want, strings.Join(log, "\n"))
		}
	}
}

// A file that is reached by two names was named if one of them was.
func TestNamedByOneOfTwoNames(t *testing.T) {
	home := tree(t, map[string]string{"a": strings.Replace(config("https://a.example.com", "SECRET", "a"), "user: u", "user: gone", 1), "good": "@kind"})
	if err := os.Symlink("a", filepath.Join(home, "link")); err != nil {
		t.Skip(err)
	}
	for _, tt := range []struct {
		patterns []string
		named    bool
	}{
		{[]string{"*"}, false}, {[]string{"*", "a"}, true}, {[]string{"*", "link"}, true}, {[]string{"link", "a", "good"}, true},
	} {
		o := Options{Multiple: true}
		for _, p := range tt.patterns {
			o.Kubeconfig = append(o.Kubeconfig, filepath.Join(home, p))
		}
		clusters, log, err := find(t, o)
		if tt.named {
			fails(t, err, `reading context "a" of `+filepath.Join(home, "a")+`: the file has no user "gone"`, "choose another context")
		} else if err != nil || len(clusters) != 1 || !said(log, "warn: reading context") {
			t.Errorf("%q: %v, %v, %q", tt.patterns, clusterNames(clusters), err, log)
		}
	}
}

func TestHiddenAndUnclean(t *testing.T) {
	home := tree(t, map[string]string{".kube/.hidden": config("https://h.example.com", "SECRET", "h"), ".kube/config": "@kind"})
	clusters, log, err := find(t, Options{Home: home, Multiple: true})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "clusters", clusterNames(clusters), []string{"kind-kind"})
	equal(t, "log", log, []string{"debug: " + filepath.Join(home, ".kube", ".hidden") + ": passed over: it is hidden"})
	clusters, _, err = find(t, Options{Kubeconfig: []string{home + "//.kube/./config"}, Multiple: true})
	if err != nil || clusters[0].File != filepath.Join(home, ".kube", "config") {
		t.Errorf("%+v, %v", clusters, err)
	}
}

// What is no kubeconfig is an error if it was named, else it is passed over, aloud if it seems to be meant as one.
func TestNoKubeconfigs(t *testing.T) {
	large := "kind: Config\n" + strings.Repeat("#", mostBytes)
	gzip := "\x1f\x8b\x08\x00\xff\xfe\x01"
	for _, test := range []struct {
		file, text, why string
		aloud           bool
	}{
		{"large", large, "it is larger than 4 MiB", false},
		{"large.yaml", large, "it is larger than 4 MiB", false},
		{"binary", gzip, "it is no text in UTF-8", false},
		{"config.gz", gzip, "it is no text in UTF-8", false},
		{"binary.yaml", gzip, "it is no text in UTF-8", true},
		{"nul", "kind: Config\n\x00", "it is no text in UTF-8", false},
		{"nul.yaml", "kind: Config\n\x00", "it is no text in UTF-8", true},
		{"utf16", "k\x00i\x00n\x00d\x00", "it is no text in UTF-8", false},
		{"empty", "", "it is empty", false},
		{"empty.yaml", "", "it is empty", false},
		{"spaces.yaml", " \n\t\n", "it is empty", false},
		{"kubectx", "@kubectx", "it is no kubeconfig (kind: Config)", false},
		{"kuberc", "@kuberc", "it is no kubeconfig (kind: Config)", false},
		{"config.lock", "@config.lock", "it is empty", false},
		{"id_rsa", "@id_rsa", "", false},
		{"deployment.yaml", "@deployment.yaml", "it is no kubeconfig (kind: Config)", false},
		{"broken", "@broken.yaml", "line 5: did not find expected ',' or '}'", true},
		{"json", "{\"kind\": \"Config\", \"contexts\": [", "", true},
		{"bomb", "@bomb.yaml", "its YAML aliases make it too large", true},
	} {
		t.Run(test.file, func(t *testing.T) {
			home := tree(t, map[string]string{".kube/" + test.file: test.text, ".kube/config": "@kind"})
			path := filepath.Join(home, ".kube", test.file)
			level := map[bool]string{true: "warn: ", false: "debug: "}[test.aloud]
			for _, o := range []Options{{Home: home}, {Kubeconfig: []string{filepath.Join(home, ".kube", "*")}}} {
				o.Multiple = true
				clusters, log, err := find(t, o)
				if err != nil || len(clusters) != 1 || !said(log, level+path+": passed over: "+test.why) {
					t.Errorf("%v, %v, %q", clusterNames(clusters), err, log)
				}
			}
			for _, o := range []Options{{Kubeconfig: []string{path}}, {Env: path}, {Kubeconfig: []string{path}, Contexts: []string{"x"}}} {
				o.Multiple = true
				_, log, err := find(t, o)
				switch empty := "warn: " + path + ": passed over: it is empty"; {
				case o.Env == "" || test.why != "it is empty":
					fails(t, err, "reading kubeconfig "+path+": "+test.why, "fix or remove what ")
				case !slices.Contains(log, empty):
					t.Errorf("no %q in %q", empty, log)
				default:
					fails(t, err, "no usable kubeconfig: looked at $KUBECONFIG ("+path+")", "--kubeconfig FILE")
				}
			}
		})
	}
}

func TestNamesOfFilesInMessages(t *testing.T) {
	home := tree(t, map[string]string{".kube/a\n\x1b[2J.yaml": "@broken.yaml", ".kube/b": "@kind"})
	_, log, err := find(t, Options{Home: home, Multiple: true})
	if err != nil || !said(log, "a??[2J.yaml: passed over: line 5") {
		t.Errorf("%q, %v", log, err)
	}
}
