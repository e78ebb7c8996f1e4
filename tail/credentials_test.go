package tail_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"mktail/tail"
	"mktail/testdata/sim"
)

func TestCredentialsThatEnd(t *testing.T) {
	// expire starts a run with a token that ends after a line, and whose file has another one after a while.
	expire := func(t *testing.T, while time.Duration) (logged string, reads int) {
		t.Helper()
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		var renewed atomic.Bool
		c.AddToken("old", sim.Admin("ann"))
		s := startOn(t, following(), tail.Cluster{Name: "eu", Namespace: "default", Users: []tail.User{{Config: c.RESTConfigFor("old"), Reread: func() (*rest.Config, error) {
			switch reads++; {
			case reads == 2:
				return nil, errors.New("the file is being written")
			case renewed.Load():
				return c.RESTConfigFor("new"), nil
			}
			return c.RESTConfigFor("old"), nil
		}}}})
		time.Sleep(time.Second)
		write(t, app, "one")
		time.Sleep(time.Second)
		c.RevokeToken("old")
		c.AddToken("new", sim.Admin("ann"))
		time.AfterFunc(while, func() { renewed.Store(true) })
		time.Sleep(time.Millisecond)
		c.CutConnections()
		write(t, app, "two")
		time.Sleep(5 * time.Minute)
		c.CutConnections()
		write(t, app, "three")
		c.AddPod(sim.PodSpec{Name: "late"})
		time.Sleep(5 * time.Minute)
		write(t, c.Pod("default", "late").Container("app"), "four")
		time.Sleep(time.Minute)
		s.stop()
		s.want("web", "app", "one", "two", "three")
		s.want("late", "app", "four")
		return s.logged(), reads
	}
	bubble(t, "there are others", func(t *testing.T) {
		logged, reads := expire(t, 0)
		if want := "info: eu: the credentials were refused; there are new ones"; logged != want || reads != 1 {
			t.Errorf("after %d reads: %s", reads, logged)
		}
	})
	bubble(t, "there are others after a while", func(t *testing.T) {
		logged, reads := expire(t, 2*time.Minute)
		want := "warn: eu: authenticating: Unauthorized, retrying\ninfo: eu: the credentials were refused; there are new ones\ninfo: eu: connected"
		if logged != want || reads < 3 || reads > 25 {
			t.Errorf("after %d reads: %s", reads, logged)
		}
	})
}

// A cluster that comes back with another CA is followed on when the configuration has that, too, and no line is lost. What keeps it from
// being read meanwhile is reported although something else did before.
func TestRenewedCA(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		var known atomic.Pointer[rest.Config]
		known.Store(c.RESTConfig())
		s := startOn(t, following(), tail.Cluster{Name: "eu", Namespace: "default", Users: []tail.User{{Config: known.Load(), Reread: func() (*rest.Config, error) {
			return rest.CopyConfig(known.Load()), nil
		}}}})
		time.Sleep(time.Second)
		write(t, app, "one")
		time.Sleep(time.Second)
		c.Down()
		write(t, app, "two")
		time.Sleep(time.Minute)
		if err := c.RenewCA(); err != nil {
			t.Fatal(err)
		}
		if err := c.Up(); err != nil {
			t.Fatal(err)
		}
		write(t, app, "three")
		time.Sleep(2 * time.Minute)
		known.Store(c.RESTConfig())
		time.Sleep(time.Minute)
		write(t, app, "four")
		time.Sleep(time.Second)
		s.want("web", "app", "one", "two", "three", "four")
		summary := s.stop()[0]
		if summary.Gaps > 0 || summary.Failed != "" {
			t.Errorf("%d gaps, failed: %q", summary.Gaps, summary.Failed)
		}
		lines := strings.Split(s.logged(), "\n")
		for i, want := range []string{"warn: eu: connecting: ", "warn: eu: connecting: tls: failed to verify certificate: ", "info: eu: the server's certificate was not accepted; the configuration has another CA now", "info: eu: connected"} {
			if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
				t.Errorf("message %d is not %q: %s", i, want, s.logged())
			}
		}
		if len(lines) != 4 {
			t.Errorf("%d messages", len(lines))
		}
	})
}
