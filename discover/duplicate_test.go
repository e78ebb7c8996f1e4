package discover

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func toJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDuplicates(t *testing.T) {
	ca := sample(t, "certs/ca.pem")
	data := base64.StdEncoding.EncodeToString([]byte(ca))
	cert, key := base64.StdEncoding.EncodeToString([]byte(sample(t, "certs/client.pem"))), base64.StdEncoding.EncodeToString([]byte(sample(t, "certs/client-key.pem")))
	const plugin = "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x}"
	const server, token = `server: "https://x.example.com"`, "token: SECRET"
	const eks = "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: aws, args: [eks, get-token, --cluster-name, a]}"
	for _, test := range []struct {
		name            string
		cluster1, user1 string
		cluster2, user2 string
		extra2          string // of the second context
		same            bool
		otherUser       bool // of the same cluster
	}{
		{name: "equal", cluster1: server, user1: token, cluster2: server, user2: token, same: true},
		{name: "case, port and slash", cluster1: server, user1: token, cluster2: `server: "HTTPS://X.example.com:443/"`, user2: token, same: true},
		{name: "compression", cluster1: server, user1: token, cluster2: server + ", disable-compression: true", user2: token, same: true},
		{name: "authority in a file", cluster1: server + ", certificate-authority: ca.pem", user1: token, cluster2: server + ", certificate-authority-data: " + data, user2: token, same: true},
		{name: "token in a file", cluster1: server, user1: "tokenFile: token", cluster2: server, user2: token, same: true},
		{name: "client certificate in files", cluster1: server, user1: "client-certificate: client.pem, client-key: client-key.pem", cluster2: server,
			user2: "client-certificate-data: " + cert + ", client-key-data: " + key, same: true},
		{name: "token beside a file", cluster1: server, user1: token + ", tokenFile: other", cluster2: server, user2: token + ", tokenFile: token", otherUser: true},
		{name: "extensions", cluster1: server, user1: token, cluster2: server + ", extensions: [{name: x, extension: {a: b}}]", user2: token + ", extensions: [{name: x, extension: {a: b}}]", same: true},
		{name: "extension for a plugin", cluster1: server + ", extensions: [{name: client.authentication.k8s.io/exec, extension: {a: b}}]", user1: plugin, cluster2: server, user2: plugin},
		{name: "extension for a plugin, without one", cluster1: server + ", extensions: [{name: client.authentication.k8s.io/exec, extension: {a: b}}]", user1: token, cluster2: server, user2: token, same: true},
		{name: "interactive plugin", cluster1: server, user1: plugin, cluster2: server, user2: strings.Replace(plugin, "command: x", "command: x, interactiveMode: Never", 1), same: true},
		{name: "default port of http", cluster1: `server: "http://x.example.com"`, user1: token, cluster2: `server: "http://x.example.com:80"`, user2: token, same: true},
		{name: "the other scheme's port", cluster1: `server: "http://x.example.com"`, user1: token, cluster2: `server: "http://x.example.com:443"`, user2: token},
		{name: "the other scheme's port, TLS", cluster1: server, user1: token, cluster2: `server: "https://x.example.com:80"`, user2: token},
		{name: "scheme", cluster1: server, user1: token, cluster2: `server: "http://x.example.com"`, user2: token},
		{name: "without a scheme", cluster1: `server: "x.example.com:6443"`, user1: token, cluster2: `server: "x.example.com:6443"`, user2: token, same: true},
		{name: "case without a scheme", cluster1: `server: "x:6443"`, user1: token, cluster2: `server: "X:6443"`, user2: token},
		{name: "query and fragment", cluster1: server, user1: token, cluster2: `server: "https://x.example.com/?a=b#c"`, user2: token, same: true},
		{name: "hint of a plugin", cluster1: server, user1: "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x}", cluster2: server,
			user2: "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x, installHint: why}", same: true},
		{name: "explicit default namespace", cluster1: server, user1: token, cluster2: server, user2: token, extra2: ", namespace: default", same: true},
		{name: "path", cluster1: `server: "https://x.example.com/k8s/clusters/a"`, user1: token, cluster2: `server: "https://x.example.com/k8s/clusters/b"`, user2: token},
		{name: "case of the path", cluster1: `server: "https://x.example.com/a"`, user1: token, cluster2: `server: "https://x.example.com/A"`, user2: token},
		{name: "port", cluster1: server, user1: token, cluster2: `server: "https://x.example.com:6443"`, user2: token},
		{name: "authority", cluster1: server, user1: token, cluster2: server + ", certificate-authority: ca.pem", user2: token},
		{name: "TLS name", cluster1: server, user1: token, cluster2: server + ", tls-server-name: why", user2: token},
		{name: "insecure", cluster1: server, user1: token, cluster2: server + ", insecure-skip-tls-verify: true", user2: token},
		{name: "proxy", cluster1: server, user1: token, cluster2: server + `, proxy-url: "http://p"`, user2: token},
		{name: "token", cluster1: server, user1: token, cluster2: server, user2: "token: SECRET2", otherUser: true},
		{name: "impersonation", cluster1: server, user1: token, cluster2: server, user2: token + ", as: root", otherUser: true},
		{name: "password", cluster1: server, user1: "username: a, password: SECRET1", cluster2: server, user2: "username: a, password: SECRET2", otherUser: true},
		{name: "plugin's arguments", cluster1: server, user1: "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x, args: [a]}", cluster2: server,
			user2: "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x, args: [b]}", otherUser: true},
		{name: "auth provider", cluster1: server, user1: "auth-provider: {name: oidc, config: {id-token: SECRET1}}", cluster2: server,
			user2: "auth-provider: {name: oidc, config: {id-token: SECRET2}}", otherUser: true},
		{name: "GitLab's agent", cluster1: server, user1: "token: ci:1:SECRET", cluster2: server, user2: "token: ci:2:SECRET"},
		{name: "Plural's cluster", cluster1: server, user1: "token: plrl:1:SECRET", cluster2: server, user2: "token: plrl:2:SECRET"},
		{name: "cluster in a web token", cluster1: server, user1: "token: " + webToken(`{"sub":"a","cluster":"a"}`), cluster2: server, user2: "token: " + webToken(`{"sub":"a","cluster":"b"}`)},
		{name: "user in a web token", cluster1: server, user1: "token: " + webToken(`{"sub":"a","cluster":"a"}`), cluster2: server, user2: "token: " + webToken(`{"sub":"b","cluster":"a"}`), otherUser: true},
		{name: "GitLab's token", cluster1: server, user1: "token: pat:1:SECRET", cluster2: server, user2: "token: pat:1:SECRET2", otherUser: true},
		{name: "plugin's cluster", cluster1: server, user1: "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x, args: [--kube-cluster=a]}", cluster2: server,
			user2: "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x, args: [--kube-cluster=b]}"},
		{name: "plugin's agent", cluster1: server, user1: "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x, args: [--agent, a]}", cluster2: server,
			user2: "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x, args: [--agent, b]}"},
		{name: "plugin's variable", cluster1: server, user1: "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x, env: [{name: CLUSTER, value: a}]}", cluster2: server,
			user2: "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x, env: [{name: CLUSTER, value: b}]}"},
		{name: "plugin's profile", cluster1: server, user1: "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x, args: [--cluster, a], env: [{name: PROFILE, value: a}]}", cluster2: server,
			user2: "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x, args: [--cluster, a], env: [{name: PROFILE, value: b}]}", otherUser: true},
		{name: "token and plugin", cluster1: server, user1: token, cluster2: server, user2: plugin, otherUser: true},
		{name: "token and plugin of EKS", cluster1: server, user1: token, cluster2: server, user2: eks, otherUser: true},
		{name: "two plugins of EKS", cluster1: server, user1: strings.Replace(eks, "command: aws, args: [eks, get-token, --cluster-name, a]", "command: /bin/aws-iam-authenticator, args: [token, --cluster-id, a]", 1),
			cluster2: server, user2: eks, otherUser: true},
		{name: "token and plugin of a gateway", cluster1: server, user1: token, cluster2: server, user2: strings.Replace(eks, "command: aws", "command: tsh", 1)},
		{name: "token and nothing", cluster1: server, user1: token, cluster2: server, user2: ""},
		{name: "other user, other path", cluster1: server, user1: token, cluster2: `server: "https://x.example.com/k8s/clusters/b"`, user2: "token: SECRET2"},
		{name: "other user, other TLS name", cluster1: server, user1: token, cluster2: server + ", tls-server-name: why", user2: "token: SECRET2"},
		{name: "other user, other proxy", cluster1: server, user1: token, cluster2: server + `, proxy-url: "http://p"`, user2: "token: SECRET2"},
		{name: "other user, other authority", cluster1: server, user1: token, cluster2: server + ", certificate-authority: ca.pem", user2: "token: SECRET2"},
		{name: "other user, other namespace", cluster1: server, user1: token, cluster2: server, user2: "token: SECRET2", extra2: ", namespace: shop"},
		{name: "other user, authority in a file", cluster1: server + ", certificate-authority: ca.pem", user1: token, cluster2: server + ", certificate-authority-data: " + data, user2: "token: SECRET2", otherUser: true},
		{name: "namespace", cluster1: server, user1: token, cluster2: server, user2: token, extra2: ", namespace: shop"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := func(cluster, user, extra string) string {
				return fmt.Sprintf("{kind: Config, apiVersion: v1, clusters: [{name: c, cluster: {%s}}], users: [{name: u, user: {%s}}], contexts: [{name: x, context: {cluster: c, user: u%s}}]}",
					cluster, user, extra)
			}
			home := tree(t, map[string]string{".kube/a": text(test.cluster1, test.user1, ""), ".kube/b": text(test.cluster2, test.user2, test.extra2),
				".kube/ca.pem": ca, ".kube/token": "SECRET\n", ".kube/other": "SECRET2\n",
				".kube/client.pem": sample(t, "certs/client.pem"), ".kube/client-key.pem": sample(t, "certs/client-key.pem")})
			clusters, log, err := find(t, Options{Home: home, Multiple: true})
			if err != nil {
				t.Fatal(err, log)
			}
			want := []string{"a/x", "b/x"}
			if test.otherUser {
				want = []string{"x"}
				drop := "info: " + filepath.Join(home, ".kube", "b") + `: context "x" passed over: the same server and namespace as "x" of ` + filepath.Join(home, ".kube", "a") + ", under another user; "
				if !said(log, drop) {
					t.Errorf("no %q in %s", drop, strings.Join(log, "\n"))
				}
			}
			if test.same {
				want = []string{"x"}
				drop := "debug: " + filepath.Join(home, ".kube", "b") + `: context "x" passed over: the same as "x" of ` + filepath.Join(home, ".kube", "a")
				if !said(log, drop) {
					t.Errorf("no %q in %s", drop, strings.Join(log, "\n"))
				}
			}
			equal(t, "clusters", clusterNames(clusters), want)
		})
	}
}

