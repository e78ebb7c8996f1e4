package discover

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

// withProvider is a kubeconfig with an auth-provider.
func withProvider(server, context, provider string) string {
	return strings.Replace(config(server, "SECRET", context), `token: "SECRET"`, "auth-provider: "+provider, 1)
}

const oidc = `{name: oidc, config: {idp-issuer-url: "https://idp.example.com", client-id: k, id-token: SECRET-id, refresh-token: SECRET-refresh}}`

// TestAuthProviders tests which auth-providers can be used, and that those which were removed name what has come in their place.
func TestAuthProviders(t *testing.T) {
	for provider, want := range map[string]string{
		"gcp":       `user "u": the auth-provider gcp was removed from Kubernetes clients; use the credential plugin gke-gcloud-auth-plugin: run gcloud `,
		"azure":     `user "u": the auth-provider azure was removed from Kubernetes clients; use the credential plugin kubelogin: run kubelogin `,
		"openstack": `user "u": the auth-provider openstack was removed from Kubernetes clients; use the credential plugin client-keystone-auth, see https://`,
		"OIDC":      `user "u": unknown auth-provider "OIDC": use oidc or a credential plugin, see https://`,
		"":          `user "u": unknown auth-provider "": use oidc or a credential plugin, see https://`,
	} {
		home := tree(t, map[string]string{".kube/config": withProvider("https://a.example.com", "a", fmt.Sprintf("{name: %q, config: {access-token: SECRET}}", provider)), ".kube/b": "@kind"})
		path := filepath.Join(home, ".kube", "config")
		for _, multiple := range []bool{true, false} {
			_, _, err := find(t, Options{Kubeconfig: []string{path}, Multiple: multiple})
			fails(t, err, `reading context "a" of `+path+": "+want, "fix the file, or choose another context")
		}
		clusters, log, err := find(t, Options{Home: home, Multiple: true})
		if err != nil || len(clusters) != 1 || !said(log, `warn: reading context "a" of `+path+": "+want) {
			t.Errorf("%s: %v, %v, %q", provider, clusterNames(clusters), err, log)
		}
	}
}

// TestRefreshedTokens tests that a user's file is the one that has the user, and that a new token of an auth-provider gets into that and
// into no other.
func TestRefreshedTokens(t *testing.T) {
	for _, test := range []struct {
		multiple bool
		written  map[string]string // the token, by file
	}{
		{true, map[string]string{"a": "SECRET-id", "b": "NEW", "c": "SECRET-id"}},
		{false, map[string]string{"a": "NEW", "b": "SECRET-id", "c": "SECRET-id"}}, // merged, all have a's user
	} {
		home := tree(t, map[string]string{"a": withProvider("https://a.example.com", "a", oidc), "b": withProvider("https://b.example.com", "b", oidc), "c": withProvider("https://c.example.com", "c", oidc)})
		var list []string
		for _, name := range []string{"a", "b", "c"} {
			list = append(list, filepath.Join(home, name))
		}
		clusters, _, err := find(t, Options{Env: strings.Join(list, string(filepath.ListSeparator)), Contexts: []string{"b"}, Multiple: test.multiple})
		if err != nil {
			t.Fatal(err)
		}
		cfg := clusters[0].Users[0].Config
		fresh := maps.Clone(cfg.AuthProvider.Config)
		fresh["id-token"] = "NEW"
		if err := cfg.AuthConfigPersister.Persist(fresh); err != nil {
			t.Fatal(err)
		}
		for _, path := range list {
			got, err := clientcmd.LoadFromFile(path)
			if err != nil {
				t.Fatal(err)
			}
			token, want := got.AuthInfos["u"].AuthProvider.Config["id-token"], test.written[filepath.Base(path)]
			if token != want || (path == clusters[0].Users[0].File) != (want == "NEW") {
				t.Errorf("multiple %v: %s has %s, want %s; the user's file is %s", test.multiple, path, token, want, clusters[0].Users[0].File)
			}
		}
	}
}

