package tail_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"mktail/emit"
	"mktail/tail"
	"mktail/tail/report"
	"mktail/testdata/sim"
)

// observed runs tail for as long as act takes, and gives the sources and what they brought: "restarts: line".
func observed(t *testing.T, o tail.Options, c *sim.Cluster, act func()) (sources map[string]emit.Source, lines []string) {
	t.Helper()
	var mu sync.Mutex
	sources = make(map[string]emit.Source)
	out := emit.NewOutput(io.Discard, func(src emit.Source) emit.Encode {
		mu.Lock()
		defer mu.Unlock()
		sources[src.Container] = src
		return func(dst []byte, r *emit.Record) []byte {
			mu.Lock()
			defer mu.Unlock()
			text := string(r.Line)
			if r.Gap != nil {
				text = r.Gap.Reason
			}
			lines = append(lines, fmt.Sprint(r.Restarts, ": ", text))
			return append(dst, '\n')
		}
	})
	o.Log, o.MaxStreams, o.MaxLine = zerolog.Nop(), 1000, 1<<20
	cs := []tail.Cluster{{Name: "eu", Namespace: "default", Context: "admin@eu", Users: []tail.User{{Config: c.RESTConfigFor(c.AdminToken())}}}}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { tail.Run(ctx, cs, o, out) })
	act()
	cancel()
	running.Wait()
	if err := out.Close(); err != nil {
		t.Error(err)
	}
	return sources, lines
}

func TestSourceMetadata(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		bubble(t, fmt.Sprintf("wanted %v", wanted), func(t *testing.T) {
			c := simulated(t, sim.Options{Images: []string{"shop/web:2", "shop/init:1", "debug:3"}})
			defer c.Close()
			n := func(i int) (string, bool) { return "x", i < 1 }
			labels, annotations := map[string]string{"app": "web"}, map[string]string{"a/b": "c"}
			pod := c.AddPod(sim.PodSpec{Name: "web", Node: "node-7", Labels: labels, Annotations: annotations, Containers: []sim.ContainerSpec{
				{Name: "app", Image: "shop/web:2"}, {Name: "prepare", Image: "shop/init:1", Init: true, Lines: n},
			}})
			sources, _ := observed(t, tail.Options{Tail: -1, Follow: true, Metadata: wanted}, c, func() {
				time.Sleep(time.Second)
				pod.AddEphemeral(sim.ContainerSpec{Name: "debug", Image: "debug:3", Lines: n})
				time.Sleep(time.Second)
			})
			for container, image := range map[string]string{"app": "shop/web:2", "prepare": "shop/init:1", "debug": "debug:3"} {
				src := sources[container]
				if src.Cluster != "eu" || src.Context != "admin@eu" || src.Namespace != "default" || src.Pod != "web" || src.Node != "node-7" || len(src.UID) != 36 {
					t.Errorf("%+v", src)
				}
				switch {
				case !wanted && (src.Image != "" || src.Labels != nil || src.Annotations != nil):
					t.Errorf("kept, though nobody wants it: %+v", src)
				case wanted && (src.Image != image || !maps.Equal(src.Labels, labels) || !maps.Equal(src.Annotations, annotations)):
					t.Errorf("%+v", src)
				}
			}
		})
	}
}

// Each line says how often its container had been restarted, also where it comes from a file of an instance that the
// API tells nothing of any more.
func TestRestartsOfRecords(t *testing.T) {
	for _, rotated := range []bool{false, true} {
		bubble(t, fmt.Sprintf("--rotated %v", rotated), func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
			write(t, app, "of 0")
			_, lines := observed(t, tail.Options{Tail: -1, Follow: true, Rotated: rotated, MarkGaps: true}, c, func() {
				time.Sleep(time.Second)
				app.Restart()
				write(t, app, "of 1")
				time.Sleep(time.Minute)
				c.Down()
				for i := 2; i <= 4; i++ {
					app.Restart()
					write(t, app, fmt.Sprint("of ", i))
					time.Sleep(10 * time.Second)
				}
				if err := c.Up(); err != nil {
					t.Error(err)
				}
				time.Sleep(5 * time.Minute)
			})
			if !slices.Contains(lines, "0: of 0") || !slices.Contains(lines, "4: of 4") {
				t.Errorf("got %q", lines)
			}
			gaps := 0
			for _, l := range lines {
				restarts, text, _ := strings.Cut(l, ": ")
				if text == string(report.RestartsMissed) {
					gaps++
				} else if text != "of "+restarts {
					t.Errorf("got %q", l)
				}
			}
			if !rotated && gaps != 1 {
				t.Errorf("got %q", lines)
			}
		})
	}
}
