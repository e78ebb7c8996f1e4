package tail_test

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/tail"
	"mktail/testdata/sim"
)

// right is a verb on a resource.
type right struct{ verb, resource string }

// rights are those that README lists, by what they are for.
func rights(t *testing.T) map[string][]right {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "\n| for | rights |\n|---|---|\n")
	table, _, end := strings.Cut(table, "\n\n")
	if !ok || !end {
		t.Fatal("README lacks the table of rights")
	}
	grant := regexp.MustCompile("((?:`[a-z]+`, )*`[a-z]+`) on ((?:`[a-z/]+` ?)+)")
	all := make(map[string][]right)
	for row := range strings.Lines(table + "\n") {
		cells := strings.Split(strings.Trim(row, "| \n"), " | ")
		if len(cells) != 2 {
			t.Fatalf("row %q", row)
		}
		list := []right{}
		for _, m := range grant.FindAllStringSubmatch(cells[1], -1) {
			for verb := range strings.SplitSeq(m[1], ", ") {
				for resource := range strings.FieldsSeq(m[2]) {
					list = append(list, right{strings.Trim(verb, "`"), strings.Trim(resource, "`")})
				}
			}
		}
		all[cells[0]] = list
	}
	return all
}

// rules allow rights in namespaces, on objects of certain names.
func rules(all []right, namespaces, names []string) (made []sim.Rule) {
	for _, r := range all {
		made = append(made, sim.Rule{Verbs: []string{r.verb}, Resources: []string{r.resource}, Namespaces: namespaces, ResourceNames: names})
	}
	return made
}

