package pods_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"mktail/tail/pods"
)

func TestSelectionNamespaces(t *testing.T) {
	for _, tt := range []struct {
		patterns []string
		selects  []string
		not      []string
		literal  bool // they need not be listed
		named    []string
	}{
		{nil, []string{"shop"}, nil, true, nil},
		{[]string{"shop"}, []string{"shop"}, []string{"shop2"}, true, []string{"shop"}},
		{[]string{"shop", "jobs", "shop"}, []string{"shop", "jobs"}, []string{"x"}, true, []string{"jobs", "shop"}},
		{[]string{"sh*"}, []string{"shop", "shell"}, []string{"x"}, false, nil},
		{[]string{"shop", "j*"}, []string{"shop", "jobs"}, []string{"x"}, false, []string{"shop"}},
		{[]string{"!shop"}, []string{"x"}, []string{"shop"}, false, nil},
		{[]string{"!sh*"}, []string{"x"}, []string{"shop", "shell"}, false, nil},
		{[]string{"!shop", "shop", "jobs"}, []string{"jobs"}, []string{"shop", "x"}, true, []string{"jobs"}},
		{[]string{"shop", "!s*"}, nil, []string{"shop", "x"}, true, nil},
		{[]string{"s*", "!shop"}, []string{"shell"}, []string{"shop", "x"}, false, nil},
	} {
		t.Run(fmt.Sprint(tt.patterns), func(t *testing.T) {
			s := &pods.Selection{Namespaces: tt.patterns}
			for _, name := range append(tt.selects, tt.not...) {
				if got := s.SelectsNamespace(name); got != slices.Contains(tt.selects, name) {
					t.Errorf("%s: %v", name, got)
				}
			}
			if got := s.LiteralNamespaces(); got != tt.literal {
				t.Errorf("literal %v", got)
			}
			if got := s.NamedNamespaces(); !slices.Equal(got, tt.named) {
				t.Errorf("named %q, want %q", got, tt.named)
			}
			if !slices.Equal(s.Namespaces, tt.patterns) {
				t.Errorf("the patterns are now %q", s.Namespaces)
			}
		})
	}
}

