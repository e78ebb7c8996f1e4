package discover

import (
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
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const place = "https://x.example.com"

// webToken returns a JSON web token that expires then.
func webToken(name string, at time.Time) string {
	part := base64.RawURLEncoding.EncodeToString
	return "e30." + part(fmt.Appendf(nil, `{"sub":%q,"exp":%d}`, name, at.Unix())) + ".x"
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
		{"expired token first", token("a", webToken("a", past)), token("b", webToken("b", future)), "b"},
		{"expired token last", token("a", webToken("a", future)), token("b", webToken("b", past)), "a"},
		{"both expired", token("a", webToken("a", past)), token("b", webToken("b", past)), "a"},
		{"expired certificate", withCertificate(t, "a", past), withCertificate(t, "b", future), "b"},
		{"certificate that has not expired", withCertificate(t, "a", future), token("b", "SECRET"), "a"},
		{"plugin that cannot be run", strings.Replace(token("a", "SECRET"), `token: "SECRET"`, "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: gone}", 1), token("b", "SECRET2"), "b"},
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
			for context, text := range map[string]string{"a": test.a, "b": test.b} {
				cfg := clusters[0].Config
				given := cfg.BearerToken + base64.StdEncoding.EncodeToString(cfg.CertData)
				if got := strings.Contains(text, given); got != (context == test.uses) {
					t.Errorf("uses the credentials of %s: %t", context, got)
				}
			}
			if test.uses != name {
				lines = 2
			}
			if len(log) != lines {
				t.Errorf("log: %q", log)
			}
		})
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
		{name: "-A", a: true, want: []string{"x", "shop"}},
		{name: "-n", n: true, want: []string{"x", "shop"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			clusters, log, err := find(t, Options{Home: home, Kubeconfig: test.kubeconfig, Env: test.env, Contexts: test.contexts, AllContexts: test.all, AllNamespaces: test.a, NamedNamespaces: test.n, Multiple: true})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "clusters", clusterNames(clusters), test.want)
			for _, line := range log {
				if strings.HasPrefix(line, "info: ") && !strings.HasSuffix(line, ", under another user; to follow both, name both with --context or --kubeconfig") || strings.HasPrefix(line, "warn: ") {
					t.Errorf("said: %s", line)
				}
			}
		})
	}
}

// TestRefusedUsers tests which credentials a cluster under several users gets when those that it has are refused.
func TestRefusedUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		home := tree(t, map[string]string{".kube/a": config(place, "SECRET1", "a"), ".kube/b": config(place, "SECRET2", "b"), ".kube/c": config(place, "SECRET3", "c"),
			".kube/d": strings.Replace(config(place, "SECRET4", "d"), "user: {", "user: {as: root, ", 1)})
		write := func(file, token string) {
			if err := os.WriteFile(filepath.Join(home, ".kube", file), []byte(config(place, token, file)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		clusters, _, err := find(t, Options{Home: home, Multiple: true})
		if err != nil || len(clusters) != 1 {
			t.Fatal(table(clusters), err)
		}
		refused := func(when, want string) {
			t.Helper()
			cfg, err := clusters[0].Reread()
			if err != nil || cfg.BearerToken != want {
				t.Errorf("%s: %v, %v, want %s", when, cfg, err, want)
			}
		}
		write("a", "SECRET1-new")
		refused("a new one in the file", "SECRET1-new")
		refused("that, too", "SECRET2")
		write("b", "SECRET2-new")
		refused("a new one in the other file", "SECRET2-new")
		if err := os.Remove(filepath.Join(home, ".kube", "c")); err != nil {
			t.Fatal(err)
		}
		refused("that, too, and the next one is gone", "SECRET1-new")
		refused("all", "SECRET1-new")
		write("a", "SECRET1-newer")
		refused("all, but there is a new one", "SECRET1-newer")
		refused("that, too, soon", "SECRET1-newer")
		time.Sleep(cycle)
		refused("later", "SECRET2-new")
		if err := os.Remove(filepath.Join(home, ".kube", "a")); err != nil {
			t.Fatal(err)
		}
		refused("without any other", "SECRET2-new")
	})
}

// TestInterchangeable tests which credentials can be used in place of which.
func TestInterchangeable(t *testing.T) {
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	token, other := config(place, "SECRET", "a"), config(place, "SECRET2", "b")
	for _, test := range []struct {
		name, a, b string
		want       bool
	}{
		{"tokens", token, other, true},
		{"password", token, strings.Replace(other, "token: ", "username: me, password: ", 1), true},
		{"certificates", withCertificate(t, "a", future), withCertificate(t, "b", past), true},
		{"token and certificate", token, withCertificate(t, "b", future), true},
		{"impersonation", token, strings.Replace(other, "user: {", "user: {as: root, ", 1), false},
		{"plugin", strings.Replace(token, `token: "SECRET"`, "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x}", 1), other, false},
		{"auth-provider", withProvider(place, "a", oidc), withCertificate(t, "b", future), false},
	} {
		home := tree(t, map[string]string{".kube/a": test.a, ".kube/b": test.b})
		clusters, _, err := find(t, Options{Home: home, Contexts: []string{"a,b"}, Multiple: true})
		if err != nil || len(clusters) != 2 {
			t.Fatal(test.name, table(clusters), err)
		}
		for i := range 2 {
			if got := interchangeable(clusters[i].Config, clusters[1-i].Config); got != test.want {
				t.Errorf("%s: %v", test.name, got)
			}
		}
	}
}
