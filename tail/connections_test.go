package tail_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mktail/tail"
	"mktail/tail/follow"
	"mktail/testdata/sim"
)

// However long a server asks to wait, a request is sent again after half a minute at most, and what it waits for is reported.
func TestRetryAfter(t *testing.T) {
	for _, verb := range []string{"list", "watch", "log"} {
		for _, status := range []int{429, 500, 503} {
			bubble(t, fmt.Sprint(verb, " ", status), func(t *testing.T) {
				c := simulated(t, sim.Options{})
				defer c.Close()
				hit := c.Inject(sim.Fault{Verb: verb, Status: status, RetryAfter: 3600, Times: 1})
				write(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), "one")
				s := start(t, following(), c)
				time.Sleep(time.Second)
				if logged := s.logged(); len(s.lines("web", "app")) == 0 && !strings.Contains(logged, "retrying") || hit.Hits() != 1 {
					t.Errorf("%d hits; after a second nothing is read, and stderr has %q", hit.Hits(), logged)
				}
				time.Sleep(31 * time.Second)
				s.want("web", "app", "one")
				write(t, c.AddPod(sim.PodSpec{Name: "new"}).Container("app"), "two")
				time.Sleep(3 * time.Second)
				s.want("new", "app", "two")
				s.stop()
			})
		}
	}
}

// A web page in place of logs, at once or by way of a redirect, is reported once, puts no record out, and is not a success.
func TestLoginPage(t *testing.T) {
	for _, fault := range []sim.Fault{{Page: "<!doctype html>\n<html>\n<body>log in</body>\n</html>\n"}, {Redirect: "/login"}} {
		fault.Verb = "log"
		for _, follow := range []bool{true, false} {
			bubble(t, fmt.Sprintf("redirect %q, follow %v", fault.Redirect, follow), func(t *testing.T) {
				c := simulated(t, sim.Options{})
				defer c.Close()
				page := c.Inject(fault)
				for i := range 5 {
					write(t, c.AddPod(sim.PodSpec{Name: fmt.Sprint("web-", i)}).Container("app"), "one")
				}
				s := start(t, tail.Options{Follow: follow, Tail: -1}, c)
				time.Sleep(time.Second)
				if n := strings.Count(s.logged(), "log in there"); n != 1 {
					t.Errorf("reported %d times in the first second", n)
				}
				time.Sleep(5 * time.Minute)
				if n := strings.Count(s.logged(), "log in there"); n != 1 || strings.Contains(s.logged(), "again") {
					t.Errorf("stderr: %s", s.logged())
				}
				if n := len(s.records()); n != 0 {
					t.Errorf("%d records", n)
				}
				if n := page.Hits(); n > 5*30 {
					t.Errorf("asked %d times", n)
				}
				if !follow {
					if failed := s.stop()[0].Failed; !strings.Contains(failed, "log in there") {
						t.Errorf("it ends with %q", failed)
					}
					return
				}
				page.Remove()
				time.Sleep(31 * time.Second)
				for i := range 5 {
					s.want(fmt.Sprint("web-", i), "app", "one")
				}
				if logged := s.logged(); strings.Count(logged, "readable again") != 1 {
					t.Errorf("stderr: %s", logged)
				}
				s.stop()
			})
		}
	}
}

// Where a server or what is in front of it limits connections, streams share one, and neither the pods that come later nor those
// whose connections were cut wait for long.
func TestConnectionLimit(t *testing.T) {
	for _, limit := range []int{2, 10} {
		for _, reset := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%d connections, reset %v", limit, reset), func(t *testing.T) {
				c := simulated(t, sim.Options{MaxConnections: limit, ResetSurplus: reset})
				defer c.Close()
				var apps []*sim.Container
				for i := range 40 {
					apps = append(apps, c.AddPod(sim.PodSpec{Name: fmt.Sprint("web-", i)}).Container("app"))
					write(t, apps[i], "one")
				}
				s := start(t, tail.Options{Follow: true, Tail: -1, OwnStreams: 32}, c)
				want := func(within time.Duration, lines ...string) {
					t.Helper()
					time.Sleep(within)
					for i := range apps {
						s.want(fmt.Sprint("web-", i), "app", lines...)
					}
				}
				want(15*time.Second, "one")
				for _, app := range apps {
					write(t, app, "two")
				}
				want(follow.JumpLimit+time.Second, "one", "two") // whether lines were left out before these is asked over the same connection
				c.CutConnections()
				time.Sleep(time.Second)
				for _, app := range apps {
					write(t, app, "three")
				}
				want(30*time.Second, "one", "two", "three")
				write(t, c.AddPod(sim.PodSpec{Name: "new"}).Container("app"), "one")
				time.Sleep(time.Second)
				s.want("new", "app", "one")
				s.stop()
			})
		}
	}
}

