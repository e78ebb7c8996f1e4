package kube_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"mktail/tail/kube"
	"mktail/testdata/sim"
)

// Credentials that are refused are read again, not too often, and used from then on by all that the client sends.
func TestRenewal(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := start(t, sim.Options{})
		c.AddPod(sim.PodSpec{Name: "web"})
		c.AddToken("old", sim.Admin("ann"))
		now, reads, log := "old", 0, new(messages)
		var failing error
		client, err := kube.New("eu", kube.User{Config: c.RESTConfigFor("old"), Reread: func() (*rest.Config, error) {
			reads++
			return c.RESTConfigFor(now), failing
		}},

			kube.NewShared(kube.Options{Log: zerolog.New(log)}, 1))

		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		ask := func(when string, works bool, wantReads int) {
			t.Helper()
			if _, err := client.GetPod(t.Context(), "default", "web"); works && err != nil || !works && !apierrors.IsUnauthorized(err) {
				t.Errorf("%s: %v", when, err)
			}
			if reads != wantReads {
				t.Errorf("%s: read %d times, want %d", when, reads, wantReads)
			}
		}
		ask("at first", true, 0)
		c.RevokeToken("old")
		failing = errors.New("the file is being written")
		ask("when it can't be read", false, 1)
		failing = nil
		ask("at once", false, 1)
		time.Sleep(6 * time.Second)
		ask("with the same token in the file", false, 2)
		now = "new"
		c.AddToken("new", sim.Admin("ann"))
		ask("at once", false, 2)
		time.Sleep(6 * time.Second)
		ask("with a new one", true, 3)
		ask("again", true, 3)
		s := client.NewLog(t.Context())
		defer s.Close()
		if err := s.Open(following("web", kube.Own)); err != nil || reads != 3 {
			t.Errorf("opening a log: %v, read %d times", err, reads)
		}
		want := "debug: eu: reading the configuration again: the file is being written\ninfo: eu: the credentials were refused; there are new ones"
		if got := log.String(); got != want {
			t.Errorf("log: %s", got)
		}
	})
}

// Without a way to read them again, or where there are none any more, the credentials stay.
func TestNoRenewal(t *testing.T) {
	for name, reread := range map[string]func(*sim.Cluster) func() (*rest.Config, error){
		"nothing to read": func(*sim.Cluster) func() (*rest.Config, error) { return nil },
		"none any more": func(c *sim.Cluster) func() (*rest.Config, error) {
			return func() (*rest.Config, error) { return c.RESTConfigFor(""), nil }
		},
	} {
		bubble(t, name, func(t *testing.T) {
			c := start(t, sim.Options{})
			c.AddPod(sim.PodSpec{Name: "web"})
			c.AddToken("old", sim.Admin("ann"))
			client, err := kube.New("eu", kube.User{Config: c.RESTConfigFor("old"), Reread: reread(c)}, kube.NewShared(kube.Options{}, 1))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			for i, works := range []bool{true, false} {
				if _, err := client.GetPod(t.Context(), "default", "web"); (err == nil) != works {
					t.Error(fmt.Sprint("request ", i), err)
				}
				c.RevokeToken("old")
			}
		})
	}
}

// A certificate stays, too, where there is none any more: without credentials the server would forbid what it refuses, for good.
func TestNoCertificateAnyMore(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := start(t, sim.Options{})
		c.AddPod(sim.PodSpec{Name: "web"})
		cfg := c.RESTConfigFor("")
		cfg.CertData, cfg.KeyData = c.ClientCert("kubernetes-admin", time.Now().Add(time.Hour))
		client, err := kube.New("eu", kube.User{Config: cfg, Reread: func() (*rest.Config, error) { return c.RESTConfigFor(""), nil }}, kube.NewShared(kube.Options{}, 1))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		time.Sleep(2 * time.Hour)
		for range 2 {
			if _, err := client.GetPod(t.Context(), "default", "web"); !apierrors.IsUnauthorized(err) {
				t.Errorf("got %v", err)
			}
			time.Sleep(time.Minute)
		}
	})
}

