package tail_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
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
		"away at first": {func(c *sim.Cluster, _ *rest.Config) {
			c.Down()
			time.AfterFunc(500*time.Millisecond, func() { c.Up() })
		}, []report.Kind{report.ClusterDown, report.Ready, report.ClusterUp, report.PodFound, report.ContainerOpen, report.Ready}},
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
			time.Sleep(time.Minute)
			mu.Lock()
			if !slices.Equal(told, tt.want) {
				t.Errorf("got %v, want %v\n%s", told, tt.want, s.logged())
			}
			mu.Unlock()
			s.stop()
		})
	}
}

// What containers wait for is told when it changes, of those that are to be followed.
func TestWaits(t *testing.T) {
	bubble(t, "why containers wait", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		web := c.AddPod(sim.PodSpec{Name: "web", Containers: []sim.ContainerSpec{{Name: "app", Hold: "ErrImagePull"}, {Name: "side", Hold: "ErrImagePull"}}})
		var mu sync.Mutex
		var told []string
		o := following()
		o.ExcludeContainers = []*regexp.Regexp{regexp.MustCompile("side")}
		o.Notify = func(e report.Event) {
			if e.Kind == report.ContainerWaits {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, strings.TrimSpace(e.Namespace+"/"+e.Pod+"/"+e.Container+" "+e.Reason))
			}
		}
		s := start(t, o, c)
		want := func(when string, want ...string) {
			t.Helper()
			time.Sleep(time.Minute)
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(told, want) {
				t.Errorf("%s: got %q, want %q", when, told, want)
			}
			told = nil
		}
		want("at first", "default/web/app ErrImagePull")
		web.SetLabels(map[string]string{"a": "b"})
		want("after another change")
		web.Container("app").Release()
		want("when it runs", "default/web/app")
		web.Container("app").Exit(3)
		want("in a loop of crashes", "default/web/app CrashLoopBackOff (exited with 3)", "default/web/app")
		s.stop()
	})
}

// Who may not read a namespace is told which one it is.
func TestForbiddenNamespace(t *testing.T) {
	for name, rules := range map[string][]sim.Rule{
		"pods": nil,
		"logs": {{Verbs: []string{"get", "list", "watch"}, Resources: []string{"pods"}}},
	} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			c.AddPod(sim.PodSpec{Namespace: "shop", Name: "web"})
			c.AddToken("dev", sim.User{Name: "dev", Rules: rules})
			config := c.RESTConfig()
			config.BearerToken = "dev"
			var mu sync.Mutex
			var told []string
			o := following()
			o.Namespaces = []string{"shop"}
			o.Notify = func(e report.Event) {
				if e.Kind == report.PartDown || e.Kind == report.PartUp {
					mu.Lock()
					defer mu.Unlock()
					told = append(told, fmt.Sprint(e.Kind, " ", e.Namespace, " ", e.Forbidden))
				}
			}
			s := startOn(t, o, tail.Cluster{Name: "eu", Namespace: "default", Users: []tail.User{{Config: config}}})
			time.Sleep(time.Minute)
			c.AddToken("dev", sim.Admin("dev"))
			time.Sleep(time.Minute)
			s.stop()
			if want := []string{"part-down shop true", "part-up shop true"}; !slices.Equal(told, want) {
				t.Errorf("got %q, want %q", told, want)
			}
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
