package tail_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"mktail/tail"
	"mktail/tail/report"
	"mktail/testdata/sim"
)

// Ready comes when it was told of everything that was tried how it stands.
func TestReadyComesLast(t *testing.T) {
	lister := sim.User{Name: "dev", Rules: []sim.Rule{{Verbs: []string{"get", "list", "watch"}, Resources: []string{"pods"}}}}
	for name, tt := range map[string]struct {
		prepare func(c *sim.Cluster, config *rest.Config)
		want    []report.Kind
	}{
		"readable":       {func(*sim.Cluster, *rest.Config) {}, []report.Kind{report.ClusterUp, report.PodFound, report.ContainerOpen, report.Ready}},
		"away":           {func(c *sim.Cluster, _ *rest.Config) { c.Down() }, []report.Kind{report.ClusterDown, report.Ready}},
		"a stranger":     {func(_ *sim.Cluster, config *rest.Config) { config.BearerToken = "x" }, []report.Kind{report.ClusterDown, report.Ready}},
		"no certificate": {func(_ *sim.Cluster, config *rest.Config) { config.CAData = []byte("x") }, []report.Kind{report.ClusterDown, report.Ready}},
		"pods are forbidden": {func(c *sim.Cluster, config *rest.Config) {
			c.AddToken("dev", sim.User{Name: "dev"})
			config.BearerToken = "dev"
		}, []report.Kind{report.PartDown, report.Ready}},
		"logs are forbidden": {func(c *sim.Cluster, config *rest.Config) { c.AddToken("dev", lister); config.BearerToken = "dev" }, []report.Kind{report.ClusterUp, report.PodFound, report.PartDown, report.Ready}},
	} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			c.AddPod(sim.PodSpec{Name: "web"})
			config := c.RESTConfig()
			tt.prepare(c, config)
			var mu sync.Mutex
			var told []report.Kind
			o := following()
			o.Notify = func(e report.Event) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, e.Kind)
			}
			s := startOn(t, o, tail.Cluster{Name: "eu", Namespace: "default", Users: []tail.User{{Config: config}}})
			time.Sleep(time.Second)
			mu.Lock()
			if !slices.Equal(told, tt.want) {
				t.Errorf("got %v, want %v\n%s", told, tt.want, s.logged())
			}
			mu.Unlock()
			s.stop()
		})
	}
}

// A stream that is not answered counts as tried after a while; if the run has ended by then, nobody is told.
func TestNoEventAfterTheEnd(t *testing.T) {
	for _, after := range []time.Duration{0, time.Second, 1999 * time.Millisecond} {
		bubble(t, fmt.Sprint("after ", after), func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			c.AddPod(sim.PodSpec{Name: "web"})
			c.Inject(sim.Fault{Verb: "log", Delay: time.Hour})
			o := following()
			var ended atomic.Bool
			o.Notify = func(e report.Event) {
				if ended.Load() {
					t.Errorf("%s after the end", e.Kind)
				}
			}
			s := start(t, o, c)
			time.Sleep(after)
			s.stop()
			ended.Store(true)
			time.Sleep(time.Minute)
		})
	}
}
