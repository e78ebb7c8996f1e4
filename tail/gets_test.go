package tail_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mktail/tail"
	"mktail/tail/pods"
	"mktail/testdata/sim"
)

// granted is a user whose role has verbs on pods of these names, and may get their logs.
func granted(verbs string, names ...string) sim.User {
	of := func(verbs, resource string) sim.Rule {
		return sim.Rule{Verbs: strings.Split(verbs, ","), Resources: []string{resource}, Namespaces: []string{"default"}, ResourceNames: names}
	}
	return sim.User{Name: "ann", Rules: []sim.Rule{of(verbs, "pods"), of("get", "pods/log")}}
}

func podsNamed(names ...string) (all []pods.Owner) {
	for _, name := range names {
		all = append(all, pods.Owner{Kind: "pod", Name: name})
	}
	return all
}

// A pod that is asked for by its name is followed by a role that is about it alone: it comes and goes, is made again, and restarts.
func TestPodByName(t *testing.T) {
	const (
		noList = `warn: eu: namespace default: pods cannot be listed: pods "web" is forbidden: User "ann" cannot list resource "pods" in API group "" in the namespace "default"; asked for by name every 5s instead`
		noPod  = "info: no container matches yet; waiting for one"
	)
	for _, tt := range []struct {
		name, verbs string
		want        []string // on stderr
		lists       int      // at most
		late        time.Duration
	}{
		{"get, list, watch", "get,list,watch", []string{noPod}, 1, time.Second},
		{"list, watch", "list,watch", []string{noPod}, 20, time.Second},
		{"get, list", "get,list", []string{noPod, `warn: eu: namespace default: pods cannot be watched: pods "web" is forbidden: User "ann" cannot watch resource "pods" in API group "" in the namespace "default"; listed every 10s instead`}, 500, 11 * time.Second},
		{"get, watch", "get,watch", []string{noList, noPod}, 6, 6 * time.Second},
		{"get", "get", []string{noList, noPod}, 6, 6 * time.Second},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			write(t, c.AddPod(sim.PodSpec{Name: "other"}).Container("app"), "x")
			c.AddToken("bearer", granted(tt.verbs, "web"))
			o := following()
			o.Owners = podsNamed("web")
			s := startAs(t, o, []string{"bearer"}, c)
			time.Sleep(time.Minute)
			var want []string
			for i := range 5 {
				pod := c.AddPod(sim.PodSpec{Name: "web"})
				app := pod.Container("app")
				for _, line := range []string{"one", "two"} {
					line = fmt.Sprint(line, i)
					write(t, app, line)
					want = append(want, line)
					time.Sleep(tt.late)
					s.want("web", "app", want...)
				}
				time.Sleep(time.Minute)
				app.Restart()
				write(t, app, fmt.Sprint("three", i))
				want = append(want, fmt.Sprint("three", i))
				time.Sleep(time.Minute)
				pod.Delete(0)
				if i > 2 { // it comes again before it is seen to be gone
					continue
				}
				time.Sleep(time.Minute)
			}
			time.Sleep(time.Minute)
			s.want("web", "app", want...)
			if got := len(s.records()); got != len(want) {
				t.Errorf("%d records, want %d", got, len(want))
			}
			if logged := strings.Split(s.logged(), "\n"); !slices.Equal(logged, tt.want) {
				t.Errorf("stderr: %q\nwant    %q", logged, tt.want)
			}
			if lists := asked(c, "list"); lists > tt.lists {
				t.Errorf("%d lists, want at most %d", lists, tt.lists)
			}
			if summary := s.stop()[0]; summary.Failed != "" {
				t.Errorf("failed: %s", summary.Failed)
			}
		})
	}
}

// A run that does not follow needs no more than kubectl logs does, and says nothing.
func TestPodByNameOnce(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		write(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), "x")
		write(t, c.AddPod(sim.PodSpec{Name: "db"}).Container("app"), "y")
		write(t, c.AddPod(sim.PodSpec{Name: "cache"}).Container("app"), "z")
		c.AddToken("bearer", granted("get", "web", "db", "gone"))
		o := tail.Options{Tail: -1}
		o.Owners = podsNamed("web", "db")
		s := startAs(t, o, []string{"bearer"}, c)
		summary := (<-s.done)[0]
		s.want("web", "app", "x")
		s.want("db", "app", "y")
		if summary.Failed != "" || s.logged() != "" {
			t.Errorf("failed: %s, stderr: %s", summary.Failed, s.logged())
		}

		// One that is not there, and one that is forbidden.
		o.Owners = podsNamed("web", "gone", "cache")
		s = startAs(t, o, []string{"bearer"}, c)
		summary = (<-s.done)[0]
		s.want("web", "app", "x")
		s.want("cache", "app")
		const denied = `pod default/cache: pods "cache" is forbidden: User "ann" cannot get resource "pods" in API group "" in the namespace "default"`
		if summary.Failed != denied || !strings.Contains(s.logged(), "warn: eu: "+denied) || !strings.Contains(s.logged(), "pod/gone has no pods in any cluster") {
			t.Errorf("failed: %s, stderr: %s", summary.Failed, s.logged())
		}

		// Where all are forbidden, or others may be selected, the list counts.
		for _, o.Owners = range [][]pods.Owner{podsNamed("cache"), podsNamed("web", "db*"), append(podsNamed("web"), pods.Owner{Kind: "job", Name: "db"})} {
			s = startAs(t, o, []string{"bearer"}, c)
			if failed := (<-s.done)[0].Failed; !strings.Contains(failed, `cannot list resource "pods"`) {
				t.Errorf("%v: failed: %s", o.Owners, failed)
			}
		}
		o.Owners, o.Labels = podsNamed("web"), "app=web" // whether it has them only a list tells
		s = startAs(t, o, []string{"bearer"}, c)
		if failed := (<-s.done)[0].Failed; !strings.Contains(failed, `cannot list resource "pods"`) {
			t.Errorf("with labels: failed: %s", failed)
		}
	})
}

// A server that is starting up may forbid what it allows later.
func TestPodByNameListedAgain(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		write(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), "x")
		forbidden := c.Inject(sim.Fault{Verb: "list", Status: 403})
		o := following()
		o.Owners = podsNamed("web", "db")
		s := start(t, o, c)
		time.Sleep(time.Second)
		s.want("web", "app", "x")
		forbidden.Remove()
		time.Sleep(6 * time.Minute)
		if logged := s.logged(); !strings.HasSuffix(logged, "info: eu: namespace default: pods can be listed again") || strings.Count(logged, "\n") != 2 {
			t.Errorf("stderr: %s", logged)
		}
		write(t, c.AddPod(sim.PodSpec{Name: "db"}).Container("app"), "y")
		time.Sleep(time.Second)
		s.want("db", "app", "y")
		s.stop()
	})
}