func TestSelectionPod(t *testing.T) {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web-1", Namespace: "shop"}, Spec: corev1.PodSpec{NodeName: "node-1"}}
	re := func(s string) []*regexp.Regexp { return []*regexp.Regexp{regexp.MustCompile(s)} }
	for _, tt := range []struct {
		name string
		s    pods.Selection
		want bool
	}{
		{"all", pods.Selection{}, true},
		{"its node", pods.Selection{Node: "node-1"}, true},
		{"a glob on its node", pods.Selection{Node: "node-*"}, true},
		{"another node", pods.Selection{Node: "node-2"}, false},
		{"its namespace", pods.Selection{Namespaces: []string{"shop"}}, true},
		{"another namespace", pods.Selection{Namespaces: []string{"x"}}, false},
		{"its node, another namespace", pods.Selection{Node: "node-1", Namespaces: []string{"x"}}, false},
		{"left out", pods.Selection{ExcludePods: re("web")}, false},
		{"another is left out", pods.Selection{ExcludePods: re("db")}, true},
		{"patterns on names don't count", pods.Selection{Pods: re("db")}, true},
	} {
		if got := tt.s.SelectsPod(p); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestPodNames(t *testing.T) {
	for _, tt := range []struct{ queries, patterns, want string }{
		{"pod/web", "", "web"},
		{"po/b pods/a.b pod/b", "", "a.b b"},
		{"pod/web*", "", ""},
		{"pod/web pod/db-?", "", ""},
		{`pod/we\b`, "", ""},
		{"pod/Web", "", ""},
		{"pod/web deploy/web", "", ""},
		{"pod/web widget/web", "", ""},
		{"pod/web", "db", ""},
		{"", "web", ""},
		{"", "", ""},
	} {
		var s pods.Selection
		for q := range strings.FieldsSeq(tt.queries) {
			o, _ := pods.ParseOwner(q)
			s.Owners = append(s.Owners, o)
		}
		for p := range strings.FieldsSeq(tt.patterns) {
			s.Pods = append(s.Pods, regexp.MustCompile(p))
		}
		if got := strings.Join(s.PodNames(), " "); got != tt.want {
			t.Errorf("%q %q: %q, want %q", tt.queries, tt.patterns, got, tt.want)
		}
	}
}

func TestMatches(t *testing.T) {
	web, one := regexp.MustCompile("web"), regexp.MustCompile("1$")
	type patterns = []*regexp.Regexp
	for _, tt := range []struct {
		name             string
		wanted, excluded patterns
		want             bool
	}{
		{"web-1", nil, nil, true}, {"web-1", patterns{web}, nil, true}, {"db-1", patterns{web}, nil, false}, {"db-1", patterns{web, one}, nil, true},
		{"web-1", nil, patterns{one}, false}, {"web-2", nil, patterns{one}, true}, {"web-1", patterns{web}, patterns{one}, false}, {"web-2", patterns{web}, patterns{one}, true},
		{"db-2", patterns{web}, patterns{one}, false}, {"web-2", patterns{web}, patterns{one, web}, false},
	} {
		s := pods.Selection{Containers: tt.wanted, ExcludeContainers: tt.excluded}
		if got := s.SelectsContainer(&pods.Pod{}, tt.name); got != tt.want {
			t.Errorf("%s, wanted %v, excluded %v: %v", tt.name, tt.wanted, tt.excluded, got)
		}
	}
	for _, tt := range []struct {
		pod    string
		wanted patterns
		want   bool
	}{{"web-1", nil, true}, {"web-1", patterns{web}, true}, {"db-1", patterns{web}, false}, {"db-1", patterns{web, one}, true}} {
		if got := (&pods.Selection{Pods: tt.wanted, ExcludePods: patterns{web, one}}).MatchesName(tt.pod); got != tt.want {
			t.Errorf("pod %s, wanted %v: %v", tt.pod, tt.wanted, got)
		}
	}
	p := pods.New(everything(), false)
	s := pods.Selection{Containers: patterns{regexp.MustCompile("^(app|side)$")}, ExcludeContainers: patterns{regexp.MustCompile("side")}}
	for name, want := range map[string]bool{"app": true, "side": false, "debug": false} {
		if got := s.SelectsContainer(p, name); got != want {
			t.Errorf("container %s: %v", name, got)
		}
	}
}

func TestChangeable(t *testing.T) {
	for _, tt := range []struct {
		s    pods.Selection
		want bool
	}{
		{pods.Selection{Labels: "a=b", Fields: "x=y", Node: "n", NoInit: true}, false},
		{pods.Selection{Condition: &pods.Condition{}}, true}, {pods.Selection{Owners: []pods.Owner{{}}}, true}, {pods.Selection{States: pods.Waiting}, true},
	} {
		if got := tt.s.Changeable(); got != tt.want {
			t.Errorf("%+v: %v", tt.s, got)
		}
	}
}

func TestCondition(t *testing.T) {
	for in, want := range map[string]pods.Condition{
		"Ready": {Type: "Ready", Status: "True"}, "ready=false": {Type: "ready", Status: "False"}, "Ready=True": {Type: "Ready", Status: "True"},
		"x=UNKNOWN": {Type: "x", Status: "Unknown"}, "x=maybe": {}, "=true": {}, "": {}, "x=": {},
	} {
		got, ok := pods.ParseCondition(in)
		if ok != (want.Type != "") || ok && got != want {
			t.Errorf("%q: %+v, %v", in, got, ok)
		}
	}
	p := &corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: "Initialized", Status: "True"}, {Type: "Ready", Status: "False"}}}}
	for c, want := range map[pods.Condition]bool{
		{Type: "ready", Status: "False"}: true, {Type: "Ready", Status: "True"}: false, {Type: "Initialized", Status: "True"}: true, {Type: "Other", Status: "False"}: false,
	} {
		if got := c.Holds(p); got != want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestEnding(t *testing.T) {
	for name, change := range map[string]func(*corev1.Pod){
		"false": func(*corev1.Pod) {},
		"false, an init container runs": func(p *corev1.Pod) {
			p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses = nil, nil
			p.Status.InitContainerStatuses[0].State = running(1)
		},
		"false, a container runs":            func(p *corev1.Pod) { p.Status.EphemeralContainerStatuses = nil },
		"false, an ephemeral container runs": func(p *corev1.Pod) { p.Status.ContainerStatuses = nil },
		"true, none runs":                    func(p *corev1.Pod) { p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses = nil, nil },
		"true, it is being deleted":          func(p *corev1.Pod) { p.DeletionTimestamp = ptr.To(metav1.Unix(1, 0)) },
	} {
		p := everything()
		change(p)
		if got := pods.Ending(p); got != (name[0] == 't') {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestContainerStateHas(t *testing.T) {
	for _, one := range []pods.ContainerState{pods.Running, pods.Waiting, pods.Terminated} {
		if !pods.ContainerState(0).Has(one) || !one.Has(one) || !(pods.Running | pods.Waiting | pods.Terminated).Has(one) {
			t.Errorf("%d", one)
		}
	}
	for _, pair := range [][2]pods.ContainerState{{pods.Running, pods.Waiting}, {pods.Waiting, pods.Terminated}, {pods.Terminated, pods.Running}, {pods.Running | pods.Waiting, pods.Terminated}} {
		if pair[0].Has(pair[1]) {
			t.Errorf("%d has %d", pair[0], pair[1])
		}
	}
}

func TestParseOwner(t *testing.T) {
	for in, want := range map[string]pods.Owner{
		"deploy/web": {Kind: "deploy", Name: "web"}, "Deployment.Apps/Web*": {Kind: "deployment.apps", Name: "Web*"}, "deploy": {}, "/web": {}, "deploy/": {}, "a/b/c": {}, "": {},
	} {
		got, ok := pods.ParseOwner(in)
		if ok != (want.Kind != "") || ok && got != want {
			t.Errorf("%q: %+v, %v", in, got, ok)
		}
		if ok && got.String() != got.Kind+"/"+got.Name {
			t.Errorf("%+v is written %s", got, got)
		}
	}
}
