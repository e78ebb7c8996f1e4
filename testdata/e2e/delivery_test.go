package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/testdata/loggen"
)

// TestDelivery holds that each line comes once through what users and proxies do, without anything being killed. The rows run side by side, and log what README's table says. With MKTAIL_STERN stern goes along where it can.
func TestDelivery(t *testing.T) {
	stern := ""
	if os.Getenv("MKTAIL_STERN") != "" {
		stern = buildStern(t)
	}
	for _, row := range []struct {
		name string
		run  func(t *testing.T, stern string)
	}{
		{"a pod that ends leaves the selection before a slow reader has its lines", endsUnselected},
		{"list without watch", listWithoutWatch},
		{"timeout ends each run", endedByTimeout},
		{"a silent proxy", silentProxy},
		{"a proxy that swallows connections", swallowingProxy},
		{"a static pod's mirror is deleted", mirrorDeleted},
		{"a line is cut in two by rotation", cutByRotation},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.run(t, stern)
		})
	}
}

// buildStern builds stern and gives its path.
func buildStern(t *testing.T) string {
	t.Helper()
	stern := filepath.Join(t.TempDir(), "stern")
	if out, err := exec.Command("go", "build", "-C", filepath.Join("..", "bench", "peers"), "-o", stern, "github.com/stern/stern").CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	return stern
}

// sternArgs are those with which stern follows a namespace of cluster a.
func sternArgs(home, ns string, more ...string) []string {
	return append([]string{".", "--kubeconfig", filepath.Join(home, ".kube", "a"), "-n", ns, "-o", "json", "--color", "never"}, more...)
}

// mktailArgs are mktail's.
func mktailArgs(ns string, more ...string) []string {
	return append([]string{"-n", ns, "--since", "0", "--mark-gaps", "--json", "-v"}, more...)
}

// What a pod has written before it leaves --field-selector status.phase=Running by ending, it has written while selected.
func endsUnselected(t *testing.T, stern string) {
	const ns, lines = "delivery-phase", 100_000
	api := namespaceOf(t, "a", ns)
	home := newHome(t, contextName, map[string]string{"a": "a"})
	selector := []string{"--field-selector", "status.phase=Running"}
	specs := map[string]loggen.Spec{"ends": {Lines: lines, Delay: 2 * time.Second, Wait: 3 * time.Second}}
	begin := make(chan struct{})
	outputs := []*output{runAfter(t, begin, "mktail", home, specs, mktail, mktailArgs(ns, selector...)...)}
	if stern != "" {
		outputs = append(outputs, runAfter(t, begin, "stern", home, specs, stern, sternArgs(home, ns, selector...)...))
	}
	createPod(t, api, "a", ns, "ends", corev1.RestartPolicyNever, nil, container{"app", specs["ends"]})
	awaitPod(t, api, ns, "ends", succeeded)
	lasts(2 * time.Second) // until all know
	close(begin)
	for _, o := range outputs {
		if o.name == "stern" {
			o.settles()
			o.stop()
			t.Logf("| stern | %s |", o.of["ends"].tally(lines))
			continue
		}
		o.reaches("ends", lines)
		o.stop()
		o.exact("ends", lines)
	}
}

// Who may list pods, but not watch them, is shown pods that come later, too.
func listWithoutWatch(t *testing.T, stern string) {
	const ns, lines = "delivery-no-watch", 500
	api := namespaceOf(t, "a", ns)
	for _, create := range []func() error{
		func() error {
			_, err := api.RbacV1().Roles(ns).Create(t.Context(), &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "lister"}, Rules: []rbacv1.PolicyRule{
				{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list"}},
				{APIGroups: []string{""}, Resources: []string{"pods/log"}, Verbs: []string{"get"}},
			}}, metav1.CreateOptions{})
			return err
		},
		func() error {
			_, err := api.RbacV1().RoleBindings(ns).Create(t.Context(), &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "lister"},
				RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "lister"},
				Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "viewer"}},
			}, metav1.CreateOptions{})
			return err
		},
	} {
		if err := create(); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
	home := newHome(t, contextName, nil)
	viewer, err := exec.Command(control, "-root", root, "kubeconfig", "-user", "viewer", "a").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".kube", "a"), viewer, 0o600); err != nil {
		t.Fatal(err)
	}
	spec := loggen.Spec{Lines: lines, Rate: 100, Wait: -1}
	specs := map[string]loggen.Spec{"early": spec, "late-1": spec, "late-2": spec}
	createPod(t, api, "a", ns, "early", corev1.RestartPolicyAlways, nil, container{"app", spec})
	awaitPod(t, api, ns, "early", running)
	ours := run(t, "mktail", home, specs, mktail, mktailArgs(ns)...)
	outputs := []*output{ours}
	if stern != "" {
		outputs = append(outputs, run(t, "stern", home, specs, stern, sternArgs(home, ns)...))
	}
	ours.reaches("early", lines)
	for _, pod := range []string{"late-1", "late-2"} { // the second is found by a later list
		createPod(t, api, "a", ns, pod, corev1.RestartPolicyAlways, nil, container{"app", spec})
		ours.reaches(pod, lines)
	}
	for _, o := range outputs {
		o.stop()
		for pod := range specs {
			if o.name == "stern" {
				t.Logf("| stern | %s | %s |", pod, o.of[pod].tally(lines))
				continue
			}
			o.exact(pod, lines)
		}
	}
	if n := strings.Count(ours.stderr.String(), "cannot be watched"); n != 1 {
		t.Errorf("the refusal is reported %d times:\n%s", n, &ours.stderr)
	}
}