// TestRefreshedTokenInOneStep tests that whoever reads a kubeconfig meanwhile finds a whole one, and that its links, its mode and its
// relative paths stay.
func TestRefreshedTokenInOneStep(t *testing.T) {
	text := withProvider("https://a.example.com", "a", oidc) + "preferences: {}\n"
	home := tree(t, map[string]string{"real/a": strings.Replace(text, "server:", "certificate-authority: ca.pem, server:", 1), "real/ca.pem": "@certs/ca.pem", "ca.pem": "@certs/ca.pem"})
	path, target := filepath.Join(home, "a"), filepath.Join(home, "real", "a")
	if err := os.Symlink(target, path); err != nil {
		t.Skip(err)
	}
	if err := os.Chmod(target, 0o640); err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	clusters, _, err := find(t, Options{Kubeconfig: []string{path}, Multiple: true})
	if err != nil {
		t.Fatal(err)
	}
	cfg := clusters[0].Users[0].Config
	fresh := maps.Clone(cfg.AuthProvider.Config)
	fresh["id-token"] = "NEW"
	if err := os.WriteFile(path+".lock", nil, 0o600); err != nil { // as kubectl, which writes to it
		t.Fatal(err)
	}
	if err := cfg.AuthConfigPersister.Persist(fresh); !errors.Is(err, fs.ErrExist) {
		t.Errorf("while kubectl writes: %v", err)
	}
	if err := os.Remove(path + ".lock"); err != nil {
		t.Fatal(err)
	}
	if err := cfg.AuthConfigPersister.Persist(fresh); err != nil {
		t.Fatal(err)
	}
	if old, err := io.ReadAll(reader); err != nil || !strings.HasSuffix(string(old), "preferences: {}\n") {
		t.Errorf("who reads meanwhile finds %q, %v", old, err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link: %v, %v", info, err)
	}
	if info, err := os.Stat(target); err != nil || info.Mode() != 0o640 {
		t.Errorf("the file: %v, %v", info, err)
	}
	got, err := clientcmd.LoadFromFile(target)
	if err != nil {
		t.Fatal(err)
	}
	if user, cluster := got.AuthInfos["u"], got.Clusters["c"]; user.AuthProvider.Config["id-token"] != "NEW" || cluster.CertificateAuthority != "ca.pem" {
		t.Errorf("the file has %v, %v", user, cluster)
	}
	for dir, want := range map[string]int{home: 3, filepath.Dir(target): 2} {
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != want {
			t.Errorf("%s has %v, %v", dir, entries, err)
		}
	}
	got.AuthInfos["u"].AuthProvider = nil
	if err := clientcmd.WriteToFile(*got, target); err != nil {
		t.Fatal(err)
	}
	if err := cfg.AuthConfigPersister.Persist(fresh); err != nil { // the user logs in otherwise now
		t.Error(err)
	}
	if err := os.Remove(target); err != nil {
		t.Fatal(err)
	}
	if err := cfg.AuthConfigPersister.Persist(fresh); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the file: %v", err)
	}
}

// TestAuthorityOfIssuer tests that the file of an issuer's CA is regular, as client-go would open any. It is not read beside data.
func TestAuthorityOfIssuer(t *testing.T) {
	for data, read := range map[string]bool{"": true, `, idp-certificate-authority-data: "\n"`: true, ", idp-certificate-authority-data: U0VDUkVU": false} {
		home := tree(t, map[string]string{"a": withProvider("https://a.example.com", "a", strings.Replace(oidc, "client-id: k", "client-id: k, idp-certificate-authority: HERE"+data, 1))})
		t.Chdir(home)
		_, _, err := find(t, Options{Kubeconfig: []string{"a"}, Multiple: true})
		if read {
			fails(t, err, `reading context "a" of a: reading HERE: no such file or directory`, "fix the file")
		} else if err != nil {
			t.Errorf("beside data: %v", err)
		}
	}
}
