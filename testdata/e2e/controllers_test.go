package e2e

import (
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"mktail/testdata/loggen"
)

// The clusters have no controllers. Tests play those of Jobs, Deployments and ReplicaSets, by the rules of kube-controller-manager as far as
// the tests need them. Validation by the API server keeps that honest: it refuses states of a Job that its controller would not make.

// reconcile calls sync over and over until it is done, or ctx ends. An object that is not there yet, or was changed meanwhile, is tried again.
func reconcile(ctx context.Context, sync func(context.Context) (done bool, err error)) error {
	return wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		done, err := sync(ctx)
		if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
			return false, nil
		}
		return done, err
	})
}

// playJob makes the pods of a Job, of which the first runs the first of the attempts, and so on. It returns when the Job has ended, or ctx has.
func playJob(ctx context.Context, api *kubernetes.Clientset, ns, name string, attempts ...loggen.Spec) error {
	made := 0
	return reconcile(ctx, func(ctx context.Context) (done bool, err error) {
		job, err := api.BatchV1().Jobs(ns).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		list, err := api.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=" + name})
		if err != nil {
			return false, err
		}
		s := job.Status.DeepCopy()
		s.Active, s.Succeeded, s.Failed = 0, 0, 0
		ending := false // a pod of it is being deleted
		reason, message := "", ""
		for _, p := range list.Items {
			switch action, why := failureRule(job, &p); {
			case p.DeletionTimestamp != nil:
				ending = true
			case p.Status.Phase == corev1.PodSucceeded:
				s.Succeeded++
			case p.Status.Phase != corev1.PodFailed:
				s.Active++
			case action == batchv1.PodFailurePolicyActionFailJob:
				s.Failed++
				reason, message = batchv1.JobReasonPodFailurePolicy, why
			case action != batchv1.PodFailurePolicyActionIgnore:
				s.Failed++
			}
		}
		if s.Failed > *job.Spec.BackoffLimit && reason == "" {
			reason, message = batchv1.JobReasonBackoffLimitExceeded, "Job has reached the specified backoff limit"
		}
		suspended := *job.Spec.Suspend
		if s.StartTime == nil && !suspended {
			s.StartTime = ptr.To(metav1.Now())
		}
		switch {
		case reason != "": // Failed comes when no pod of it is left
			setJobCondition(s, batchv1.JobFailureTarget, corev1.ConditionTrue, reason, message)
			if done = s.Active == 0 && !ending; done {
				setJobCondition(s, batchv1.JobFailed, corev1.ConditionTrue, reason, message)
			}
		case s.Succeeded >= *job.Spec.Completions:
			setJobCondition(s, batchv1.JobSuccessCriteriaMet, corev1.ConditionTrue, batchv1.JobReasonCompletionsReached, "Reached expected number of succeeded pods")
			setJobCondition(s, batchv1.JobComplete, corev1.ConditionTrue, batchv1.JobReasonCompletionsReached, "Reached expected number of succeeded pods")
			s.CompletionTime = ptr.To(metav1.Now())
			done = true
		case suspended:
			setJobCondition(s, batchv1.JobSuspended, corev1.ConditionTrue, "JobSuspended", "Job suspended")
		default:
			if setJobCondition(s, batchv1.JobSuspended, corev1.ConditionFalse, "JobResumed", "Job resumed") {
				s.StartTime = ptr.To(metav1.Now())
			}
			for ; s.Active < min(*job.Spec.Parallelism, *job.Spec.Completions-s.Succeeded) && made < len(attempts); s.Active++ {
				p := fromTemplate(&job.Spec.Template, fmt.Sprintf("%s-%d", name, made+1), attempts[made])
				p.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(job, batchv1.SchemeGroupVersion.WithKind("Job"))}
				if _, err := api.CoreV1().Pods(ns).Create(ctx, p, metav1.CreateOptions{}); err != nil {
					return false, err
				}
				made++
			}
		}
		if suspended || reason != "" {
			for _, p := range list.Items {
				if p.DeletionTimestamp == nil && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
					if err := api.CoreV1().Pods(ns).Delete(ctx, p.Name, metav1.DeleteOptions{}); err != nil {
						return false, err
					}
				}
			}
			s.Active = 0
		}
		if !apiequality.Semantic.DeepEqual(s, &job.Status) {
			job.Status = *s
			if _, err := api.BatchV1().Jobs(ns).UpdateStatus(ctx, job, metav1.UpdateOptions{}); err != nil {
				return false, err
			}
		}
		return done, nil
	})
}

// failureRule returns what the podFailurePolicy of a Job has for a pod that has failed, and why; empty: it has nothing.
func failureRule(job *batchv1.Job, p *corev1.Pod) (action batchv1.PodFailurePolicyAction, why string) {
	if job.Spec.PodFailurePolicy == nil {
		return "", ""
	}
	for i, rule := range job.Spec.PodFailurePolicy.Rules {
		for _, c := range p.Status.ContainerStatuses {
			if end := c.State.Terminated; end != nil && end.ExitCode != 0 && slices.Contains(rule.OnExitCodes.Values, end.ExitCode) {
				return rule.Action, fmt.Sprintf("Container %s for pod %s/%s failed with exit code %d matching %s rule at index %d",
					c.Name, p.Namespace, p.Name, end.ExitCode, rule.Action, i)
			}
		}
	}
	return "", ""
}

