package tail_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"mktail/tail"
	"mktail/tail/pods"
	"mktail/testdata/sim"
)

// TestChoices has a run ask what to follow.
func TestChoices(t *testing.T) {
	const label = "of"
	add := func(t *testing.T, c *sim.Cluster, ns, name, value string) {
		s := sim.PodSpec{Namespace: ns, Name: name, Labels: map[string]string{"tier": name[:1]}}
		if value != "none" {
			s.Labels[label] = value
		}
		write(t, c.AddPod(s).Container("app"), name)
	}
	// ask runs with an answer, and gives the question.
	ask := func(t *testing.T, o tail.Options, tokens []string, answer []string, clusters ...*sim.Cluster) (asked []tail.Choice, s *session) {
		o.ChooseBy, o.Tail = label, -1
		o.Choose = func(_ context.Context, choices []tail.Choice) []string {
			asked = choices
			return answer
		}
		s = startAs(t, o, tokens, clusters...)
		<-s.done
		return asked, s
	}
	same := func(t *testing.T, got []tail.Choice, want ...tail.Choice) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("asked %v, want %v", got, want)
		}
	}

	bubble(t, "many pods in two clusters", func(t *testing.T) {
		eu, us := simulated(t, sim.Options{}), simulated(t, sim.Options{Name: "us"})
		defer eu.Close()
		defer us.Close()
		for i := range tail.PageSize + 1 {
			add(t, eu, "default", fmt.Sprint("a", i), []string{"shop", "mail"}[i%2])
		}
		add(t, us, "default", "b", "mail")
		add(t, us, "default", "c", "none")
		add(t, us, "default", "d", "")
		add(t, us, "other", "e", "elsewhere")
		tokens := []string{eu.AdminToken(), us.AdminToken()}
		asked, s := ask(t, tail.Options{}, tokens, []string{"mail"}, eu, us)
		same(t, asked, tail.Choice{"mail", tail.PageSize/2 + 1, 2}, tail.Choice{"shop", tail.PageSize/2 + 1, 1})
		if n := len(s.records()); n != tail.PageSize/2+1 {
			t.Errorf("%d lines", n)
		}
		asked, s = ask(t, tail.Options{Selection: pods.Selection{Labels: "tier in (b,c)"}}, tokens, []string{"mail", "shop"}, eu, us)
		same(t, asked, tail.Choice{"mail", 1, 1})
		s.want("b", "app", "b")
		if n := len(s.records()); n != 1 {
			t.Errorf("%d lines", n)
		}
	})
	bubble(t, "no answer", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		add(t, c, "default", "a", "x")
		asked, _ := ask(t, following(), []string{c.AdminToken()}, nil, c)
		same(t, asked, tail.Choice{"x", 1, 1})
		if n := c.Stats().Logs + c.Stats().Watches; n > 0 {
			t.Errorf("%d logs and watches were asked for", n)
		}
	})
	bubble(t, "the newest revision", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		web := c.AddObject(deployed("web", 2, 2, "2"))
		for revision, value := range map[string]string{"1": "old", "2": "new"} {
			rollout(t, c, web, revision, "web-"+revision)
			c.Pod("default", "web-"+revision).SetLabels(map[string]string{label: value, "pod-template-hash": revision})
		}
		asked, s := ask(t, tail.Options{Selection: pods.Selection{NewestRevision: true, Owners: ownersOf(t, "deploy/web")}}, []string{c.AdminToken()}, []string{"new", "old"}, c)
		same(t, asked, tail.Choice{"new", 1, 1})
		s.want("web-1", "app")
		s.want("web-2", "app", "web-2")
	})
	for _, tt := range []struct {
		name      string
		selection pods.Selection
		want      []tail.Choice
	}{
		{"all namespaces are forbidden", pods.Selection{AllNamespaces: true}, []tail.Choice{{"default", 1, 1}}},
		{"namespaces one by one", pods.Selection{Namespaces: []string{"s*", "!secret"}}, []tail.Choice{{"shop", 1, 1}}},
		{"one of them is forbidden", pods.Selection{Namespaces: []string{"s*"}}, []tail.Choice{{"shop", 1, 1}}},
		{"two namespaces", pods.Selection{Namespaces: []string{"shop", "default"}}, []tail.Choice{{"default", 1, 1}, {"shop", 1, 1}}},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			dev := sim.Reader("dev", "default", "shop")
			dev.Rules = append(dev.Rules, sim.Rule{Verbs: []string{"list"}, Resources: []string{"namespaces"}})
			c.AddToken("dev", dev)
			for _, ns := range []string{"default", "shop", "secret"} {
				add(t, c, ns, ns, ns)
			}
			asked, s := ask(t, tail.Options{Selection: tt.selection}, []string{"dev"}, nil, c)
			same(t, asked, tt.want...)
			if logged := s.logged(); (logged != "") != (tt.name == "one of them is forbidden") {
				t.Errorf("stderr: %s", logged)
			}
		})
	}
}
