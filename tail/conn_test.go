package tail

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mktail/testdata/sim"
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
		{"full", []int{1 << 20}, 1<<20/aheadBytes + 2*fullReads},
		{"changing", []int{1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 5, 3000, 1 << 20, 9000, 1}, 1 << 20},
	} {
		t.Run(tt.name, inBubble(func(t *testing.T) {
			var got bytes.Buffer
			var calls []string
			s := newStream(t.Context())
			s.watch(func() { calls = append(calls, "leave") }, func() { calls = append(calls, "arrive") })
			network := &rounds{left: all, sizes: tt.sizes}
			network.asked = func() {
				if n := len(calls); n == 0 || calls[n-1] != "leave" {
					t.Fatalf("the network is read after %q", calls)
				}
				if got.Len()+len(network.left) != len(all) {
					t.Fatalf("%d bytes were not yet read when the stream was to wait", len(all)-len(network.left)-got.Len())
				}
			}
			made, err := dialConns(func(context.Context, string, string) (net.Conn, error) { return network, nil }, ownWait)(t.Context(), "", "")
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
	for _, asked := range []int{5, 4000, 12 << 10, aheadBytes} {
		t.Run(fmt.Sprint(asked), inBubble(func(t *testing.T) {
			network := &rounds{left: make([]byte, 1<<20), sizes: []int{1 << 20}, asked: func() {}}
			c := &conn{Conn: network, wait: sharedWait}
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

// An API server that is about to go takes no more requests on its connections, lets the streams on them go on for a while and
// ends them; and one that spreads its load takes no more from time to time. Nothing is lost.
func TestGoAway(t *testing.T) {
	for _, own := range []int{1000, -1, 3} {
		bubble(t, fmt.Sprintf("own streams %d", own), func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			var apps []*sim.Container
			var want []string
			add := func() {
				apps = append(apps, c.AddPod(sim.PodSpec{Name: fmt.Sprint("web-", len(apps))}).Container("app"))
			}
			round := func() {
				line := fmt.Sprint("line ", len(want))
				want = append(want, line)
				for _, app := range apps {
					write(t, app, line)
				}
				time.Sleep(5 * time.Second)
			}
			for range 8 {
				add()
			}
			away := c.Inject(sim.Fault{GoAway: true})
			o := follow()
			o.OwnStreams = own
			s := start(t, o, c)
			for range 20 {
				round()
			}
			if away.Hits() < len(apps)+2 {
				t.Errorf("%d requests were the last on their connections", away.Hits())
			}
			before := len(want)
			add()
			for range 5 {
				round()
			}
			if got := s.lines("web-8", "app"); !slices.Equal(got, want[before:]) {
				t.Errorf("got %q of a pod that came meanwhile", got)
			}
			c.Down() // those streams end, too
			round()
			c.Up()
			for range 20 {
				round()
			}
			summary := s.stop()[0]
			for i := range 8 {
				s.want(fmt.Sprint("web-", i), "app", want...)
			}
			s.want("web-8", "app", want[before:]...)
			if summary.Gaps != 0 || summary.Reconnects != int64(len(apps)) {
				t.Errorf("%d gaps and %d reconnects, want none and %d; stderr: %s", summary.Gaps, summary.Reconnects, len(apps), s.said())
			}
		})
	}
}

// A stream that has nothing to bring for hours goes on, and when the kubelet ends it, after four, nothing is lost.
func TestIdleForHours(t *testing.T) {
	for _, own := range []int{1000, -1} {
		for _, late := range []bool{false, true} {
			for _, old := range []bool{true, false} {
				bubble(t, fmt.Sprintf("own streams %d, late headers %v, lines before %v", own, late, old), func(t *testing.T) {
					c := simulated(t, sim.Options{LateHeaders: late})
					defer c.Close()
					ends := c.Inject(sim.Fault{Verb: "log", Match: func(r *sim.Request) bool { return r.Query.Get("follow") != "" }, After: 4 * time.Hour, End: sim.EOF})
					app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
					var want []string
					if old {
						write(t, app, "before")
						want = append(want, "before")
					}
					o := follow()
					o.OwnStreams = own
					s := start(t, o, c)
					time.Sleep(4*time.Hour + 50*time.Millisecond)
					write(t, app, "while it is opened anew")
					time.Sleep(5 * time.Hour)
					write(t, app, "after")
					time.Sleep(time.Minute)
					summary := s.stop()[0]
					s.want("web", "app", append(want, "while it is opened anew", "after")...)
					if said := s.said(); summary.Gaps != 0 || said != "" || ends.Hits() != 3 {
						t.Errorf("%d gaps, opened %d times; stderr: %s", summary.Gaps, ends.Hits(), said)
					}
				})
			}
		}
	}
}
