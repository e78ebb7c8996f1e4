package plugin_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/transport"

	"mktail/tail/kube/plugin"
)

// The test's own binary is the plugin: with answerVar it writes what stands there, and notes in the file of notesVar what it was given.
const (
	answerVar = "MKTAIL_TEST_ANSWER"
	exitVar   = "MKTAIL_TEST_EXIT"
	notesVar  = "MKTAIL_TEST_NOTES"
)

func TestMain(m *testing.M) {
	if answer, ok := os.LookupEnv(answerVar); ok {
		note := fmt.Sprintf("args %q, info %s, extra %q\n", os.Args[1:], os.Getenv("KUBERNETES_EXEC_INFO"), os.Getenv("EXTRA"))
		if f, err := os.OpenFile(os.Getenv(notesVar), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			_, _ = f.WriteString(note)
			_ = f.Close()
		}
		fmt.Print(answer)
		code, _ := strconv.Atoi(os.Getenv(exitVar))
		os.Exit(code)
	}
	os.Exit(m.Run())
}

const (
	v1      = "client.authentication.k8s.io/v1"
	v1beta1 = "client.authentication.k8s.io/v1beta1"
)

// answer is an ExecCredential with this status.
func answer(version, status string) string {
	return fmt.Sprintf(`{"apiVersion":%q,"kind":"ExecCredential","status":%s}`, version, status)
}

// keyPair makes a certificate of this name, and quotes it and its key for JSON.
func keyPair(t *testing.T, name string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	quote := func(kind string, data []byte) string {
		quoted, _ := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data})))
		return string(quoted)
	}
	return quote("CERTIFICATE", der), quote("PRIVATE KEY", secret)
}

// server is an API server that takes note of who asks.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []string
	refuse func(asked string) bool // nil: nothing is refused
}

func startServer(t *testing.T) *server {
	t.Helper()
	s := new(server)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := r.Header.Get("Authorization")
		if certs := r.TLS.PeerCertificates; len(certs) > 0 {
			who += " certificate of " + certs[0].Subject.CommonName
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = append(s.asked, who)
		if s.refuse != nil && s.refuse(who) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	s.TLS.ClientAuth = 1 // RequestClientCert
	t.Cleanup(s.Close)
	return s
}

func (s *server) who() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.asked
	s.asked = nil
	return all
}

// config is that of a cluster whose plugin answers this.
func (s *server) config(t *testing.T, version, text string) *rest.Config {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &rest.Config{
		Host:            s.URL,
		Dial:            new(net.Dialer).DialContext,
		TLSClientConfig: rest.TLSClientConfig{Insecure: true},
		ExecProvider: &clientcmdapi.ExecConfig{
			Command: self, APIVersion: version, InteractiveMode: clientcmdapi.IfAvailableExecInteractiveMode,
			Env: []clientcmdapi.ExecEnvVar{
				{Name: answerVar, Value: text}, {Name: notesVar, Value: filepath.Join(t.TempDir(), "notes")},
				{Name: "GORACE", Value: "atexit_sleep_ms=0"}, // else the race detector keeps each process for a second
			},
		},
	}
}

// theirs makes client-go's transport of a configuration.
func theirs(cfg *rest.Config) (http.RoundTripper, error) {
	stdin := os.Stdin
	defer func() { os.Stdin = stdin }()
	os.Stdin = nil
	return rest.TransportFor(cfg)
}

// user is a cluster's plugin, if it needs one, and a transport that uses it.
type user struct {
	*plugin.Plugin
	rt http.RoundTripper
}

// ours makes our transport of a configuration.
func ours(t *testing.T, r *plugin.Runner, cluster string, cfg *rest.Config) (u user, err error) {
	t.Helper()
	if plugin.Needed(cfg) {
		if u.Plugin, err = r.New(cluster, cfg); err != nil {
			return u, err
		}
		t.Cleanup(u.Close)
	}
	bare := rest.CopyConfig(cfg)
	bare.ExecProvider = nil
	config, err := bare.TransportConfig()
	if err != nil {
		return u, err
	}
	if u.Plugin != nil {
		u.Apply(config)
	}
	u.rt, err = transport.New(config)
	return u, err
}

