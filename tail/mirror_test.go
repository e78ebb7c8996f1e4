package tail_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"mktail/emit"
	"mktail/tail"
	"mktail/tail/report"
	"mktail/testdata/sim"
)

// away is for how long the mirror of a static pod is away until the kubelet makes another.
var away = []time.Duration{0, time.Second, 10 * time.Second, 78 * time.Second, 4 * time.Minute}

// A static pod whose mirror is deleted and made again, with another UID, goes on from its place, and is followed once.
func TestMirrorMadeAgain(t *testing.T) {
	for _, after := range away {
		for _, forced := range []bool{false, true} {
			for _, how := range []string{"writes", "is silent", "restarts", "is cut off"} { // meanwhile
				bubble(t, fmt.Sprintf("after %v, forced %v, %s", after, forced, how), func(t *testing.T) {
					c := simulated(t, sim.Options{})
					defer c.Close()
					pod := c.AddPod(sim.PodSpec{Name: "etcd-node-1", Static: true})
					app := pod.Container("app")
					o := following()
					found, failed := 0, 0
					o.Notify = func(e report.Event) {
						switch {
						case e.Kind == report.PodFound:
							found++
						case e.Failures != nil:
							failed++
						}
					}
					s := start(t, o, c)
					want := steady(t, app, 100)
					for range 3 {
						pod.DeleteMirror(forced)
						switch how {
						case "writes":
							want = append(want, steady(t, app, 50)...)
						case "restarts":
							app.Restart()
						case "is cut off":
							c.CutConnections()
						}
						time.Sleep(after)
						pod.MakeMirror()
						want = append(want, steady(t, app, 100)...)
					}
					time.Sleep(time.Second)
					if open := c.Stats().OpenLogs; open != 1 {
						t.Errorf("%d streams of one container", open)
					}
					time.Sleep(10 * time.Minute)
					summary := s.stop()[0]
					s.want("etcd-node-1", "app", want...)
					if summary.Gaps > 0 || summary.Containers != 1 || found != 4 || failed > 0 {
						t.Errorf("%d gaps, %d containers, found %d times, %d failures\n%s", summary.Gaps, summary.Containers, found, failed, s.logged())
					}
				})
			}
		}
	}
}

// While the API server is away no mirror can be made: that time does not count.
func TestMirrorMadeAgainAfterOutage(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		pod := c.AddPod(sim.PodSpec{Name: "etcd-node-1", Static: true})
		s := start(t, following(), c)
		want := steady(t, pod.Container("app"), 100)
		pod.DeleteMirror(false)
		time.Sleep(time.Second)
		c.Down()
		want = append(want, steady(t, pod.Container("app"), 100)...)
		time.Sleep(10 * time.Minute)
		if err := c.Up(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		pod.MakeMirror()
		want = append(want, steady(t, pod.Container("app"), 100)...)
		time.Sleep(10 * time.Minute)
		if gaps := s.stop()[0].Gaps; gaps > 0 {
			t.Errorf("%d gaps\n%s", gaps, s.logged())
		}
		s.want("etcd-node-1", "app", want...)
	})
}

// A static pod whose mirror is not made again is reported as gone, with a gap.
func TestMirrorGone(t *testing.T) {
	for name, meanwhile := range map[string]func(*sim.Cluster, *sim.Container){
		"cut off":  func(c *sim.Cluster, _ *sim.Container) { c.CutConnections() },
		"restarts": func(_ *sim.Cluster, app *sim.Container) { app.Restart() },
	} {
		for _, forced := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%s, forced %v", name, forced), func(t *testing.T) {
				c := simulated(t, sim.Options{})
				defer c.Close()
				pod := c.AddPod(sim.PodSpec{Name: "etcd-node-1", Static: true})
				s := start(t, following(), c)
				want := steady(t, pod.Container("app"), 100)
				pod.DeleteMirror(forced)
				time.Sleep(time.Second)
				meanwhile(c, pod.Container("app"))
				time.Sleep(10 * time.Minute)
				if gaps := s.stop()[0].Gaps; gaps != 1 || !strings.Contains(s.logged(), string(report.LogUnavailable)) {
					t.Errorf("%d gaps\n%s", gaps, s.logged())
				}
				s.want("etcd-node-1", "app", want...)
			})
		}
	}
}

