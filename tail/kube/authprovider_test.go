package kube_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"mktail/tail/kube"
	"mktail/testdata/sim"
)

// idToken returns a token of a user that expires after a time.
func idToken(user string, after time.Duration) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"none"}`)) + "." + part(fmt.Appendf(nil, `{"sub":%q,"exp":%d}`, user, time.Now().Add(after).Unix())) + "." + part([]byte("x"))
}

// withOIDC returns a configuration with the auth-provider oidc.
func withOIDC(cfg *rest.Config, issuer, idToken, refreshToken string) *rest.Config {
	cfg.BearerToken = ""
	cfg.AuthProvider = &clientcmdapi.AuthProviderConfig{Name: "oidc", Config: map[string]string{
		"idp-issuer-url": issuer, "client-id": "kubernetes", "id-token": idToken, "refresh-token": refreshToken,
	}}
	return cfg
}

// TestIDToken tests that an id-token that is valid is sent, each user's own, and another one when it is in the file after a 401.
func TestIDToken(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := start(t, sim.Options{})
		c.AddPod(sim.PodSpec{Name: "web"})
		now := make(map[string]string) // the tokens, by user
		for _, user := range []string{"ann", "bob"} {
			now[user] = idToken(user, time.Hour)
			c.AddToken(now[user], sim.Admin(user))
		}
		get := func(client *kube.Client, user string) {
			t.Helper()
			_, err := client.GetPod(t.Context(), "default", "web")
			all := c.Requests()
			if got := all[len(all)-1].User; err != nil || got != user {
				t.Errorf("%v, as %q, want %q", err, got, user)
			}
		}
		clients := make(map[string]*kube.Client)
		for user, token := range now {
			config := func() (*rest.Config, error) {
				return withOIDC(c.RESTConfig(), "https://idp.example.com", now[user], ""), nil
			}
			cfg, _ := config()
			client, err := kube.New(user, kube.User{Config: cfg, Reread: config}, kube.NewShared(kube.Options{}, 2))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			clients[user] = client
			get(client, user)
			c.RevokeToken(token)
		}
		for user, client := range clients {
			now[user] = idToken(user, 2*time.Hour)
			c.AddToken(now[user], sim.Admin(user))
			get(client, user)
		}
	})
}

// issuer is an identity provider that takes each refresh token once.
type issuer struct {
	*httptest.Server
	asked chan struct{} // gets an item for each request for a token
	hangs chan struct{} // tokens are given when it is closed

	mu        sync.Mutex
	refreshed []string // the refresh tokens that were used
	given     string
}

func newIssuer(t *testing.T) *issuer {
	i := &issuer{asked: make(chan struct{}, 100), hangs: make(chan struct{}), given: idToken("ann", time.Hour)}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"token_endpoint": i.URL + "/token"})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		token := r.FormValue("refresh_token")
		i.asked <- struct{}{}
		<-i.hangs
		i.mu.Lock()
		defer i.mu.Unlock()
		if slices.Contains(i.refreshed, token) {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		i.refreshed = append(i.refreshed, token)
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": i.given, "refresh_token": token + "+"})
	})
	i.Server = httptest.NewUnstartedServer(mux)
	i.Config.SetKeepAlivesEnabled(false) // a bubble would wait for its end of an idle connection
	i.Start()
	t.Cleanup(i.Close)
	return i
}

// TestRefreshedIDToken tests that the clusters of one user refresh an expired id-token once, and that the kubeconfig has the new one then.
// A request that waits for an issuer ends with its context.
func TestRefreshedIDToken(t *testing.T) {
	idp := newIssuer(t)
	file := filepath.Join(t.TempDir(), "config")
	text := clientcmdapi.NewConfig()
	text.AuthInfos["ann"] = &clientcmdapi.AuthInfo{AuthProvider: withOIDC(new(rest.Config), idp.URL, idToken("ann", -time.Hour), "once").AuthProvider}
	for _, name := range []string{"eu", "us"} {
		c, err := sim.Start(sim.Options{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.AddPod(sim.PodSpec{Name: "web"})
		c.AddToken(idp.given, sim.Admin("ann"))
		text.Clusters[name] = &clientcmdapi.Cluster{Server: c.URL(), CertificateAuthorityData: c.CA()}
		text.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: "ann"}
	}
	if err := clientcmd.WriteToFile(*text, file); err != nil {
		t.Fatal(err)
	}
	var clients []*kube.Client
	for _, name := range []string{"eu", "us"} {
		rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: file}
		cfg, err := clientcmd.NewNonInteractiveClientConfig(*text, name, &clientcmd.ConfigOverrides{}, rules).ClientConfig()
		if err != nil {
			t.Fatal(err)
		}
		client, _ := connect(t, cfg, kube.Options{})
		clients = append(clients, client)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-idp.asked
		cancel()
	}()
	if _, err := clients[0].GetPod(ctx, "default", "web"); !errors.Is(err, context.Canceled) {
		t.Errorf("while the issuer hangs: %v", err)
	}
	close(idp.hangs)
	for _, client := range clients {
		if _, err := client.GetPod(t.Context(), "default", "web"); err != nil {
			t.Error(err)
		}
	}
	if got := strings.Join(idp.refreshed, " "); got != "once" {
		t.Errorf("refreshed with %s", got)
	}
	written, err := clientcmd.LoadFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := written.AuthInfos["ann"].AuthProvider.Config; got["id-token"] != idp.given || got["refresh-token"] != "once+" || got["client-id"] != "kubernetes" {
		t.Errorf("the file has %v", got)
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
		t.Errorf("beside the file: %v, %v", entries, err)
	}
}

// file is where an auth-provider's tokens are written.
type file struct {
	begun, ends chan struct{} // nil: it is written at once
	written     map[string]string
}

// Persist implements rest.AuthProviderConfigPersister.
func (f *file) Persist(config map[string]string) error {
	if f.begun != nil {
		close(f.begun)
		<-f.ends
	}
	f.written = config
	return nil
}

// TestRefreshedAtEnd tests that a run that ends has written the tokens that it has asked for: the old refresh token is used up.
func TestRefreshedAtEnd(t *testing.T) {
	// refresh makes a client that has asked for tokens, and closes it. closed is closed when it is.
	refresh := func(t *testing.T, idp *issuer, f *file) (closed chan struct{}) {
		t.Helper()
		c := start(t, sim.Options{})
		cfg := withOIDC(c.RESTConfig(), idp.URL, idToken("ann", -time.Hour), t.Name())
		cfg.AuthConfigPersister = f
		client, err := kube.New("eu", kube.User{Config: cfg}, kube.NewShared(kube.Options{}, 1))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-idp.asked
			cancel()
		}()
		if _, err := client.GetPod(ctx, "default", "web"); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		closed = make(chan struct{})
		go func() {
			client.Close()
			close(closed)
		}()
		return closed
	}
	idp := newIssuer(t) // outside of the bubbles: it waits for connections
	bubble(t, "they come", func(t *testing.T) {
		f := new(file)
		closed := refresh(t, idp, f)
		close(idp.hangs)
		<-closed
		if f.written["refresh-token"] != t.Name()+"+" {
			t.Errorf("written: %v", f.written)
		}
	})
	bubble(t, "they are being written", func(t *testing.T) {
		f := &file{begun: make(chan struct{}), ends: make(chan struct{})}
		closed := refresh(t, idp, f)
		<-f.begun
		for _, after := range []time.Duration{0, 2 * time.Second} {
			time.Sleep(after)
			if after == 0 {
				synctest.Wait()
			}
			select {
			case <-closed:
				t.Errorf("closed after %s", after)
			default:
			}
		}
		close(f.ends)
		<-closed
		if f.written == nil {
			t.Error("not written")
		}
	})
}

// hanging is an auth-provider whose issuer does not answer.
type hanging chan struct{}

func (h hanging) WrapTransport(http.RoundTripper) http.RoundTripper { return h }
func (hanging) Login() error                                        { return nil }
func (h hanging) RoundTrip(*http.Request) (*http.Response, error) {
	<-h
	return nil, errors.New("the test has ended")
}

var hangs hanging // that of the test

func init() {
	err := rest.RegisterAuthProviderPlugin("hanging", func(string, map[string]string, rest.AuthProviderConfigPersister) (rest.AuthProvider, error) {
		return hangs, nil
	})
	if err != nil {
		panic(err)
	}
}

// TestRefreshLimit tests that a run that ends does not wait long for an issuer.
func TestRefreshLimit(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		hangs = make(hanging)
		defer close(hangs)
		c := start(t, sim.Options{})
		cfg := c.RESTConfig()
		cfg.BearerToken, cfg.AuthProvider = "", &clientcmdapi.AuthProviderConfig{Name: "hanging"}
		client, err := kube.New("eu", kube.User{Config: cfg}, kube.NewShared(kube.Options{RequestTimeout: time.Second}, 1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.GetPod(t.Context(), "default", "web"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		begun := time.Now()
		client.Close()
		if took := since(begun); took != 2*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// TestRefreshedTogether tests that several users in one file, whose tokens are refreshed at the same time, all get theirs written, and that
// tokens are used that can't be written.
func TestRefreshedTogether(t *testing.T) {
	c, err := sim.Start(sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.AddPod(sim.PodSpec{Name: "web"})
	file := filepath.Join(t.TempDir(), "config")
	text := clientcmdapi.NewConfig()
	text.Clusters["c"] = &clientcmdapi.Cluster{Server: c.URL(), CertificateAuthorityData: c.CA()}
	const users = 8
	idp := newIssuer(t)
	close(idp.hangs)
	c.AddToken(idp.given, sim.Admin("ann"))
	for i := range users {
		name := fmt.Sprint("user", i)
		text.AuthInfos[name] = &clientcmdapi.AuthInfo{AuthProvider: withOIDC(new(rest.Config), idp.URL, idToken(name, -time.Hour), name).AuthProvider}
		text.Contexts[name] = &clientcmdapi.Context{Cluster: "c", AuthInfo: name}
	}
	if err := clientcmd.WriteToFile(*text, file); err != nil {
		t.Fatal(err)
	}
	get := func(name, path string) (log *messages) {
		cfg, err := clientcmd.NewNonInteractiveClientConfig(*text, name, &clientcmd.ConfigOverrides{}, &clientcmd.ClientConfigLoadingRules{ExplicitPath: path}).ClientConfig()
		if err != nil {
			t.Error(err)
			return nil
		}
		client, log := connect(t, cfg, kube.Options{})
		if _, err := client.GetPod(t.Context(), "default", "web"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return log
	}
	var all sync.WaitGroup
	for name := range text.Contexts {
		all.Go(func() { get(name, file) })
	}
	all.Wait()
	written, err := clientcmd.LoadFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, user := range written.AuthInfos {
		if got := user.AuthProvider.Config["refresh-token"]; got != name+"+" {
			t.Errorf("%s has %s in the file", name, got)
		}
	}
	text.AuthInfos["user0"].AuthProvider.Config["refresh-token"] = "another"
	bad := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(bad, []byte("kind: Config\ntoken: *SECRET"), 0o600); err != nil {
		t.Fatal(err)
	}
	const writing, alone = "warn: eu: writing the new tokens to the kubeconfig: ", "; they are used in this run alone"
	if got := get("user0", bad).String(); got != writing+"it cannot be read"+alone {
		t.Errorf("log: %s", got)
	}
	text.AuthInfos["user0"].AuthProvider.Config["refresh-token"] = "a third"
	if err := os.WriteFile(file+".lock", nil, 0o600); err != nil { // as of kubectl, at the same time
		t.Fatal(err)
	}
	if got := get("user0", file).String(); got != writing+"open "+file+".lock: file exists"+alone {
		t.Errorf("log: %s", got)
	}
}

// TestUnusableAuthProvider tests what is reported of auth-providers that cannot give a token.
func TestUnusableAuthProvider(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config map[string]string
		fails  string
	}{
		{"gone", nil, `auth-provider gone: no Auth Provider found for name "gone"`},
		{"oidc", nil, "auth-provider oidc: Must provide idp-issuer-url"},
	} {
		cfg := &rest.Config{Host: "https://x.example.com", AuthProvider: &clientcmdapi.AuthProviderConfig{Name: tt.name, Config: tt.config}}
		if _, err := kube.New("eu", kube.User{Config: cfg}, kube.NewShared(kube.Options{}, 1)); err == nil || err.Error() != tt.fails {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	bubble(t, "expired", func(t *testing.T) {
		c := start(t, sim.Options{})
		client, _ := connect(t, withOIDC(c.RESTConfig(), "https://expired.example.com", idToken("ann", -time.Hour), ""), kube.Options{})
		_, err := client.GetPod(t.Context(), "default", "web")
		if want := "auth-provider: No valid id-token, and cannot refresh without refresh-token"; err == nil || kube.Describe(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	})
}