// The credentials may be of another sort than those that were refused.
func TestOtherSortOfCredentials(t *testing.T) {
	token := func(c *sim.Cluster) *rest.Config { return c.RESTConfigFor("t0ken") }
	certificate := func(c *sim.Cluster) *rest.Config {
		cfg := c.RESTConfigFor("")
		cfg.CertData, cfg.KeyData = c.ClientCert("kubernetes-admin", time.Now().Add(time.Hour))
		return cfg
	}
	for name, configs := range map[string][2]func(*sim.Cluster) *rest.Config{
		"a token, then a certificate": {token, certificate},
		"a certificate, then a token": {certificate, token},
	} {
		bubble(t, name, func(t *testing.T) {
			c := start(t, sim.Options{})
			c.AddPod(sim.PodSpec{Name: "web"})
			c.AddToken("t0ken", sim.Admin("ann"))
			client, err := kube.New("eu", kube.User{Config: configs[0](c), Reread: func() (*rest.Config, error) { return configs[1](c), nil }}, kube.NewShared(kube.Options{}, 1))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			for i := range 2 {
				if _, err := client.GetPod(t.Context(), "default", "web"); err != nil {
					t.Errorf("request %d: %v", i, err)
				}
				if name == "a token, then a certificate" {
					c.RevokeToken("t0ken")
				} else {
					time.Sleep(2 * time.Hour)
					c.CutConnections()
				}
			}
		})
	}
}

// What a configuration says of itself or by files, and has changed when the server refuses it or is not trusted, is used from then on.
func TestRenewedAccess(t *testing.T) {
	const token = "t0ken"
	for name, tt := range map[string]struct {
		change func(c *sim.Cluster) // after which requests fail
		config func(c *sim.Cluster, nth int) *rest.Config
	}{
		"certificate": {
			func(c *sim.Cluster) { c.CutConnections() },
			func(c *sim.Cluster, _ int) *rest.Config {
				cfg := c.RESTConfigFor("")
				cfg.CertData, cfg.KeyData = c.ClientCert("kubernetes-admin", time.Now().Add(time.Hour))
				return cfg
			},
		},
		"token": {
			func(c *sim.Cluster) { c.RevokeToken(token + "1") },
			func(c *sim.Cluster, nth int) *rest.Config { return c.RESTConfigFor(fmt.Sprint(token, nth)) },
		},
		"CA": {
			func(c *sim.Cluster) { _ = c.RenewCA(); c.CutConnections() },
			func(c *sim.Cluster, _ int) *rest.Config { return c.RESTConfig() },
		},
	} {
		for _, files := range []bool{false, true} {
			bubble(t, fmt.Sprint(name, ", in files: ", files), func(t *testing.T) {
				c := start(t, sim.Options{})
				c.AddPod(sim.PodSpec{Name: "web"})
				c.AddToken(token+"1", sim.Admin("ann"))
				c.AddToken(token+"2", sim.Admin("ann"))
				dir := t.TempDir()
				// write has the configuration in files, if it is to be.
				write := func(nth int) *rest.Config {
					cfg := tt.config(c, nth)
					if !files {
						return cfg
					}
					for _, f := range []struct {
						file *string
						data []byte
						name string
					}{{&cfg.CAFile, cfg.CAData, "ca"}, {&cfg.CertFile, cfg.CertData, "cert"}, {&cfg.KeyFile, cfg.KeyData, "key"}, {&cfg.BearerTokenFile, []byte(cfg.BearerToken + "\n"), "token"}} {
						if len(f.data) > 1 {
							*f.file = filepath.Join(dir, f.name)
							if err := os.WriteFile(*f.file, f.data, 0o600); err != nil {
								t.Fatal(err)
							}
						}
					}
					cfg.CAData, cfg.CertData, cfg.KeyData, cfg.BearerToken = nil, nil, nil, ""
					return cfg
				}
				now := write(1)
				reread := func() (*rest.Config, error) { return now, nil }
				if files {
					reread = nil
				}
				client, err := kube.New("eu", kube.User{Config: now, Reread: reread}, kube.NewShared(kube.Options{}, 1))
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				ask := func(when string, works bool) {
					t.Helper()
					if _, err := client.GetPod(t.Context(), "default", "web"); (err == nil) != works {
						t.Errorf("%s: %v", when, err)
					}
					s := client.NewLog(t.Context())
					defer s.Close()
					if err := s.Open(following("web", kube.Own)); (err == nil) != works {
						t.Errorf("opening a log %s: %v", when, err)
					}
				}
				ask("at first", true)
				time.Sleep(2 * time.Hour)
				tt.change(c)
				ask("when it is refused", false)
				now = write(2)
				time.Sleep(6 * time.Second)
				ask("with another", true)
			})
		}
	}
}

