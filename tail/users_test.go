package tail_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"mktail/tail"
	"mktail/testdata/sim"
)

// A cluster with two users has each line once: what the first may not read is read as the other.
func TestUsers(t *testing.T) {
	for name, tt := range map[string]struct {
		options func(*tail.Options)
		a, b    sim.User // without a name: their credentials are refused
		want    string   // the pods that are followed
		logged  string   // the messages, without their level
	}{
		"the first may do all":     {a: sim.Reader("a"), b: sim.Reader("b"), want: "shop/web"},
		"the first may do nothing": {a: sim.User{Name: "a"}, b: sim.Reader("b"), want: "shop/web", logged: "info: eu: a may not list pods"},
		"neither may": {a: sim.User{Name: "a"}, b: sim.User{Name: "b"},
			logged: `warn: eu: namespace shop: pods is forbidden: User "a" cannot list resource "pods" in API group "" in the namespace "shop", retrying`},
		"the first may not read logs": {a: sim.User{Name: "a", Rules: []sim.Rule{{Verbs: []string{"list", "watch"}}}}, b: sim.Reader("b"), want: "shop/web", logged: "info: eu: a may not get pods/log"},
		"-n, each may in one": {options: func(o *tail.Options) { o.Namespaces = []string{"dev", "shop"} }, a: sim.Reader("a", "shop"), b: sim.Reader("b", "dev"), want: "dev/web shop/web",
			logged: "info: eu: a may not list pods"},
		"-A, the other may": {options: func(o *tail.Options) { o.AllNamespaces = true }, a: sim.Reader("a", "shop"), b: sim.Reader("b"), want: "dev/web shop/web",
			logged: "info: eu: a may not list pods"},
		"-A, each may in one": {options: func(o *tail.Options) { o.AllNamespaces = true }, a: sim.Reader("a", "shop"), b: sim.Reader("b", "dev"), want: "dev/web shop/web",
			logged: "following namespaces shop, dev instead; info: eu: a may not list pods"},
		"-A, the first is refused": {options: func(o *tail.Options) { o.AllNamespaces = true }, b: sim.Reader("b", "shop", "dev"), want: "dev/web shop/web",
			logged: "following namespaces shop, dev instead; info: eu: the credentials of a were refused; using those of b"},
	} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			for token, user := range map[string]sim.User{"a": tt.a, "b": tt.b} {
				if user.Name != "" {
					c.AddToken(token, user)
				}
			}
			for _, ns := range []string{"shop", "dev"} {
				write(t, c.AddPod(sim.PodSpec{Namespace: ns, Name: "web"}).Container("app"), "one")
			}
			o := following()
			if tt.options != nil {
				tt.options(&o)
			}
			cluster := tail.Cluster{Name: "eu", Namespace: "shop", OtherNamespaces: []string{"dev"},
				Users: []tail.User{{Name: "a", Config: c.RESTConfigFor("a")}, {Name: "b", Config: c.RESTConfigFor("b")}}}
			s := startOn(t, o, cluster)
			time.Sleep(time.Minute)
			c.CutConnections()
			for _, pod := range strings.Fields(tt.want) {
				ns, _, _ := strings.Cut(pod, "/")
				write(t, c.Pod(ns, "web").Container("app"), "two")
			}
			time.Sleep(time.Minute)
			s.stop()
			if got := s.pods(); got != tt.want {
				t.Errorf("follows %q, want %q", got, tt.want)
			}
			if got, want := len(s.records()), 2*len(strings.Fields(tt.want)); got != want {
				t.Errorf("%d lines, want %d", got, want)
			}
			logged := regexp.MustCompile(`(?m)^debug: .*\n?`).ReplaceAllString(s.logged(), "")
			for _, want := range strings.Split(tt.logged, "; ") {
				if !strings.Contains(logged, want) {
					t.Errorf("stderr lacks %q: %s", want, logged)
				}
			}
			if tt.logged == "" && logged != "" || strings.Count(strings.TrimSpace(logged), "\n") > strings.Count(tt.logged, ";") {
				t.Errorf("stderr: %s", logged)
			}
		})
	}
}