// A static pod whose manifest is taken away and put back is the same pod, with other containers.
func TestManifestPutBack(t *testing.T) {
	for _, after := range away {
		bubble(t, fmt.Sprint("after ", after), func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			spec := sim.PodSpec{Name: "etcd-node-1", Static: true}
			pod := c.AddPod(spec)
			s := start(t, following(), c)
			var want []string
			for range 3 {
				want = append(want, steady(t, pod.Container("app"), 100)...)
				pod.Delete(0)
				time.Sleep(after)
				spec.Containers = []sim.ContainerSpec{{Name: "app", Hold: "ContainerCreating"}}
				pod = c.AddPod(spec)
				time.Sleep(5 * time.Second)
				pod.Container("app").Release()
				time.Sleep(time.Second)
			}
			time.Sleep(10 * time.Minute)
			s.exactOf("etcd-node-1", want)
		})
	}
}

// If the API server is away meanwhile, what the earlier container wrote last is a gap.
func TestManifestPutBackUnseen(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		spec := sim.PodSpec{Name: "etcd-node-1", Static: true}
		pod := c.AddPod(spec)
		s := start(t, following(), c)
		want := steady(t, pod.Container("app"), 100)
		c.Down()
		steady(t, pod.Container("app"), 100)
		pod.Delete(0)
		pod = c.AddPod(spec)
		if err := c.Up(); err != nil {
			t.Fatal(err)
		}
		want = append(want, steady(t, pod.Container("app"), 100)...)
		time.Sleep(10 * time.Minute)
		if gaps := s.stop()[0].Gaps; gaps != 1 {
			t.Errorf("%d gaps\n%s", gaps, s.logged())
		}
		s.want("etcd-node-1", "app", want...)
	})
}

// A manifest may be put back without one of its containers.
func TestManifestPutBackWithout(t *testing.T) {
	for _, unseen := range []bool{false, true} {
		bubble(t, fmt.Sprint("unseen ", unseen), func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			spec := sim.PodSpec{Name: "etcd-node-1", Static: true, Containers: []sim.ContainerSpec{{Name: "app"}, {Name: "side"}}}
			pod := c.AddPod(spec)
			s := start(t, following(), c)
			want := steady(t, pod.Container("side"), 100)
			if unseen {
				c.Down()
				steady(t, pod.Container("side"), 100)
			}
			pod.Delete(0)
			spec.Containers = spec.Containers[:1]
			c.AddPod(spec)
			if unseen {
				if err := c.Up(); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(10 * time.Minute)
			gaps := s.stop()[0].Gaps
			if has := strings.Contains(s.logged(), "etcd-node-1/side"); has != unseen || gaps > 0 != unseen {
				t.Errorf("%d gaps\n%s", gaps, s.logged())
			}
			s.want("etcd-node-1", "side", want...)
		})
	}
}

// So may it between two runs.
func TestManifestPutBackWithoutBetweenRuns(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		path := filepath.Join(t.TempDir(), "state")
		spec := sim.PodSpec{Name: "etcd-node-1", Static: true, Containers: []sim.ContainerSpec{{Name: "app"}, {Name: "side"}}}
		pod := c.AddPod(spec)
		s := start(t, stateful(t, path), c)
		steady(t, pod.Container("side"), 100)
		s.stop()
		steady(t, pod.Container("side"), 100)
		pod.Delete(0)
		spec.Containers = spec.Containers[:1]
		c.AddPod(spec)
		for run := range 2 {
			s = start(t, stateful(t, path), c)
			time.Sleep(10 * time.Minute)
			s.stop()
			if gaps := strings.Count(s.logged(), "etcd-node-1/side"); gaps != 1-run {
				t.Errorf("run %d: %d gaps\n%s", run, gaps, s.logged())
			}
		}
	})
}