// TestNamespacesFollowed tests that contexts of one server and user are compared by the namespaces that are followed.
func TestNamespacesFollowed(t *testing.T) {
	text := func(user string, contexts ...string) string {
		s := config("https://x.example.com", user)
		for _, c := range contexts {
			name, namespace, _ := strings.Cut(c, "=")
			s += fmt.Sprintf("- {name: %q, context: {cluster: c, user: u, namespace: %q}}\n", name, namespace)
		}
		return s
	}
	home := tree(t, map[string]string{".kube/a": text("SECRET", "none=", "default=default", "shop=shop"), ".kube/b": text("SECRET", "shop-too=shop", "dev=dev"),
		".kube/c": strings.ReplaceAll(text("SECRET-other", "c-shop=shop", "c-dev=dev"), "x.example", "y.example")})
	for _, test := range []struct {
		name       string
		all, named bool
		want       []string // "name | namespace | others"
	}{
		{"of contexts", false, false, []string{"default | default | []", "shop | shop | []", "dev | dev | []", "c-dev | dev | []", "c-shop | shop | []"}},
		{"-A", true, false, []string{"default | default | [shop dev]", "c-dev | dev | [shop]"}},
		{"-n", false, true, []string{"default | default | []", "c-dev | dev | []"}},
	} {
		clusters, log, err := find(t, Options{Home: home, AllContexts: true, Multiple: true, AllNamespaces: test.all, NamedNamespaces: test.named})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range clusters {
			got = append(got, fmt.Sprintf("%s | %s | %v", c.Name, c.Namespace, c.Others))
		}
		equal(t, test.name, got, test.want)
		if len(log) != 7-len(test.want) {
			t.Errorf("%s: %q", test.name, log)
		}
	}
}