// timeout of GNU coreutils signals its child, and then the group, of which the child is a member.
func endedByTimeout(t *testing.T, _ string) {
	const ns, pod, runs = "delivery-timeout", "steady", 8
	api := namespaceOf(t, "a", ns)
	home := newHome(t, contextName, map[string]string{"a": "a"})
	spec := loggen.Spec{Rate: 500}
	specs := map[string]loggen.Spec{pod: spec}
	createPod(t, api, "a", ns, pod, corev1.RestartPolicyAlways, nil, container{"app", spec})
	awaitPod(t, api, ns, pod, running)
	args := mktailArgs(ns, "--state", filepath.Join(home, "state"))
	all := &output{t: t, name: "mktail, run by run", of: map[string]*numbered{pod: {spec: spec}}}
	for i := range runs {
		o := run(t, fmt.Sprint("run ", i), home, specs, "timeout", append([]string{"1.5", mktail}, args...)...)
		if code := o.end(); code != 124 {
			t.Errorf("timeout's exit code %d:\n%s", code, &o.stderr)
		}
		all.goesOn(o)
	}
	o := run(t, "the last run", home, specs, mktail, append(args, "--no-follow")...)
	if code := o.end(); code != 0 {
		t.Errorf("the last run's exit code %d", code)
	}
	all.goesOn(o)
	all.exact(pod, all.last(pod))
}

// A cluster that accepts connections and never answers holds up neither another one nor the end.
func silentProxy(t *testing.T, _ string) {
	const ns, pod, lines = "delivery-silent", "steady", 500
	api := namespaceOf(t, "a", ns)
	spec := loggen.Spec{Lines: lines, Rate: 100, Wait: -1}
	specs := map[string]loggen.Spec{pod: spec}
	p := newProxy(t, "")
	alone := newHome(t, contextName, nil)
	p.kubeconfig(filepath.Join(alone, ".kube", "silent"), "a")
	both := newHome(t, contextName, map[string]string{"a": "a"})
	p.kubeconfig(filepath.Join(both, ".kube", "silent"), "a")

	createPod(t, api, "a", ns, pod, corev1.RestartPolicyAlways, nil, container{"app", spec})
	silent := run(t, "mktail --no-follow, all silent", alone, specs, mktail, mktailArgs(ns, "--no-follow")...)
	follows := run(t, "mktail", both, specs, mktail, mktailArgs(ns)...)
	follows.reaches(pod, lines)
	ends := run(t, "mktail --no-follow", both, specs, mktail, mktailArgs(ns, "--no-follow", "--request-timeout", "5s")...)
	for _, tt := range []struct {
		*output
		code int
	}{{ends, 1}, {silent, 5}} {
		if code := tt.end(); code != tt.code {
			t.Errorf("%s: exit code %d, want %d:\n%s", tt.name, code, tt.code, &tt.stderr)
		}
	}
	follows.stop()
	follows.exact(pod, lines)
	ends.exact(pod, lines)
	for _, o := range []*output{follows, ends} {
		if said := o.stderr.String(); !strings.Contains(said, "silent/"+contextName) {
			t.Errorf("%s: nothing is reported of the silent cluster:\n%s", o.name, said)
		}
	}
}

// A proxy that has forgotten its connections tells neither side.
func swallowingProxy(t *testing.T, stern string) {
	const ns = "delivery-swallowed"
	api := namespaceOf(t, "a", ns)
	home := newHome(t, contextName, nil)
	p := newProxy(t, "a")
	p.kubeconfig(filepath.Join(home, ".kube", "a"), "a")
	spec := loggen.Spec{Rate: 50}
	specs := map[string]loggen.Spec{"one": spec, "two": spec}
	for pod := range specs {
		createPod(t, api, "a", ns, pod, corev1.RestartPolicyAlways, nil, container{"app", spec})
		awaitPod(t, api, ns, pod, running)
	}
	ours := run(t, "mktail", home, specs, mktail, mktailArgs(ns)...)
	outputs := []*output{ours}
	if stern != "" {
		outputs = append(outputs, run(t, "stern", home, specs, stern, sternArgs(home, ns)...))
	}
	for pod := range specs {
		ours.reaches(pod, 200)
	}
	p.swallow()
	lasts(time.Second)
	written := make(map[string]int)
	for pod := range specs {
		eventually(t, "a line that was swallowed", func(ctx context.Context) error {
			text, err := logOf(ctx, api, ns, pod, corev1.PodLogOptions{})
			written[pod] = strings.Count(text, "\n")
			return err
		})
		ours.reaches(pod, written[pod]+500)
	}
	for _, o := range outputs {
		o.stop()
		for pod := range specs {
			if n := o.of[pod]; o.name == "stern" {
				t.Logf("| stern | %s | %s |", pod, n.tally(ours.last(pod)))
				continue
			}
			o.exact(pod, o.last(pod))
		}
	}
}

