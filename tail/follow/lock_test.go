package follow

import (
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"mktail/emit"
	"mktail/tail/pods"
	"mktail/tail/position"
	"mktail/tail/report"
)

// gated is a writer that waits until it is opened.
type gated struct {
	open chan struct{}
	mu   sync.Mutex
	all  strings.Builder
}

func newGated() *gated { return &gated{open: make(chan struct{})} }

func (g *gated) Write(p []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.all.Write(p)
}

func (g *gated) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.all.String()
}

// newTestFollower makes a follower that nothing is read of.
func newTestFollower(t *testing.T, out *emit.Output) *Follower {
	ignore := func(report.Event) {}
	c := NewCluster(Config{
		Name: "eu", Out: out, Log: zerolog.Nop(), Health: report.NewHealth("eu", zerolog.Nop(), ignore), Stats: new(report.Stats), Notify: ignore,
		Options: Options{Follow: true, Tail: -1, MaxLine: 1000, MarkGaps: true, MaxStreams: 1},
	})
	return New(t.Context(), c, Target{UID: "u", Namespace: "shop", Pod: "web", Container: "app"}, pods.Status{Current: pods.Instance{ID: "a", Running: true}}, Start{})
}

// While the output waits no place can be had but one that was taken when it last went on, and never an older one than before.
func TestPlaceWhileOutputWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newGated()
		out := emit.NewOutput(w, emit.JSON)
		f := newTestFollower(t, out)
		stamp := int64(0)
		read := func() {
			stamp += 5e9
			f.place.cursor.Add(stamp, position.Hash(stamp, nil, 0))
		}
		wantPlace := func(what string, newest int64) {
			t.Helper()
			if p, ok := f.Place(); ok != (newest > 0) || p.Newest != newest {
				t.Errorf("%s: at %d, %v, want %d", what, p.Newest, ok, newest)
			}
		}
		stall := func(during func()) {
			f.mu.outputWaits()
			during()
			f.mu.outputWent(f.out.Holds, f.snapshot)
		}
		f.mu.Lock()
		read()
		stall(func() { wantPlace("stalled for the first time", 0) })
		read()
		f.mu.idle(func() { wantPlace("not stalled", stamp) })
		first := stamp
		read()
		stall(func() { wantPlace("stalled again", 0) })
		read()
		stall(func() { wantPlace("stalled, after a place was taken", first+5e9) })
		f.mu.Unlock()
		close(w.open)
		out.Close()
	})
}

// joiningFollower makes a follower whose output joins lines, and what is written to.
func joiningFollower(t *testing.T) (f *Follower, out *emit.Output, w *gated) {
	w = newGated()
	close(w.open)
	out = emit.NewOutput(w, emit.Raw(emit.RawOptions{}))
	out.Multiline(emit.MultilineOptions{MaxBytes: 1000})
	return newTestFollower(t, out), out, w
}

// Lines that are held to be joined are not handed over: the place is that before them, which is taken before the line that follows them.
func TestPlaceWhileLinesAreHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, out, w := joiningFollower(t)
		stamp := int64(0)
		s := sink{f: f}
		read := func(line string) {
			if err := f.between([]byte(line)); err != nil {
				t.Error(err)
			}
			stamp += 5e9
			f.place.cursor.Add(stamp, position.Hash(stamp, nil, 0))
			if err := s.put(stamp, nil, []byte(line), 0); err != nil {
				t.Error(err)
			}
		}
		// want looks what is written of the lines up to the place.
		want := func(what string, newest int64, written string) {
			t.Helper()
			p, ok := f.Place()
			out.Sync(t.Context())
			if ok != (newest > 0) || p.Newest != newest || !strings.HasPrefix(w.String(), written) {
				t.Errorf("%s: at %d, %v, want %d; %q is written, want %q", what, p.Newest, ok, newest, w.String(), written)
			}
		}
		f.mu.Lock()
		read("a")
		s.settle()
		f.mu.idle(func() { want("held", 0, "") })
		read(" b")
		s.settle()
		f.mu.idle(func() { want("held, with another line", 0, "") })
		end := stamp
		read("c")
		s.settle()
		f.mu.idle(func() { want("the group before", end, "a\n b\n") })
		f.mu.idle(func() { want("held again", 0, "a\n b\n") })
		f.mu.idle(func() { time.Sleep(time.Second) })
		f.mu.idle(func() { want("given out in time", stamp, "a\n b\nc\n") })
		read("d")
		f.finish(pods.Instance{ID: "a"})
		f.mu.idle(func() { want("given out with the instance", stamp, "a\n b\nc\nd\n") })
		f.mu.Unlock()
		out.Close()
	})
}

