package kube_test

import (
	"errors"
	"fmt"
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
		client, err := kube.New("eu", c.RESTConfigFor("old"), func() (*rest.Config, error) {
			reads++
			return c.RESTConfigFor(now), failing
		}, kube.NewShared(kube.Options{Log: zerolog.New(log)}, 1))
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
		time.Sleep(31 * time.Second)
		ask("with the same token in the file", false, 2)
		now = "new"
		c.AddToken("new", sim.Admin("ann"))
		ask("at once", false, 2)
		time.Sleep(31 * time.Second)
		ask("with a new one", true, 3)
		ask("again", true, 3)
		s := client.NewLog(t.Context())
		defer s.Close()
		if err := s.Open(following("web", kube.Own)); err != nil || reads != 3 {
			t.Errorf("opening a log: %v, read %d times", err, reads)
		}
		want := "debug: eu: reading the credentials anew: the file is being written\ninfo: eu: the credentials were refused; there are new ones"
		if got := log.String(); got != want {
			t.Errorf("log: %s", got)
		}
	})
}

// Without a way to read them again, or where client-go does that itself, the credentials stay.
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
			client, err := kube.New("eu", c.RESTConfigFor("old"), reread(c), kube.NewShared(kube.Options{}, 1))
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
