package discover

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// secrets is a kubeconfig with a credential wherever one can stand; each contains SECRET.
const secrets = `apiVersion: v1
kind: Config
clusters:
- name: a
  cluster:
    server: https://admin:SECRETurl@a.example.com/x
    proxy-url: http://me:SECRETproxy@proxy.example.com:3128
- {name: b, cluster: {server: "https://me:SECRETother@b.example.com", insecure-skip-tls-verify: true}}
users:
- name: token
  user: {token: "SECRETtoken"}
- name: basic
  user:
    username: me
    password: SECRETpassword
- name: pair
  user:
    client-certificate-data: DATA
    client-key-data: DATA
- name: plugin
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: login
      interactiveMode: Never
      args: [--password, SECRETarg]
      env: [{name: TOKEN, value: SECRETenv}]
- name: oidc
  user:
    auth-provider:
      name: oidc
      config: {id-token: SECRETid, refresh-token: SECRETrefresh, client-secret: SECRETclient}
contexts:
- {name: token, context: {cluster: a, user: token}}
- {name: basic, context: {cluster: b, user: basic}}
- {name: pair, context: {cluster: a, user: pair}}
- {name: plugin, context: {cluster: a, user: plugin}}
- {name: oidc, context: {cluster: b, user: oidc}}
current-context: token
`

// However a file is broken, nothing that is said holds a credential, as it is or in base64. find looks at that.
func TestBrokenFilesGiveNoSecretAway(t *testing.T) {
	whole := strings.ReplaceAll(secrets, "DATA", base64.StdEncoding.EncodeToString([]byte("-----BEGIN SECRET-----\nSECRET\n-----END SECRET-----\n")))
	clusters, log, err := find(t, Options{Home: tree(t, map[string]string{".kube/config": whole}), Contexts: []string{"token,basic,plugin,oidc", "p*"}, Multiple: true})
	if err != nil || len(clusters) != 4 || !said(log, `context "pair"`) {
		t.Fatalf("the whole file: %q, %v, %q", table(clusters), err, log)
	}
	// What stands in the place of a name is said, and that of no name is not.
	value := regexp.MustCompile(`SECRET\w*|"SECRET\w*"`)
	breaks := []func(*rand.Rand, string) string{
		func(r *rand.Rand, s string) string { return s[:r.IntN(len(s))] },
		func(r *rand.Rand, s string) string { i := r.IntN(len(s)); return s[:i] + s[i+1:] },
		func(r *rand.Rand, s string) string {
			i := r.IntN(len(s))
			return s[:i] + string("{}[]:,-\"'&*!|>%@`\n\t #\\?\x00\x1b\xff"[r.IntN(24)]) + s[i:]
		},
		func(r *rand.Rand, s string) string { // other values in place of credentials
			other := []string{"[%s]", "{%s: %s}", "{a: [%s]}", "*%s", "&%s x", "!%s x", "!!int %s", "!!float %s", "!!binary %s", "- %s", "%s: %s", "1%s", "|\n%s", "'%s", "\"%s", "{%s", "%%%s", "\"\\u00%s\"", "<<: %s"}
			n := r.IntN(len(value.FindAllString(s, -1)))
			return value.ReplaceAllStringFunc(s, func(v string) string {
				if n--; n != -1 {
					return v
				}
				return strings.ReplaceAll(other[r.IntN(len(other))], "%s", strings.Trim(v, `"`))
			})
		},
		func(r *rand.Rand, s string) string { // a line twice, away, or further in
			lines := strings.SplitAfter(s, "\n")
			i := r.IntN(len(lines) - 1)
			lines[i] = []string{lines[i] + lines[i], "", "  " + lines[i], "\t" + lines[i], strings.TrimLeft(lines[i], " ")}[r.IntN(5)]
			return strings.Join(lines, "")
		},
		func(r *rand.Rand, s string) string { // another type of a field
			return strings.Replace(s, []string{"server: ", "proxy-url: ", "token: ", "password: ", "command: ", "args: ", "env: ", "config: ", "users:\n", "contexts:\n", "cluster: ", "user: "}[r.IntN(12)],
				[]string{"x: ", "server: ", "token: ", "users: ", "client-key-data: ", "certificate-authority-data: ", "disable-compression: ", "exec: "}[r.IntN(8)], 1)
		},
	}
	home := t.TempDir()
	path := filepath.Join(home, ".kube", "config")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	rounds := 400
	if testing.Short() {
		rounds = 50
	}
	read := 0
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 0))
		text := whole
		for range 1 + r.IntN(2) {
			if text = breaks[r.IntN(len(breaks))](r, text); text == "" {
				break
			}
			if !value.MatchString(text) {
				break
			}
		}
		if nameOfSecret.MatchString(text) {
			continue
		}
		read++
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		find(t, Options{Home: home, AllContexts: true, Multiple: true})
		find(t, Options{Kubeconfig: []string{path}, Multiple: true})
		find(t, Options{Kubeconfig: []string{path}, Contexts: []string{"pair,basic"}, Multiple: true})
		find(t, Options{Env: path, Contexts: []string{"pair"}})
		if t.Failed() {
			t.Fatalf("seed %d, file:\n%s", seed, text)
		}
	}
	if read < rounds*3/4 {
		t.Errorf("%d of %d files were read", read, rounds)
	}
}

