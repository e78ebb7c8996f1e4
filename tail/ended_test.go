package tail_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"mktail/emit"
	"mktail/tail"
	"mktail/testdata/sim"
)

// runToStop runs until a line says stop, which ends the output, and returns the lines that were written.
func runToStop(t *testing.T, o tail.Options, c *sim.Cluster) (lines []string) {
	t.Helper()
	var written, logged bytes.Buffer
	o.Log = zerolog.New(&logged).Level(zerolog.WarnLevel)
	o.OwnStreams, o.MaxStreams, o.MaxLine = 10, 10, 1<<20
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	var out *emit.Output
	out = emit.NewOutput(&written, func(src emit.Source) emit.Encode {
		encode := emit.Raw(emit.RawOptions{})(src)
		return func(dst []byte, r *emit.Record) []byte {
			text := encode(dst, r)
			if !strings.HasPrefix(string(r.Line), "stop") {
				return text
			}
			out.End(text[len(dst):])
			cancel()
			return dst
		}
	})
	tail.Run(ctx, []tail.Cluster{{Name: c.Name(), Namespace: "default", Users: []tail.User{{Config: c.RESTConfig()}}}}, o, out)
	if err := out.Close(); err != nil {
		t.Error(err)
	}
	if err := o.State.Close(true); err != nil {
		t.Error(err)
	}
	if logged.Len() > 0 {
		t.Errorf("stderr: %s", &logged)
	}
	return slices.Collect(strings.Lines(written.String()))
}

// An output that ends leaves what comes after the record that ended it to the next run, in each container.
func TestEndedOutput(t *testing.T) {
	const stops, between = 4, 50
	for name, tt := range map[string]struct {
		rotated bool
		before  func(c *sim.Container, stop int) // the lines up to that stop are written
	}{
		"one log":       {false, func(*sim.Container, int) {}},
		"rotated files": {true, func(c *sim.Container, _ int) { c.Rotate(0); time.Sleep(time.Minute) }},
		"a restart": {false, func(c *sim.Container, stop int) {
			if stop == 2 {
				c.Restart()
			}
		}},
		"rotated files and a restart": {true, func(c *sim.Container, stop int) {
			if c.Rotate(0); stop == 2 {
				c.Restart()
			}
			time.Sleep(time.Minute)
		}},
	} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			path := filepath.Join(t.TempDir(), "state")
			web, db := c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), c.AddPod(sim.PodSpec{Name: "db"}).Container("app")
			run := func() []string {
				o := stateful(t, path)
				o.Rotated, o.Since = tt.rotated, 0
				return runToStop(t, o, c)
			}
			write(t, web, "stop at once")
			want := []string{"stop at once\n"}
			got := run() // then what comes is new
			for stop := range stops {
				tt.before(web, stop)
				for i := range between {
					for pod, app := range map[string]*sim.Container{"web": web, "db": db} {
						line := fmt.Sprint(pod, " ", stop, " ", i)
						write(t, app, line)
						want = append(want, line+"\n")
					}
				}
				line := fmt.Sprint("stop ", stop)
				write(t, web, line)
				want = append(want, line+"\n")
			}
			for range stops {
				time.Sleep(time.Minute)
				lines := run()
				if len(lines) == 0 || !strings.HasPrefix(lines[len(lines)-1], "stop") || strings.Count(strings.Join(lines, ""), "stop") != 1 {
					t.Errorf("a run wrote %q", lines)
				}
				got = append(got, lines...)
			}
			write(t, db, "stop")
			got, want = append(got, run()...), append(want, "stop\n")
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got %d lines, want %d\n%q", len(got), len(want), got)
			}
		})
	}
}