// A run that doesn't follow reads all over few connections, whatever protocol the server speaks, rotated files too.
func TestFewConnectionsToEnd(t *testing.T) {
	for _, o := range []sim.Options{{}, {HTTP1: true}, {HTTP2: true}} {
		for _, limit := range []int{1, 3} {
			for _, rotated := range []bool{false, true} {
				if o.HTTP1 && rotated { // a log keeps its connection while files are read
					continue
				}
				o.MaxConnections = limit
				bubble(t, fmt.Sprintf("%d connections, HTTP/1.1 %v, HTTP/2 %v, rotated %v", limit, o.HTTP1, o.HTTP2, rotated), func(t *testing.T) {
					c := simulated(t, o)
					defer time.Sleep(time.Second) // a connection that lets more come sees its end only then
					defer c.Close()
					for i := range 12 {
						app := c.AddPod(sim.PodSpec{Name: fmt.Sprint("web-", i)}).Container("app")
						write(t, app, "one")
						if rotated {
							app.Rotate(0)
						}
						write(t, app, "two")
					}
					s := start(t, tail.Options{Tail: -1, OwnStreams: 32, MaxStreams: 100, Rotated: rotated}, c)
					if failed := (<-s.done)[0].Failed; failed != "" {
						t.Errorf("it ends with %q", failed)
					}
					for i := range 12 {
						s.want(fmt.Sprint("web-", i), "app", "one", "two")
					}
				})
			}
		}
	}
}

// With HTTP/1.1 alone each stream takes a connection: those that get none are reported, and lists and watches get theirs.
func TestConnectionLimitOfOldServer(t *testing.T) {
	const limit = 10
	for _, reset := range []bool{false, true} {
		bubble(t, fmt.Sprintf("reset %v", reset), func(t *testing.T) {
			c := simulated(t, sim.Options{HTTP1: true, MaxConnections: limit, ResetSurplus: reset})
			defer c.Close()
			var pods []*sim.Pod
			for i := range 30 {
				pods = append(pods, c.AddPod(sim.PodSpec{Name: fmt.Sprint("web-", i)}))
				write(t, pods[i].Container("app"), "one")
			}
			s := start(t, tail.Options{Follow: true, Tail: -1, OwnStreams: 32}, c)
			read := func() (n int) {
				for _, pod := range pods {
					n += min(1, len(s.lines(pod.Name(), "app")))
				}
				return n
			}
			time.Sleep(12 * time.Second)
			if n := read(); n < limit-3 {
				t.Errorf("%d containers are read", n)
			}
			if logged := s.logged(); !strings.Contains(logged, "logs on node node-1: ") && !strings.Contains(logged, "connecting: ") {
				t.Errorf("stderr: %s", logged)
			}
			for range 3 { // whoever is faster
				c.CutConnections()
				time.Sleep(time.Minute)
				if n := c.Stats().OpenWatches; n != 1 {
					t.Errorf("%d watches a minute after all connections were cut; %s", n, s.logged())
				}
			}
			for _, pod := range pods[:25] {
				pod.Delete(0)
			}
			time.Sleep(2 * time.Minute)
			for _, pod := range pods[25:] {
				s.want(pod.Name(), "app", "one")
			}
			s.stop()
		})
	}
}

// A server of HTTP/2 alone is read, whether it refuses other protocols in the handshake or hangs up.
func TestHTTP2Only(t *testing.T) {
	for _, own := range []int{32, -1} {
		bubble(t, fmt.Sprint("own streams ", own), func(t *testing.T) {
			c := simulated(t, sim.Options{HTTP2: true})
			defer c.Close()
			for i := range 40 {
				write(t, c.AddPod(sim.PodSpec{Name: fmt.Sprint("web-", i)}).Container("app"), "one")
			}
			s := start(t, tail.Options{Follow: true, Tail: -1, OwnStreams: own}, c)
			time.Sleep(2 * time.Second)
			for i := range 40 {
				s.want(fmt.Sprint("web-", i), "app", "one")
			}
			if logged := s.logged(); logged != "" {
				t.Errorf("stderr: %s", logged)
			}
			s.stop()
		})
	}
}

