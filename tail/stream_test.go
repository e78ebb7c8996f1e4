package tail_test

import (
	"fmt"
	"slices"
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
		o := following()
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
			o := following()
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
			least := int64(len(apps))
			most := least
			if own <= len(apps) { // streams share connections of which each takes one request: others may be faster several times in a row
				most *= 2
			}
			if summary.Gaps != 0 || summary.Reconnects < least || summary.Reconnects > most {
				t.Errorf("%d gaps and %d reconnects, want none and %d to %d; stderr: %s", summary.Gaps, summary.Reconnects, least, most, s.logged())
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
					o := following()
					o.OwnStreams = own
					s := start(t, o, c)
					time.Sleep(4*time.Hour + 50*time.Millisecond)
					write(t, app, "while it is opened anew")
					time.Sleep(5 * time.Hour)
					write(t, app, "after")
					time.Sleep(time.Minute)
					summary := s.stop()[0]
					s.want("web", "app", append(want, "while it is opened anew", "after")...)
					if logged := s.logged(); summary.Gaps != 0 || logged != "" || ends.Hits() != 3 {
						t.Errorf("%d gaps, opened %d times; stderr: %s", summary.Gaps, ends.Hits(), logged)
					}
				})
			}
		}
	}
}
