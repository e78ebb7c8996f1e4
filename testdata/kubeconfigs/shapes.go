// Package kubeconfigs has kubeconfigs of many shapes, and what kubectl makes of each, beside which the tests hold what mktail does.
// kubectl is not needed for that: its results are in kubectl.json, which record writes.
package kubeconfigs

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mktail/testdata/sim"
)

// Shape is a way to write kubeconfigs.
type Shape struct {
	Name    string
	Files   map[string]string // their texts by their names; in them and in Env what Values holds stands for KEY in {KEY}
	Env     []string          // the files that $KUBECONFIG names, in that order
	Context string            // that --context names; empty: none
	Merged  bool              // kubectl merges the files of Env: mktail does with -m=false
	Differs string            // why mktail's result is another one than kubectl's; empty: it is the same
}

// Result is what came of a shape.
type Result struct {
	Works bool   // the cluster's pods could be listed
	Error string `json:",omitempty"` // the last line on stderr, without what differs from run to run
}

//go:embed kubectl.json
var recorded []byte

// Kubectl returns what kubectl makes of the shapes, by their names.
func Kubectl() (map[string]Result, error) {
	all := make(map[string]Result)
	return all, json.Unmarshal(recorded, &all)
}

// World is a simulated cluster that shapes lead to, and a folder for their files.
type World struct {
	*sim.Cluster
	Dir    string // the home directory, too
	Values map[string]string
}

