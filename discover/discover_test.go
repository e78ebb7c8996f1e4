package discover

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"k8s.io/client-go/rest"
)

const samples = "../testdata/kubeconfigs"

// sample reads a sample file.
func sample(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(samples, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tree writes files below a new directory: a text that starts with @ stands for the sample of that name.
func tree(t testing.TB, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		if from, ok := strings.CutPrefix(text, "@"); ok {
			text = sample(t, from)
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// config is a kubeconfig with a context for each name; server and token are as told.
func config(server, token string, contexts ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "kind: Config\napiVersion: v1\nclusters: [{name: c, cluster: {server: %q}}]\nusers: [{name: u, user: {token: %q}}]\ncontexts:\n", server, token)
	for _, c := range contexts {
		fmt.Fprintf(&b, "- {name: %q, context: {cluster: c, user: u}}\n", c)
	}
	if len(contexts) > 0 {
		fmt.Fprintf(&b, "current-context: %q\n", contexts[0])
	}
	return b.String()
}

// find runs Clusters and gives what it logged, a line "level: message" each. Nothing of it may hold a secret.
func find(t testing.TB, o Options) (clusters []Cluster, log []string, err error) {
	t.Helper()
	var out bytes.Buffer
	o.Log = zerolog.New(&out)
	clusters, err = Clusters(o)
	for line := range strings.Lines(out.String()) {
		var entry struct{ Level, Message string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		log = append(log, entry.Level+": "+entry.Message)
	}
	said := strings.Join(log, "\n")
	if err != nil {
		var usage *UsageError
		if !errors.As(err, &usage) {
			t.Errorf("%v is no UsageError", err)
		} else {
			said += usage.Error() + usage.Hint
		}
		if strings.Contains(said, "\n\n") || strings.Contains(err.Error(), "\n") {
			t.Errorf("error of several lines: %q", err)
		}
	}
	hidden := []string{"SECRET", "PRIVATE KEY"}
	for shift := range 3 { // and in base64, wherever it begins
		text := base64.RawStdEncoding.EncodeToString([]byte("--SECRET"[2-shift:]))
		hidden = append(hidden, text[(shift*8+5)/6:len(text)-2])
	}
	for _, s := range hidden {
		if strings.Contains(said, s) {
			t.Errorf("a secret is said: %s", said)
		}
	}
	for _, c := range clusters {
		if c.Name == "" || c.Users[0].Config == nil || c.Namespace == "" || strings.Contains(c.Server, "SECRET") {
			t.Errorf("not complete: %+v", c)
		}
	}
	return clusters, log, err
}

// table is what a test says about clusters: "name | namespace | server" each.
func table(clusters []Cluster) (all []string) {
	for _, c := range clusters {
		all = append(all, c.Name+" | "+c.Namespace+" | "+c.Server)
	}
	return all
}

func clusterNames(clusters []Cluster) (all []string) {
	for _, c := range clusters {
		all = append(all, c.Name)
	}
	return all
}

func equal(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// fails checks an error's text and hint, by parts that they must have. An empty hint means that there must be none.
func fails(t testing.TB, err error, text, hint string) {
	t.Helper()
	var usage *UsageError
	if !errors.As(err, &usage) {
		t.Fatalf("error %v, want one with %q", err, text)
	}
	if !strings.Contains(usage.Error(), text) || !strings.Contains(usage.Hint, hint) || hint == "" && usage.Hint != "" {
		t.Errorf("error %q\nhint %q\nwant %q\nand %q", usage, usage.Hint, text, hint)
	}
}

func said(log []string, part string) bool {
	return slices.ContainsFunc(log, func(line string) bool { return strings.Contains(line, part) })
}

// everything is a ~/.kube as people have it.
func everything(t testing.TB) (home string) {
	files := map[string]string{
		".kube/cache/discovery/x.json":   "{",
		".kube/config.d/kind-2":          "@kind-2",
		".kube/config.d/rancher.yaml":    "@rancher.yaml",
		".kube/configs/teleport.yaml":    "@teleport.yaml",
		".kube/configs/gitlab.yaml":      "@gitlab.yaml",
		".kube/config":                   "@kind",
		".kube/config.bak":               "@kind",
		".kube/configs/deeper/json.json": "@json.json",
		".kube/.config.swp":              "b0VIM\x00",
		".kube/certs/ca.pem":             "@certs/ca.pem",
		".kube/certs/client.pem":         "@certs/client.pem",
		".kube/certs/client-key.pem":     "@certs/client-key.pem",
	}
	for _, name := range []string{"eks", "gke", "aks", "k3s.yaml", "json.json", "relative.yaml", "anchors.yaml",
		"many.yaml", "empty.yaml", "kubectx", "kuberc", "kubie.yaml", "id_rsa", "config.lock", "deployment.yaml"} {
		files[".kube/"+name] = "@" + name
	}
	return tree(t, files)
}

func TestSamples(t *testing.T) {
	home := everything(t)
	clusters, log, err := find(t, Options{Home: home, Multiple: true})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "clusters", table(clusters), []string{
		"kind-kind | default | https://127.0.0.1:40123",
		"shop | default | https://shop-dns-0a1b2c3d.hcp.westeurope.azmk8s.io:443",
		"two | default | https://two.example.com",
		"kind-two | default | https://127.0.0.1:40124",
		"fleet-a | default | https://rancher.example.com/k8s/clusters/c-m-aaaa1111",
		"teleport.example.com-eu | default | https://teleport.example.com:443",
		"arn:aws:eks:eu-west-1:111122223333:cluster/prod | default | https://0123456789ABCDEF0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com",
		"gke_shop-prod_europe-west1-b_main | shop | https://203.0.113.7",
		"json | default | https://json.example.com:6443",
		"default | default | https://192.0.2.10:6443",
		"relative | default | https://relative.example.com:6443",
	})
	for _, line := range log {
		if !strings.HasPrefix(line, "debug: ") {
			t.Errorf("said aloud: %s", line)
		}
	}
	for _, name := range []string{"kubectx", "kuberc", "kubie.yaml", "id_rsa", "config.lock", "deployment.yaml", "empty.yaml",
		"cache", ".config.swp", "many.yaml", "config.bak", filepath.Join("configs", "gitlab.yaml")} {
		if !said(log, "debug: "+filepath.Join(home, ".kube", name)+": ") {
			t.Errorf("nothing said of %s in\n%s", name, strings.Join(log, "\n"))
		}
	}

	clusters, _, err = find(t, Options{Home: home, Multiple: true, AllContexts: true})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "all contexts", clusterNames(clusters), []string{"kind-kind", "shop", "one", "two", "kind-two", "fleet-a", "fleet-b",
		"group/project:agent-1", "group/project:agent-2", "teleport.example.com-eu", "teleport.example.com-us",
		"arn:aws:eks:eu-west-1:111122223333:cluster/prod", "gke_shop-prod_europe-west1-b_main", "json", "default",
		"prod-a", "prod-b", "staging", "relative"})
}

func TestOrderOfListsDoesNotMatter(t *testing.T) {
	home := everything(t)
	files, err := filepath.Glob(filepath.Join(home, ".kube", "*"))
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(path string) bool {
		f, err := read(candidate{path: path})
		return err != nil || len(f.config.Contexts) == 0
	})
	if err := os.Link(files[0], filepath.Join(home, "linked")); err != nil {
		t.Fatal(err)
	}
	files = append(files, filepath.Join(home, "linked"), files[1])
	var want, wantEnv []string
	for seed := range uint64(20) {
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
		byFlag, _, err := find(t, Options{Home: home, Kubeconfig: files, Multiple: true, AllContexts: true})
		if err != nil {
			t.Fatal(err)
		}
		byEnv, _, err := find(t, Options{Home: home, Env: strings.Join(files, string(filepath.ListSeparator)), Multiple: true})
		if err != nil {
			t.Fatal(err)
		}
		if seed == 0 {
			want, wantEnv = table(byFlag), table(byEnv)
		}
		equal(t, fmt.Sprintf("--kubeconfig, seed %d", seed), table(byFlag), want)
		equal(t, fmt.Sprintf("$KUBECONFIG, seed %d", seed), table(byEnv), wantEnv)
	}
}

// Nor does the order in which files, links and directories were made.
func TestOrderOfCreationDoesNotMatter(t *testing.T) {
	same := config("https://same.example.com", "SECRET", "default")
	files := map[string]string{"config": same, "config.bak": same, "a/config": config("https://a.example.com", "SECRET", "default"),
		"b/config": config("https://b.example.com", "SECRET", "default", "other"), "c/config.yaml": config("https://c.example.com", "SECRET", "other"),
		"d/x": "->../config", "e": "->c/config.yaml", "f": "=>b/config", "dir": "->a", "g": config("https://g.example.com", "SECRET", "config/default")}
	order := slices.Sorted(maps.Keys(files))
	for _, o := range []Options{
		{Kubeconfig: []string{"**"}}, {Kubeconfig: []string{"**"}, AllContexts: true}, {Kubeconfig: []string{"**/*", "a/config"}, Contexts: []string{"default"}},
		{Kubeconfig: []string{"?/*", "e", "config*"}}, {Home: "."}, {Home: ".", AllContexts: true},
	} {
		o.Multiple = true
		var want, wantLog []string
		for seed := range uint64(10) {
			rand.New(rand.NewPCG(seed, 0)).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			t.Chdir(t.TempDir())
			dir := "."
			if o.Home != "" {
				dir = ".kube"
			}
			for _, later := range []bool{false, true} { // a hard link needs its file
				for _, name := range order {
					path, text := filepath.Join(dir, name), files[name]
					if strings.HasPrefix(text, "=>") != later {
						continue
					}
					err := os.MkdirAll(filepath.Dir(path), 0o700)
					if to, ok := strings.CutPrefix(text, "->"); ok {
						err = errors.Join(err, os.Symlink(to, path))
					} else if to, ok := strings.CutPrefix(text, "=>"); ok {
						err = errors.Join(err, os.Link(filepath.Join(dir, to), path))
					} else {
						err = errors.Join(err, os.WriteFile(path, []byte(text), 0o600))
					}
					if err != nil {
						t.Skip(err)
					}
				}
			}
			clusters, log, err := find(t, o)
			if err != nil {
				t.Fatal(err)
			}
			if seed == 0 {
				want, wantLog = table(clusters), log
			}
			equal(t, fmt.Sprintf("%+v, seed %d", o, seed), table(clusters), want)
			equal(t, fmt.Sprintf("log of %+v, seed %d", o, seed), log, wantLog)
		}
	}
}

func TestEqualContextsInEqualFiles(t *testing.T) {
	t.Chdir(tree(t, map[string]string{
		"a/config":     config("https://a.example.com", "SECRET", "default"),
		"b/config":     config("https://b.example.com", "SECRET", "default"),
		"c/d/prod.yml": config("https://c.example.com", "SECRET", "default"),
		"e/config":     config("https://b.example.com", "SECRET", "default"), // b again
	}))
	clusters, log, err := find(t, Options{Kubeconfig: []string{"**"}, Multiple: true})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "clusters", table(clusters), []string{"a/config/default | default | https://a.example.com",
		"b/config/default | default | https://b.example.com", "prod/default | default | https://c.example.com"})
	if want := "debug: " + filepath.Join("e", "config") + `: context "default" passed over: the same as "default" of ` + filepath.Join("b", "config"); !said(log, want) {
		t.Errorf("no %q in %q", want, log)
	}
}

func TestChoice(t *testing.T) {
	home := tree(t, map[string]string{
		".kube/config":   "@many.yaml",
		".kube/k3s-1":    config("https://one.example.com", "SECRET", "default"),
		".kube/k3s-2":    config("https://two.example.com", "SECRET", "default"),
		".kube/wild":     config("https://wild.example.com", "SECRET", "prod[1]", "dev"),
		".kube/gone":     strings.Replace(config("https://gone.example.com", "SECRET", "here"), "current-context: \"here\"", "current-context: \"there\"", 1),
		".kube/only":     strings.Replace(config("https://only.example.com", "SECRET", "only"), "current-context", "x", 1),
		".kube/eks.yaml": "@eks",
	})
	for _, test := range []struct {
		name     string
		contexts []string
		all      bool
		want     []string
		fails    string
		hint     string
	}{
		{name: "current or only", want: []string{"arn:aws:eks:eu-west-1:111122223333:cluster/prod", "k3s-1/default", "k3s-2/default", "only", "prod[1]"}},
		{name: "exact", contexts: []string{"staging"}, want: []string{"staging"}},
		{name: "several of one name", contexts: []string{"default"}, want: []string{"k3s-1/default", "k3s-2/default"}},
		{name: "by the cluster's name", contexts: []string{"k3s-2/default"}, want: []string{"default"}},
		{name: "glob", contexts: []string{"prod-*"}, want: []string{"prod-a", "prod-b"}},
		{name: "glob over a slash", contexts: []string{"arn:*prod"}, want: []string{"arn:aws:eks:eu-west-1:111122223333:cluster/prod"}},
		{name: "list", contexts: []string{"prod-a, staging"}, want: []string{"prod-a", "staging"}},
		{name: "repeated", contexts: []string{"prod-a", "staging"}, want: []string{"prod-a", "staging"}},
		{name: "regexp", contexts: []string{"/^(prod|k3s-1.default)/,dev"}, want: []string{"prod-a", "prod-b", "default", "dev"}},
		{name: "negated", contexts: []string{"prod*,!prod-b"}, want: []string{"prod-a", "prod[1]"}},
		{name: "negated, with a space", contexts: []string{"prod*,! prod-b"}, want: []string{"prod-a", "prod[1]"}},
		{name: "negated alone", contexts: []string{"!prod*,!arn*,!/default/"}, want: []string{"prod-a", "dev", "here", "only", "staging"}[1:]},
		{name: "with glob characters in its name", contexts: []string{"prod[1]"}, want: []string{"prod[1]"}},
		{name: "empty", contexts: []string{""}, want: []string{"arn:aws:eks:eu-west-1:111122223333:cluster/prod", "k3s-1/default", "k3s-2/default", "only", "prod[1]"}},
		{name: "nothing", contexts: []string{"prod-a,test"}, fails: `--context "test" matches no context`,
			hint: "there is arn:aws:eks:eu-west-1:111122223333:cluster/prod, default, dev, here, only, prod-a, prod-b, prod[1], staging"},
		{name: "nothing left", contexts: []string{"prod-*", "!prod*"}, fails: "--context prod-*,!prod* leaves no context", hint: "there is arn"},
		{name: "all negated", contexts: []string{"!*"}, fails: "--context !* leaves no context", hint: "there is arn"},
		{name: "bad regexp", contexts: []string{"/a(b/"}, fails: `reading --context "/a(b/": error parsing regexp`, hint: "https://pkg.go.dev/regexp/syntax"},
		{name: "bad glob", contexts: []string{"[z-a]"}, fails: `reading --context "[z-a]": `, hint: "give a glob"},
		{name: "nothing negated", contexts: []string{"a,!"}, fails: `reading --context "a,!"`, hint: "after the !"},
	} {
		t.Run(test.name, func(t *testing.T) {
			clusters, _, err := find(t, Options{Home: home, Contexts: test.contexts, AllContexts: test.all, Multiple: true})
			if test.fails != "" {
				fails(t, err, test.fails, test.hint)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := clusterNames(clusters)
			slices.Sort(got)
			slices.Sort(test.want)
			equal(t, "clusters", got, test.want)
		})
	}
	_, log, _ := find(t, Options{Home: home, Multiple: true})
	if want := `warn: reading context "there" of ` + filepath.Join(home, ".kube", "gone") + ": the file has no such context; passed over"; !slices.Contains(log, want) {
		t.Errorf("no %q in %q", want, log)
	}
}

// A file without a current context is passed over, aloud if it was named; nothing is said of one that has one.
func TestNoCurrentContext(t *testing.T) {
	home := tree(t, map[string]string{"many.yaml": "@many.yaml", "kind": "@kind"})
	many := filepath.Join(home, "many.yaml")
	for pattern, level := range map[string]string{many: "warn: ", filepath.Join(home, "m*"): "debug: "} {
		clusters, log, err := find(t, Options{Kubeconfig: []string{pattern, filepath.Join(home, "kind")}, Multiple: true})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "clusters", clusterNames(clusters), []string{"kind-kind"})
		equal(t, "log", log, []string{level + many + ": passed over: none of its contexts is current: choose with --context or --all-contexts"})
	}
}

func TestNothing(t *testing.T) {
	none := sample(t, "many.yaml")
	for _, test := range []struct {
		name        string
		files       map[string]string
		o           Options
		fails, hint string
	}{
		{"no home", nil, Options{}, "no usable kubeconfig: looked at $KUBECONFIG, which is not set, ~/.kube, but there is no home directory", "--kubeconfig FILE"},
		{"empty home", nil, Options{Home: "HOME"}, "no usable kubeconfig: looked at HOME/.kube/*, HOME/.kube/config.d/*, HOME/.kube/configs/*", "KUBECONFIG"},
		{"junk alone", map[string]string{".kube/kubectx": "@kubectx", ".kube/config": "@empty.yaml"}, Options{Home: "HOME"}, "no usable kubeconfig: looked at HOME/.kube/*", "--kubeconfig FILE"},
		{"none is current", map[string]string{".kube/config": none}, Options{Home: "HOME"}, "no context is current in HOME/.kube/config", "--all-contexts: there is prod-a, prod-b, staging"},
		{"all unusable", map[string]string{".kube/config": "@dangling.yaml"}, Options{Home: "HOME", Contexts: []string{"no-*"}}, "none of the chosen contexts can be used", "there is anonymous, bad-ca"},
		{"a context of nothing", nil, Options{Home: "HOME", Contexts: []string{"x"}}, `--context "x" matches no context`, "no kubeconfig with a context was found: looked at "},
		{"an empty list", map[string]string{"empty.yaml": "@empty.yaml"}, Options{Env: "HOME/empty.yaml"}, "no usable kubeconfig: looked at $KUBECONFIG (HOME/empty.yaml)", "--kubeconfig FILE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			home := tree(t, test.files)
			in := strings.NewReplacer("HOME", home).Replace
			test.o.Home, test.o.Env, test.o.Multiple = in(test.o.Home), in(test.o.Env), true
			_, _, err := find(t, test.o)
			fails(t, err, in(test.fails), test.hint)
		})
	}
}

