package discover

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
)

func TestUnusableContexts(t *testing.T) {
	t.Setenv("KUBERNETES_MASTER", "http://localhost:8080") // clientcmd would fall back to it
	home := tree(t, map[string]string{".kube/x": "@dangling.yaml"})
	kube := filepath.Join(home, ".kube")
	clusters, log, err := find(t, Options{Home: home, AllContexts: true, Multiple: true})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "clusters", table(clusters), []string{"anonymous | default | https://good.example.com", "good | default | https://good.example.com"})
	want := map[string]string{
		"no-cluster":    `the file has no cluster "gone"`,
		"no-user":       `the file has no user "gone"`,
		"neither":       "it names no cluster",
		"no-server":     `cluster "serverless" has no server`,
		"no-ca":         "reading " + filepath.Join(kube, "nowhere", "ca.pem") + ": no such file or directory",
		"bad-proxy":     `cluster "proxied": its proxy-url is no URL of http, https or socks5`,
		"bad-server":    "its server is no URL of http or https",
		"bad-ca":        "unable to load root certificates: unable to parse bytes as PEM block",
		"both":          "more than one authentication method found for both; found [token basicAuth], only one is allowed",
		"no-key":        "client-key-data or client-key must be specified for nokey to use the clientCert authentication method.",
		"no-token":      "reading " + filepath.Join(kube, "nowhere", "token") + ": no such file or directory",
		"no-version":    "apiVersion must be specified for noversion to use exec authentication plugin",
		"bad-namespace": `its namespace "../x" is no name of a namespace`,
	}
	warnings := 0
	for _, line := range log {
		if strings.HasPrefix(line, "warn: ") {
			warnings++
		}
	}
	if warnings != len(want) {
		t.Errorf("%d warnings, want %d", warnings, len(want))
	}
	for context, reason := range want {
		err := `reading context "` + context + `" of ` + filepath.Join(kube, "x") + ": " + reason
		if !said(log, "warn: "+err) {
			t.Errorf("no warning %q in\n%s", err, strings.Join(log, "\n"))
		}
		for _, multiple := range []bool{true, false} { // asked for by its exact name, it is an error
			o := Options{Home: home, Contexts: []string{context}, Multiple: multiple}
			if !multiple {
				o.Kubeconfig = []string{filepath.Join(kube, "x")}
			}
			_, _, got := find(t, o)
			fails(t, got, err, "fix the file, or")
		}
	}
}

func TestProxies(t *testing.T) {
	for proxy, usable := range map[string]bool{"http://p": true, "https://p:1": true, "socks5://p:1": true, "socks5h://p:1": false, "ftp://p": false, "http://": false, "p:1": false, "://": false} {
		text := strings.Replace(config("https://a.example.com", "SECRET", "a"), "server:", `proxy-url: "`+proxy+`", server:`, 1)
		path := filepath.Join(tree(t, map[string]string{"x": text}), "x")
		_, _, err := find(t, Options{Kubeconfig: []string{path}, Multiple: true})
		if usable && err != nil {
			t.Errorf("%s: %v", proxy, err)
		} else if !usable {
			fails(t, err, "its proxy-url is no URL of http, https or socks5", "fix the file")
		}
	}
}

func TestContextWithoutName(t *testing.T) {
	path := filepath.Join(tree(t, map[string]string{".kube/config": config("https://a.example.com", "SECRET", "")}), ".kube", "config")
	for _, multiple := range []bool{true, false} {
		_, _, err := find(t, Options{Kubeconfig: []string{path}, Multiple: multiple})
		fails(t, err, `reading context "" of `+path+": it has no name", "choose another context with --context")
	}
	_, log, err := find(t, Options{Home: filepath.Dir(filepath.Dir(path)), AllContexts: true, Multiple: true})
	fails(t, err, "none of the chosen contexts can be used", "fix what the warnings name")
	if !said(log, `warn: reading context "" of `+path+": it has no name; passed over") {
		t.Errorf("%q", log)
	}
}

func TestNamedFileWithUnusableCurrentContext(t *testing.T) {
	text := strings.Replace(config("https://a.example.com", "SECRET", "a"), "user: u", "user: gone", 1)
	home := tree(t, map[string]string{"a": text, "b": "@kind", "many": "@dangling.yaml"})
	path := filepath.Join(home, "a")
	_, _, err := find(t, Options{Kubeconfig: []string{path}, Multiple: true})
	fails(t, err, `reading context "a" of `+path+`: the file has no user "gone"`, "choose another context with --context: there is a")

	clusters, log, err := find(t, Options{Kubeconfig: []string{filepath.Join(home, "[ab]")}, Multiple: true})
	if err != nil || len(clusters) != 1 || !said(log, "warn: reading context \"a\"") {
		t.Errorf("by glob: %v, %v, %q", clusterNames(clusters), err, log)
	}
	clusters, log, err = find(t, Options{Kubeconfig: []string{filepath.Join(home, "many")}, Contexts: []string{"no-*,good"}, Multiple: true})
	if err != nil || len(clusters) != 1 || !said(log, "warn: reading context \"no-user\"") {
		t.Errorf("by pattern: %v, %v, %q", clusterNames(clusters), err, log)
	}
}