// NewWorld starts a cluster with a pod, web, in the namespaces default and shop, whose log has a line: hello. The caller closes it and removes the folder.
func NewWorld(dir string) (*World, error) {
	c, err := sim.Start(sim.Options{Name: "eu"})
	if err != nil {
		return nil, err
	}
	for _, ns := range []string{"default", "shop"} {
		if err := c.AddPod(sim.PodSpec{Namespace: ns, Name: "web"}).Container("app").Write("hello"); err != nil {
			return nil, err
		}
	}
	identity := jwt(`{"alg":"RS256"}`, `{"sub":"ann","exp":4102444800}`)
	c.AddToken(identity, sim.Admin("ann"))
	cert, key := c.ClientCert("kubernetes-admin", time.Time{})
	w := &World{Cluster: c, Dir: dir}
	w.Values = map[string]string{
		"DIR": dir, "SERVER": c.URL(), "HOST": strings.TrimPrefix(c.URL(), "https://"), "TOKEN": c.AdminToken(),
		"CA": base64.StdEncoding.EncodeToString(c.CA()), "CERT": base64.StdEncoding.EncodeToString(cert), "KEY": base64.StdEncoding.EncodeToString(key),
		"IDTOKEN": identity,
	}
	plugin := "#!/bin/sh\necho '" + sim.ExecCredential(c.AdminToken()) + "'\n"
	beta := strings.Replace(plugin, "k8s.io/v1", "k8s.io/v1beta1", 1)
	for name, text := range map[string]string{
		"ca.pem": string(c.CA()), "cert.pem": string(cert), "key.pem": string(key), "token": c.AdminToken() + "\n", "none": "", "sub/token": c.AdminToken(),
		"login": plugin, "login-beta": beta, "garbage": "garbage\n",
	} {
		if err := w.write(name, text, 0o700); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// jwt is a token that looks like one of an identity provider. Its signature is none.
func jwt(header, payload string) string {
	e := base64.RawURLEncoding
	return e.EncodeToString([]byte(header)) + "." + e.EncodeToString([]byte(payload)) + "." + e.EncodeToString([]byte("none"))
}

// Write writes a shape's files, and returns what $KUBECONFIG is to be.
func (w *World) Write(s Shape) (env string, err error) {
	for name, text := range s.Files {
		if err := w.write(name, w.fill(text), 0o600); err != nil {
			return "", err
		}
	}
	var paths []string
	for _, name := range s.Env {
		if name != "" {
			name = filepath.Join(w.Dir, name)
		}
		paths = append(paths, name)
	}
	return strings.Join(paths, string(os.PathListSeparator)), nil
}

// fill puts values for the keys in braces.
func (w *World) fill(text string) string {
	for key, value := range w.Values {
		text = strings.ReplaceAll(text, "{"+key+"}", value)
	}
	return text
}

// Clean removes from a message what differs from run to run.
func (w *World) Clean(text string) string {
	return strings.NewReplacer(w.Dir, "{DIR}", w.Values["HOST"], "{HOST}", w.Values["TOKEN"], "{TOKEN}").Replace(text)
}

func (w *World) write(name, text string, mode os.FileMode) error {
	path := filepath.Join(w.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), mode)
}

// config is a kubeconfig with a context, prod, of this cluster and user, each a flow mapping of YAML.
func config(cluster, user string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: prod\nclusters:\n- {name: eu, cluster: %s}\nusers:\n- {name: ann, user: %s}\ncontexts:\n- {name: prod, context: {cluster: eu, user: ann}}\n", cluster, user)
}

const (
	goodCluster = `{server: "{SERVER}", certificate-authority-data: {CA}}`
	goodUser    = `{token: "{TOKEN}"}`
)

// one is a shape of one file.
func one(name, text string) Shape {
	return Shape{Name: name, Files: map[string]string{"config": text}, Env: []string{"config"}}
}

// user and cluster are shapes of one file in which all but that is as usual.
func user(name, text string) Shape    { return one("user: "+name, config(goodCluster, text)) }
func cluster(name, text string) Shape { return one("cluster: "+name, config(text, goodUser)) }

// differs says why mktail's result of a shape is another one.
func differs(s Shape, why string) Shape {
	s.Differs = why
	return s
}

// exec is a user with a plugin, which has these fields beside the command.
func exec(command, more string) string { return `{exec: {command: "` + command + `"` + more + `}}` }

const v1 = ", apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never"

// Shapes returns all shapes.
func Shapes() []Shape {
	good := config(goodCluster, goodUser)
	parts := strings.SplitAfter(good, "\n")
	part := func(keep ...string) string { // the lines of those sections
		text, on := "apiVersion: v1\nkind: Config\n", false
		for _, line := range parts[2:] {
			if !strings.HasPrefix(line, "-") {
				on = false
				for _, k := range keep {
					on = on || strings.HasPrefix(line, k)
				}
			}
			if on {
				text += line
			}
		}
		return text
	}
	context := func(name, text string) Shape {
		return one("context: "+name, part("clusters", "users")+text)
	}
	named := func(name string, s Shape) Shape {
		s.Context = name
		return s
	}
	list := func(name string, files map[string]string, env ...string) Shape {
		return Shape{Name: "list: " + name, Files: files, Env: env, Merged: true}
	}
	const prod = "contexts:\n- {name: prod, context: {cluster: eu, user: ann}}\n"
	return []Shape{
		one("as usual", good),

		user("token file", `{tokenFile: "{DIR}/token"}`),
		user("token file, relative", `{tokenFile: sub/token}`),
		user("token file, not there", `{tokenFile: nowhere}`),
		user("token file, empty", `{tokenFile: none}`),
		user("token and token file", `{token: wrong, tokenFile: token}`),
		user("token and a token file that is not there", `{token: "{TOKEN}", tokenFile: nowhere}`),
		user("a wrong token", `{token: wrong}`),
		user("an empty token", `{token: ""}`),
		user("a token with a newline", `{token: "{TOKEN}\n"}`),
		user("certificate", `{client-certificate-data: {CERT}, client-key-data: {KEY}}`),
		user("certificate files", `{client-certificate: "{DIR}/cert.pem", client-key: "{DIR}/key.pem"}`),
		user("certificate files, relative", `{client-certificate: cert.pem, client-key: ./key.pem}`),
		user("certificate in a file, key inline", `{client-certificate: cert.pem, client-key-data: {KEY}}`),
		user("certificate inline and in a file that is not there", `{client-certificate-data: {CERT}, client-certificate: nowhere, client-key-data: {KEY}}`),
		user("certificate files, not there", `{client-certificate: nowhere, client-key: key.pem}`),
		user("a certificate without its key", `{client-certificate-data: {CERT}}`),
		user("a key without its certificate", `{client-key-data: {KEY}}`),
		user("a certificate that is none", `{client-certificate: garbage, client-key: key.pem}`),
		user("a certificate that is no base64", `{client-certificate-data: "%%%", client-key-data: {KEY}}`),
		user("certificate and token", `{client-certificate-data: {CERT}, client-key-data: {KEY}, token: "{TOKEN}"}`),
		user("certificate and a wrong token", `{client-certificate-data: {CERT}, client-key-data: {KEY}, token: wrong}`),
		user("name and password", `{username: ann, password: x}`),
		user("name, password and token", `{username: ann, password: x, token: "{TOKEN}"}`),
		user("plugin", exec("{DIR}/login", v1)),
		user("plugin, relative", exec("./login", v1)),
		user("plugin, relative without a dot", exec("sub/../login", v1)),
		user("plugin of v1beta1", exec("{DIR}/login-beta", ", apiVersion: client.authentication.k8s.io/v1beta1")),
		user("plugin of v1alpha1", exec("{DIR}/login", ", apiVersion: client.authentication.k8s.io/v1alpha1")),
		user("plugin without a version", exec("{DIR}/login", "")),
		user("plugin that answers another version", exec("{DIR}/login", ", apiVersion: client.authentication.k8s.io/v1beta1")),
		user("plugin of v1 without interactiveMode", exec("{DIR}/login", ", apiVersion: client.authentication.k8s.io/v1")),
		user("plugin that may ask", exec("{DIR}/login", ", apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable")),
		user("plugin that must ask", exec("{DIR}/login", ", apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always")),
		user("plugin that asks somehow", exec("{DIR}/login", ", apiVersion: client.authentication.k8s.io/v1, interactiveMode: Somehow")),
		user("plugin that is not there", exec("{DIR}/nowhere", v1)),
		user("plugin that is no program", exec("{DIR}/garbage", v1)),
		user("plugin without a command", exec("", v1)),
		user("plugin with null for a list", exec("{DIR}/login", v1+", args: null, env: null")),
		user("plugin with an environment", exec("{DIR}/login", v1+", args: [a], env: [{name: A, value: b}]")),
		user("plugin with an environment without names", exec("{DIR}/login", v1+", env: [{value: b}]")),
		user("plugin that is told of the cluster", exec("{DIR}/login", v1+", provideClusterInfo: true")),
		user("plugin and token", `{token: "{TOKEN}", exec: {command: "{DIR}/nowhere"`+v1+`}}`),
		user("plugin and certificate", `{client-certificate-data: {CERT}, client-key-data: {KEY}, exec: {command: "{DIR}/nowhere"`+v1+`}}`),
		user("auth-provider oidc", `{auth-provider: {name: oidc, config: {idp-issuer-url: "https://127.0.0.1:1", client-id: x, id-token: "{IDTOKEN}"}}}`),
		user("auth-provider gcp", `{auth-provider: {name: gcp}}`),
		user("auth-provider azure", `{auth-provider: {name: azure}}`),
		user("auth-provider unknown", `{auth-provider: {name: mine}}`),
		user("impersonation", `{token: "{TOKEN}", as: kubernetes-admin}`),
		user("impersonated groups without a user", `{token: "{TOKEN}", as-groups: [a]}`),
		user("nothing", `{}`),
		user("null", `null`),
		user("unknown fields", `{token: "{TOKEN}", shoe-size: 42}`),
		user("a number for a token", `{token: 12345678}`),

		cluster("CA file", `{server: "{SERVER}", certificate-authority: "{DIR}/ca.pem"}`),
		cluster("CA file, relative", `{server: "{SERVER}", certificate-authority: ca.pem}`),
		cluster("CA file, not there", `{server: "{SERVER}", certificate-authority: nowhere}`),
		cluster("CA inline and in a file", `{server: "{SERVER}", certificate-authority-data: {CA}, certificate-authority: garbage}`),
		cluster("a CA that is none", `{server: "{SERVER}", certificate-authority: garbage}`),
		cluster("a CA that is no base64", `{server: "{SERVER}", certificate-authority-data: "%%%"}`),
		cluster("the system's CAs", `{server: "{SERVER}"}`),
		cluster("not verified", `{server: "{SERVER}", insecure-skip-tls-verify: true}`),
		cluster("not verified, with a CA", `{server: "{SERVER}", insecure-skip-tls-verify: true, certificate-authority-data: {CA}}`),
		cluster("not verified, said as text", `{server: "{SERVER}", insecure-skip-tls-verify: "true"}`),
		cluster("TLS name", `{server: "{SERVER}", certificate-authority-data: {CA}, tls-server-name: eu.sim}`),
		cluster("a wrong TLS name", `{server: "{SERVER}", certificate-authority-data: {CA}, tls-server-name: us.sim}`),
		cluster("server with a slash", `{server: "{SERVER}/", certificate-authority-data: {CA}}`),
		cluster("server with capitals", `{server: "HTTPS://{HOST}", certificate-authority-data: {CA}}`),
		cluster("server without a scheme", `{server: "{HOST}", certificate-authority-data: {CA}}`),
		cluster("server of http", `{server: "http://{HOST}", certificate-authority-data: {CA}}`),
		cluster("server of ftp", `{server: "ftp://{HOST}", certificate-authority-data: {CA}}`),
		cluster("server with spaces", `{server: " {SERVER} ", certificate-authority-data: {CA}}`),
		differs(cluster("server with a user", `{server: "https://a:b@{HOST}", certificate-authority-data: {CA}}`), "the user's own token is sent, not what stands in the address"),
		cluster("server with a query", `{server: "{SERVER}?a=b", certificate-authority-data: {CA}}`),
		cluster("an empty server", `{server: "", certificate-authority-data: {CA}}`),
		cluster("no server", `{certificate-authority-data: {CA}}`),
		cluster("nobody there", `{server: "https://127.0.0.1:1", certificate-authority-data: {CA}}`),
		cluster("proxy that is not there", `{server: "{SERVER}", certificate-authority-data: {CA}, proxy-url: "http://127.0.0.1:1"}`),
		cluster("proxy of an unknown scheme", `{server: "{SERVER}", certificate-authority-data: {CA}, proxy-url: "ftp://127.0.0.1:1"}`),
		cluster("proxy that is no URL", `{server: "{SERVER}", certificate-authority-data: {CA}, proxy-url: "::"}`),
		cluster("without compression", `{server: "{SERVER}", certificate-authority-data: {CA}, disable-compression: true}`),
		cluster("extensions", `{server: "{SERVER}", certificate-authority-data: {CA}, extensions: [{name: x, extension: {a: 1}}]}`),

		differs(context("none current", prod), "a file's only context is taken"),
		named("prod", context("none current, one named", prod)),
		named("nowhere", context("one named that is not there", "current-context: prod\n"+prod)),
		context("current one not there", "current-context: nowhere\n"+prod),
		context("without a user", "current-context: prod\ncontexts:\n- {name: prod, context: {cluster: eu}}\n"),
		context("without a cluster", "current-context: prod\ncontexts:\n- {name: prod, context: {user: ann}}\n"),
		context("of a cluster that is not there", "current-context: prod\ncontexts:\n- {name: prod, context: {cluster: us, user: ann}}\n"),
		context("of a user that is not there", "current-context: prod\ncontexts:\n- {name: prod, context: {cluster: eu, user: bob}}\n"),
		context("namespace", "current-context: prod\ncontexts:\n- {name: prod, context: {cluster: eu, user: ann, namespace: shop}}\n"),
		context("an empty namespace", "current-context: prod\ncontexts:\n- {name: prod, context: {cluster: eu, user: ann, namespace: \"\"}}\n"),
		context("a name with spaces", "current-context: ' p d '\ncontexts:\n- {name: ' p d ', context: {cluster: eu, user: ann}}\n"),
		named(" p d ", context("a name with spaces, named", "contexts:\n- {name: ' p d ', context: {cluster: eu, user: ann}}\n")),
		named("a,b", context("a name with a comma, named", "contexts:\n- {name: 'a,b', context: {cluster: eu, user: ann}}\n")),
		context("a number for a name", "current-context: 1\ncontexts:\n- {name: 1, context: {cluster: eu, user: ann}}\n"),
		context("two of a name", "current-context: prod\n"+prod+"- {name: prod, context: {cluster: us, user: ann}}\n"),
		context("no list", "current-context: prod\ncontexts: {prod: {cluster: eu, user: ann}}\n"),

		one("file: JSON", `{"apiVersion":"v1","kind":"Config","current-context":"prod","clusters":[{"name":"eu","cluster":{"server":"{SERVER}","certificate-authority-data":"{CA}"}}],"users":[{"name":"ann","user":{"token":"{TOKEN}"}}],"contexts":[{"name":"prod","context":{"cluster":"eu","user":"ann"}}]}`),
		one("file: JSON with tabs", "{\n\t\"apiVersion\":\"v1\",\"kind\":\"Config\",\"current-context\":\"prod\",\n\t\"clusters\":[{\"name\":\"eu\",\"cluster\":{\"server\":\"{SERVER}\",\"certificate-authority-data\":\"{CA}\"}}],\"users\":[{\"name\":\"ann\",\"user\":{\"token\":\"{TOKEN}\"}}],\"contexts\":[{\"name\":\"prod\",\"context\":{\"cluster\":\"eu\",\"user\":\"ann\"}}]}"),
		one("file: CRLF", strings.ReplaceAll(good, "\n", "\r\n")),
		one("file: byte order mark", "\ufeff"+good),
		one("file: comments", "# mine\n"+strings.ReplaceAll(good, "\n", " # yes\n")),
		one("file: document marks", "---\n"+good+"...\n"),
		one("file: two documents", good+"---\n"+good),
		one("file: two documents, the first empty", "---\n---\n"+good),
		one("file: anchors", strings.Replace(strings.Replace(good, "name: eu", "name: &n eu", 1), "cluster: eu", "cluster: *n", 1)),
		one("file: a key twice", good+"current-context: prod\n"),
		one("file: unknown fields", good+"shoe-size: 42\n"),
		one("file: without a kind", strings.Replace(good, "kind: Config\n", "", 1)),
		one("file: without a version", strings.Replace(good, "apiVersion: v1\n", "", 1)),
		one("file: without either", strings.Replace(good, "apiVersion: v1\nkind: Config\n", "", 1)),
		one("file: another kind", strings.Replace(good, "kind: Config", "kind: Secret", 1)),
		one("file: another version", strings.Replace(good, "apiVersion: v1", "apiVersion: v2", 1)),
		one("file: null for lists", good+"extensions: null\npreferences: null\n"),
		one("file: empty", ""),
		one("file: comments alone", "# nothing\n"),
		one("file: a list", "- a\n- b\n"),
		one("file: text", "hello\n"),
		one("file: binary", "\x00\x01\x02\xff"),
		one("file: not closed", good+"x: [1,\n"),

		list("clusters in another file", map[string]string{"a": part("contexts", "current-context"), "b": part("clusters", "users")}, "a", "b"),
		list("users in another file", map[string]string{"a": part("contexts", "current-context", "clusters"), "b": part("users")}, "a", "b"),
		list("one is not there", map[string]string{"a": good}, "nowhere", "a"),
		list("the last is not there", map[string]string{"a": good}, "a", "nowhere"),
		list("none is there", nil, "nowhere", "nothing"),
		list("one is empty", map[string]string{"a": "", "b": good}, "a", "b"),
		list("one is broken", map[string]string{"a": "x: [", "b": good}, "a", "b"),
		list("one twice", map[string]string{"a": good}, "a", "a"),
		list("empty places", map[string]string{"a": good}, "", "a", ""),
		list("the first current context counts", map[string]string{"a": "current-context: prod\n", "b": strings.Replace(good, "current-context: prod", "current-context: nowhere", 1)}, "a", "b"),
		list("the first user of a name counts", map[string]string{"a": part("users"), "b": strings.Replace(good, goodUser, "{token: wrong}", 1)}, "a", "b"),
		list("files beside the second", map[string]string{"a": part("contexts", "current-context", "users"), "sub/b": "clusters:\n- {name: eu, cluster: {server: \"{SERVER}\", certificate-authority: ../ca.pem}}\n"}, "a", "sub/b"),
	}
}
