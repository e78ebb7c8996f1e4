package kube_test

import (
	"bufio"
	"slices"
	"testing"
	"testing/synctest"

	"mktail/tail/kube"
	"mktail/testdata/sim"
)

// protocols are those of the log requests, in their order.
func protocols(c *sim.Cluster) (all []string) {
	for _, q := range c.Requests() {
		if q.Verb == "log" {
			all = append(all, q.Proto)
		}
	}
	return all
}

// The first streams have a connection each, further ones share one, and none goes over that of the lists unless it must.
func TestConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, sim.Options{})
		c.AddPod(sim.PodSpec{Name: "web"})
		client, _ := connect(t, c.RESTConfig(), kube.Options{OwnStreams: 2})
		open := func(over kube.Connection) *kube.LogStream {
			t.Helper()
			s := client.NewLog(t.Context())
			if err := s.Open(following("web", over)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return s
		}
		connections := func(want int) {
			t.Helper()
			synctest.Wait()
			if n := c.Stats().Connections; n != want {
				t.Errorf("%d connections, want %d", n, want)
			}
		}
		if _, err := client.GetPod(t.Context(), "default", "web"); err != nil {
			t.Fatal(err)
		}
		connections(1)
		first, second := open(kube.Auto), open(kube.Auto)
		connections(3)
		third, fourth := open(kube.Auto), open(kube.Auto)
		connections(4)
		own := open(kube.Own)
		connections(5)
		lists := open(kube.Lists)
		connections(5)
		for _, s := range []*kube.LogStream{own, lists, third, first} {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		connections(3) // those of the lists, of the second and of the fourth
		fifth, sixth := open(kube.Auto), open(kube.Auto)
		connections(4)
		const h1, h2 = "HTTP/1.1", "HTTP/2.0"
		if got, want := protocols(c), []string{h1, h1, h2, h2, h1, h2, h1, h2}; !slices.Equal(got, want) {
			t.Errorf("protocols %q, want %q", got, want)
		}
		for _, s := range []*kube.LogStream{second, fourth, fifth, sixth} {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// A server that has no HTTP/2 gets a connection for each stream.
func TestConnectionsOfOldServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, sim.Options{HTTP1: true})
		write(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), "hello")
		client, _ := connect(t, c.RESTConfig(), kube.Options{})
		for range 3 {
			s := client.NewLog(t.Context())
			defer s.Close()
			if err := s.Open(following("web", kube.Auto)); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(s).ReadString('\n'); line != "hello\n" || err != nil {
				t.Errorf("read %q, %v", line, err)
			}
		}
		if got := protocols(c); !slices.Equal(got, []string{"HTTP/1.1", "HTTP/1.1", "HTTP/1.1"}) {
			t.Errorf("protocols %q", got)
		}
	})
}
