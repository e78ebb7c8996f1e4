package pods

import "strings"

// Owner is what pods belong to, as KIND/NAME: the pod itself, what made it through any number of steps (a Deployment makes
// a ReplicaSet, which makes pods), or a Service that selects it.
type Owner struct {
	Kind string // in lower case, as kubectl takes it: the name of a resource, long or short, perhaps with its group
	Name string // a glob
}

// String returns KIND/NAME.
func (o Owner) String() string { return o.Kind + "/" + o.Name }

// ParseOwner reads KIND/NAME. Not ok: it isn't that. It doesn't know whether there is such a kind.
func ParseOwner(s string) (o Owner, ok bool) {
	kind, name, ok := strings.Cut(s, "/")
	return Owner{strings.ToLower(kind), name}, ok && kind != "" && name != "" && !strings.Contains(name, "/")
}