// Between two runs the restarts of its containers are counted from 0 again, too: what the earlier ones wrote last is a gap.
func TestManifestPutBackBetweenRuns(t *testing.T) {
	for _, restarts := range []int{0, 1} {
		bubble(t, fmt.Sprint(restarts, " restarts"), func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			path := filepath.Join(t.TempDir(), "state")
			spec := sim.PodSpec{Name: "etcd-node-1", Static: true}
			pod := c.AddPod(spec)
			for range restarts {
				pod.Container("app").Restart()
			}
			s := start(t, stateful(t, path), c)
			write(t, pod.Container("app"), "one")
			time.Sleep(time.Second)
			s.stop()
			write(t, pod.Container("app"), "lost")
			pod.Delete(0)
			write(t, c.AddPod(spec).Container("app"), "two")
			s = start(t, stateful(t, path), c)
			time.Sleep(time.Minute)
			if gaps := s.stop()[0].Gaps; gaps != 1 {
				t.Errorf("%d gaps; stderr: %s", gaps, s.logged())
			}
			s.want("etcd-node-1", "app", "two")
		})
	}
}

// What a static pod wrote before it was first seen is missing since the last run looked, not since its mirror was made.
func TestMirrorMadeAgainBeforeFirstLook(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		path := filepath.Join(t.TempDir(), "state")
		s := start(t, stateful(t, path), c)
		time.Sleep(time.Minute)
		s.stop()
		pod := c.AddPod(sim.PodSpec{Name: "etcd-node-1", Static: true})
		first := time.Now()
		for range 2 {
			time.Sleep(time.Second)
			pod.Container("app").Restart()
		}
		time.Sleep(10 * time.Second)
		pod.DeleteMirror(true)
		pod.MakeMirror()
		var gaps []emit.Gap
		o := stateful(t, path)
		o.Notify = func(e report.Event) {
			if e.Kind == report.GapFound {
				gaps = append(gaps, *e.Gap)
			}
		}
		s = start(t, o, c)
		time.Sleep(time.Minute)
		s.stop()
		if len(gaps) != 1 || gaps[0].From > first.Format(time.RFC3339Nano) {
			t.Errorf("gaps %v, want one from before %v on", gaps, first)
		}
	})
}

// A static pod whose mirror goes when its container has ended, before that is told, has come to its end: no gap is reported, and nobody
// waits for what may come yet.
func TestMirrorGoneAtEnd(t *testing.T) {
	for _, forced := range []bool{false, true} {
		for name, set := range map[string]func(*tail.Options, *sim.Cluster){
			"alone":           func(*tail.Options, *sim.Cluster) {},
			"another waits":   func(o *tail.Options, _ *sim.Cluster) { o.MaxStreams = 1 },
			"the run is over": func(o *tail.Options, _ *sim.Cluster) { o.Until = time.Now().Add(time.Minute) },
			"requests fail later": func(_ *tail.Options, c *sim.Cluster) {
				time.AfterFunc(time.Minute, func() { c.Inject(sim.Fault{Verb: "get", Path: "pods", Status: 500, Times: 3}) })
			},
		} {
			bubble(t, fmt.Sprintf("%s, forced %v", name, forced), func(t *testing.T) {
				c := simulated(t, sim.Options{StatusLag: time.Hour})
				defer c.Close()
				pod := c.AddPod(sim.PodSpec{Name: "etcd-node-1", Static: true})
				o := following()
				set(&o, c)
				s := start(t, o, c)
				want := steady(t, pod.Container("app"), 100)
				go pod.Container("app").Exit(0)
				time.Sleep(time.Second)
				pod.DeleteMirror(forced)
				others := steady(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), 100)
				time.Sleep(2 * time.Minute)
				s.want("web", "app", others...)
				time.Sleep(10 * time.Minute)
				s.exactOf("etcd-node-1", want)
			})
		}
	}
}

// A static pod's mirror that is away at --until-time may come back while the run waits for it: what was written before comes, or is a gap.
func TestMirrorMadeAgainAfterUntil(t *testing.T) {
	for _, restarts := range []int{0, 3} {
		for _, away := range []time.Duration{20 * time.Second, time.Hour} { // after --until-time
			bubble(t, fmt.Sprintf("%d restarts, away for %v", restarts, away), func(t *testing.T) {
				c := simulated(t, sim.Options{})
				defer c.Close()
				pod := c.AddPod(sim.PodSpec{Name: "etcd-node-1", Static: true})
				app := pod.Container("app")
				o := following()
				o.Until = time.Now().Add(time.Minute)
				s := start(t, o, c)
				write(t, app, "one")
				time.Sleep(30 * time.Second)
				pod.DeleteMirror(true)
				time.Sleep(time.Second)
				for range restarts {
					app.Restart()
				}
				write(t, app, "two")
				time.Sleep(time.Until(o.Until) + away)
				pod.MakeMirror()
				sum := (<-s.done)[0]
				if got := s.lines("etcd-node-1", "app"); sum.Gaps == 0 && !slices.Equal(got, []string{"one", "two"}) {
					t.Errorf("got %q and no gap; stderr: %s", got, s.logged())
				}
			})
		}
	}
}

