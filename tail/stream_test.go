package tail

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mktail/testdata/sim"
)

// Streams that share a connection wait, each with as much unread as its window lets the server send, until what they
// have found is looked into over another stream. That one must not be held up by them.
func TestStreamsThatShareAConnection(t *testing.T) {
	bubble(t, "all rotated while nobody reads", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		const pods, lines = 90, 400
		apps := make([]*sim.Container, pods)
		for i := range apps {
			apps[i] = c.AddPod(sim.PodSpec{Name: fmt.Sprint("web-", i)}).Container("app")
			write(t, apps[i], "first")
		}
		o := follow()
		o.OwnStreams = -1
		s := start(t, o, c)
		time.Sleep(time.Minute)
		c.Down()
		pad := strings.Repeat("x", 1000)
		for _, app := range apps {
			app.Rotate(0)
			for i := range lines {
				write(t, app, fmt.Sprint(i, pad))
			}
		}
		// Every stream is open again before the first answer to what it asks.
		c.Inject(sim.Fault{Match: func(r *sim.Request) bool { return r.Verb == "log" && r.Query.Get("previous") == "true" }, Delay: 45 * time.Second})
		c.Up()
		time.Sleep(5 * time.Minute)
		summary := s.stop()[0]
		if want := int64(pods * (1 + lines)); summary.Lines != want || summary.Gaps != pods {
			t.Errorf("%d lines and %d gaps, want %d and %d", summary.Lines, summary.Gaps, want, pods)
		}
	})
}