// use is ours for a configuration that is in order.
func use(t *testing.T, r *plugin.Runner, cluster string, cfg *rest.Config) user {
	t.Helper()
	u, err := ours(t, r, cluster, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// get asks for something, and returns the status.
func get(t *testing.T, rt http.RoundTripper, url string) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, nil
}

// TestAsClientGo gives the same configurations to client-go's own way to run plugins and to ours: the plugin is given the same, runs as
// often, and what it answers is sent, or is an error, for both.
func TestAsClientGo(t *testing.T) {
	cert, key := keyPair(t, "one")
	_, otherKey := keyPair(t, "two")
	pair := `"clientCertificateData":` + cert + `,"clientKeyData":` + key
	soon, past := time.Now().Add(time.Hour).UTC().Format(time.RFC3339), time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(e *clientcmdapi.ExecConfig, cfg *rest.Config)) func(*rest.Config) {
		return func(cfg *rest.Config) { f(cfg.ExecProvider, cfg) }
	}
	policy := func(kind clientcmdapi.PolicyType, list ...string) func(*rest.Config) {
		return change(func(e *clientcmdapi.ExecConfig, _ *rest.Config) {
			e.PluginPolicy.PolicyType = kind
			for _, name := range list {
				e.PluginPolicy.Allowlist = append(e.PluginPolicy.Allowlist, clientcmdapi.AllowlistEntry{Command: name})
			}
		})
	}
	mode := func(m clientcmdapi.ExecInteractiveMode) func(*rest.Config) {
		return change(func(e *clientcmdapi.ExecConfig, _ *rest.Config) { e.InteractiveMode = m })
	}
	named := func(list ...string) func(*rest.Config) { // the plugin is found in the PATH
		return func(cfg *rest.Config) {
			cfg.ExecProvider.Command = filepath.Base(self)
			policy(clientcmdapi.PluginPolicyAllowlist, list...)(cfg)
		}
	}
	t.Setenv("PATH", filepath.Dir(self)+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("EXTRA", "of ours")
	token := answer(v1, `{"token":"t"}`)
	for name, tt := range map[string]struct {
		version, answer string
		change          func(*rest.Config)
	}{
		"token":                              {v1, token, nil},
		"token of v1beta1":                   {v1beta1, answer(v1beta1, `{"token":"t"}`), nil},
		"certificate":                        {v1, answer(v1, `{`+pair+`}`), nil},
		"both":                               {v1, answer(v1, `{"token":"t",`+pair+`}`), nil},
		"another version":                    {v1, answer(v1beta1, `{"token":"t"}`), nil},
		"another version, the other way":     {v1beta1, token, nil},
		"unknown version asked for":          {"client.authentication.k8s.io/v1alpha1", token, nil},
		"no version asked for":               {"", token, nil},
		"unknown version answered":           {v1, answer("client.authentication.k8s.io/v9", `{"token":"t"}`), nil},
		"another kind":                       {v1, `{"apiVersion":"v1","kind":"Pod"}`, nil},
		"no kind":                            {v1, `{"apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t"}}`, nil},
		"YAML":                               {v1, "apiVersion: client.authentication.k8s.io/v1\nkind: ExecCredential\nstatus:\n  token: t\n", nil},
		"unknown fields":                     {v1, answer(v1, `{"token":"t","more":{"a":1}}`), nil},
		"keys in other cases":                {v1, answer(v1, `{"Token":"t"}`), nil},
		"a number for a token":               {v1, answer(v1, `{"token":1}`), nil},
		"text after the answer":              {v1, token + "\nbye\n", nil},
		"text before the answer":             {v1, "hello\n" + token, nil},
		"space around the answer":            {v1, "\n\n " + token + "\n\n", nil},
		"nothing":                            {v1, "", nil},
		"garbage":                            {v1, "<html>", nil},
		"no status":                          {v1, answer(v1, "null"), nil},
		"an empty status":                    {v1, answer(v1, "{}"), nil},
		"an empty token":                     {v1, answer(v1, `{"token":""}`), nil},
		"a certificate without its key":      {v1, answer(v1, `{"clientCertificateData":`+cert+`}`), nil},
		"a key without its certificate":      {v1, answer(v1, `{"clientKeyData":`+key+`}`), nil},
		"a token and half a certificate":     {v1, answer(v1, `{"token":"t","clientKeyData":`+key+`}`), nil},
		"the key of another certificate":     {v1, answer(v1, `{"clientCertificateData":`+cert+`,"clientKeyData":`+otherKey+`}`), nil},
		"no certificate where one should be": {v1, answer(v1, `{"clientCertificateData":"x","clientKeyData":"y"}`), nil},
		"expires later":                      {v1, answer(v1, `{"token":"t","expirationTimestamp":"`+soon+`"}`), nil},
		"has expired":                        {v1, answer(v1, `{"token":"t","expirationTimestamp":"`+past+`"}`), nil},
		"expires, but not as a time":         {v1, answer(v1, `{"token":"t","expirationTimestamp":"later"}`), nil},
		"fails": {v1, token, change(func(e *clientcmdapi.ExecConfig, _ *rest.Config) {
			e.Env = append(e.Env, clientcmdapi.ExecEnvVar{Name: exitVar, Value: "3"})
		})},
		"is not there": {v1, token, change(func(e *clientcmdapi.ExecConfig, _ *rest.Config) {
			e.Command, e.InstallHint = "mktail-no-such-plugin", "install it"
		})},
		"is no program": {v1, token, change(func(e *clientcmdapi.ExecConfig, _ *rest.Config) { e.Command = filepath.Dir(self) })},
		"arguments":     {v1, token, change(func(e *clientcmdapi.ExecConfig, _ *rest.Config) { e.Args = []string{"a b", "", "--c=$HOME", "*"} })},
		"environment": {v1, token, change(func(e *clientcmdapi.ExecConfig, _ *rest.Config) {
			e.Env = append(e.Env, clientcmdapi.ExecEnvVar{Name: "EXTRA", Value: "first"}, clientcmdapi.ExecEnvVar{Name: "EXTRA", Value: "of the kubeconfig $HOME"})
		})},
		"a name that is not clean": {v1, token, change(func(e *clientcmdapi.ExecConfig, _ *rest.Config) {
			e.Command = filepath.Dir(self) + "/./" + filepath.Base(self)
		})},
		"what the cluster is": {v1, token, change(func(e *clientcmdapi.ExecConfig, cfg *rest.Config) {
			e.ProvideClusterInfo = true
			cfg.ServerName, cfg.DisableCompression = "one.example.com", true
		})},
		"what the cluster is, for v1beta1": {v1beta1, answer(v1beta1, `{"token":"t"}`), change(func(e *clientcmdapi.ExecConfig, _ *rest.Config) {
			e.ProvideClusterInfo = true
		})},
		"a token of the kubeconfig, too":               {v1, token, func(cfg *rest.Config) { cfg.BearerToken = "k" }},
		"a password of the kubeconfig, too":            {v1, token, func(cfg *rest.Config) { cfg.Username, cfg.Password = "u", "p" }},
		"impersonation":                                {v1, token, func(cfg *rest.Config) { cfg.Impersonate.UserName = "somebody" }},
		"never asks":                                   {v1, token, mode(clientcmdapi.NeverExecInteractiveMode)},
		"must ask":                                     {v1, token, mode(clientcmdapi.AlwaysExecInteractiveMode)},
		"may ask or not":                               {v1, token, mode("")},
		"asks sometimes":                               {v1, token, mode("Sometimes")},
		"all are allowed":                              {v1, token, policy(clientcmdapi.PluginPolicyAllowAll)},
		"none is allowed":                              {v1, token, policy(clientcmdapi.PluginPolicyDenyAll)},
		"an unknown policy":                            {v1, token, policy("Some")},
		"a list of those that are, without one":        {v1, token, policy(clientcmdapi.PluginPolicyAllowlist)},
		"a list beside another policy":                 {v1, token, policy(clientcmdapi.PluginPolicyAllowAll, "x")},
		"is in the list":                               {v1, token, policy(clientcmdapi.PluginPolicyAllowlist, "other", self)},
		"is in the list by name":                       {v1, token, policy(clientcmdapi.PluginPolicyAllowlist, filepath.Base(self))},
		"another is in the list":                       {v1, token, policy(clientcmdapi.PluginPolicyAllowlist, "other")},
		"another of its name is in the list":           {v1, token, policy(clientcmdapi.PluginPolicyAllowlist, "/other/"+filepath.Base(self))},
		"an empty name is in the list":                 {v1, token, policy(clientcmdapi.PluginPolicyAllowlist, "")},
		"a name that is not clean is in the list":      {v1, token, policy(clientcmdapi.PluginPolicyAllowlist, self, "a/../b")},
		"found in the PATH":                            {v1, token, named(filepath.Base(self))},
		"found in the PATH, in the list by path":       {v1, token, named(self)},
		"found in the PATH, another is in the list":    {v1, token, named("other")},
		"found in the PATH, another path is in a list": {v1, token, named("/other/" + filepath.Base(self))},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t)
			type outcome struct {
				Asked []string
				Notes string
				Works [2]bool
			}
			try := func(build func(*rest.Config) (http.RoundTripper, error)) (o outcome, errs []error) {
				cfg := s.config(t, tt.version, tt.answer)
				if tt.change != nil {
					tt.change(cfg)
				}
				rt, err := build(cfg)
				if err != nil {
					return o, []error{err}
				}
				for i := range o.Works {
					_, err := get(t, rt, s.URL)
					o.Works[i], errs = err == nil, append(errs, err)
				}
				o.Asked = s.who()
				notes, _ := os.ReadFile(cfg.ExecProvider.Env[1].Value)
				o.Notes = string(notes)
				return o, errs
			}
			want, errs := try(theirs)
			got, ourErrs := try(func(cfg *rest.Config) (http.RoundTripper, error) {
				u, err := ours(t, plugin.NewRunner(plugin.Options{Policy: cfg.ExecProvider.PluginPolicy}, zerolog.Nop()), "eu", cfg)
				return u.rt, err
			})
			if name == "has expired" { // client-go runs it for the handshake of TLS, too
				want.Notes = got.Notes + strings.TrimPrefix(want.Notes, got.Notes+got.Notes[len(got.Notes)/2:])
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %v\nclient-go has %+v, %v", got, ourErrs, want, errs)
			}
			for _, err := range ourErrs {
				if err != nil && strings.Contains(err.Error(), key) {
					t.Errorf("the error holds a secret: %v", err)
				}
			}
		})
	}
}

