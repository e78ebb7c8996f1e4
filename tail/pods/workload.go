package pods

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"mktail/discover/glob"
)

// Workload is what the rules of kubectl rollout status need to know of a Deployment, StatefulSet or DaemonSet.
type Workload struct {
	UID             types.UID
	Kind            string // deployment, statefulset or daemonset
	Namespace, Name string
	PodLabels       map[string]string // of its pod template
	Revision        string            // the label of the pods of its newest revision; empty: its status does not tell yet
	Unrolled        bool              // it is paused, and has no pod of its template, which may be of no revision yet
	Waits           string            // what its rollout waits for; empty: for nothing
	Failure         string            // why its rollout has failed; empty: it has not
}

// WorkloadKind is a kind of workload.
type WorkloadKind struct {
	kind     schema.GroupKind
	label    string // that tells the revisions of pods apart
	Resource schema.GroupVersionResource
	NewList  func() runtime.Object
	New      func() runtime.Object

	// Revisions are what holds the revisions, where the status of a workload does not name the newest.
	Revisions    schema.GroupVersionResource
	NewRevisions func() runtime.Object
	revisionOf   func(runtime.Object) int64
}

// WorkloadKinds are those that have revisions.
var WorkloadKinds = []*WorkloadKind{
	{
		kind: deploymentKind, label: appsv1.DefaultDeploymentUniqueLabelKey,
		Resource: appsv1.SchemeGroupVersion.WithResource("deployments"),
		NewList:  func() runtime.Object { return new(appsv1.DeploymentList) }, New: func() runtime.Object { return new(appsv1.Deployment) },
		Revisions: appsv1.SchemeGroupVersion.WithResource("replicasets"), NewRevisions: func() runtime.Object { return new(appsv1.ReplicaSetList) },
		revisionOf: func(o runtime.Object) int64 {
			n, _ := strconv.ParseInt(o.(*appsv1.ReplicaSet).Annotations[RevisionAnnotation], 10, 64)
			return n
		},
	},
	{
		kind: statefulSetKind, label: appsv1.ControllerRevisionHashLabelKey,
		Resource: appsv1.SchemeGroupVersion.WithResource("statefulsets"),
		NewList:  func() runtime.Object { return new(appsv1.StatefulSetList) }, New: func() runtime.Object { return new(appsv1.StatefulSet) },
	},
	{
		kind: daemonSetKind, label: appsv1.ControllerRevisionHashLabelKey,
		Resource: appsv1.SchemeGroupVersion.WithResource("daemonsets"),
		NewList:  func() runtime.Object { return new(appsv1.DaemonSetList) }, New: func() runtime.Object { return new(appsv1.DaemonSet) },
		Revisions: appsv1.SchemeGroupVersion.WithResource("controllerrevisions"), NewRevisions: func() runtime.Object { return new(appsv1.ControllerRevisionList) },
		revisionOf: func(o runtime.Object) int64 { return o.(*appsv1.ControllerRevision).Revision },
	},
}

// RevisionAnnotation is where the Deployment controller numbers ReplicaSets.
const RevisionAnnotation = "deployment.kubernetes.io/revision"

// NewWorkload takes from the API's object what is needed. Observed: its controller has seen its last change, so that its status is about that;
// for a kind that has Revisions, the newest is to be looked up then with RevisionOptions and Newest, unless it is Unrolled.
func (k *WorkloadKind) NewWorkload(object runtime.Object) (w Workload, observed bool) {
	switch o := object.(type) {
	case *appsv1.Deployment:
		w, observed = k.workload(&o.ObjectMeta), o.Generation <= o.Status.ObservedGeneration
		w.Waits, w.Failure = deploymentWaits(o)
		w.PodLabels = o.Spec.Template.Labels
		// The controller makes no ReplicaSet of a template that was changed during the pause, and counts no pod as updated.
		w.Unrolled = o.Spec.Paused && o.Status.UpdatedReplicas == 0
	case *appsv1.StatefulSet:
		w, observed = k.workload(&o.ObjectMeta), o.Status.ObservedGeneration != 0 && o.Generation <= o.Status.ObservedGeneration
		w.Waits, w.PodLabels = statefulSetWaits(o), o.Spec.Template.Labels
		if observed {
			w.Revision = o.Status.UpdateRevision
		}
	case *appsv1.DaemonSet:
		w, observed = k.workload(&o.ObjectMeta), o.Generation <= o.Status.ObservedGeneration
		w.Waits, w.PodLabels = daemonSetWaits(o), o.Spec.Template.Labels
	}
	if !observed {
		w.Waits, w.Failure = "its last change has not been observed", ""
	}
	return w, observed
}

func (k *WorkloadKind) workload(m *metav1.ObjectMeta) Workload {
	return Workload{UID: m.UID, Kind: k.Name(), Namespace: m.Namespace, Name: m.Name}
}

