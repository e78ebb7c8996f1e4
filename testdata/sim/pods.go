package sim

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

var (
	podResource       = schema.GroupResource{Resource: "pods"}
	namespaceResource = schema.GroupResource{Resource: "namespaces"}
)

// store holds the objects of the API and the recent changes of pods. Objects in it are never changed, but replaced.
type store struct {
	opt     Options
	changed func() // called after each change

	mu         sync.Mutex
	rv         uint64
	floor      uint64 // requests from before this version are 410
	lost       uint64 // changes up to this version are no longer in history
	pods       map[string]*corev1.Pod
	namespaces map[string]*corev1.Namespace
	objects    []*object
	deleted    int           // of objects, so far
	events     []objectEvent // of objects other than pods, ascending
	history    []change      // ascending
	wake       chan struct{}
	bookmarks  uint64 // how many bookmarks were asked for
}

// change is one step of a pod; old is nil for ADDED, pod the last state for DELETED.
type change struct {
	rv       uint64
	kind     watch.EventType
	pod, old *corev1.Pod
}

func newStore(opt Options) *store {
	return &store{opt: opt, rv: 100, floor: 100, lost: 100, pods: map[string]*corev1.Pod{},
		namespaces: map[string]*corev1.Namespace{}, wake: make(chan struct{})}
}

func key(namespace, name string) string { return namespace + "/" + name }

// uid gives an identity that follows from the cluster's name and what it is for.
func (s *store) uid(what string) types.UID {
	h := fmt.Sprintf("%x", sha256.Sum256([]byte(s.opt.Name+"\x00"+what)))
	return types.UID(h[:8] + "-" + h[8:12] + "-4" + h[12:15] + "-8" + h[15:18] + "-" + h[18:30])
}

func (s *store) addNamespace(name string) (*corev1.Namespace, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.namespaces[name]; ok {
		return nil, apierrors.NewAlreadyExists(namespaceResource, name)
	}
	s.rv++
	ns := &corev1.Namespace{
		TypeMeta: metav1.TypeMeta{Kind: "Namespace", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: s.uid("namespace " + name), ResourceVersion: fmt.Sprint(s.rv),
			CreationTimestamp: metav1.NewTime(s.opt.Now()), Labels: map[string]string{"kubernetes.io/metadata.name": name}},
		Spec:   corev1.NamespaceSpec{Finalizers: []corev1.FinalizerName{corev1.FinalizerKubernetes}},
		Status: corev1.NamespaceStatus{Phase: corev1.NamespaceActive},
	}
	s.namespaces[name] = ns
	s.events = append(s.events, objectEvent{s.rv, watch.Added, "namespaces", ns})
	s.broadcast()
	return ns, nil
}

func (s *store) namespace(name string) (*corev1.Namespace, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ns, ok := s.namespaces[name]; ok {
		return ns, nil
	}
	return nil, apierrors.NewNotFound(namespaceResource, name)
}

func (s *store) dropNamespace(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := s.namespaces[name]
	delete(s.namespaces, name)
	s.rv++
	if gone != nil {
		s.events = append(s.events, objectEvent{s.rv, watch.Deleted, "namespaces", gone})
		s.broadcast()
	}
}

func (s *store) listNamespaces() *corev1.NamespaceList {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := &corev1.NamespaceList{TypeMeta: metav1.TypeMeta{Kind: "NamespaceList", APIVersion: "v1"}}
	list.ResourceVersion = fmt.Sprint(s.rv)
	for _, name := range slices.Sorted(maps.Keys(s.namespaces)) {
		ns := *s.namespaces[name]
		ns.TypeMeta = metav1.TypeMeta{}
		list.Items = append(list.Items, ns)
	}
	return list
}

func (s *store) get(namespace, name string) (*corev1.Pod, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.pods[key(namespace, name)]; ok {
		return p, nil
	}
	return nil, apierrors.NewNotFound(podResource, name)
}

// served is a pod as lists, watches and gets have it.
func (s *store) served(p *corev1.Pod) *corev1.Pod {
	if !s.opt.NoUID {
		return p
	}
	nameless := *p
	nameless.UID = ""
	return &nameless
}

// create adds p, which becomes the store's.
func (s *store) create(p *corev1.Pod) (*corev1.Pod, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.namespaces[p.Namespace]; !ok {
		return nil, apierrors.NewNotFound(namespaceResource, p.Namespace)
	}
	if _, ok := s.pods[key(p.Namespace, p.Name)]; ok {
		return nil, apierrors.NewAlreadyExists(podResource, p.Name)
	}
	s.commit(change{kind: watch.Added, pod: p})
	return p, nil
}