// The kubelet makes another mirror of a static pod whose mirror is deleted. The pod goes on meanwhile.
func mirrorDeleted(t *testing.T, stern string) {
	const ns, more = "delivery-static", 500
	api := namespaceOf(t, "a", ns)
	home := newHome(t, contextName, map[string]string{"a": "a"})
	spec := loggen.Spec{Rate: 50}
	pod := createStatic(t, "a", ns, "static", container{"app", spec})
	eventuallyPod(t, api, ns, pod, running)
	specs := map[string]loggen.Spec{pod: spec}
	args := mktailArgs(ns, "--state", filepath.Join(home, "state"))
	ours := run(t, "mktail", home, specs, mktail, args...)
	outputs := []*output{ours}
	if stern != "" {
		outputs = append(outputs, run(t, "stern", home, specs, stern, sternArgs(home, ns)...))
	}
	ours.reaches(pod, more)
	remove := func(o metav1.DeleteOptions) (again func()) {
		before := eventuallyPod(t, api, ns, pod, running)
		if err := api.CoreV1().Pods(ns).Delete(t.Context(), pod, o); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		return func() {
			t.Helper()
			eventuallyPod(t, api, ns, pod, func(p *corev1.Pod) bool { return p.UID != before.UID && running(p) })
			t.Logf("there is another mirror after %s", time.Since(begun).Round(time.Second))
		}
	}
	none := int64(0)
	forced := metav1.DeleteOptions{GracePeriodSeconds: &none}
	for _, o := range []metav1.DeleteOptions{{}, forced} {
		remove(o)()
		ours.reaches(pod, ours.last(pod)+more)
	}
	again := remove(forced) // and the next run begins with another one
	for _, o := range outputs {
		o.stop()
	}
	again()
	next := run(t, "mktail, next run", home, specs, mktail, args...)
	next.reaches(pod, ours.last(pod)+more)
	next.stop()
	for _, o := range outputs[1:] {
		t.Logf("| stern | %s |", o.of[pod].tally(ours.last(pod)))
	}
	ours.goesOn(next)
	ours.exact(pod, ours.last(pod))
}

// A line that is long for the node is written there in pieces, of which the first may stand in another file than the rest. --rotated puts
// them together; without it they may come apart, or what was rotated away is a gap.
func cutByRotation(t *testing.T, stern string) {
	const ns, pod, lines = "delivery-cut", "cut", 100
	api := namespaceOf(t, "a", ns)
	home := newHome(t, contextName, map[string]string{"a": "a"})
	long := strings.Repeat("x", 20_000)
	spec := loggen.Spec{Text: "before\n" + long, Lines: lines, Rate: 50, Delay: 10 * time.Second, Wait: -1}
	specs := map[string]loggen.Spec{pod: spec}
	rotated := run(t, "mktail --rotated", home, specs, mktail, mktailArgs(ns, "--rotated")...)
	outputs := []*output{rotated, run(t, "mktail", home, specs, mktail, mktailArgs(ns)...)}
	if stern != "" {
		outputs = append(outputs, run(t, "stern", home, specs, stern, sternArgs(home, ns)...))
	}
	createPod(t, api, "a", ns, pod, corev1.RestartPolicyAlways, nil, container{"app", spec})
	for _, o := range outputs {
		eventually(t, "the line before", func(context.Context) error {
			o.mu.Lock()
			defer o.mu.Unlock()
			if len(o.of[pod].wrong) == 0 {
				return fmt.Errorf("%s has nothing", o.name)
			}
			return nil
		})
	}
	lasts(time.Second) // until the first piece is there
	do(t, "rotate", "a", ns+"/"+pod)
	for _, o := range outputs {
		o.reaches(pod, lines)
		o.stop()
		n := o.of[pod]
		c := n.tally(lines)
		t.Logf("| %s | %s |", o.name, c)
		got := n.wrong // none of it is one of loggen's numbered lines
		if n.lines[0] == 0 {
			got = append(got, spec.Line(0))
		}
		whole := strings.Join(got, "") == "before"+long+spec.Line(0)
		switch {
		case o.name == "stern":
		case c.repeated+c.late > 0, o == rotated && (!whole || len(got)+c.gaps > 2), !whole && c.gaps == 0:
			t.Errorf("%s: %s; the line that is cut has come as %.100q; stderr:\n%s", o.name, c, got[1:], &o.stderr)
		}
	}
}
