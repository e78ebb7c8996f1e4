package discover

import (
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

func TestSingle(t *testing.T) {
	t.Setenv("KUBERNETES_MASTER", "http://localhost:8080")
	t.Setenv("KUBECONFIG", "/nowhere") // only Options count
	none := strings.Replace(config("https://n.example.com", "SECRET", "n"), "current-context", "x", 1)
	home := tree(t, map[string]string{
		".kube/config":   "@many.yaml",
		".kube/other":    config("https://other.example.com", "SECRET", "other"),
		"a":              config("https://a.example.com", "SECRET-a", "a", "both"),
		"b":              config("https://b.example.com", "SECRET-b", "b", "both"),
		"c":              strings.NewReplacer("name: c,", "name: cc,", "cluster: c,", "cluster: cc,").Replace(config("https://c.example.com", "SECRET-c", "c")),
		"none":           none,
		"empty":          "",
		"empty.yaml":     "@empty.yaml",
		"broken":         "@broken.yaml",
		"bomb":           "@bomb.yaml",
		"dangling":       strings.Replace(config("https://n.example.com", "SECRET", "n"), `current-context: "n"`, `current-context: "gone"`, 1),
		"comma,name!":    config("https://n.example.com", "SECRET", "a,b", "!c"),
		"certs/ca.pem":   "@certs/ca.pem",
		"certs/rel.yaml": strings.Replace(config("https://rel.example.com", "SECRET", "rel"), "server:", "certificate-authority: ca.pem, server:", 1),
	})
	for _, test := range []struct {
		name        string
		kubeconfig  []string
		env         []string
		contexts    []string
		all         bool
		want        string
		token       string
		fails, hint string
	}{
		{name: "default without a current context", fails: "no context is current in HOME/.kube/config", hint: "choose one with --context: there is prod-a, prod-b, staging"},
		{name: "default", contexts: []string{"prod-a"}, want: "prod-a | shop | https://a.example.com", token: "SECRET-many"},
		{name: "only the default file", contexts: []string{"other"}, fails: `--context "other" matches no context`, hint: "there is prod-a, prod-b, staging"},
		{name: "one file", kubeconfig: []string{"HOME/b"}, env: []string{"HOME/a"}, want: "b | default | https://b.example.com", token: "SECRET-b"},
		{name: "a glob of one", kubeconfig: []string{"~/[b]"}, want: "b | default | https://b.example.com", token: "SECRET-b"},
		{name: "two files", kubeconfig: []string{"HOME/a", "HOME/b"}, fails: "--no-multiple reads one kubeconfig, and --kubeconfig gives 2", hint: "name one file"},
		{name: "a glob of two", kubeconfig: []string{"~/[ab]"}, fails: "--no-multiple reads one kubeconfig, and --kubeconfig gives 2", hint: "name one file"},
		{name: "a glob of nothing", kubeconfig: []string{"~/none/*"}, fails: "--kubeconfig ~/none/* matches no file", hint: "check the path"},
		{name: "missing file", kubeconfig: []string{"HOME/missing"}, fails: "reading kubeconfig HOME/missing: no such file or directory", hint: "--kubeconfig"},
		{name: "a list is merged: the first wins", env: []string{"HOME/a", "HOME/b"}, want: "a | default | https://a.example.com", token: "SECRET-a"},
		{name: "b's context with a's cluster and user", env: []string{"HOME/a", "HOME/b"}, contexts: []string{"b"}, want: "b | default | https://a.example.com", token: "SECRET-a"},
		{name: "c's cluster with b's user", env: []string{"HOME/b", "HOME/c"}, contexts: []string{"c"}, want: "c | default | https://c.example.com", token: "SECRET-b"},
		{name: "missing ones of a list", env: []string{"HOME/missing", "", "HOME/b"}, want: "b | default | https://b.example.com", token: "SECRET-b"},
		{name: "empty ones of a list", env: []string{"HOME/empty", "HOME/empty.yaml", "HOME/b"}, want: "b | default | https://b.example.com", token: "SECRET-b"},
		{name: "a broken one of a list", env: []string{"HOME/b", "HOME/broken"}, fails: "reading kubeconfig HOME/broken: line 5: did not find expected ',' or '}'", hint: "$KUBECONFIG"},
		{name: "a bomb", kubeconfig: []string{"HOME/bomb"}, fails: "reading kubeconfig HOME/bomb: its YAML aliases make it too large", hint: "fix or remove what --kubeconfig names"},
		{name: "all missing", env: []string{"HOME/missing"}, fails: "no usable kubeconfig: looked at $KUBECONFIG (HOME/missing)", hint: "--kubeconfig FILE"},
		{name: "empty", kubeconfig: []string{"HOME/empty"}, fails: "no usable kubeconfig: looked at HOME/empty", hint: "--kubeconfig FILE"},
		{name: "one context, not current", kubeconfig: []string{"HOME/none"}, fails: "no context is current in HOME/none", hint: "there is n"},
		{name: "current context is gone", kubeconfig: []string{"HOME/dangling"}, fails: `reading HOME/dangling: current-context "gone" is not there`, hint: "there is n"},
		{name: "names are no patterns", kubeconfig: []string{"HOME/comma,name!"}, contexts: []string{"!c"}, want: "!c | default | https://n.example.com", token: "SECRET"},
		{name: "names are no lists", kubeconfig: []string{"HOME/comma,name!"}, contexts: []string{"a,b"}, want: "a,b | default | https://n.example.com", token: "SECRET"},
		{name: "a glob", contexts: []string{"prod-*"}, fails: `--context "prod-*": with --no-multiple it takes one exact name`, hint: "there is prod-a, prod-b, staging"},
		{name: "a glob where one is there", kubeconfig: []string{"HOME/c"}, contexts: []string{"[c]"}, fails: `--context "[c]": with --no-multiple it takes one exact name`, hint: "there is c"},
		{name: "a negation", contexts: []string{"!prod-a"}, fails: `--context "!prod-a": with --no-multiple it takes one exact name`, hint: "there is prod-a, prod-b, staging"},
		{name: "a regular expression", contexts: []string{"/prod/"}, fails: `--context "/prod/": with --no-multiple it takes one exact name`, hint: "there is prod-a, prod-b, staging"},
		{name: "a glob where nothing is there", env: []string{"HOME/missing"}, contexts: []string{"prod-*"}, fails: `--context "prod-*" matches no context`, hint: "no kubeconfig with a context was found"},
		{name: "two contexts", contexts: []string{"prod-a", "prod-b"}, fails: "--no-multiple follows one cluster, and --context gives 2", hint: "name one context"},
		{name: "all contexts", all: true, fails: "--no-multiple follows one cluster, and --all-contexts asks for all", hint: "leave one of them out"},
		{name: "relative path", env: []string{"HOME/a", "HOME/certs/rel.yaml"}, contexts: []string{"a"}, want: "a | default | https://a.example.com", token: "SECRET-a"},
		{name: "relative path of one", kubeconfig: []string{"~/certs/rel.yaml"}, want: "rel | default | https://rel.example.com", token: "SECRET"},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := strings.NewReplacer("HOME", home).Replace
			o := Options{Home: home, Contexts: test.contexts, AllContexts: test.all, Env: in(strings.Join(test.env, string(filepath.ListSeparator)))}
			for _, p := range test.kubeconfig {
				o.Kubeconfig = append(o.Kubeconfig, in(p))
			}
			clusters, log, err := find(t, o)
			for _, path := range filepath.SplitList(o.Env) {
				if filepath.Base(path) == "missing" && !said(log, "debug: "+path+": passed over: no such file or directory") {
					t.Errorf("nothing is said of %s: %q", path, log)
				}
			}
			if test.fails != "" {
				fails(t, err, in(test.fails), test.hint)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "cluster", table(clusters), []string{test.want})
			if clusters[0].Users[0].Config.BearerToken != test.token {
				t.Errorf("token %s, want %s", clusters[0].Users[0].Config.BearerToken, test.token)
			}
			// The same as clientcmd by itself.
			rules := &clientcmd.ClientConfigLoadingRules{Precedence: filepath.SplitList(o.Env)}
			if len(o.Env) == 0 {
				rules.Precedence = []string{filepath.Join(home, ".kube", "config")}
			}
			if len(o.Kubeconfig) > 0 {
				rules.ExplicitPath = clusters[0].File
			}
			overrides := &clientcmd.ConfigOverrides{CurrentContext: strings.Join(test.contexts, "")}
			want, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
			if err != nil {
				t.Fatal(err)
			}
			if got := clusters[0].Users[0].Config; got.String() != want.String() || got.BearerToken != want.BearerToken || got.CAFile != want.CAFile {
				t.Errorf("config %s, clientcmd has %s", got, want)
			}
		})
	}
}
