package tail_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"mktail/tail"
	"mktail/tail/pods"
	"mktail/testdata/sim"
)

// Since and tail count for what ran before mktail looked even if it is selected only later. What has begun since then is read
// from its first line.
func TestSelectedLater(t *testing.T) {
	for _, tt := range []struct {
		name      string
		selection pods.Selection
		policy    corev1.RestartPolicy
		choose    func(*sim.Cluster, *sim.Pod)
	}{
		{"condition", pods.Selection{Condition: &pods.Condition{Type: "Ready", Status: "True"}}, "", func(_ *sim.Cluster, p *sim.Pod) { p.Container("slow").Release() }},
		{"labels", pods.Selection{Labels: "track=main"}, "", func(_ *sim.Cluster, p *sim.Pod) { p.SetLabels(map[string]string{"track": "main"}) }},
		{"service", pods.Selection{Owners: ownersOf(t, "svc/front")}, "", func(c *sim.Cluster, _ *sim.Pod) {
			c.AddObject(sim.Object{Kind: "Service", Name: "front", Selector: map[string]string{"app": "web"}})
		}},
		{"state", pods.Selection{States: pods.Terminated}, "Never", func(_ *sim.Cluster, p *sim.Pod) { p.Container("app").Exit(0) }},
		{"state after a restart", pods.Selection{States: pods.Terminated}, "", func(_ *sim.Cluster, p *sim.Pod) { p.Container("app").Restart() }},
	} {
		for _, lines := range []struct {
			name  string
			since time.Duration
			tail  int64
			want  []string
		}{
			{"all", 0, -1, []string{"first", "second"}},
			{"since", time.Minute, -1, []string{"second"}},
			{"tail", 0, 1, []string{"second"}},
			{"none", 0, 0, nil},
		} {
			bubble(t, tt.name+" "+lines.name, func(t *testing.T) {
				c := simulated(t, sim.Options{})
				defer c.Close()
				add := func(name string) *sim.Pod {
					return c.AddPod(sim.PodSpec{Name: name, Policy: tt.policy, Labels: map[string]string{"app": "web"}, Containers: []sim.ContainerSpec{
						{Name: "app"}, {Name: "slow", Hold: "ErrImagePull"},
					}})
				}
				old := add("old")
				write(t, old.Container("app"), "first")
				time.Sleep(time.Hour)
				s := start(t, tail.Options{Follow: true, Since: lines.since, Tail: lines.tail, Selection: tt.selection}, c)
				time.Sleep(10 * time.Minute)
				young := add("new")
				write(t, young.Container("app"), "a", "b")
				write(t, old.Container("app"), "second")
				time.Sleep(10 * time.Second)
				tt.choose(c, old)
				tt.choose(c, young)
				time.Sleep(time.Minute)
				want, all := lines.want, []string{"a", "b"}
				if tt.selection.States == 0 {
					write(t, old.Container("app"), "third")
					write(t, young.Container("app"), "c")
					want, all = append(want, "third"), append(all, "c")
				}
				time.Sleep(time.Second)
				s.stop()
				s.want("old", "app", want...)
				s.want("new", "app", all...)
			})
		}
	}
	// An instance that has begun while nobody could watch is new, however late it is found.
	bubble(t, "begun during an outage", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		s := start(t, tail.Options{Follow: true, Selection: pods.Selection{Condition: &pods.Condition{Type: "Ready", Status: "True"}}}, c)
		time.Sleep(time.Minute)
		c.Down()
		time.Sleep(time.Minute)
		write(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), "a", "b")
		time.Sleep(time.Hour)
		c.Up()
		time.Sleep(time.Minute)
		s.stop()
		s.want("web", "app", "a", "b")
	})
	// Who begins just before is known exactly, whatever the clocks say.
	bubble(t, "begun just before", func(t *testing.T) {
		c := simulated(t, sim.Options{Now: func() time.Time { return time.Now().Add(20 * time.Second) }})
		defer c.Close()
		web := c.AddPod(sim.PodSpec{Name: "web", Containers: []sim.ContainerSpec{{Name: "app"}, {Name: "slow", Hold: "ErrImagePull"}}})
		write(t, web.Container("app"), "before")
		s := start(t, tail.Options{Follow: true, Selection: pods.Selection{Condition: &pods.Condition{Type: "Ready", Status: "True"}}}, c)
		time.Sleep(time.Minute)
		web.Container("slow").Release()
		time.Sleep(time.Minute)
		write(t, web.Container("app"), "after")
		time.Sleep(time.Second)
		s.stop()
		s.want("web", "app", "after")
	})
}