// A run with --state goes on where the last one was, though the static pod has another mirror by now, or only later.
func TestMirrorMadeAgainBetweenRuns(t *testing.T) {
	for _, after := range away {
		for _, when := range []string{"during the first", "between", "while the first ends", "while the second begins"} { // the mirror is away
			bubble(t, fmt.Sprintf("away for %v, %s", after, when), func(t *testing.T) {
				c := simulated(t, sim.Options{})
				defer c.Close()
				path := filepath.Join(t.TempDir(), "state")
				pod := c.AddPod(sim.PodSpec{Name: "etcd-node-1", Static: true})
				app := pod.Container("app")
				var got, want []string
				for range 3 {
					s := start(t, stateful(t, path), c)
					if when == "while the second begins" && len(want) > 0 {
						time.Sleep(after)
						pod.MakeMirror()
					}
					time.Sleep(time.Second)
					want = append(want, steady(t, app, 100)...)
					time.Sleep(time.Second)
					switch when {
					case "during the first":
						pod.DeleteMirror(false)
						time.Sleep(after)
						pod.MakeMirror()
						want = append(want, steady(t, app, 50)...)
						time.Sleep(time.Second)
					case "while the first ends":
						pod.DeleteMirror(false)
						time.Sleep(after)
					}
					if gaps := s.stop()[0].Gaps; gaps > 0 {
						t.Errorf("%d gaps\n%s", gaps, s.logged())
					}
					got = append(got, s.lines("etcd-node-1", "app")...)
					if when != "while the first ends" {
						pod.DeleteMirror(true)
					}
					want = append(want, steady(t, app, 50)...)
					if when != "while the second begins" {
						time.Sleep(after)
						pod.MakeMirror()
					}
				}
				s := start(t, stateful(t, path), c)
				if when == "while the second begins" {
					pod.MakeMirror()
				}
				time.Sleep(10 * time.Minute)
				if gaps := s.stop()[0].Gaps; gaps > 0 {
					t.Errorf("%d gaps\n%s", gaps, s.logged())
				}
				if got = append(got, s.lines("etcd-node-1", "app")...); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		}
	}
}

// A static pod that was unselected, or has ended, goes on from its place when its mirror is made again.
func TestMirrorMadeAgainOfNoneFollowed(t *testing.T) {
	for _, after := range away {
		bubble(t, fmt.Sprintf("unselected, away for %v", after), func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			selected, other := map[string]string{"app": "web"}, map[string]string{"app": "other"}
			pod := c.AddPod(sim.PodSpec{Name: "etcd-node-1", Static: true, Labels: selected})
			app := pod.Container("app")
			o := following()
			o.Labels = "app=web"
			s := start(t, o, c)
			want := steady(t, app, 100)
			for i, unselected := range []time.Duration{0, time.Minute, 20 * time.Minute, 20 * time.Minute} { // after the mirror was made again
				pod.SetLabels(other)
				if i < 3 { // else it is gone when it is asked for
					time.Sleep(time.Second)
				}
				pod.DeleteMirror(false)
				time.Sleep(after)
				pod.MakeMirror()
				want = append(want, steady(t, app, 50)...)
				time.Sleep(unselected)
				pod.SetLabels(selected)
				want = append(want, steady(t, app, 50)...)
			}
			s.exactOf("etcd-node-1", want)
		})
		bubble(t, fmt.Sprintf("ended, away for %v", after), func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			pod := c.AddPod(sim.PodSpec{Name: "etcd-node-1", Static: true, Policy: corev1.RestartPolicyNever})
			app := pod.Container("app")
			s := start(t, following(), c)
			want := steady(t, app, 100)
			app.Exit(0)
			for range 3 {
				time.Sleep(time.Second)
				pod.DeleteMirror(false)
				time.Sleep(after)
				pod.MakeMirror()
			}
			time.Sleep(10 * time.Minute)
			s.exactOf("etcd-node-1", want)
		})
	}
}