// TestShared: clusters whose kubeconfigs ask for the same have one plugin, which runs once for all of them, as with client-go.
func TestShared(t *testing.T) {
	for name, informed := range map[string]bool{"it is told of no cluster": false, "it is told of each": true} {
		t.Run(name, func(t *testing.T) {
			runs := func(build func(*rest.Config) (http.RoundTripper, error)) int {
				var one *rest.Config
				for range 3 {
					s := startServer(t)
					cfg := s.config(t, v1, answer(v1, `{"token":"t"}`))
					if one == nil {
						one = cfg
					}
					cfg.ExecProvider = one.ExecProvider.DeepCopy()
					cfg.ExecProvider.ProvideClusterInfo = informed
					rt, err := build(cfg)
					if err != nil {
						t.Fatal(err)
					}
					if code, err := get(t, rt, s.URL); err != nil || code != http.StatusOK {
						t.Error(code, err)
					}
				}
				notes, _ := os.ReadFile(one.ExecProvider.Env[1].Value)
				return strings.Count(string(notes), "args ")
			}
			r := plugin.NewRunner(plugin.Options{}, zerolog.Nop())
			got, want := runs(func(cfg *rest.Config) (http.RoundTripper, error) { return use(t, r, "eu", cfg).rt, nil }), runs(theirs)
			if got != want {
				t.Errorf("it runs %d times, with client-go %d", got, want)
			}
		})
	}
}

