package tail_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"mktail/emit"
	"mktail/tail"
	"mktail/tail/checkpoint"
	"mktail/tail/report"
	"mktail/testdata/sim"
)

// heap is what is in use of it.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// kept is what a run keeps in memory at the moment: it ends the run for that.
func kept(stop func()) int64 {
	during := heap()
	stop()
	return during - heap()
}

// discarding starts a run whose records and messages nobody keeps, and returns what ends it.
func discarding(t *testing.T, o tail.Options, c *sim.Cluster) (stop func()) {
	o.OwnStreams, o.MaxStreams, o.MaxLine, o.Log = 4, 1000, 1<<20, zerolog.Nop()
	ctx, cancel := context.WithCancel(t.Context())
	out := emit.NewOutput(io.Discard, emit.JSON)
	done := make(chan []report.Summary)
	go func() {
		done <- tail.Run(ctx, []tail.Cluster{{Name: c.Name(), Namespace: "default", Users: []tail.User{{Config: c.RESTConfig()}}}}, o, out)
	}()
	return func() {
		cancel()
		<-done
		out.Close()
		if o.State != nil {
			o.State.Close(true)
		}
		synctest.Wait()
	}
}

// scale is how many times as many pods tests of memory have, which then are exact.
func scale(t *testing.T) int {
	text := os.Getenv("MKTAIL_PODS")
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A container that has ended costs its place: under 1 KiB.
func TestEndedContainers(t *testing.T) {
	few, more, most := 20, 100*scale(t), int64(1<<10)
	if scale(t) == 1 {
		most = 5 << 9 // so few don't even out what connections cost
	}
	for _, lines := range []int{1, 3000} {
		for _, state := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%d lines, state %v", lines, state), func(t *testing.T) {
				block := sim.Prerender(lines, time.Now().Add(-time.Hour), 3*time.Second/time.Duration(lines), func(i int) string { return fmt.Sprint("line ", i) })
				with := func(pods int) int64 {
					c := simulated(t, sim.Options{RequestLog: 10, History: 10})
					defer c.Close()
					for i := range pods {
						p := c.AddPod(sim.PodSpec{Name: fmt.Sprint("job-", i), Policy: "Never"})
						p.Container("app").Fill(block)
						p.Container("app").Exit(0)
					}
					o := following()
					if state {
						var err error
						if o.State, err = checkpoint.Open(t.TempDir()+"/state", 30*time.Second, zerolog.Nop()); err != nil {
							t.Fatal(err)
						}
					}
					stop := discarding(t, o, c)
					time.Sleep(2*time.Minute + time.Second/2) // not while the state is saved
					return kept(stop)
				}
				with(1)
				each := (with(few+more) - with(few)) / int64(more)
				t.Logf("%d bytes each", each)
				if each > most {
					t.Errorf("%d bytes for each container that has ended", each)
				}
			})
		}
	}
}

// Pods that have come and gone leave nothing.
func TestPodsThatComeAndGo(t *testing.T) {
	for _, state := range []bool{false, true} {
		bubble(t, fmt.Sprint("state ", state), func(t *testing.T) {
			c := simulated(t, sim.Options{RequestLog: 10, History: 50})
			defer c.Close()
			o := following()
			if state {
				var err error
				if o.State, err = checkpoint.Open(t.TempDir()+"/state", 30*time.Second, zerolog.Nop()); err != nil {
					t.Fatal(err)
				}
			}
			stop := discarding(t, o, c)
			defer stop()
			name := 0
			come := func(pods int) int64 {
				for range pods { // twenty a second
					p := c.AddPod(sim.PodSpec{Name: fmt.Sprint("job-", name), Policy: "Never"})
					name++
					write(t, p.Container("app"), "one")
					time.AfterFunc(3*time.Second, func() { p.Container("app").Exit(0) })
					time.AfterFunc(5*time.Second, func() { p.Delete(0) })
					time.Sleep(50 * time.Millisecond)
				}
				time.Sleep(12*time.Minute + time.Second/2) // not while the state is saved
				return heap()
			}
			come(100)
			first := come(min(100*scale(t), 900)) // up to a thousand
			grown := come(1000*scale(t)-name) - first
			t.Logf("%d bytes more after %d pods", grown, name)
			if grown > 2<<20 || grown > 300*int64(name) {
				t.Errorf("the heap has grown by %d bytes after %d pods", grown, name)
			}
		})
	}
}
