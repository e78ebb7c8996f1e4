package tail_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"mktail/tail"
	"mktail/testdata/sim"
)

func TestCredentialsThatEnd(t *testing.T) {
	// expire starts a run with a token that ends after a line, and whose file has another one after a while.
	expire := func(t *testing.T, while time.Duration) (said string, reads int) {
		t.Helper()
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		var renewed atomic.Bool
		c.AddToken("old", sim.Admin("ann"))
		s := startOn(t, following(), tail.Cluster{Name: "eu", Namespace: "default", Config: c.RESTConfigFor("old"), Reread: func() (*rest.Config, error) {
			switch reads++; {
			case reads == 2:
				return nil, errors.New("the file is being written")
			case renewed.Load():
				return c.RESTConfigFor("new"), nil
			}
			return c.RESTConfigFor("old"), nil
		}})
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
		return s.said(), reads
	}
	bubble(t, "there are others", func(t *testing.T) {
		said, reads := expire(t, 0)
		if want := "info: eu: the credentials were refused; there are new ones"; said != want || reads != 1 {
			t.Errorf("after %d reads: %s", reads, said)
		}
	})
	bubble(t, "there are others after a while", func(t *testing.T) {
		said, reads := expire(t, 2*time.Minute)
		want := "warn: eu: authenticating: Unauthorized, retrying\ninfo: eu: the credentials were refused; there are new ones\ninfo: eu: connected"
		if said != want || reads < 3 || reads > 6 {
			t.Errorf("after %d reads: %s", reads, said)
		}
	})
}
