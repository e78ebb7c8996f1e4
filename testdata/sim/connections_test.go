package sim_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mktail/testdata/sim"
)

// inMemory runs a test of a cluster in a bubble.
func inMemory(t *testing.T, o sim.Options, test func(t *testing.T, c *sim.Cluster)) {
	synctest.Test(t, func(t *testing.T) {
		o.Memory = true
		c := start(t, o)
		test(t, c)
		c.Close()
		time.Sleep(time.Second)
	})
}

// browser is a client without anything of client-go, which offers these protocols.
func browser(t *testing.T, c *sim.Cluster, protocols ...string) *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(c.CA())
	cfg := c.RESTConfig()
	transport := &http.Transport{
		DialContext:         cfg.Dial,
		TLSClientConfig:     &tls.Config{RootCAs: roots, NextProtos: protocols},
		TLSHandshakeTimeout: 10 * time.Second,
		Protocols:           new(http.Protocols),
	}
	for _, p := range protocols {
		switch p {
		case "h2":
			transport.Protocols.SetHTTP2(true)
		default:
			transport.Protocols.SetHTTP1(true)
		}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// get returns the answer to a request of the administrator, and its text.
func get(t *testing.T, c *sim.Cluster, client *http.Client, path string, header ...string) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.RESTConfig().BearerToken)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

// Connections beyond the limit wait, until one is closed, or are reset.
func TestMaxConnections(t *testing.T) {
	inMemory(t, sim.Options{MaxConnections: 1}, func(t *testing.T, c *sim.Cluster) {
		first, second := browser(t, c, "http/1.1"), browser(t, c, "http/1.1")
		if _, text, err := get(t, c, first, "/readyz"); text != "ok" {
			t.Fatal(text, err)
		}
		if _, _, err := get(t, c, second, "/readyz"); err == nil || !strings.Contains(err.Error(), "TLS handshake timeout") {
			t.Errorf("the second connection: %v", err)
		}
		go func() {
			time.Sleep(5 * time.Second)
			first.CloseIdleConnections()
		}()
		begun := time.Now()
		if _, text, err := get(t, c, second, "/readyz"); text != "ok" || time.Since(begun) < 5*time.Second {
			t.Errorf("%q, %v after %s", text, err, time.Since(begun))
		}
		if s := c.Stats(); s.Connections != 1 || s.Accepted != 3 {
			t.Errorf("%d connections, %d accepted", s.Connections, s.Accepted)
		}
	})
	inMemory(t, sim.Options{MaxConnections: 1, ResetSurplus: true}, func(t *testing.T, c *sim.Cluster) {
		first, second := browser(t, c, "h2"), browser(t, c, "h2")
		if _, text, err := get(t, c, first, "/readyz"); text != "ok" {
			t.Fatal(text, err)
		}
		if _, _, err := get(t, c, second, "/readyz"); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) { // while it still writes
			t.Errorf("the second connection: %v", err)
		}
		first.CloseIdleConnections()
		synctest.Wait()
		if _, text, err := get(t, c, second, "/readyz"); text != "ok" {
			t.Error(text, err)
		}
	})
}

// A server of HTTP/2 alone refuses who offers another protocol.
func TestHTTP2Only(t *testing.T) {
	inMemory(t, sim.Options{HTTP2: true}, func(t *testing.T, c *sim.Cluster) {
		if _, _, err := get(t, c, browser(t, c, "http/1.1"), "/readyz"); err == nil || !strings.Contains(err.Error(), "no application protocol") {
			t.Errorf("HTTP/1.1: %v", err)
		}
		if resp, text, err := get(t, c, browser(t, c, "h2", "http/1.1"), "/readyz"); text != "ok" || resp.ProtoMajor != 2 {
			t.Error(text, err)
		}
	})
}

// Where no stream is allowed no request is answered over HTTP/2.
func TestNoStreams(t *testing.T) {
	inMemory(t, sim.Options{MaxStreams: -1}, func(t *testing.T, c *sim.Cluster) {
		if _, text, err := get(t, c, browser(t, c, "http/1.1"), "/readyz"); text != "ok" {
			t.Error("HTTP/1.1: ", text, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		cfg := c.RESTConfig()
		nc, err := cfg.Dial(ctx, "tcp", strings.TrimPrefix(c.URL(), "https://"))
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		on := tls.Client(nc, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		if err := on.HandshakeContext(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(on, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		frame := make([]byte, 15)
		if _, err := io.ReadFull(on, frame); err != nil || string(frame) != "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00" {
			t.Errorf("the settings are % x, %v", frame, err)
		}
	})
}

// A proxy answers with a page in place of the server, redirects to one, or compresses.
func TestProxyAnswers(t *testing.T) {
	inMemory(t, sim.Options{}, func(t *testing.T, c *sim.Cluster) {
		c.Inject(sim.Fault{Path: "/readyz", Page: "<html>log in</html>"})
		c.Inject(sim.Fault{Path: "/livez", Redirect: "/login"})
		c.Inject(sim.Fault{Path: "/healthz", Gzip: true})
		client := browser(t, c, "h2")
		if resp, text, err := get(t, c, client, "/readyz"); text != "<html>log in</html>" || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Error(text, err)
		}
		if resp, text, err := get(t, c, client, "/livez"); !strings.Contains(text, "log in") || resp.Request.URL.Path != "/login" {
			t.Error(text, err)
		}
		if resp, text, err := get(t, c, client, "/healthz"); text != "ok" || !resp.Uncompressed {
			t.Error(text, err)
		}
		if resp, text, err := get(t, c, client, "/healthz", "Accept-Encoding", "identity"); text != "ok" || resp.Uncompressed {
			t.Error(text, err)
		}
	})
}

// Connections that are swallowed carry nothing any more; new ones do.
func TestSwallow(t *testing.T) {
	inMemory(t, sim.Options{}, func(t *testing.T, c *sim.Cluster) {
		old := browser(t, c, "http/1.1")
		if _, text, err := get(t, c, old, "/readyz"); text != "ok" {
			t.Fatal(text, err)
		}
		c.Swallow()
		old.Timeout = time.Minute
		var timeout net.Error
		if _, _, err := get(t, c, old, "/readyz"); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("the old connection: %v", err)
		}
		if _, text, err := get(t, c, browser(t, c, "http/1.1"), "/readyz"); text != "ok" {
			t.Error(text, err)
		}
	})
}