// A copy that can't be used any more does not get in the way of the context that was asked for.
func TestUnusableCopy(t *testing.T) {
	good := config("https://a.example.com", "SECRET", "prod")
	stale := strings.Replace(good, "server:", "certificate-authority: gone.pem, server:", 1)
	home := tree(t, map[string]string{".kube/config": good, ".kube/a.bak": stale, ".kube/old": strings.ReplaceAll(stale, `"prod"`, `"old"`)})
	bak := filepath.Join(home, ".kube", "a.bak")
	reading := `reading context "prod" of ` + bak + ": reading " + filepath.Join(home, ".kube", "gone.pem") + ": no such file or directory"
	for _, patterns := range []string{"prod", "config/prod,prod", "prod,pr*", "/p/"} {
		clusters, log, err := find(t, Options{Home: home, Contexts: []string{patterns}, Multiple: true})
		if err != nil || len(clusters) != 1 || clusters[0].Name != "prod" || !said(log, "warn: "+reading+"; passed over") {
			t.Errorf("%s: %v, %v, %q", patterns, table(clusters), err, log)
		}
	}
	_, _, err := find(t, Options{Home: home, Contexts: []string{"prod,a/prod"}, Multiple: true})
	fails(t, err, reading, "take the context out of --context")
	_, _, err = find(t, Options{Home: home, Contexts: []string{"prod,old"}, Multiple: true})
	fails(t, err, `reading context "old" of `, "take the context out of --context")
}

// Names mean nothing outside of their file, in whatever order the files stand.
func TestIslands(t *testing.T) {
	a := config("https://a.example.com", "SECRET-a", "a")
	b := strings.NewReplacer("name: c,", "name: other,", "name: u,", "name: user-b,").Replace(config("https://b.example.com", "SECRET-b", "b"))
	c := strings.NewReplacer("name: u,", "name: user-b,").Replace(config("https://c.example.com", "SECRET-c", "c"))
	home := tree(t, map[string]string{"a": a, "b": b, "c": c})
	in := func(names ...string) (all []string) {
		for _, n := range names {
			all = append(all, filepath.Join(home, n))
		}
		return all
	}
	clusters, log, err := find(t, Options{Kubeconfig: []string{filepath.Join(home, "*")}, Multiple: true})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "clusters", table(clusters), []string{"a | default | https://a.example.com"})
	for _, want := range []string{`warn: reading context "b" of ` + in("b")[0] + `: the file has no cluster "c"; passed over`,
		`warn: reading context "c" of ` + in("c")[0] + `: the file has no user "u"; passed over`} {
		if !said(log, want) {
			t.Errorf("no %q in %q", want, log)
		}
	}
	for _, files := range [][]string{in("a", "b", "c"), in("c", "b", "a")} {
		_, _, err = find(t, Options{Env: strings.Join(files, string(filepath.ListSeparator)), Multiple: true})
		fails(t, err, `reading context "b" of `+in("b")[0]+`: the file has no cluster "c"`, "there is b")
	}
}