// TestRefused: credentials that the server refuses are asked for again, and the request is sent with those that are new.
func TestRefused(t *testing.T) {
	s := startServer(t)
	dir := t.TempDir()
	cfg := s.config(t, v1, "")
	script(t, cfg, `
n=$(cat `+dir+`/n 2>/dev/null || echo 0)
n=$((n+1))
echo $n > `+dir+`/n
echo '`+answer(v1, `{"token":"t'$n'"}`)+`'
`)
	rt := use(t, plugin.NewRunner(plugin.Options{}, zerolog.Nop()), "eu", cfg).rt
	if code, err := get(t, rt, s.URL); err != nil || code != http.StatusOK {
		t.Fatal(code, err)
	}
	var refused sync.Map
	refused.Store("Bearer t1", true)
	s.refuse = func(who string) bool { _, ok := refused.Load(who); return ok }
	plugin.Age(t, rt) // it has run long ago
	if code, err := get(t, rt, s.URL); err != nil || code != http.StatusOK {
		t.Error(code, err)
	}
	refused.Store("Bearer t2", true)
	if code, err := get(t, rt, s.URL); err != nil || code != http.StatusUnauthorized { // it has run just now
		t.Error(code, err)
	}
	if got, want := fmt.Sprint(s.who()), "[Bearer t1 Bearer t1 Bearer t2 Bearer t2]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// script makes a shell script the plugin of cfg.
func script(t *testing.T, cfg *rest.Config, text string) {
	t.Helper()
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("the plugin is a shell script")
	}
	path := filepath.Join(t.TempDir(), "login")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	cfg.ExecProvider.Command = path
}

// log takes a run's messages.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
	wake chan struct{} // gets one after each message, if there is room
}

func newLog() *log { return &log{wake: make(chan struct{}, 1)} }

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// await returns when the log has a text.
func (l *log) await(t *testing.T, text string) {
	t.Helper()
	for !strings.Contains(l.String(), text) {
		select {
		case <-l.wake:
		case <-time.After(time.Minute):
			t.Fatalf("no %q in %s", text, l)
		}
	}
}
