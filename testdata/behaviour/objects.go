package behaviour

import (
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"mktail/testdata/loggen"
)

// testJob: a watch of one Job by its name tells of each change of its spec and of its status, which don't change each other, and of its end.
func testJob(e *env) {
	jobs := e.cs.BatchV1().Jobs(e.ns)
	yes, no := true, false
	for _, name := range []string{"job", "other"} {
		spec := e.pod(name, container("app", loggen.Spec{Lines: 1})).Spec
		if _, err := jobs.Create(e.ctx, &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: batchv1.JobSpec{Suspend: &yes, Template: corev1.PodTemplateSpec{Spec: spec}}}, metav1.CreateOptions{}); err != nil {
			e.Fatal(err)
		}
	}
	one := metav1.ListOptions{FieldSelector: "metadata.name=job"}
	list, err := jobs.List(e.ctx, one)
	if err != nil || len(list.Items) != 1 || list.Items[0].Name != "job" {
		e.Fatalf("listed: %+v, %v", list, err)
	}
	first := &list.Items[0]
	one.ResourceVersion = list.ResourceVersion
	w, err := jobs.Watch(e.ctx, one)
	if err != nil {
		e.Fatal(err)
	}
	defer w.Stop()
	if err := jobs.Delete(e.ctx, "other", background()); err != nil { // which the watch is not about
		e.Fatal(err)
	}

	job := first.DeepCopy()
	job.Spec.Suspend = &no
	job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobSuspended, Status: corev1.ConditionTrue, Reason: "JobSuspended"}}
	if job, err = jobs.UpdateStatus(e.ctx, job, metav1.UpdateOptions{}); err != nil {
		e.Fatal(err)
	}
	job.Spec.Suspend, job.Status = &no, batchv1.JobStatus{}
	if _, err = jobs.Update(e.ctx, job, metav1.UpdateOptions{}); err != nil {
		e.Fatal(err)
	}
	if _, err := jobs.Update(e.ctx, first, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		e.Errorf("a change of what was changed meanwhile: %v", err)
	}
	if err := jobs.Delete(e.ctx, "job", background()); err != nil {
		e.Fatal(err)
	}
	_, err = jobs.Get(e.ctx, "job", metav1.GetOptions{})
	e.refused("a Job that is gone", err, 404, `jobs.batch "job" not found`)
	for i, want := range []struct {
		kind       watch.EventType
		generation int64
		suspended  bool
	}{{watch.Modified, 1, true}, {watch.Modified, 2, false}, {watch.Deleted, 2, false}} {
		ev := e.next(w)
		got, ok := ev.Object.(*batchv1.Job)
		if !ok || ev.Type != want.kind || got.Generation != want.generation || *got.Spec.Suspend != want.suspended || len(got.Status.Conditions) != 1 || got.UID != first.UID {
			e.Errorf("event %d is %+v", i, ev)
		}
	}
}

// background deletes at once, whoever may be a garbage collector.
func background() metav1.DeleteOptions {
	policy := metav1.DeletePropagationBackground
	return metav1.DeleteOptions{PropagationPolicy: &policy}
}

// testGeneration: a Deployment's generation counts the changes of its spec and annotations, but not those that come with a status, so that
// its controller's status can name what it is about.
func testGeneration(e *env) {
	deployments := e.cs.AppsV1().Deployments(e.ns)
	labels := map[string]string{"app": "web"}
	spec := e.pod("web", idle("app")).Spec
	spec.RestartPolicy = corev1.RestartPolicyAlways
	d, err := deployments.Create(e.ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec}},
		Status: appsv1.DeploymentStatus{ObservedGeneration: 7},
	}, metav1.CreateOptions{})
	if err != nil {
		e.Fatal(err)
	}
	is := func(what string, generation, observed int64) {
		e.Helper()
		if err != nil {
			e.Fatalf("%s: %v", what, err)
		}
		if d.Generation != generation || d.Status.ObservedGeneration != observed {
			e.Errorf("%s: generation %d, %d is observed", what, d.Generation, d.Status.ObservedGeneration)
		}
	}
	is("made", 1, 0)
	const revision = "deployment.kubernetes.io/revision"
	d.Status.ObservedGeneration, d.Spec.Paused = 1, true
	metav1.SetMetaDataAnnotation(&d.ObjectMeta, revision, "1")
	d, err = deployments.UpdateStatus(e.ctx, d, metav1.UpdateOptions{})
	is("a status", 1, 1)
	if d.Spec.Paused || d.Annotations[revision] != "1" {
		e.Errorf("paused %v, annotations %v", d.Spec.Paused, d.Annotations)
	}
	d, err = deployments.Update(e.ctx, d, metav1.UpdateOptions{})
	is("no change", 1, 1)
	metav1.SetMetaDataAnnotation(&d.ObjectMeta, "kubernetes.io/change-cause", "why")
	d, err = deployments.Update(e.ctx, d, metav1.UpdateOptions{})
	is("an annotation", 2, 1)
	d.Spec.Paused = true
	d, err = deployments.Update(e.ctx, d, metav1.UpdateOptions{})
	is("paused", 3, 1)
	metav1.SetMetaDataAnnotation(&d.Spec.Template.ObjectMeta, "version", "second")
	d, err = deployments.Update(e.ctx, d, metav1.UpdateOptions{})
	is("another template", 4, 1)
	if err := deployments.Delete(e.ctx, "web", background()); err != nil {
		e.Error(err)
	}
}
