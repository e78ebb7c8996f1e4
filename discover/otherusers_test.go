package discover

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const place = "https://x.example.com"

// webToken returns a JSON web token with these claims.
func webToken(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".x"
}

// expires returns a JSON web token that expires then.
func expires(name string, at time.Time) string {
	return webToken(fmt.Sprintf(`{"sub":%q,"exp":%d}`, name, at.Unix()))
}

// withCertificate is a kubeconfig whose user has a client certificate that expires then.
func withCertificate(t *testing.T, context string, at time.Time, subject ...pkix.AttributeTypeAndValue) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{ExtraNames: subject}, NotBefore: time.Unix(0, 0), NotAfter: at}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	data := func(kind string, text []byte) string {
		return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: text}))
	}
	return strings.Replace(config(place, "SECRET", context), `token: "SECRET"`,
		fmt.Sprintf("client-certificate-data: %s, client-key-data: %s", data("CERTIFICATE", cert), data("EC PRIVATE KEY", private)), 1)
}

// TestFirstThatMayWork tests which of two users of a cluster is taken: the first whose credentials are not known to have expired.
func TestFirstThatMayWork(t *testing.T) {
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	token := func(context, token string) string { return config(place, token, context) }
	for _, test := range []struct{ name, a, b, uses string }{
		{"tokens that don't tell", token("a", "SECRET1"), token("b", "SECRET2"), "a"},
		{"expired token first", token("a", expires("a", past)), token("b", expires("b", future)), "b"},
		{"expired token last", token("a", expires("a", future)), token("b", expires("b", past)), "a"},
		{"both expired", token("a", expires("a", past)), token("b", expires("b", past)), "a"},
		{"expired certificate", withCertificate(t, "a", past), withCertificate(t, "b", future), "b"},
		{"certificate that has not expired", withCertificate(t, "a", future), token("b", "SECRET"), "a"},
		{"plugin that cannot be run", strings.Replace(token("a", "SECRET"), `token: "SECRET"`, "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: gone}", 1), token("b", "SECRET2"), "b"},
		{"plugin that can be run", strings.Replace(token("a", "SECRET"), `token: "SECRET"`, "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: there}", 1), token("b", "SECRET2"), "a"},
		{"odd tokens", token("a", "SECRET.x.y"), token("b", "e30.e30.x"), "a"},
		{"no usable configuration", strings.Replace(token("a", "SECRET1"), "user: u", "user: gone", 1), token("b", "SECRET2"), "b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			home := tree(t, map[string]string{".kube/a": test.a, ".kube/b": test.b})
			clusters, log, err := find(t, Options{Home: home, Multiple: true, Runs: func(command string) bool { return command != "gone" }})
			if err != nil {
				t.Fatal(err)
			}
			name, lines := "a", 1
			if strings.HasPrefix(test.name, "no usable") {
				name = "b"
			}
			equal(t, "clusters", clusterNames(clusters), []string{name})
			var users []string
			for _, u := range clusters[0].Users {
				users = append(users, u.Name)
				text := map[string]string{"a": test.a, "b": test.b}[u.Name]
				if filepath.Base(u.File) != u.Name || !strings.Contains(text, u.Config.BearerToken+base64.StdEncoding.EncodeToString(u.Config.CertData)) {
					t.Errorf("%s of %s has %v", u.Name, u.File, u.Config)
				}
				if cfg, err := u.Reread(); err != nil || cfg.BearerToken != u.Config.BearerToken || !bytes.Equal(cfg.CertData, u.Config.CertData) {
					t.Errorf("%s: read again: %v, %v", u.Name, cfg, err)
				}
			}
			want := map[string][]string{"a": {"a", "b"}, "b": {"b", "a"}}[test.uses]
			if name == "b" {
				want = want[:1]
			}
			equal(t, "users", users, want)
			if test.uses != name {
				lines = 2
			}
			if len(log) != lines {
				t.Errorf("log: %q", log)
			}
		})
	}
}

// TestImpersonator tests that a user who acts as another takes no other's place, but is followed if the cluster has no other user.
func TestImpersonator(t *testing.T) {
	plain, root := config(place, "SECRET", "a"), strings.Replace(config(place, "SECRET", "root"), `token: "SECRET"`, `token: "SECRET", as: root`, 1)
	for _, test := range []struct {
		files map[string]string
		want  []string
	}{
		{map[string]string{".kube/a": plain, ".kube/b": root}, []string{""}},
		{map[string]string{".kube/a": root, ".kube/b": plain}, []string{"root", ""}},
		{map[string]string{".kube/a": root}, []string{"root"}},
	} {
		clusters, _, err := find(t, Options{Home: tree(t, test.files), Multiple: true})
		if err != nil || len(clusters) != 1 {
			t.Fatal(clusterNames(clusters), err)
		}
		var acts []string
		for _, u := range clusters[0].Users {
			acts = append(acts, u.Config.Impersonate.UserName)
		}
		equal(t, fmt.Sprint(test.files), acts, test.want)
	}
}

// TestNamesOfOtherUsers tests that the name of a context that is not followed by itself is no other cluster's.
func TestNamesOfOtherUsers(t *testing.T) {
	home := tree(t, map[string]string{".kube/a": config(place, "SECRET", "a"), ".kube/b": config(place, "SECRET2", "z"), ".kube/c": config("https://y.example.com", "SECRET", "z")})
	clusters, _, err := find(t, Options{Home: home, Multiple: true})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "clusters", clusterNames(clusters), []string{"a", "c/z"})
}

