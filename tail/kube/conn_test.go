package kube

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// rounds is a connection that brings what it has in pieces of these sizes, again and again.
type rounds struct {
	net.Conn
	left  []byte
	sizes []int
	reads int
	asked func()
}

func (p *rounds) Read(b []byte) (int, error) {
	p.asked()
	size := p.sizes[p.reads%len(p.sizes)]
	p.reads++
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.left[:min(size, len(p.left))])
	p.left = p.left[n:]
	return n, nil
}

// All arrives in order, whether it was read ahead or not, and the stream is told before each wait for the network: then
// it has got all that came before.
func TestConn(t *testing.T) {
	all := make([]byte, 1<<20)
	random := rand.NewChaCha8([32]byte{})
	random.Read(all)
	r := rand.New(random)
	for _, tt := range []struct {
		name  string
		sizes []int
		most  int // reads of the network
	}{
		{"little", []int{100, 117, 1}, 1 << 20},
		{"full", []int{1 << 20}, 1<<20/readAheadSize + 2*fullReads},
		{"changing", []int{1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 5, 3000, 1 << 20, 9000, 1}, 1 << 20},
	} {
		t.Run(tt.name, inBubble(func(t *testing.T) {
			var got bytes.Buffer
			var calls []string
			s := new(LogStream)
			s.OnWait(func() { calls = append(calls, "leave") }, func() { calls = append(calls, "arrive") })
			network := &rounds{left: all, sizes: tt.sizes}
			network.asked = func() {
				if n := len(calls); n == 0 || calls[n-1] != "leave" {
					t.Fatalf("the network is read after %q", calls)
				}
				if got.Len()+len(network.left) != len(all) {
					t.Fatalf("%d bytes were not yet read when the stream was to wait", len(all)-len(network.left)-got.Len())
				}
			}
			made, err := dialConns(func(context.Context, string, string) (net.Conn, error) { return network, nil }, ownCoalesce)(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			c := connOf(made)
			c.watcher = s
			for {
				b := make([]byte, 1+r.IntN(2000))
				n, err := c.Read(b)
				got.Write(b[:n])
				if err == io.EOF {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(got.Bytes(), all) {
				t.Error("what came is not what was sent")
			}
			for i, call := range calls {
				if want := []string{"leave", "arrive"}[i%2]; call != want {
					t.Fatalf("call %d: %s", i, call)
				}
			}
			if network.reads > tt.most {
				t.Errorf("%d reads of the network, want at most %d", network.reads, tt.most)
			}
		}))
	}
}

// A connection that brings all that it is asked for does not wait for more, however little that is.
func TestConnFull(t *testing.T) {
	for _, asked := range []int{5, 4000, 12 << 10, readAheadSize} {
		t.Run(fmt.Sprint(asked), inBubble(func(t *testing.T) {
			network := &rounds{left: make([]byte, 1<<20), sizes: []int{1 << 20}, asked: func() {}}
			c := &conn{Conn: network, coalesce: sharedCoalesce}
			begun := time.Now()
			for b := make([]byte, asked); ; {
				if _, err := c.Read(b); err == io.EOF {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			if took := time.Since(begun); took > 0 {
				t.Errorf("it waited for %s", took)
			}
		}))
	}
}

func inBubble(test func(*testing.T)) func(*testing.T) {
	return func(t *testing.T) { synctest.Test(t, test) }
}
