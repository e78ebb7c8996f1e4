// Command soak runs mktail's engine for a long time against simulated clusters in which things go wrong all the while,
// and prints memory and goroutines. It fails if a line is lost without a gap, or comes again.
//
//	go run ./testdata/soak -for 10m
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"mktail/emit"
	"mktail/tail"
	"mktail/testdata/sim"
)

const (
	clusters = 3
	pods     = 20 // of a cluster
	pause    = 20 * time.Millisecond
)

func main() {
	length := flag.Duration("for", 10*time.Minute, "how long")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), *length)
	defer cancel()
	if err := soak(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// writer writes numbered lines to one container for ever. A restart goes on counting.
type writer struct {
	*sim.Container
	written atomic.Int64
}

func soak(ctx context.Context) error {
	var following []tail.Cluster
	var writers sync.WaitGroup
	all := make(map[string]*writer)
	writing, stop := context.WithCancel(context.Background())
	defer stop()
	faults, cancel := context.WithCancel(ctx)
	defer cancel()
	for i := range clusters {
		c, err := sim.Start(sim.Options{Name: fmt.Sprint("c", i), RequestLog: 1})
		if err != nil {
			return err
		}
		defer c.Close()
		following = append(following, tail.Cluster{Name: c.Name(), Namespace: "default", Users: []tail.User{{Config: c.RESTConfig()}}})
		for n := range pods {
			w := &writer{Container: c.AddPod(sim.PodSpec{Name: fmt.Sprint("pod-", n)}).Container("app")}
			all[c.Name()+" pod-"+strconv.Itoa(n)] = w
			writers.Go(func() { w.write(writing) })
		}
		writers.Go(func() { trouble(faults, c) })
	}

	check := &checker{next: make(map[string]int64)}
	out := emit.NewOutput(check, func(src emit.Source) emit.Encode {
		return func(dst []byte, r *emit.Record) []byte { // cluster pod number, or cluster pod gap
			dst = append(dst, src.Cluster+" "+src.Pod+" "...)
			if r.Gap != nil {
				return append(dst, "gap\n"...)
			}
			return append(append(dst, r.Line...), '\n')
		}
	})
	running, end := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() {
		tail.Run(running, following, tail.Options{Follow: true, Tail: -1, MaxStreams: 1000, OwnStreams: 5, MaxLine: 1 << 20, MarkGaps: true, Log: zerolog.Nop()}, out)
	})
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	fmt.Println("seconds  goroutines  heap MiB      lines  gaps")
	for begun := time.Now(); ctx.Err() == nil; {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		lines, gaps := check.counts()
		fmt.Printf("%7.0f  %10d  %8.1f  %9d  %4d\n", time.Since(begun).Seconds(), runtime.NumGoroutine(), float64(m.HeapInuse)/(1<<20), lines, gaps)
	}
	stop()
	writers.Wait()
	err := check.await(all, time.Minute)
	end()
	run.Wait()
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}

func (w *writer) write(ctx context.Context) {
	for ctx.Err() == nil {
		if w.Write(strconv.FormatInt(w.written.Load(), 10)) == nil {
			w.written.Add(1)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// trouble breaks something of a cluster every now and then, and mends it.
func trouble(ctx context.Context, c *sim.Cluster) {
	wait := func(d time.Duration) bool {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(d):
			return true
		}
	}
	for wait(rand.N(3 * time.Second)) {
		k := c.Pods()[rand.IntN(pods)].Container("app")
		switch rand.IntN(8) {
		case 0:
			c.Down()
			wait(rand.N(5 * time.Second))
			_ = c.Up() // its port is its own
		case 1:
			c.KubeletDown()
			wait(rand.N(5 * time.Second))
			c.KubeletUp()
		case 2:
			k.Restart()
		case 3:
			k.Rotate(0)
		case 4:
			c.Compact()
		default:
			end := []sim.End{sim.EOF, sim.Abort, sim.Cut, sim.Reset}[rand.IntN(4)]
			in := c.Inject(sim.Fault{Verb: "log", Times: 5, Bytes: 1 + rand.IntN(5000), End: end})
			c.CutConnections()
			wait(time.Second)
			in.Remove()
		}
	}
}

// checker is the output: it sees that each container's numbers come in order, each once.
type checker struct {
	mu    sync.Mutex
	next  map[string]int64 // by cluster and pod
	gap   map[string]bool  // one was reported: numbers may be left out
	lines int64
	gaps  int
	err   error
}

func (c *checker) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for line := range bytes.Lines(p) {
		f := bytes.Fields(line)
		key := string(f[0]) + " " + string(f[1])
		if string(f[2]) == "gap" {
			if c.gap == nil {
				c.gap = make(map[string]bool)
			}
			c.gap[key] = true
			c.gaps++
			continue
		}
		n, err := strconv.ParseInt(string(f[2]), 10, 64)
		want := c.next[key]
		if err == nil && n != want && (n < want || !c.gap[key]) {
			err = fmt.Errorf("%s: line %d where %d was due", key, n, want)
		}
		if err != nil && c.err == nil {
			c.err = err
		}
		c.next[key] = n + 1
		delete(c.gap, key)
		c.lines++
	}
	return len(p), nil
}

func (c *checker) counts() (lines int64, gaps int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lines, c.gaps
}

// await waits for the last line of each container.
func (c *checker) await(all map[string]*writer, patience time.Duration) error {
	missing := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		missing = ""
		c.mu.Lock()
		for key, w := range all {
			if c.next[key] < w.written.Load() {
				missing = fmt.Sprintf("%s: %d lines of %d came", key, c.next[key], w.written.Load())
			}
		}
		err := c.err
		c.mu.Unlock()
		if err != nil || missing == "" {
			return err
		}
	}
	return fmt.Errorf("after a minute: %s", missing)
}
