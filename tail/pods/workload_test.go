package pods_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"mktail/tail/pods"
)

// TestWorkload tests what a rollout waits for, by the rules of kubectl rollout status.
func TestWorkload(t *testing.T) {
	deployment := func(replicas *int32, generation int64, s appsv1.DeploymentStatus) *appsv1.Deployment {
		return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: generation}, Spec: appsv1.DeploymentSpec{Replicas: replicas}, Status: s}
	}
	late := deployment(ptr.To(int32(2)), 1, appsv1.DeploymentStatus{ObservedGeneration: 1, Conditions: []appsv1.DeploymentCondition{
		{Type: appsv1.DeploymentAvailable, Reason: "ProgressDeadlineExceeded"}, {Type: appsv1.DeploymentProgressing, Reason: "ProgressDeadlineExceeded", Message: "too late"}}})
	paused := func(s appsv1.DeploymentStatus) *appsv1.Deployment {
		d := deployment(ptr.To(int32(2)), 3, s)
		d.Spec.Paused = true
		return d
	}
	set := func(replicas, partition *int32, generation int64, s appsv1.StatefulSetStatus) *appsv1.StatefulSet {
		o := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Generation: generation}, Spec: appsv1.StatefulSetSpec{Replicas: replicas}, Status: s}
		if partition != nil {
			o.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: partition}
		}
		return o
	}
	daemons := func(generation int64, s appsv1.DaemonSetStatus) *appsv1.DaemonSet {
		return &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Generation: generation}, Status: s}
	}
	const unseen = "its last change has not been observed"
	two := ptr.To(int32(2))
	for name, tt := range map[string]struct {
		object                   runtime.Object
		revision, waits, failure string
	}{
		"complete":                  {deployment(two, 3, appsv1.DeploymentStatus{ObservedGeneration: 3, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}), "", "", ""},
		"seen later":                {deployment(two, 3, appsv1.DeploymentStatus{ObservedGeneration: 4, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}), "", "", ""},
		"not seen":                  {deployment(two, 3, appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}), "", unseen, ""},
		"not seen, after a failure": {func() *appsv1.Deployment { d := late.DeepCopy(); d.Generation = 2; return d }(), "", unseen, ""},
		"one is of it":              {deployment(two, 3, appsv1.DeploymentStatus{ObservedGeneration: 3, Replicas: 3, UpdatedReplicas: 1, AvailableReplicas: 3}), "", "1 of 2 pods are of the newest revision", ""},
		"one by default":            {deployment(nil, 3, appsv1.DeploymentStatus{ObservedGeneration: 3}), "", "0 of 1 pods are of the newest revision", ""},
		"none are wanted":           {deployment(ptr.To(int32(0)), 3, appsv1.DeploymentStatus{ObservedGeneration: 3}), "", "", ""},
		"others are left":           {deployment(two, 3, appsv1.DeploymentStatus{ObservedGeneration: 3, Replicas: 3, UpdatedReplicas: 2, AvailableReplicas: 3}), "", "1 pods of older revisions are there", ""},
		"one is available":          {deployment(two, 3, appsv1.DeploymentStatus{ObservedGeneration: 3, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 1}), "", "1 of 2 pods are available", ""},
		"paused":                    {paused(appsv1.DeploymentStatus{ObservedGeneration: 3, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}), "", "", ""},
		"paused, not seen":          {paused(appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}), "", unseen, ""},
		"paused, one is of it":      {paused(appsv1.DeploymentStatus{ObservedGeneration: 3, Replicas: 3, UpdatedReplicas: 1, AvailableReplicas: 3}), "", "1 of 2 pods are of the newest revision, and it is paused", ""},
		"paused, then changed":      {paused(appsv1.DeploymentStatus{ObservedGeneration: 3, Replicas: 2, AvailableReplicas: 2}), "", "0 of 2 pods are of the newest revision, and it is paused", ""},
		"no progress":               {late, "", "0 of 2 pods are of the newest revision", "ProgressDeadlineExceeded: too late"},
		"a set":                     {set(two, nil, 3, appsv1.StatefulSetStatus{ObservedGeneration: 3, ReadyReplicas: 2, CurrentRevision: "b", UpdateRevision: "b"}), "b", "", ""},
		"a set that nobody saw":     {set(two, nil, 0, appsv1.StatefulSetStatus{ReadyReplicas: 2, CurrentRevision: "b", UpdateRevision: "b"}), "", unseen, ""},
		"a set's change":            {set(two, nil, 3, appsv1.StatefulSetStatus{ObservedGeneration: 2, ReadyReplicas: 2, CurrentRevision: "b", UpdateRevision: "b"}), "", unseen, ""},
		"a set, one is ready":       {set(two, nil, 3, appsv1.StatefulSetStatus{ObservedGeneration: 3, ReadyReplicas: 1, CurrentRevision: "b", UpdateRevision: "b"}), "b", "1 of 2 pods are ready", ""},
		"a set, on delete":          {set(two, nil, 3, appsv1.StatefulSetStatus{ObservedGeneration: 3, ReadyReplicas: 2, UpdatedReplicas: 1, CurrentRevision: "a", UpdateRevision: "b"}), "b", "1 of 2 pods are of the newest revision", ""},
		"a set, rolling":            {set(two, ptr.To(int32(0)), 3, appsv1.StatefulSetStatus{ObservedGeneration: 3, ReadyReplicas: 2, UpdatedReplicas: 1, CurrentRevision: "a", UpdateRevision: "b"}), "b", "1 of 2 pods are of the newest revision", ""},
		"a set, up to a part":       {set(two, ptr.To(int32(1)), 3, appsv1.StatefulSetStatus{ObservedGeneration: 3, ReadyReplicas: 2, UpdatedReplicas: 1, CurrentRevision: "a", UpdateRevision: "b"}), "b", "", ""},
		"a set, not to the part":    {set(two, ptr.To(int32(1)), 3, appsv1.StatefulSetStatus{ObservedGeneration: 3, ReadyReplicas: 2, CurrentRevision: "a", UpdateRevision: "b"}), "b", "0 of 1 pods are of the newest revision", ""},
		"a set, a part too many":    {set(two, ptr.To(int32(9)), 3, appsv1.StatefulSetStatus{ObservedGeneration: 3, ReadyReplicas: 2, CurrentRevision: "a", UpdateRevision: "b"}), "b", "", ""},
		"daemons":                   {daemons(3, appsv1.DaemonSetStatus{ObservedGeneration: 3, DesiredNumberScheduled: 2, UpdatedNumberScheduled: 2, NumberAvailable: 2}), "", "", ""},
		"daemons' change":           {daemons(3, appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: 2, UpdatedNumberScheduled: 2, NumberAvailable: 2}), "", unseen, ""},
		"daemons, one is of it":     {daemons(3, appsv1.DaemonSetStatus{ObservedGeneration: 3, DesiredNumberScheduled: 2, UpdatedNumberScheduled: 1, NumberAvailable: 2}), "", "1 of 2 pods are of the newest revision", ""},
		"daemons, one available":    {daemons(3, appsv1.DaemonSetStatus{ObservedGeneration: 3, DesiredNumberScheduled: 2, UpdatedNumberScheduled: 2, NumberAvailable: 1}), "", "1 of 2 pods are available", ""},
	} {
		kind := map[string]*pods.WorkloadKind{}
		for _, k := range pods.WorkloadKinds {
			kind[k.Name()] = k
		}
		k := kind["deployment"]
		switch tt.object.(type) {
		case *appsv1.StatefulSet:
			k = kind["statefulset"]
		case *appsv1.DaemonSet:
			k = kind["daemonset"]
		}
		w, observed := k.NewWorkload(tt.object)
		if want := name == "paused, then changed"; w.Unrolled != want {
			t.Errorf("%s: Unrolled is %v", name, w.Unrolled)
		}
		if w.Revision != tt.revision || w.Waits != tt.waits || w.Failure != tt.failure || observed == (tt.waits == unseen) {
			t.Errorf("%s: %+v, observed %v", name, w, observed)
		}
	}
}
