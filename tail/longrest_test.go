package tail_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mktail/tail"
	"mktail/testdata/sim"
)

// A log may end with the beginning of a line that the runtime has split in many pieces, each with a stamp of its own.
func TestLongRest(t *testing.T) {
	for _, pieces := range []int{3, 20} {
		for _, before := range []int{0, 2} {
			for _, mode := range []string{"once, running", "once, ended", "follow, ended", "follow, reopened"} {
				bubble(t, fmt.Sprint(pieces, " pieces, ", before, " lines before, ", mode), func(t *testing.T) {
					c := simulated(t, sim.Options{})
					defer c.Close()
					app := c.AddPod(sim.PodSpec{Name: "web", Policy: "Never"}).Container("app")
					var want []string
					for i := range before {
						want = append(want, fmt.Sprint("line ", i))
						write(t, app, want[i])
					}
					size := 16 << 10
					if pieces > 50 {
						size = 1 << 10
					}
					put := func() {
						var long strings.Builder
						for i := range pieces {
							text := strings.Repeat(string(rune('a'+i%26)), size)
							long.WriteString(text)
							if err := app.Append(sim.Record{Stamp: time.Now(), Partial: true, Text: text}); err != nil {
								t.Fatal(err)
							}
							time.Sleep(time.Millisecond)
						}
						want = append(want, long.String())
					}
					o := tail.Options{Tail: -1}
					if strings.HasPrefix(mode, "follow") {
						o = following()
					} else {
						put()
					}
					if mode == "once, ended" {
						app.Exit(0)
						time.Sleep(time.Minute)
					}
					s := start(t, o, c)
					switch mode {
					case "follow, ended":
						time.Sleep(10 * time.Second)
						put()
						app.Exit(0)
						time.Sleep(time.Hour)
						s.cancel()
					case "follow, reopened":
						time.Sleep(10 * time.Second)
						put()
						c.Down()
						time.Sleep(5 * time.Second)
						if err := c.Up(); err != nil {
							t.Fatal(err)
						}
						time.Sleep(2 * time.Minute)
						if err := app.Append(sim.Record{Stamp: time.Now(), Text: "end"}); err != nil {
							t.Fatal(err)
						}
						want[len(want)-1] += "end"
						time.Sleep(time.Minute)
						s.cancel()
					}
					began := time.Now()
					var sum any
					select {
					case x := <-s.done:
						sum = x
					case <-time.After(time.Hour):
						t.Errorf("has not ended in an hour")
						sum = s.stop()
					}
					got := s.lines("web", "app")
					bad := len(got) != len(want)
					for i := range min(len(got), len(want)) {
						bad = bad || got[i] != want[i]
					}
					if bad || strings.Contains(s.logged(), "missing") {
						var l []int
						for _, g := range got {
							l = append(l, len(g))
						}
						t.Errorf("got %d lines, want %d, sizes %v, after %s, %+v\n%s", len(got), len(want), l, time.Since(began), sum, s.logged())
					}
				})
			}
		}
	}
}
