package tail

import (
	"slices"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"mktail/testdata/sim"
)

// Ready comes when it was told of everything that was tried how it stands.
func TestReadyComesLast(t *testing.T) {
	lister := sim.User{Name: "dev", Rules: []sim.Rule{{Verbs: []string{"get", "list", "watch"}, Resources: []string{"pods"}}}}
	for name, tt := range map[string]struct {
		prepare func(c *sim.Cluster, config *rest.Config)
		want    []EventKind
	}{
		"readable":       {func(*sim.Cluster, *rest.Config) {}, []EventKind{ClusterUp, PodFound, ContainerOpen, Ready}},
		"away":           {func(c *sim.Cluster, _ *rest.Config) { c.Down() }, []EventKind{ClusterDown, Ready}},
		"a stranger":     {func(_ *sim.Cluster, config *rest.Config) { config.BearerToken = "x" }, []EventKind{ClusterDown, Ready}},
		"no certificate": {func(_ *sim.Cluster, config *rest.Config) { config.CAData = []byte("x") }, []EventKind{ClusterDown, Ready}},
		"pods are forbidden": {func(c *sim.Cluster, config *rest.Config) {
			c.AddToken("dev", sim.User{Name: "dev"})
			config.BearerToken = "dev"
		}, []EventKind{PartDown, Ready}},
		"logs are forbidden": {func(c *sim.Cluster, config *rest.Config) { c.AddToken("dev", lister); config.BearerToken = "dev" }, []EventKind{ClusterUp, PodFound, PartDown, Ready}},
	} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			c.AddPod(sim.PodSpec{Name: "web"})
			config := c.RESTConfig()
			tt.prepare(c, config)
			var mu sync.Mutex
			var told []EventKind
			o := follow()
			o.Notify = func(e Event) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, e.Kind)
			}
			s := startOn(t, o, Cluster{Name: "eu", Namespace: "default", Config: config})
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