// What needs rights has what it needs with those that README lists, and is refused nothing. Where one is missing, a message names it
// and what asked for it.
func TestRights(t *testing.T) {
	const pods = "pods of a namespace, and their logs"
	own, everything := []string{"default"}, "agent-x blue-a db-0 nightly-1-x web-1-a"
	tests := map[string]struct {
		options  func(*tail.Options)
		acting   bool     // --as and --as-group
		pods     []string // namespaces in which pods may be read; nil: the rights for that are in the row
		in       []string // namespaces of the rights in the row; nil: all
		names    []string // of the objects of the rights in the row
		asks     string   // what messages name
		refuses  bool     // there may be a better way, which is tried first
		want     string   // the pods that are followed
		reported string   // on stderr with all rights
	}{
		pods:                  {in: own, want: everything},
		"`pod/NAME`":          {options: asksFor(t, "pod/db-0"), in: own, names: []string{"db-0"}, asks: "pod/db-0|logs in", refuses: true, want: "db-0", reported: "asked for by name"},
		"`-A`, `-n 'shop-*'`": {options: func(o *tail.Options) { o.AllNamespaces = true }, asks: "-A: |all namespaces|logs in", want: everything + " shop-eu/web"},
		"the same with roles in single namespaces": {options: func(o *tail.Options) { o.Namespaces = []string{"shop-*"} }, pods: []string{"shop-eu"},
			asks: "(for -n shop-*)|for -n shop-*:", refuses: true, want: "shop-eu/web"},
		"`sts/NAME`, `ds/NAME`, `rs/NAME`, `job/NAME`": {options: asksFor(t, "sts/db", "ds/agent", "rs/web-1", "job/nightly-1"), pods: own, want: "agent-x db-0 nightly-1-x web-1-a"},
		"`deploy/NAME`":           {options: asksFor(t, "deploy/web"), pods: own, in: own, asks: "(for deploy/web)", want: "web-1-a"},
		"`cronjob/NAME`":          {options: asksFor(t, "cronjob/nightly"), pods: own, in: own, asks: "(for cronjob/nightly)", want: "nightly-1-x"},
		"`job/NAME --until-done`": {options: until(asksFor(t, "job/nightly-1")), pods: own, in: own, names: []string{"nightly-1"}, asks: "(for job/nightly-1)", want: "nightly-1-x"},
		"the same, polled": {options: until(asksFor(t, "job/nightly-1")), pods: own, in: own, names: []string{"nightly-1"}, asks: "(for job/nightly-1)", refuses: true, want: "nightly-1-x",
			reported: "asked for by name"},
		"`cronjob/NAME --until-done`":          {options: until(asksFor(t, "cronjob/nightly")), pods: own, in: own, asks: "(for cronjob/nightly)", want: "nightly-1-x"},
		"`sts/NAME --revision newest`":         {options: newest(asksFor(t, "sts/db")), pods: own, in: own, names: []string{"db"}, asks: "(for sts/db)", want: "db-0"},
		"`ds/NAME --revision newest`":          {options: newest(asksFor(t, "ds/agent")), pods: own, in: own, asks: "(for ds/agent)", want: "agent-x"},
		"`deploy/NAME --revision newest`":      {options: newest(asksFor(t, "deploy/web")), pods: own, in: own, asks: "(for deploy/web)", want: "web-1-a"},
		"`sts/NAME --until-ready`":             {options: ready(asksFor(t, "sts/db")), pods: own, in: own, names: []string{"db"}, asks: "(for sts/db)", want: "db-0"},
		"`ds/NAME --until-ready`":              {options: ready(asksFor(t, "ds/agent")), pods: own, in: own, names: []string{"agent"}, asks: "(for ds/agent)", want: "agent-x"},
		"`deploy/NAME --until-ready`":          {options: ready(asksFor(t, "deploy/web")), pods: own, in: own, asks: "(for deploy/web)", want: "web-1-a"},
		"`svc/NAME`":                           {options: asksFor(t, "svc/front"), pods: own, in: own, asks: "(for svc/front)", want: "web-1-a"},
		"custom kinds, such as `rollout/NAME`": {options: asksFor(t, "rollout/blue"), pods: own, in: own, asks: "(for rollout/blue)", want: "blue-a"},
		"`--rotated`":                          {options: func(o *tail.Options) { o.Rotated = true }, pods: own, asks: "--rotated: ", want: everything},
		"`--as USER --as-group GROUP`":         {acting: true, pods: own, asks: "acting as alice (--as, ", want: everything},
	}
	listed := rights(t)
	for name := range listed {
		if tests[name].want == "" {
			t.Errorf("no test has the rights for %s", name)
		}
	}
	for name, tt := range tests {
		of, ok := listed[name]
		if !ok {
			t.Errorf("README lacks the rights for %s", name)
			continue
		}
		// run runs with these rights, and returns what was logged.
		run := func(t *testing.T, of []right) (s *session, refused []string) {
			t.Helper()
			c := simulated(t, sim.Options{})
			defer c.Close()
			rollout(t, c, c.AddObject(sim.Object{Group: "apps", Kind: "Deployment", Name: "web"}), "1", "web-1-a")
			if !strings.HasPrefix(tt.asks, "(for deploy") {
				rollout(t, c, c.AddObject(sim.Object{Group: "argoproj.io", Version: "v1alpha1", Kind: "Rollout", Name: "blue"}), "1", "blue-a")
			}
			job := c.AddObject(sim.Object{Group: "batch", Kind: "Job", Name: "nightly-1", Owner: c.AddObject(sim.Object{Group: "batch", Kind: "CronJob", Name: "nightly"})})
			write(t, c.AddPod(sim.PodSpec{Name: "nightly-1-x", Owner: job}).Container("app"), "x")
			db := &appsv1.StatefulSet{Status: appsv1.StatefulSetStatus{ObservedGeneration: 1, UpdateRevision: "db-a"}}
			hash := func(revision string) map[string]string {
				return map[string]string{"controller-revision-hash": revision}
			}
			write(t, c.AddPod(sim.PodSpec{Name: "db-0", Labels: hash("db-a"), Owner: c.AddObject(sim.Object{Group: "apps", Kind: "StatefulSet", Name: "db", Body: db})}).Container("app"), "x")
			agent := c.AddObject(sim.Object{Group: "apps", Kind: "DaemonSet", Name: "agent"})
			c.AddObject(sim.Object{Group: "apps", Kind: "ControllerRevision", Name: "agent-a", Owner: agent, Body: &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Labels: hash("a")}}})
			write(t, c.AddPod(sim.PodSpec{Name: "agent-x", Labels: hash("a"), Owner: agent}).Container("app"), "x")
			write(t, c.AddPod(sim.PodSpec{Namespace: "shop-eu", Name: "web"}).Container("app"), "x")
			c.AddObject(sim.Object{Kind: "Service", Name: "front", Selector: map[string]string{"app": "web"}})
			ann := sim.User{Name: "ann", Rules: rules(of, tt.in, tt.names)}
			cluster := tail.Cluster{Name: "eu", Namespace: "default", Users: []tail.User{{Config: c.RESTConfigFor("bearer")}}}
			may := rules(listed[pods], tt.pods, nil)
			switch {
			case tt.acting:
				c.AddToken("other", sim.User{Name: "alice", Rules: may})
				by := &cluster.Users[0].Config.Impersonate
				by.UserName, by.Groups = "alice", []string{"devs"}
			case tt.pods != nil:
				ann.Rules = append(ann.Rules, may...)
			}
			c.AddToken("bearer", ann)
			o := following()
			if tt.options != nil {
				tt.options(&o)
			}
			s = startOn(t, o, cluster)
			time.Sleep(5 * time.Minute)
			s.stop()
			for _, q := range c.Requests() {
				if q.Status == http.StatusForbidden {
					refused = append(refused, q.Verb+" "+q.Path)
				}
			}
			return s, refused
		}
		bubble(t, name, func(t *testing.T) {
			s, refused := run(t, of)
			if got := s.pods(); got != tt.want || (len(refused) > 0) != tt.refuses {
				t.Errorf("got %q, want %q; refused: %q\n%s", got, tt.want, refused, s.logged())
			}
			if logged := s.logged(); !strings.Contains(logged, tt.reported) || tt.reported == "" && logged != "" {
				t.Errorf("stderr: %s", logged)
			}
		})
		for i, lacks := range of {
			bubble(t, fmt.Sprint(name, " without ", lacks), func(t *testing.T) {
				s, _ := run(t, slices.Delete(slices.Clone(of), i, i+1))
				want := fmt.Sprintf("User %q cannot %s resource %q", "ann", lacks.verb, lacks.resource)
				if !slices.ContainsFunc(strings.Split(s.logged(), "\n"), func(line string) bool {
					asks := func(word string) bool { return strings.Contains(line, word) }
					return strings.Contains(line, want) && slices.ContainsFunc(strings.Split(tt.asks, "|"), asks)
				}) {
					t.Errorf("stderr lacks %q and %q:\n%s", want, tt.asks, s.logged())
				}
			})
		}
	}
}

// asksFor has a run follow the pods of these owners.
func asksFor(t *testing.T, queries ...string) func(*tail.Options) {
	return func(o *tail.Options) { o.Owners = ownersOf(t, queries...) }
}

// until has a run report Jobs, too.
func until(asks func(*tail.Options)) func(*tail.Options) {
	return func(o *tail.Options) {
		asks(o)
		o.Jobs = true
	}
}

// ready has a run report rollouts, too.
func ready(asks func(*tail.Options)) func(*tail.Options) {
	return func(o *tail.Options) {
		asks(o)
		o.Rollouts = true
	}
}

// newest has a run follow the newest revisions alone.
func newest(asks func(*tail.Options)) func(*tail.Options) {
	return func(o *tail.Options) {
		asks(o)
		o.NewestRevision = true
	}
}