func TestInCluster(t *testing.T) {
	pod := func() (*rest.Config, string, error) { return &rest.Config{Host: "https://10.96.0.1:443"}, "jobs", nil }
	broken := func() (*rest.Config, string, error) { return nil, "", errors.New("no token") }
	none := func() (*rest.Config, string, error) { return nil, "", nil }
	bare := func() (*rest.Config, string, error) { return &rest.Config{Host: "https://10.96.0.1"}, "", nil }
	empty := t.TempDir()
	for _, multiple := range []bool{true, false} {
		clusters, _, err := find(t, Options{Home: empty, Multiple: multiple, InCluster: pod})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "clusters", table(clusters), []string{"in-cluster | jobs | https://10.96.0.1:443"})
		_, _, err = find(t, Options{Home: empty, Multiple: multiple, InCluster: broken})
		fails(t, err, ".kube", "--kubeconfig FILE")
		fails(t, err, "at the service account of this pod: no token", "--kubeconfig FILE")
		_, _, err = find(t, Options{Home: empty, Multiple: multiple, InCluster: none})
		fails(t, err, "at the service account of this pod: there is none", "--kubeconfig FILE")
		clusters, _, err = find(t, Options{Home: empty, Multiple: multiple, InCluster: bare})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "clusters", table(clusters), []string{"in-cluster | default | https://10.96.0.1"})
		_, _, err = find(t, Options{Home: empty, Multiple: multiple, InCluster: pod, Contexts: []string{"x"}})
		fails(t, err, `--context "x" matches no context`, "no kubeconfig with a context was found: looked at ")
		_, _, err = find(t, Options{Home: empty, Multiple: multiple, InCluster: pod, Kubeconfig: []string{filepath.Join(samples, "empty.yaml")}})
		fails(t, err, "no usable kubeconfig", "--kubeconfig FILE")
		home := tree(t, map[string]string{".kube/config": "@kind"})
		clusters, _, err = find(t, Options{Home: home, Multiple: multiple, InCluster: pod})
		if err != nil || len(clusters) != 1 || clusters[0].Name != "kind-kind" {
			t.Errorf("with a file: %v, %v", table(clusters), err)
		}
		home = tree(t, map[string]string{".kube/config": "@many.yaml"})
		_, _, err = find(t, Options{Home: home, Multiple: multiple, InCluster: pod})
		fails(t, err, "no context is current in ", "there is prod-a, prod-b, staging")
		clusters, _, err = find(t, Options{Env: filepath.Join(samples, "empty.yaml"), Home: home, Multiple: multiple, InCluster: pod})
		if err != nil || len(clusters) != 1 || clusters[0].Name != "in-cluster" {
			t.Errorf("with an empty file: %v, %v", table(clusters), err)
		}
	}
}

// TestCurrentInAnotherFile tests that a current context counts whichever file has it: kubectl config use-context writes it into the first
// file of $KUBECONFIG.
func TestCurrentInAnotherFile(t *testing.T) {
	t.Chdir(tree(t, map[string]string{
		"a": strings.Replace(config("https://a.example.com", "SECRET1", "kind"), `current-context: "kind"`, "current-context: eks", 1),
		"b": config("https://b.example.com", "SECRET2", "eks"),
	}))
	clusters, _, err := find(t, Options{Env: "a" + string(filepath.ListSeparator) + "b", Multiple: true})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "clusters", table(clusters), []string{"eks | default | https://b.example.com"})
}