// TestNamedDuplicate tests that of several contexts with one cluster and user the one that the user has named is kept.
func TestNamedDuplicate(t *testing.T) {
	home := tree(t, map[string]string{".kube/a": config(place, "SECRET", "a", "b", "m", "z"), ".kube/c": config(place, "SECRET2", "c", "m"), ".kube/d": config(place, "SECRET2", "d", "e")})
	for _, test := range []struct {
		contexts, want []string
	}{
		{[]string{"*"}, []string{"a"}},
		{[]string{"b,*"}, []string{"b"}},
		{[]string{"*", "=e"}, []string{"e"}},
		{[]string{"b,*,d"}, []string{"b", "d"}},
		{[]string{"a,b,[cde]"}, []string{"a"}},
		{[]string{"[ab],d,e"}, []string{"d"}},
		{[]string{"b,a/b,c"}, []string{"b", "c"}},
		{[]string{"m"}, []string{"m"}},
		{[]string{"m,z"}, []string{"a/m", "c/m"}},
	} {
		clusters, _, err := find(t, Options{Home: home, Contexts: test.contexts, Multiple: true})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, fmt.Sprint(test.contexts), clusterNames(clusters), test.want)
	}
	kube := func(name string) string { return filepath.Join(home, ".kube", name) }
	for _, test := range []struct {
		files, want []string
	}{
		{[]string{"*", "d"}, []string{"d"}},
		{[]string{"*", "c", "d"}, []string{"c"}},
		{[]string{"*", "a", "d"}, []string{"a", "d"}},
	} {
		var files []string
		for _, name := range test.files {
			files = append(files, kube(name))
		}
		clusters, _, err := find(t, Options{Kubeconfig: files, Multiple: true})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, fmt.Sprint(test.files), clusterNames(clusters), test.want)
	}
}
