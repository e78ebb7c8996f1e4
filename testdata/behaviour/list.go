package behaviour

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func names(list *corev1.PodList) []string {
	out := []string{}
	for _, p := range list.Items {
		out = append(out, p.Name)
	}
	return out
}

func testList(e *env) {
	for i := range 5 {
		p := e.pod(fmt.Sprintf("pod-%d", i), idle("app"))
		p.Labels = map[string]string{"suite": e.ns, "n": fmt.Sprint(i)}
		e.create(p)
	}
	list := func(o metav1.ListOptions) *corev1.PodList {
		e.Helper()
		l, err := e.pods.List(e.ctx, o)
		if err != nil {
			e.Fatalf("%+v: %v", o, err)
		}
		return l
	}

	page := list(metav1.ListOptions{Limit: 2})
	if got := names(page); !slices.Equal(got, []string{"pod-0", "pod-1"}) {
		e.Errorf("first page is %v", got)
	}
	if r := page.RemainingItemCount; r == nil || *r != 3 {
		e.Errorf("remainingItemCount is %v, want 3", r)
	}
	e.create(e.pod("pod-9", idle("app"))) // is not part of a list that has begun
	all := names(page)
	for next := page; next.Continue != ""; all = append(all, names(next)...) {
		next = list(metav1.ListOptions{Limit: 2, Continue: next.Continue})
		if next.ResourceVersion != page.ResourceVersion {
			e.Errorf("a later page is of version %s, the first of %s", next.ResourceVersion, page.ResourceVersion)
		}
	}
	if want := []string{"pod-0", "pod-1", "pod-2", "pod-3", "pod-4"}; !slices.Equal(all, want) {
		e.Errorf("the pages hold %v, want %v", all, want)
	}

	for _, test := range []struct {
		o    metav1.ListOptions
		want []string
	}{
		{metav1.ListOptions{LabelSelector: "n in (1,3)"}, []string{"pod-1", "pod-3"}},
		{metav1.ListOptions{LabelSelector: "n,n!=0", Limit: 500}, []string{"pod-1", "pod-2", "pod-3", "pod-4"}},
		{metav1.ListOptions{LabelSelector: "!n"}, []string{"pod-9"}},
		{metav1.ListOptions{LabelSelector: "n=7"}, []string{}},
		{metav1.ListOptions{FieldSelector: "metadata.name=pod-2"}, []string{"pod-2"}},
		{metav1.ListOptions{FieldSelector: "spec.nodeName=" + e.node, LabelSelector: "n"}, all},
		{metav1.ListOptions{FieldSelector: "spec.nodeName=no-such-node"}, []string{}},
		{metav1.ListOptions{FieldSelector: "metadata.namespace=" + e.ns, LabelSelector: "n=4"}, []string{"pod-4"}},
	} {
		if got := names(list(test.o)); !slices.Equal(got, test.want) {
			e.Errorf("%+v: got %v, want %v", test.o, got, test.want)
		}
	}
	everywhere, err := e.cs.CoreV1().Pods("").List(e.ctx, metav1.ListOptions{LabelSelector: "suite=" + e.ns})
	if err != nil || !slices.Equal(names(everywhere), all) {
		e.Errorf("over all namespaces: %v, %v", names(everywhere), err)
	}
	e.running("pod-3")
	if got := names(list(metav1.ListOptions{FieldSelector: "status.phase=Running", LabelSelector: "n=3"})); !slices.Equal(got, []string{"pod-3"}) {
		e.Errorf("status.phase=Running: %v", got)
	}
	if got := names(list(metav1.ListOptions{ResourceVersion: "0", LabelSelector: "n=3"})); !slices.Equal(got, []string{"pod-3"}) {
		e.Errorf("resourceVersion=0: %v", got)
	}
	p, err := e.pods.Get(e.ctx, "pod-3", metav1.GetOptions{})
	if err != nil {
		e.Fatal(err)
	}
	if p.UID == "" || p.Spec.NodeName != e.node || len(p.Status.ContainerStatuses) != 1 || p.Status.ContainerStatuses[0].ContainerID == "" {
		e.Errorf("a running pod lacks something: %+v", p)
	}
}

func testListErrors(e *env) {
	for _, test := range []struct {
		o    metav1.ListOptions
		code int32
		text string
	}{
		{metav1.ListOptions{FieldSelector: "spec.color=red"}, 400, "field label not supported: spec.color"},
		{metav1.ListOptions{LabelSelector: "a in ("}, 400, "unable to parse requirement"},
		{metav1.ListOptions{Limit: 1, Continue: "no such token"}, 400, "continue key is not valid"},
	} {
		_, err := e.pods.List(e.ctx, test.o)
		e.refused(fmt.Sprintf("%+v", test.o), err, test.code, test.text)
	}
	_, err := e.pods.Get(e.ctx, "none", metav1.GetOptions{})
	e.refused("a pod that is not there", err, 404, `pods "none" not found`)
	if l, err := e.cs.CoreV1().Pods("no-such-namespace").List(e.ctx, metav1.ListOptions{}); err != nil || len(l.Items) != 0 {
		e.Errorf("a namespace that is not there: %v, %v", l, err)
	}
	_, err = e.cs.CoreV1().Pods("no-such-namespace").Create(e.ctx, func() *corev1.Pod {
		p := e.pod("x", idle("app"))
		p.Namespace = ""
		return p
	}(), metav1.CreateOptions{})
	e.refused("creating in a namespace that is not there", err, 404, `namespaces "no-such-namespace" not found`)
	e.create(e.pod("twice", idle("app")))
	_, err = e.pods.Create(e.ctx, e.pod("twice", idle("app")), metav1.CreateOptions{})
	e.refused("creating a pod twice", err, 409, `pods "twice" already exists`)
	e.refused("deleting a pod that is not there", e.pods.Delete(e.ctx, "none", metav1.DeleteOptions{}), 404, `pods "none" not found`)
}