// deploymentWaits has kubectl's rules (pkg/polymorphichelpers/rollout_status.go).
func deploymentWaits(d *appsv1.Deployment) (waits, failure string) {
	s, want := &d.Status, replicas(d.Spec.Replicas)
	for _, c := range s.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Reason == "ProgressDeadlineExceeded" {
			failure = c.Reason + ": " + c.Message
		}
	}
	switch {
	case s.UpdatedReplicas < want:
		waits = fmt.Sprintf("%d of %d pods are of the newest revision", s.UpdatedReplicas, want)
	case s.Replicas > s.UpdatedReplicas:
		waits = fmt.Sprintf("%d pods of older revisions are there", s.Replicas-s.UpdatedReplicas)
	case s.AvailableReplicas < s.UpdatedReplicas:
		waits = fmt.Sprintf("%d of %d pods are available", s.AvailableReplicas, s.UpdatedReplicas)
	}
	if waits != "" && d.Spec.Paused {
		waits += ", and it is paused"
	}
	return waits, failure
}

// statefulSetWaits has kubectl's rules, also where pods are replaced as they are deleted (OnDelete), which kubectl does not wait for.
func statefulSetWaits(o *appsv1.StatefulSet) string {
	s, want := &o.Status, replicas(o.Spec.Replicas)
	updated, rolling := want, o.Spec.UpdateStrategy.RollingUpdate
	partitioned := rolling != nil && rolling.Partition != nil
	if partitioned {
		updated = max(0, want-*rolling.Partition)
	}
	switch {
	case s.ReadyReplicas < want:
		return fmt.Sprintf("%d of %d pods are ready", s.ReadyReplicas, want)
	case partitioned && s.UpdatedReplicas < updated, !partitioned && s.UpdateRevision != s.CurrentRevision:
		return fmt.Sprintf("%d of %d pods are of the newest revision", s.UpdatedReplicas, updated)
	}
	return ""
}

// daemonSetWaits has kubectl's rules.
func daemonSetWaits(o *appsv1.DaemonSet) string {
	s := &o.Status
	switch {
	case s.UpdatedNumberScheduled < s.DesiredNumberScheduled:
		return fmt.Sprintf("%d of %d pods are of the newest revision", s.UpdatedNumberScheduled, s.DesiredNumberScheduled)
	case s.NumberAvailable < s.DesiredNumberScheduled:
		return fmt.Sprintf("%d of %d pods are available", s.NumberAvailable, s.DesiredNumberScheduled)
	}
	return ""
}

func replicas(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

// Name is the kind's name in lower case.
func (k *WorkloadKind) Name() string { return strings.ToLower(k.kind.Kind) }

// RevisionOptions select what holds the revisions of a workload, and perhaps of others. An error says that its selector is invalid.
func (k *WorkloadKind) RevisionOptions(object runtime.Object) (metav1.ListOptions, error) {
	var s *metav1.LabelSelector
	switch o := object.(type) {
	case *appsv1.Deployment:
		s = o.Spec.Selector
	case *appsv1.DaemonSet:
		s = o.Spec.Selector
	}
	if s == nil { // not from an API server
		return metav1.ListOptions{}, nil
	}
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return metav1.ListOptions{}, err
	}
	return metav1.ListOptions{LabelSelector: selector.String()}, nil
}

// Newest returns the label of the pods of the newest of these revisions that belong to the workload; empty: there is none.
func (k *WorkloadKind) Newest(w Workload, revisions []runtime.Object) (label string) {
	newest := int64(-1)
	for _, r := range revisions {
		m := r.(metav1.Object)
		if owner := metav1.GetControllerOf(m); owner == nil || owner.UID != w.UID {
			continue
		}
		if n := k.revisionOf(r); n > newest {
			newest, label = n, m.GetLabels()[k.label]
		}
	}
	return label
}

// IsOf reports whether a pod is of a revision of this kind's workloads.
func (k *WorkloadKind) IsOf(p *corev1.Pod, revision string) bool {
	return revision != "" && p.Labels[k.label] == revision
}

// WorkloadOf returns the owner of this kind that a pod belongs to, by what is known; empty: there is none.
func (o *Owners) WorkloadOf(k *WorkloadKind, p *corev1.Pod) (name string) {
	all, _ := o.ancestors(p.Namespace, p.OwnerReferences, 0)
	if i := slices.IndexFunc(all, func(a ancestor) bool { return a.kind == k.kind }); i >= 0 {
		return all[i].name
	}
	return ""
}

// Workloads returns which of the owners asked for are of this kind, as KIND/NAME, and their names.
func (o *Owners) Workloads(k *WorkloadKind) (asked, names []string) {
	for _, owner := range o.asked {
		if kind, ok := wellKnown(owner.Kind); ok && kind == k.kind {
			asked, names = append(asked, owner.String()), append(names, owner.Name)
		}
	}
	return asked, names
}

// MatchingWorkload returns which of the owners asked for a workload is, as KIND/NAME.
func (o *Owners) MatchingWorkload(k *WorkloadKind, name string) (found []string) {
	for _, owner := range o.asked {
		if kind, ok := wellKnown(owner.Kind); ok && kind == k.kind && glob.Match(owner.Name, name) {
			found = append(found, owner.String())
		}
	}
	return found
}

// Workloads returns the Deployments, StatefulSets and DaemonSets that are asked for, as KIND/NAME.
func (s *Selection) Workloads() (asked []string) {
	for _, owner := range s.Owners {
		kind, ok := wellKnown(owner.Kind)
		if ok && slices.ContainsFunc(WorkloadKinds, func(k *WorkloadKind) bool { return k.kind == kind }) {
			asked = append(asked, owner.String())
		}
	}
	return asked
}