// A gap that a comparison finds does not wait for a stalled output. It is handed over by the next comparison, or when Run hands over
// anything, or is about to wait.
func TestGapWhileOutputWaits(t *testing.T) {
	for name, handOver := range map[string]func(f *Follower){
		"the next comparison": func(f *Follower) {
			if !f.Suspect() {
				t.Error("the follower is not compared again")
			}
			f.Compare(t.Context())
		},
		"Run": func(f *Follower) {
			f.mu.Lock()
			defer f.mu.Unlock()
			s := sink{f: f}
			if err := s.settle(); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newGated()
				out := emit.NewOutput(w, emit.JSON)
				other := out.Stream(emit.Source{})
				var writing sync.WaitGroup
				writing.Go(func() { // more than may be pending
					for range 2000 {
						other.Add(&emit.Record{Stamp: []byte("2026-01-02T03:04:05.000000000Z"), Line: []byte(strings.Repeat("x", 1000))})
					}
					other.Flush()
				})
				synctest.Wait()
				f := newTestFollower(t, out)
				f.mu.Lock()
				f.place.cursor.Add(1e9, 1)
				f.mu.comparing++
				f.gap(1e9, 2e9, report.JumpUnexplained)
				f.mu.comparing--
				f.mu.Unlock()
				close(w.open)
				writing.Wait()
				synctest.Wait()
				if strings.Contains(w.String(), `"gap"`) {
					t.Fatal("the output was not stalled")
				}
				handOver(f)
				synctest.Wait()
				if n := strings.Count(w.String(), `"gap"`); n != 1 {
					t.Errorf("%d gaps were written", n)
				}
				out.Close()
			})
		})
	}
}

// Lines that the one after them gives out are handed over when the stream waits, though that one is a repeat: the place is behind both.
func TestPlaceAfterRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, out, w := joiningFollower(t)
		s := sink{f: f}
		f.mu.Lock()
		if err := s.put(5e9, nil, []byte("a"), 0); err != nil {
			t.Error(err)
		}
		f.place.cursor.Add(5e9, 1)
		s.settle()
		if err := f.between([]byte("b")); err != nil { // which is not put
			t.Error(err)
		}
		s.settle()
		f.mu.idle(func() {
			p, ok := f.Place()
			out.Sync(t.Context())
			if !ok || p.Newest != 5e9 || w.String() != "a\n" {
				t.Errorf("at %d, %v; %q is written", p.Newest, ok, w.String())
			}
		})
		f.mu.Unlock()
		out.Close()
	})
}

// Where each line belongs to the one before, a place is taken where a full group ends.
func TestPlaceBetweenFullGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := emit.NewOutput(io.Discard, emit.Raw(emit.RawOptions{}))
		out.Multiline(emit.MultilineOptions{MaxBytes: 1 << 20})
		f := newTestFollower(t, out)
		s := sink{f: f}
		f.mu.Lock()
		for i := range int64(5000) {
			if err := f.between([]byte("  x")); err != nil {
				t.Error(err)
			}
			f.place.cursor.Add(i+1, uint64(i))
			s.put(i+1, nil, []byte("  x"), 0)
			if i == 10 {
				s.settle()
				f.mu.idle(func() { f.Place() })
			}
		}
		s.settle()
		f.mu.idle(func() {
			if p, ok := f.Place(); !ok || p.Newest != 1000 {
				t.Errorf("at %d, %v, want 1000", p.Newest, ok)
			}
		})
		f.out.End()
		f.mu.Unlock()
		out.Close()
	})
}

// Lines that are read again, as from rotated files, do not end the lines that are held: those that follow may belong to them.
func TestHeldWhileRepeating(t *testing.T) {
	out := emit.NewOutput(io.Discard, emit.Raw(emit.RawOptions{}))
	out.Multiline(emit.MultilineOptions{MaxBytes: 1000})
	f := newTestFollower(t, out)
	s := sink{f: f}
	f.place.cursor.Add(5e9, 1)
	s.put(5e9, nil, []byte("a"), 0)
	f.place.cursor.Reopen(false)
	if err := f.between([]byte("read before")); err != nil || !f.out.Holds() {
		t.Errorf("held: %v, error %v", f.out.Holds(), err)
	}
	f.out.End()
	out.Close()
}
