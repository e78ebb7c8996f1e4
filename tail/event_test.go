package tail_test

import (
	"slices"
	"sync"
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
			s := startOn(t, o, tail.Cluster{Name: "eu", Namespace: "default", Config: config})
			time.Sleep(time.Second)
			mu.Lock()
			if !slices.Equal(told, tt.want) {
				t.Errorf("got %v, want %v\n%s", told, tt.want, s.said())
			}
			mu.Unlock()
			s.stop()
		})
	}
}