// A server whose HTTP/2 connections take no request is reported at once, and not overrun with new connections.
func TestNoStreams(t *testing.T) {
	bubble(t, "none", func(t *testing.T) {
		c := simulated(t, sim.Options{MaxStreams: -1})
		defer c.Close()
		c.AddPod(sim.PodSpec{Name: "web"})
		s := start(t, following(), c)
		time.Sleep(time.Second)
		if logged := s.logged(); !strings.Contains(logged, "connecting: the server accepts connections, but no request on them") {
			t.Errorf("stderr: %s", logged)
		}
		time.Sleep(10 * time.Minute)
		if n := c.Stats().Accepted; n > 4*45 {
			t.Errorf("%d connections", n)
		}
		s.stop()
	})
}

// When a connection proves dead, the streams of the same server that are silent go on over new ones, whether or not their logs have
// gone on until then.
func TestSwallowed(t *testing.T) {
	for _, own := range []int{1000, -1} {
		for _, pause := range []time.Duration{time.Second, 50 * time.Second} {
			bubble(t, fmt.Sprintf("own streams %d, silent for %s", own, pause), func(t *testing.T) {
				c := simulated(t, sim.Options{})
				defer c.Close()
				other := simulated(t, sim.Options{Name: "other"})
				defer other.Close()
				app, quiet := c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), other.AddPod(sim.PodSpec{Name: "quiet"}).Container("app")
				write(t, app, "one")
				write(t, quiet, "one")
				s := start(t, tail.Options{Follow: true, Tail: -1, OwnStreams: own}, c, other)
				time.Sleep(time.Minute)
				c.Swallow()
				time.Sleep(pause)
				write(t, app, "two")
				time.Sleep(time.Minute)
				s.want("web", "app", "one", "two")
				write(t, app, "three")
				time.Sleep(time.Second)
				s.want("web", "app", "one", "two", "three")
				s.want("quiet", "app", "one")
				summaries := s.stop()
				if n := summaries[1].Reconnects; n != 0 {
					t.Errorf("%d streams of the other cluster were opened again", n)
				}
			})
		}
	}
}

// A run that doesn't follow ends in about the time that a request may take, whether a cluster doesn't answer connections or requests.
func TestMuteCluster(t *testing.T) {
	for name, mute := range map[string]func(c *sim.Cluster){
		"connections": func(c *sim.Cluster) { c.Freeze() },
		"lists":       func(c *sim.Cluster) { c.Inject(sim.Fault{Verb: "list", Delay: 24 * time.Hour}) },
	} {
		for _, limit := range []time.Duration{0, 20 * time.Second} {
			bubble(t, fmt.Sprintf("%s, request timeout %s", name, limit), func(t *testing.T) {
				c := simulated(t, sim.Options{})
				defer c.Close()
				write(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), "one")
				mute(c)
				begun := time.Now()
				s := start(t, tail.Options{Tail: -1, AnswerIn: limit}, c)
				failed := (<-s.done)[0].Failed
				most := 90 * time.Second
				if limit > 0 {
					most = 50 * time.Second
				}
				if took := time.Since(begun); took > most || failed == "" {
					t.Errorf("it ended after %s with %q", took, failed)
				}
			})
		}
	}
}

// The log of the previous instance is not given up because it takes long to connect.
func TestPreviousOverSlowConnections(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := simulated(t, sim.Options{HTTP1: true})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		var slow atomic.Bool
		cfg := c.RESTConfig()
		dial := cfg.Dial
		cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if slow.Load() {
				select {
				case <-time.After(9 * time.Second):
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
			conn, err := dial(ctx, network, address)
			if slow.Load() && err == nil {
				conn = slowConn{conn}
			}
			return conn, err
		}
		s := startOn(t, following(), tail.Cluster{Name: c.Name(), Namespace: "default", Users: []tail.User{{Config: cfg}}})
		write(t, app, "one")
		time.Sleep(time.Second)
		c.Down()
		write(t, app, "two")
		app.Restart()
		write(t, app, "three")
		slow.Store(true)
		c.Up()
		time.Sleep(10 * time.Minute)
		s.exact([]string{"one", "two", "three"})
	})
}

// slowConn is a connection over which all takes its time.
type slowConn struct{ net.Conn }

func (c slowConn) Read(p []byte) (int, error) {
	time.Sleep(450 * time.Millisecond)
	return c.Conn.Read(p)
}
