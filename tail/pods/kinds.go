package pods

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Owner is what pods belong to, as KIND/NAME: a pod itself, what made it through any number of steps (a Deployment makes
// a ReplicaSet, which makes pods), or a Service that selects it.
type Owner struct {
	Kind string // as kubectl has it: a name of a resource, short or long, perhaps with its group
	Name string // a glob
}

func (o Owner) String() string { return o.Kind + "/" + o.Name }

// ParseOwner reads KIND/NAME. It does not know whether there is such a kind.
func ParseOwner(s string) (o Owner, ok bool) {
	kind, name, ok := strings.Cut(s, "/")
	return Owner{strings.ToLower(kind), name}, ok && kind != "" && name != "" && !strings.Contains(name, "/")
}

// kinds are the well-known ones, by every name that kubectl has for them.
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

// makers are the kinds that are made by others and make pods themselves, with the resources by which they are looked up: the
// server need not be asked what it has.
var makers = map[schema.GroupKind]maker{
	replicaSetKind: {deploymentKind, schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}},
	jobKind:        {cronJobKind, schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}},
}

type maker struct {
	by       schema.GroupKind // what makes it, but for what only the cluster's own operators know
	resource schema.GroupVersionResource
}

// tops are the kinds that nothing else makes, but for what only the cluster's own operators know.
var tops = []schema.GroupKind{deploymentKind, statefulSetKind, daemonSetKind, cronJobKind, controllerKind}