// A certificate is read again when its key does not fit it yet, as when the two files are replaced one after the other.
func TestHalfReplacedFiles(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := start(t, sim.Options{})
		c.AddPod(sim.PodSpec{Name: "web"})
		dir := t.TempDir()
		put := func(name string, data []byte) string {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}
		cfg := c.RESTConfigFor("")
		cert, key := c.ClientCert("kubernetes-admin", time.Now().Add(time.Hour))
		cfg.CertFile, cfg.KeyFile = put("cert", cert), put("key", key)
		client, err := kube.New("eu", kube.User{Config: cfg}, kube.NewShared(kube.Options{}, 1))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		time.Sleep(2 * time.Hour)
		cert, key = c.ClientCert("kubernetes-admin", time.Now().Add(time.Hour))
		for i, replace := range []func(){func() { put("cert", nil) }, func() { put("cert", cert) }, func() { put("key", key) }} {
			replace()
			if _, err := client.GetPod(t.Context(), "default", "web"); (err == nil) != (i == 2) || i < 2 && !apierrors.IsUnauthorized(err) {
				t.Errorf("request %d: %v", i, err)
			}
			time.Sleep(6 * time.Second)
		}
	})
}

// A file that is named and empty is an error: without a CA the system's would be trusted.
func TestEmptyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ca")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := &rest.Config{Host: "https://127.0.0.1:1", TLSClientConfig: rest.TLSClientConfig{CAFile: path}}
	if _, err := kube.New("eu", kube.User{Config: cfg}, kube.NewShared(kube.Options{}, 1)); err == nil || !strings.Contains(err.Error(), path+" is empty") {
		t.Errorf("got %v", err)
	}
}

// A token that was replaced in its file is used within two minutes, although the server takes the old one still. While the file cannot be
// read, it stays.
func TestReplacedToken(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := start(t, sim.Options{})
		c.AddPod(sim.PodSpec{Name: "web"})
		c.AddToken("old", sim.Admin("ann"))
		c.AddToken("new", sim.Reader("ben", "other"))
		file := filepath.Join(t.TempDir(), "token")
		cfg := c.RESTConfigFor("")
		cfg.BearerTokenFile = file
		put := func(text string) {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		put("old\n")
		client, err := kube.New("eu", kube.User{Config: cfg}, kube.NewShared(kube.Options{}, 1))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		for _, step := range []struct {
			text  string
			after time.Duration
			works bool
		}{{"old\n", 0, true}, {"", 2 * time.Minute, true}, {"new\n", 10 * time.Second, true}, {"new\n", 2 * time.Minute, false}, {"old\n", 2 * time.Minute, true}} {
			put(step.text)
			time.Sleep(step.after)
			if _, err := client.GetPod(t.Context(), "default", "web"); step.works != (err == nil) || !step.works && !apierrors.IsForbidden(err) {
				t.Errorf("with %q in the file, after %v: %v", step.text, step.after, err)
			}
		}
	})
}