// setJobCondition sets a condition, and reports whether it was another. One that was never true is not set to false.
func setJobCondition(s *batchv1.JobStatus, kind batchv1.JobConditionType, status corev1.ConditionStatus, reason, message string) bool {
	c := batchv1.JobCondition{Type: kind, Status: status, Reason: reason, Message: message, LastProbeTime: metav1.Now(), LastTransitionTime: metav1.Now()}
	i := slices.IndexFunc(s.Conditions, func(c batchv1.JobCondition) bool { return c.Type == kind })
	switch {
	case i < 0 && status == corev1.ConditionTrue:
		s.Conditions = append(s.Conditions, c)
	case i < 0, s.Conditions[i].Status == status:
		return false
	default:
		s.Conditions[i] = c
	}
	return true
}

// fromTemplate is a pod of a template, whose only container runs spec.
func fromTemplate(t *corev1.PodTemplateSpec, name string, spec loggen.Spec) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: t.Labels}, Spec: *t.Spec.DeepCopy()}
	p.Spec.Containers[0].Args = spec.Args()
	return p
}

const revisionAnnotation = "deployment.kubernetes.io/revision"

// playDeployment makes a ReplicaSet for each new template of a Deployment that is not paused, with a pod for each of that revision's specs,
// and deletes the pods of the revision before when those run. It returns when ctx ends.
func playDeployment(ctx context.Context, api *kubernetes.Clientset, ns, name string, revisions ...[]loggen.Spec) error {
	deployments, sets, pods := api.AppsV1().Deployments(ns), api.AppsV1().ReplicaSets(ns), api.CoreV1().Pods(ns)
	return reconcile(ctx, func(ctx context.Context) (done bool, err error) {
		d, err := deployments.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		all := metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector)}
		known, err := sets.List(ctx, all)
		if err != nil {
			return false, err
		}
		list, err := pods.List(ctx, all)
		if err != nil {
			return false, err
		}
		var newest *appsv1.ReplicaSet // of the Deployment's template
		for _, set := range known.Items {
			template := set.Spec.Template.DeepCopy()
			delete(template.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
			if apiequality.Semantic.DeepEqual(template, &d.Spec.Template) {
				newest = &set
			}
		}
		revision := len(known.Items) // that of newest, as no test goes back to an older one
		if newest == nil && !d.Spec.Paused {
			revision++
			if newest, err = sets.Create(ctx, replicaSet(d, revision), metav1.CreateOptions{}); err != nil {
				return false, err
			}
		}
		s := d.Status.DeepCopy()
		s.ObservedGeneration, s.Replicas, s.UpdatedReplicas, s.AvailableReplicas = d.Generation, 0, 0, 0
		var old []string
		updated := int32(0) // pods that run
		for _, p := range list.Items {
			ready := slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue })
			isNew := newest != nil && metav1.IsControlledBy(&p, newest)
			if p.DeletionTimestamp != nil {
				continue
			}
			s.Replicas++
			if isNew {
				s.UpdatedReplicas++
			} else {
				old = append(old, p.Name)
			}
			if ready {
				s.AvailableReplicas++
				if isNew {
					updated++
				}
			}
		}
		s.ReadyReplicas = s.AvailableReplicas
		s.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "ReplicaSetUpdated"}}
		if d.Spec.Paused {
			s.Conditions[0].Status, s.Conditions[0].Reason, s.Conditions[0].Message = corev1.ConditionUnknown, "DeploymentPaused", "Deployment is paused"
		}
		if !d.Spec.Paused {
			specs := revisions[revision-1]
			for i := int(s.UpdatedReplicas); i < len(specs); i++ {
				p := fromTemplate(&newest.Spec.Template, fmt.Sprintf("%s-%d-%d", name, revision, i+1), specs[i])
				p.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(newest, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))}
				if _, err := pods.Create(ctx, p, metav1.CreateOptions{}); err != nil {
					return false, err
				}
			}
			if int(updated) == len(specs) {
				for _, name := range old {
					if err := pods.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
						return false, err
					}
				}
			}
		}
		number := fmt.Sprint(revision)
		numbers := newest != nil && d.Annotations[revisionAnnotation] != number
		if numbers {
			metav1.SetMetaDataAnnotation(&d.ObjectMeta, revisionAnnotation, number)
		}
		if numbers || !apiequality.Semantic.DeepEqual(s, &d.Status) {
			d.Status = *s
			_, err = deployments.UpdateStatus(ctx, d, metav1.UpdateOptions{})
		}
		return false, err
	})
}

// replicaSet is that of a revision of a Deployment.
func replicaSet(d *appsv1.Deployment, revision int) *appsv1.ReplicaSet {
	hash := fmt.Sprint("h", revision)
	set := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: d.Name + "-" + hash, Annotations: map[string]string{revisionAnnotation: fmt.Sprint(revision)},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(d, appsv1.SchemeGroupVersion.WithKind("Deployment"))}},
		Spec: appsv1.ReplicaSetSpec{Replicas: d.Spec.Replicas, Template: *d.Spec.Template.DeepCopy(),
			Selector: metav1.CloneSelectorAndAddLabel(d.Spec.Selector, appsv1.DefaultDeploymentUniqueLabelKey, hash)},
	}
	set.Labels = set.Spec.Selector.MatchLabels
	set.Spec.Template.Labels = set.Labels
	return set
}
