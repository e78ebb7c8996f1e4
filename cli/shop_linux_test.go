package cli

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/testdata/sim"
)

// shop is what README's scripts for CI are about: the clusters eu and us, and in their namespace shop the Deployment web, of two pods in
// eu and one in us, and in eu the Job import. The clusters have no controllers; its methods play them.
type shop struct {
	t        *testing.T
	ctx      context.Context // ends when the script has ended
	clusters map[string]*sim.Cluster
	home     string // with the kubeconfigs; scripts run there
	stderr   *capture
}

var shopReplicas = map[string]int32{"eu": 2, "us": 1}

// newShop makes a shop in which all is well: the second revision of the Deployment is complete, its pods have written that they are ready,
// and the Job is complete, too. What of this is left out is named by without: "Deployment" and "pods" with a cluster, "Job", "its pod".
func newShop(ctx context.Context, t *testing.T, without ...string) *shop {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{t: t, ctx: ctx, clusters: make(map[string]*sim.Cluster), home: t.TempDir(), stderr: newCapture()}
	s.executable("bin/mktail", asMktail+"=1 exec "+strconv.Quote(self)+` "$@"`)
	if out, err := exec.Command("mkfifo", filepath.Join(s.home, "go")).CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	for _, name := range []string{"eu", "us"} {
		c, err := sim.Start(sim.Options{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		s.clusters[name] = c
		s.kubeconfig(name, sim.Access{Context: name})
		with := func(what string) bool { return !slices.Contains(without, what) }
		if with(name + " Deployment") {
			s.apply(name, 2, 0)
			if with(name + " pods") {
				s.deploy(name, 2, "ready")
			}
		}
		if name == "eu" && with("Job") {
			if s.job("", ""); with("its pod") {
				s.attempt(1, "row 1", "row 2").Exit(0)
				s.job(batchv1.JobComplete, "")
			}
		}
	}
	return s
}

// executable makes a program of these commands of the shell.
func (s *shop) executable(name, commands string) {
	s.file(name, "#!/bin/bash\n"+commands+"\n", 0o755)
}

func (s *shop) file(name, text string, mode os.FileMode) {
	path := filepath.Join(s.home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) kubeconfig(cluster string, a sim.Access) {
	s.file(filepath.Join(".kube", cluster), string(s.clusters[cluster].KubeconfigFor(a)), 0o600)
}

// forbid makes the cluster's kubeconfig one of a user who may not read the namespace.
func (s *shop) forbid(cluster string) {
	s.clusters[cluster].AddToken("ci", sim.Reader("ci", "default"))
	s.kubeconfig(cluster, sim.Access{Context: cluster, Token: "ci"})
}

// await blocks until the script has made a request of this kind. A script that ends before fails the test.
func (s *shop) await(cluster, verb, resource string) {
	c := s.clusters[cluster]
	if err := c.Wait(s.ctx, func(sim.Stats) bool {
		return slices.ContainsFunc(c.Requests(), func(q *sim.Request) bool { return q.Verb == verb && q.Resource == resource })
	}); err != nil {
		s.t.Errorf("it ended before %s %s in %s", verb, resource, cluster)
	}
}

// awaitText blocks until the script has written that to stderr.
func (s *shop) awaitText(text string) {
	if !s.stderr.wait(regexp.MustCompile(regexp.QuoteMeta(text))) {
		s.t.Errorf("it ended before %q", text)
	}
}

// apply makes a revision of the Deployment, whose controller has observed the one before it and made so many pods of that.
func (s *shop) apply(cluster string, revision int, pods int32) *metav1.OwnerReference {
	return s.deployment(cluster, revision, appsv1.DeploymentStatus{ObservedGeneration: int64(revision - 1), Replicas: pods, UpdatedReplicas: pods, AvailableReplicas: pods})
}

// deployment makes a revision of the Deployment, or replaces the one before.
func (s *shop) deployment(cluster string, revision int, status appsv1.DeploymentStatus) *metav1.OwnerReference {
	replicas := shopReplicas[cluster]
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Generation: int64(revision), Annotations: map[string]string{"deployment.kubernetes.io/revision": fmt.Sprint(status.ObservedGeneration)}},
		Spec:       appsv1.DeploymentSpec{Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}},
		Status:     status,
	}
	return s.clusters[cluster].AddObject(sim.Object{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web", Body: d})
}

// deploy does what the controllers do after apply: it makes the pods of a revision, which write these lines, and deletes those of the
// revision before.
func (s *shop) deploy(cluster string, revision int, lines ...string) {
	for n := range shopReplicas[cluster] {
		s.pod(cluster, revision, int(n)+1, lines...)
	}
	for n := range shopReplicas[cluster] {
		if p := s.find(cluster, revision-1, int(n)+1); p != nil {
			p.Delete(0)
		}
	}
	n := shopReplicas[cluster]
	s.deployment(cluster, revision, appsv1.DeploymentStatus{ObservedGeneration: int64(revision), Replicas: n, UpdatedReplicas: n, AvailableReplicas: n})
}

func webName(cluster string, revision, n int) string {
	return fmt.Sprintf("web-%d-%s-%d", revision, cluster, n)
}

// find returns a pod of the Deployment; nil if there is none.
func (s *shop) find(cluster string, revision, n int) *sim.Pod {
	return s.clusters[cluster].Pod("shop", webName(cluster, revision, n))
}

// replicaSet makes that of a revision of the Deployment, which is observed then, but has no pods of it.
func (s *shop) replicaSet(cluster string, revision int, conditions ...appsv1.DeploymentCondition) *metav1.OwnerReference {
	owner := s.deployment(cluster, revision, appsv1.DeploymentStatus{ObservedGeneration: int64(revision), Conditions: conditions})
	return s.clusters[cluster].AddObject(sim.Object{Group: "apps", Kind: "ReplicaSet", Namespace: "shop", Name: "web-" + podHash(revision), Owner: owner, Body: &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Labels: podLabels(revision), Annotations: map[string]string{"deployment.kubernetes.io/revision": fmt.Sprint(revision)}}}})
}