// TestUsersOfNamespaces tests that two users whose contexts have different namespaces are two where those count, and else one, who may
// have to follow the namespaces of both.
func TestUsersOfNamespaces(t *testing.T) {
	in := func(context, token, namespace string) string {
		return strings.Replace(config(place, token, context), "user: u", "user: u, namespace: "+namespace, 1)
	}
	home := tree(t, map[string]string{".kube/a": in("a", "SECRET", "shop"), ".kube/b": in("b", "SECRET2", "dev"), ".kube/c": in("c", "SECRET2", "test"), ".kube/d": in("d", "SECRET3", "dev")})
	for _, test := range []struct {
		name string
		a, n bool
		want []string
	}{
		{"of contexts", false, false, []string{"a shop [] [a]", "b dev [] [b d]", "c test [] [c]"}},
		{"-A", true, false, []string{"a shop [dev test] [a b d]"}},
		{"-n", false, true, []string{"a shop [] [a b d]"}},
	} {
		clusters, _, err := find(t, Options{Home: home, Multiple: true, AllNamespaces: test.a, NamedNamespaces: test.n})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range clusters {
			var users []string
			for _, u := range c.Users {
				users = append(users, u.Name)
			}
			got = append(got, fmt.Sprint(c.Name, " ", c.Namespace, " ", c.Others, " ", users))
		}
		equal(t, test.name, got, test.want)
	}
}

// TestTeleportCertificates tests that certificates that lead to different clusters behind one server are no users of one cluster.
func TestTeleportCertificates(t *testing.T) {
	certificate := func(context, user, cluster string) string {
		return withCertificate(t, context, time.Now().Add(time.Hour),
			pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: user},
			pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{1, 3, 9999, 1, 3}, Value: cluster})
	}
	home := tree(t, map[string]string{
		".kube/a": certificate("eu", "ann", "eu"), ".kube/b": certificate("us", "ann", "us"), ".kube/c": certificate("too", "bob", "us"),
	})
	clusters, _, err := find(t, Options{Home: home, Multiple: true})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "clusters", clusterNames(clusters), []string{"eu", "us"})
}

// TestTwoUsersNamed tests that two users of a cluster are both followed if the user has named both, and else one.
func TestTwoUsersNamed(t *testing.T) {
	home := tree(t, map[string]string{
		".kube/config": config(place, "SECRET1", "x", "admin"), ".kube/config.bak": config(place, "SECRET2", "x", "dev"),
		".kube/z": config(place, "SECRET3", "z"), ".kube/shop": strings.Replace(config(place, "SECRET4", "shop"), "user: u", "user: u, namespace: shop", 1),
	})
	kube := func(name string) string { return filepath.Join(home, ".kube", name) }
	for _, test := range []struct {
		name       string
		kubeconfig []string
		env        string
		contexts   []string
		all        bool
		a, n       bool // -A, -n
		want       []string
	}{
		{name: "none is named", want: []string{"x", "shop"}},
		{name: "all contexts", all: true, want: []string{"admin", "shop"}},
		{name: "glob of files", kubeconfig: []string{kube("*")}, want: []string{"x", "shop"}},
		{name: "list in the environment", env: kube("config") + string(filepath.ListSeparator) + kube("config.bak"), want: []string{"x"}},
		{name: "both files", kubeconfig: []string{kube("config"), kube("config.bak")}, want: []string{".kube/config/x", "config.bak/x"}},
		{name: "one file, and a glob", kubeconfig: []string{kube("z"), kube("config*")}, want: []string{"z"}},
		{name: "both files, and a glob", kubeconfig: []string{kube("z"), kube("config.bak"), kube("*")}, want: []string{"x", "shop", "z"}},
		{name: "both contexts", contexts: []string{"admin,dev"}, want: []string{"admin", "dev"}},
		{name: "both contexts, repeated flag", contexts: []string{"=admin", "=z"}, want: []string{"admin", "z"}},
		{name: "one name in two files", contexts: []string{"x"}, want: []string{"x"}},
		{name: "both by file and context", contexts: []string{".kube/config/x,config.bak/x"}, want: []string{".kube/config/x", "config.bak/x"}},
		{name: "the one that is named, and a glob", contexts: []string{"z,*"}, want: []string{"shop", "z"}},
		{name: "glob", contexts: []string{"[ad]*,z*"}, want: []string{"admin"}},
		{name: "-A", a: true, want: []string{"x"}},
		{name: "-n", n: true, want: []string{"x"}},
		{name: "-A, both contexts", a: true, contexts: []string{"x,shop"}, want: []string{"x", "shop"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			clusters, log, err := find(t, Options{Home: home, Kubeconfig: test.kubeconfig, Env: test.env, Contexts: test.contexts, AllContexts: test.all, AllNamespaces: test.a, NamedNamespaces: test.n, Multiple: true})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "clusters", clusterNames(clusters), test.want)
			same := "server and namespace"
			if test.a || test.n {
				same = "server"
			}
			for _, line := range log {
				if strings.HasPrefix(line, "debug: ") {
					continue
				}
				hint := regexp.MustCompile(`^info: .*: the same ` + same + ` as "[^"]*" of [^ ]*, under another user; to follow both, give --context '(.*)' --context '(.*)'$`).FindStringSubmatch(line)
				if hint == nil {
					t.Errorf("logged: %s", line)
					continue
				}
				both, _, err := find(t, Options{Home: home, Kubeconfig: test.kubeconfig, Env: test.env, Contexts: hint[1:], AllNamespaces: test.a, NamedNamespaces: test.n, Multiple: true})
				if err != nil || len(both) != 2 {
					t.Errorf("with %q: %v, %v", hint[1:], clusterNames(both), err)
				}
			}
		})
	}
}
