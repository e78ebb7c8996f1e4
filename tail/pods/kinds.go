package pods

import "k8s.io/apimachinery/pkg/runtime/schema"

var (
	podKind         = schema.GroupKind{Kind: "Pod"}
	serviceKind     = schema.GroupKind{Kind: "Service"}
	controllerKind  = schema.GroupKind{Kind: "ReplicationController"}
	deploymentKind  = schema.GroupKind{Group: "apps", Kind: "Deployment"}
	statefulSetKind = schema.GroupKind{Group: "apps", Kind: "StatefulSet"}
	daemonSetKind   = schema.GroupKind{Group: "apps", Kind: "DaemonSet"}
	replicaSetKind  = schema.GroupKind{Group: "apps", Kind: "ReplicaSet"}
	jobKind         = schema.GroupKind{Group: "batch", Kind: "Job"}
	cronJobKind     = schema.GroupKind{Group: "batch", Kind: "CronJob"}
)

// kinds are the well-known kinds, by every name that kubectl has for them.
var kinds = map[string]schema.GroupKind{
	"pod": podKind, "pods": podKind, "po": podKind,
	"service": serviceKind, "services": serviceKind, "svc": serviceKind,
	"replicationcontroller": controllerKind, "replicationcontrollers": controllerKind, "rc": controllerKind,
	"deployment": deploymentKind, "deployments": deploymentKind, "deploy": deploymentKind,
	"statefulset": statefulSetKind, "statefulsets": statefulSetKind, "sts": statefulSetKind,
	"daemonset": daemonSetKind, "daemonsets": daemonSetKind, "ds": daemonSetKind,
	"replicaset": replicaSetKind, "replicasets": replicaSetKind, "rs": replicaSetKind,
	"job": jobKind, "jobs": jobKind,
	"cronjob": cronJobKind, "cronjobs": cronJobKind, "cj": cronJobKind,
}

// rootKinds are the well-known kinds whose objects no object of another well-known kind owns. Those of a cluster's own
// operators may.
var rootKinds = []schema.GroupKind{deploymentKind, statefulSetKind, daemonSetKind, cronJobKind, controllerKind}

// intermediateKinds are the well-known kinds whose objects own pods and have a well-known owner themselves.
var intermediateKinds = map[schema.GroupKind]intermediate{
	replicaSetKind: {deploymentKind, schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}},
	jobKind:        {cronJobKind, schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}},
}

// intermediate is what is known of an intermediate kind.
type intermediate struct {
	ownedBy  schema.GroupKind            // or by what only a cluster's own operators know
	resource schema.GroupVersionResource // by which its objects are looked up, without asking the server what it has
}
