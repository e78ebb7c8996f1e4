package tail_test

import (
	"strings"
	"testing"
	"time"

	"mktail/tail"
	"mktail/testdata/sim"
)

// Whatever the lines hold and however the stream is cut into pieces, they arrive as they were written.
func TestText(t *testing.T) {
	lines := []string{"", "grüße 世界 🙂", "\r", "a\r", "\x00", "tab\tquote\"backslash\\", strings.Repeat("ü", 20_000), "last"}
	for name, chunk := range map[string]int{"whole": 0, "a line each": -1, "seven bytes each": 7} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{Chunk: chunk})
			defer c.Close()
			app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
			write(t, app, lines[:4]...)
			s := start(t, following(), c)
			time.Sleep(time.Second)
			write(t, app, lines[4:]...)
			time.Sleep(time.Second)
			s.stop()
			s.want("web", "app", lines...)
		})
	}
	bubble(t, "stamps with an offset", func(t *testing.T) {
		c := simulated(t, sim.Options{Zone: time.FixedZone("", -7*3600-1800)})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		at := time.Now().Add(time.Second).UTC().Truncate(time.Millisecond)
		if err := app.WriteStamped(at, "x"); err != nil {
			t.Fatal(err)
		}
		s := start(t, tail.Options{Tail: -1}, c)
		<-s.done
		if got := s.records(); len(got) != 1 || got[0].TS != at.Format("2006-01-02T15:04:05.000000000Z") {
			t.Errorf("got %+v", got)
		}
	})
	bubble(t, "a giant line is cut", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		write(t, app, strings.Repeat("é", 5<<20), "next")
		o := following()
		o.MaxLine = 1001
		s := start(t, o, c)
		time.Sleep(time.Second)
		summary := s.stop()[0]
		s.want("web", "app", strings.Repeat("é", 500), "next")
		if !strings.Contains(s.out.String(), `,"truncated":true}`) || summary.Bytes != 10<<20+4 {
			t.Errorf("summary %+v", summary)
		}
	})
}
