package kube_test

import (
	"bufio"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"

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

// Streams that nobody reads hold up no other stream of their connection, however many they are and however much is sent on them.
func TestStreamsThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const all = 100 // that share a connection
		c := start(t, sim.Options{MaxStreams: all})
		full := c.AddPod(sim.PodSpec{Name: "full"}).Container("app")
		for range 40 {
			write(t, full, strings.Repeat("x", 10<<10))
		}
		write(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), "hello")
		client, _ := connect(t, c.RESTConfig(), kube.Options{})
		open := func(pod string) *kube.LogStream {
			s := client.NewLog(t.Context())
			if err := s.Open(following(pod, kube.Auto)); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s
		}
		for range all - 1 {
			open("full")
		}
		synctest.Wait() // until their windows are full
		s, line := open("web"), make(chan string)
		go func() {
			text, _ := bufio.NewReader(s).ReadString('\n')
			line <- text
		}()
		select {
		case text := <-line:
			if text != "hello\n" {
				t.Errorf("read %q", text)
			}
		case <-time.After(time.Minute):
			t.Error("read nothing")
			s.Cancel()
			<-line
		}
		if n := c.Stats().Connections; n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

// Servers that speak HTTP/2 alone, and hang up on who does not, are read over a shared connection.
func TestHangUpOnHTTP1(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("hello\n")) }))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP2(true)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	cfg := &rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
	client, _ := connect(t, cfg, kube.Options{OwnStreams: 1})
	s := client.NewLog(t.Context())
	defer s.Close()
	if err := s.Open(following("web", kube.Auto)); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(s); string(text) != "hello\n" || err != nil {
		t.Errorf("read %q, %v", text, err)
	}
}