// update replaces the pod of that UID by what edit makes of a copy; nil if there is no such pod any more.
func (s *store) update(namespace, name string, uid types.UID, edit func(*corev1.Pod)) *corev1.Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.pods[key(namespace, name)]
	if !ok || old.UID != uid {
		return nil
	}
	p := old.DeepCopy()
	edit(p)
	s.commit(change{kind: watch.Modified, pod: p, old: old})
	return p
}

// remove deletes the pod of that UID.
func (s *store) remove(namespace, name string, uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.pods[key(namespace, name)]
	if !ok || old.UID != uid {
		return
	}
	s.commit(change{kind: watch.Deleted, pod: old.DeepCopy(), old: old})
}

// commit is called with mu held; ch.pod is fresh, and gets its version here.
func (s *store) commit(ch change) {
	s.rv++
	ch.rv = s.rv
	ch.pod.ResourceVersion = strconv.FormatUint(s.rv, 10)
	k := key(ch.pod.Namespace, ch.pod.Name)
	if ch.kind == watch.Deleted {
		delete(s.pods, k)
	} else {
		s.pods[k] = ch.pod
	}
	s.history = append(s.history, ch)
	if drop := len(s.history) - s.opt.History; drop > s.opt.History/4 {
		s.lost = s.history[drop-1].rv
		s.floor = max(s.floor, s.lost)
		s.history = slices.Clone(s.history[drop:])
	}
	s.broadcast()
}

func (s *store) broadcast() {
	close(s.wake)
	s.wake = make(chan struct{})
	s.changed()
}

// Compact forgets all changes so far: watches from an older version and older continue tokens are 410 from now on.
// Watches that are open go on.
func (c *Cluster) Compact() {
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rv++ // so that the present version, too, is an old one
	s.floor = s.rv
	s.broadcast()
}

// Bookmark sends a bookmark to every watch that allows them.
func (c *Cluster) Bookmark() {
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bookmarks++
	s.broadcast()
}

// selection is what a list or watch is restricted to.
type selection struct {
	namespace string
	labels    labels.Selector
	fields    fields.Selector
}

func newSelection(namespace string, o metav1.ListOptions) (selection, error) {
	sel := selection{namespace: namespace}
	var err error
	if sel.labels, err = labels.Parse(o.LabelSelector); err != nil {
		return sel, apierrors.NewBadRequest(fmt.Sprintf("unable to parse requirement: %v", err))
	}
	if sel.fields, err = fields.ParseSelector(o.FieldSelector); err != nil {
		return sel, apierrors.NewBadRequest(err.Error())
	}
	for _, r := range sel.fields.Requirements() {
		if _, ok := podFields(&corev1.Pod{})[r.Field]; !ok {
			return sel, apierrors.NewBadRequest(fmt.Sprintf("Unable to find \"/v1, Resource=pods\" that match label selector %q, "+
				"field selector %q: field label not supported: %s", o.LabelSelector, o.FieldSelector, r.Field))
		}
	}
	return sel, nil
}

func (sel selection) matches(p *corev1.Pod) bool {
	return p != nil && (sel.namespace == "" || sel.namespace == p.Namespace) &&
		sel.labels.Matches(labels.Set(p.Labels)) && (sel.fields.Empty() || sel.fields.Matches(podFields(p)))
}

func podFields(p *corev1.Pod) fields.Set {
	return fields.Set{
		"metadata.name":            p.Name,
		"metadata.namespace":       p.Namespace,
		"spec.nodeName":            p.Spec.NodeName,
		"spec.restartPolicy":       string(p.Spec.RestartPolicy),
		"spec.schedulerName":       p.Spec.SchedulerName,
		"spec.serviceAccountName":  p.Spec.ServiceAccountName,
		"spec.hostNetwork":         strconv.FormatBool(p.Spec.HostNetwork),
		"status.phase":             string(p.Status.Phase),
		"status.podIP":             p.Status.PodIP,
		"status.nominatedNodeName": p.Status.NominatedNodeName,
	}
}

// state is every pod as it was at version rv, sorted by key; called with mu held, rv at least floor.
func (s *store) state(rv uint64) (keys []string, pods map[string]*corev1.Pod) {
	pods = s.pods
	if rv < s.rv {
		pods = maps.Clone(pods)
		for _, ch := range slices.Backward(s.history) {
			if ch.rv <= rv {
				break
			}
			if k := key(ch.pod.Namespace, ch.pod.Name); ch.old == nil {
				delete(pods, k)
			} else {
				pods[k] = ch.old
			}
		}
	}
	keys = slices.Collect(maps.Keys(pods))
	slices.SortFunc(keys, strings.Compare)
	return keys, pods
}

// DeleteNamespace deletes the pods of a namespace with that grace period, and then the namespace.
func (c *Cluster) DeleteNamespace(name string, grace time.Duration) {
	for _, p := range c.Pods() {
		if p.namespace == name {
			p.Delete(grace)
		}
	}
	c.store.dropNamespace(name)
}