func podHash(revision int) string { return fmt.Sprint("h", revision) }

func podLabels(revision int) map[string]string {
	return map[string]string{"app": "web", appsv1.DefaultDeploymentUniqueLabelKey: podHash(revision)}
}

// pod makes a pod of a revision of the Deployment.
func (s *shop) pod(cluster string, revision, n int, lines ...string) {
	p := s.clusters[cluster].AddPod(sim.PodSpec{Namespace: "shop", Name: webName(cluster, revision, n), Labels: podLabels(revision), Owner: s.replicaSet(cluster, revision)})
	s.write(p.Container("app"), lines...)
}

// web returns the container of a pod of the second revision.
func (s *shop) web(cluster string, n int) *sim.Container {
	return s.find(cluster, 2, n).Container("app")
}

func (s *shop) writePast(c *sim.Container, ago time.Duration, line string) {
	if err := c.WriteStamped(time.Now().Add(-ago), line); err != nil {
		s.t.Error(err)
	}
}

func (s *shop) write(c *sim.Container, lines ...string) {
	for _, line := range lines {
		if err := c.Write(line); err != nil {
			s.t.Error(err)
		}
	}
}

// job makes the Job, or replaces it: with this condition, if one is given.
func (s *shop) job(condition batchv1.JobConditionType, reason string) *metav1.OwnerReference {
	job := new(batchv1.Job)
	if condition != "" {
		job.Status.Conditions = []batchv1.JobCondition{{Type: condition, Status: corev1.ConditionTrue, Reason: reason, LastTransitionTime: metav1.NewTime(time.Now())}}
	}
	return s.clusters["eu"].AddObject(sim.Object{Group: "batch", Kind: "Job", Namespace: "shop", Name: "import", Body: job})
}

// attempt makes a pod of the Job.
func (s *shop) attempt(n int, lines ...string) *sim.Container {
	p := s.clusters["eu"].AddPod(sim.PodSpec{Namespace: "shop", Name: fmt.Sprint("import-", n), Policy: corev1.RestartPolicyNever, Owner: s.job("", ""),
		Containers: []sim.ContainerSpec{{Name: "import"}}})
	c := p.Container("import")
	s.write(c, lines...)
	return c
}