// nameOfSecret matches a file where a credential has become a name.
var nameOfSecret = regexp.MustCompile(`(?:name|cluster|user|context|namespace|apiVersion): *[^,\n{\[]*SECRET`)

// What a few bytes ask for is refused before it is given.
func TestAbsurdSizes(t *testing.T) {
	many := func(n int, cluster string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "kind: Config\napiVersion: v1\nclusters: [{name: c, cluster: {server: \"https://x.example.com\", %s}}]\ncontexts:\n", cluster)
		for i := range n {
			fmt.Fprintf(&b, "- {name: c%d, context: {cluster: c, namespace: n%d}}\n", i, i)
		}
		return b.String()
	}
	plugin := func(n int, exec string) string {
		return strings.ReplaceAll(many(n, "x: x"), "namespace:", "user: u, namespace:") + "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: login, " + exec + "}}}]\n"
	}
	merges := "kind: Config\na0: &a0 {k: v}\n"
	for i := range 60 {
		merges += fmt.Sprintf("a%d: &a%[1]d {<<: [*a%d, *a%[2]d], k%[1]d: v}\n", i+1, i)
	}
	authority := strings.Repeat(strings.Repeat("x", 63)+"\n", 1<<15) + sample(t, "certs/ca.pem")
	long := strings.Repeat("x", 1<<20)
	for _, test := range []struct {
		name, text string
		said       string
	}{
		{"alias bomb", sample(t, "bomb.yaml"), "its YAML aliases make it too large"},
		{"alias bomb of few large strings", sample(t, "bigbomb.yaml"), "its YAML aliases make it too large"},
		{"aliases in a circle", sample(t, "self.yaml"), "its YAML aliases make it too large"},
		{"parts", "kind: Config\ncontexts: [" + strings.Repeat("0,", 2<<20) + "0]", "it is larger than 4 MiB"},
		{"fewer parts", "kind: Config\ncontexts: [" + strings.Repeat("0,", 1<<20) + "0]", "it has too many parts"},
		{"depth", "kind: Config\ncontexts: " + strings.Repeat("[", 1<<18), "exceeded max depth"},
		{"depth of dashes", "kind: Config\ncontexts:\n" + strings.Repeat("- ", 200_000), "exceeded max depth"},
		{"depth of keys", "kind: Config\n" + strings.Repeat("? ", 200_000), "exceeded max depth"},
		{"depth of JSON", `{"kind": "Config", "x": ` + strings.Repeat(`{"a": `, 9_990) + "1" + strings.Repeat("}", 9_991), "it has no context"},
		{"depth again and again", "kind: Config\ncontexts: [" + strings.Repeat(strings.Repeat("[", 9_900)+strings.Repeat("]", 9_900)+",", 5) + "]", "cannot unmarshal array into .contexts"},
		{"merge keys", merges, "its YAML aliases make it too large"},
		{"merge keys in a circle", "kind: Config\na: &a {<<: *a}", "its YAML aliases make it too large"},
		{"anchors", "kind: Config\nx: " + strings.Repeat("&a ", 1<<20) + "*a", "did not find expected"},
		{"contexts on one large authority", many(1000, "certificate-authority-data: "+base64.StdEncoding.EncodeToString([]byte(authority))), "the file's contexts hold more than 128 MiB together; passed over"},
		{"contexts on one large file", many(1000, "certificate-authority: certs/ca.pem"), "the file's contexts hold more than 128 MiB together; passed over"},
		{"contexts on one plugin with many arguments", plugin(1000, "args: ["+strings.Repeat("'',", 300_000)+"]"), "the file's contexts hold more than 128 MiB together; passed over"},
		{"long names", strings.ReplaceAll(config("https://x.example.com", "SECRET", long), "user: u", "user: "+long), `context "xxx`},
		{"long path", strings.Replace(config("https://x.example.com", "SECRET", "x"), "server:", "certificate-authority: "+long+", server:", 1), "file name too long"},
	} {
		t.Run(test.name, func(t *testing.T) {
			home := tree(t, map[string]string{".kube/config": test.text, ".kube/certs/ca.pem": authority})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			clusters, log, err := find(t, Options{Home: home, AllContexts: true, Multiple: true})
			runtime.ReadMemStats(&after)
			runtime.GC()
			var held runtime.MemStats
			runtime.ReadMemStats(&held)
			runtime.KeepAlive(clusters)
			if mib := (int64(held.HeapAlloc) - int64(before.HeapAlloc)) >> 20; mib > 256 {
				t.Errorf("%d clusters hold %d MiB", len(clusters), mib)
			}
			if !said(log, test.said) {
				t.Errorf("%v, %.2000q", err, log)
			}
			if n := len(log); n > 10 {
				t.Errorf("%d lines are said", n)
			}
			for _, line := range append(log, fmt.Sprint(err)) {
				if len(line) > 10<<10 {
					t.Errorf("%d bytes are said: %.100s", len(line), line)
				}
			}
			if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 3<<10 {
				t.Errorf("it took %d MiB in all", mib)
			} else {
				t.Logf("it took %d MiB in all", mib)
			}
		})
	}
}
