package e2e

import (
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

// proxy stands between mktail and the API server of a cluster, and passes on what it is not told to keep.
type proxy struct {
	t       *testing.T
	address string // where it listens
	server  string // the address of the API server; empty: nothing is passed on

	mu     sync.Mutex
	passed []*passed
}

// passed is a connection through a proxy.
type passed struct {
	client, server net.Conn
	swallowed      atomic.Bool
}

// newProxy begins a proxy to a cluster. With no cluster it is silent: it accepts connections and never answers.
func newProxy(t *testing.T, cluster string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, address: listener.Addr().String()}
	if cluster != "" {
		p.server = strings.TrimPrefix(restConfig(t, cluster).Host, "https://")
	}
	t.Cleanup(func() {
		listener.Close()
		p.cut()
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			p.accept(conn)
		}
	}()
	return p
}

func (p *proxy) accept(client net.Conn) {
	c := &passed{client: client}
	if p.server != "" {
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			client.Close()
			return
		}
		c.server = server
		go c.pass(server, client)
		go c.pass(client, server)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.passed = append(p.passed, c)
}

// pass passes on what comes from one side until either side ends.
func (c *passed) pass(to, from net.Conn) {
	defer c.close()
	for buf := make([]byte, 64<<10); ; {
		n, err := from.Read(buf)
		if c.swallowed.Load() { // neither side is told
			io.Copy(io.Discard, from)
			return
		}
		if _, failed := to.Write(buf[:n]); err != nil || failed != nil {
			return
		}
	}
}

func (c *passed) close() {
	c.client.Close()
	if c.server != nil {
		c.server.Close()
	}
}

// cut ends all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.passed {
		c.close()
	}
	p.passed = nil
}

// swallow keeps all that the connections of now carry from here on, and lets them stay open. Later ones are passed on.
func (p *proxy) swallow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.passed {
		c.swallowed.Store(true)
	}
	p.passed = nil
}

// kubeconfig writes one of a cluster that is reached through the proxy.
func (p *proxy) kubeconfig(file, cluster string) {
	p.t.Helper()
	cfg, err := clientcmd.LoadFromFile(kubeconfig(cluster))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range cfg.Clusters {
		host, _, _ := net.SplitHostPort(strings.TrimPrefix(c.Server, "https://"))
		c.TLSServerName, c.Server = host, "https://"+p.address
	}
	if err := clientcmd.WriteToFile(*cfg, file); err != nil {
		p.t.Fatal(err)
	}
}