// clientcmd reads $KUBERNETES_MASTER when a program starts, so it takes a process of its own to see that it counts for nothing.
func TestKubernetesMaster(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^(TestUnusableContexts|TestNothing|TestInCluster|TestSingle|TestNoServer)$", "-test.v")
	cmd.Env = append(os.Environ(), "KUBERNETES_MASTER=http://localhost:8080")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "\n--- PASS: ") != 5 {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestNoServer(t *testing.T) {
	for _, cluster := range []string{"{}", `{server: ""}`, "{insecure-skip-tls-verify: true}", "{tls-server-name: x}"} {
		text := strings.Replace(config("https://x.example.com", "SECRET", "x"), `{server: "https://x.example.com"}`, cluster, 1)
		path := filepath.Join(tree(t, map[string]string{".kube/config": text}), ".kube", "config")
		for _, o := range []Options{{Kubeconfig: []string{path}}, {Env: path}, {Kubeconfig: []string{path}, Contexts: []string{"x"}}} {
			for _, o.Multiple = range []bool{true, false} {
				clusters, _, err := find(t, o)
				fails(t, err, `reading context "x" of `+path+`: cluster "c" has no server`, "fix the file")
				if clusters != nil {
					t.Errorf("%s: %v", cluster, table(clusters))
				}
			}
		}
		home := filepath.Dir(filepath.Dir(path))
		_, log, err := find(t, Options{Home: home, Multiple: true})
		fails(t, err, "no usable kubeconfig: none of the chosen contexts can be used", "fix what the warnings name")
		if !said(log, `cluster "c" has no server; passed over`) {
			t.Errorf("%q", log)
		}
	}
}

func TestConfig(t *testing.T) {
	home := everything(t)
	clusters, _, err := find(t, Options{Home: home, AllContexts: true, Multiple: true})
	if err != nil {
		t.Fatal(err)
	}
	by := make(map[string]*rest.Config)
	for _, c := range clusters {
		by[c.Name] = c.Users[0].Config
		if c.Users[0].Config.QPS != 0 || c.Users[0].Config.Burst != 0 || c.Users[0].Config.Timeout != 0 {
			t.Errorf("%s: limits are set", c.Name)
		}
	}
	kube := filepath.Join(home, ".kube")
	relative := by["relative"]
	equal(t, "relative", []string{relative.CAFile, relative.CertFile, relative.KeyFile},
		[]string{filepath.Join(kube, "certs", "ca.pem"), filepath.Join(kube, "certs", "client.pem"), filepath.Join(kube, "certs", "client-key.pem")})
	equal(t, "tokens", []string{by["fleet-b"].BearerToken, by["group/project:agent-2"].BearerToken, by["json"].BearerToken},
		[]string{"kubeconfig-user-x1:SECRET-rancher", "ci:2:SECRET-gitlab", "SECRET-json"})
	equal(t, "TLS names", []string{by["teleport.example.com-eu"].ServerName, by["teleport.example.com-us"].ServerName},
		[]string{"kube-teleport-proxy-alpn.teleport.cluster.local", "kube-teleport-proxy-alpn.leaf.cluster.local"})
	if eu, us := by["teleport.example.com-eu"].ExecProvider, by["teleport.example.com-us"].ExecProvider; eu == nil || us == nil || eu == us {
		t.Error("two clusters share one exec plugin")
	}
	if e := by["gke_shop-prod_europe-west1-b_main"].ExecProvider; e.Command != "gke-gcloud-auth-plugin" || !e.ProvideClusterInfo {
		t.Errorf("exec plugin %+v", e)
	}
}

// A context's exec plugin gets the extension of its own cluster, though clientcmd writes it into the shared user.
func TestExecExtension(t *testing.T) {
	text := `{kind: Config, apiVersion: v1,
clusters: [
{name: a, cluster: {server: "https://x.example.com", extensions: [{name: client.authentication.k8s.io/exec, extension: {audience: a}}]}},
{name: b, cluster: {server: "https://x.example.com", extensions: [{name: client.authentication.k8s.io/exec, extension: {audience: b}}]}}],
users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Never}}}],
contexts: [{name: a, context: {cluster: a, user: u}}, {name: b, context: {cluster: b, user: u}}]}`
	clusters, _, err := find(t, Options{Home: tree(t, map[string]string{".kube/config": text}), AllContexts: true, Multiple: true})
	if err != nil || len(clusters) != 2 {
		t.Fatal(clusterNames(clusters), err)
	}
	for _, c := range clusters {
		if raw := toJSON(t, c.Users[0].Config.ExecProvider.Config); raw != `{"audience":"`+c.Name+`"}` {
			t.Errorf("%s gets %s", c.Name, raw)
		}
	}
}

func TestReread(t *testing.T) {
	old := config("https://a.example.com", "SECRET-old", "a", "b")
	for _, test := range []struct{ name, text, token, fails string }{
		{name: "as it was", text: old, token: "SECRET-old"},
		{name: "another token", text: config("https://a.example.com", "SECRET-new", "b", "a"), token: "SECRET-new"},
		{name: "another server", text: config("https://b.example.com", "SECRET-new", "a"), fails: `reading context "a" of FILE: it leads to another server now`},
		{name: "another name in TLS", text: strings.Replace(old, "server:", "tls-server-name: x, server:", 1), fails: "another server"},
		{name: "without the context", text: config("https://a.example.com", "SECRET-new", "b"), fails: `reading context "a" of FILE: the file has no such context`},
		{name: "broken", text: "kind: Config\n- SECRET", fails: "reading kubeconfig FILE: "},
		{name: "gone", fails: "reading kubeconfig FILE: no such file or directory"},
	} {
		for _, multiple := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, multiple %v", test.name, multiple), func(t *testing.T) {
				home := tree(t, map[string]string{".kube/config": old})
				path := filepath.Join(home, ".kube", "config")
				clusters, _, err := find(t, Options{Home: home, Multiple: multiple})
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				if test.text != "" {
					if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				cfg, err := clusters[0].Users[0].Reread()
				switch {
				case test.fails != "":
					if want := strings.ReplaceAll(test.fails, "FILE", path); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "SECRET") {
						t.Errorf("error %v, want %q", err, want)
					}
				case err != nil || cfg.BearerToken != test.token:
					t.Errorf("got %v, %v", cfg, err)
				}
			})
		}
	}
}
