package sim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
)

// Object describes an object other than a pod: what owns pods, or a service that selects them. Of a kind that Kubernetes itself
// does not have, only the metadata is served.
type Object struct {
	Group, Version, Kind string
	Resource             string // the plural name
	Short                []string
	Namespace, Name      string
	Clusterwide          bool // it is in no namespace
	Owner                *metav1.OwnerReference
	Selector             map[string]string // of a service

	// Body has the labels, spec and status; the rest of its metadata is filled in. nil: it has none. The cluster has no controllers:
	// whoever changes an object's spec plays them.
	Body runtime.Object
}

// object is one in the store.
type object struct {
	Object
	meta metav1.ObjectMeta
	full runtime.Object // what is served; nil: only the metadata is
}

// objectEvent is a change of what is no pod.
type objectEvent struct {
	rv       uint64
	kind     watch.EventType
	resource string
	object   runtime.Object
}

// AddObject makes an object, or replaces the one of that name, and gives the reference by which pods name it as their
// owner. Its resource is known to the server from now on.
func (c *Cluster) AddObject(o Object) *metav1.OwnerReference {
	def(&o.Version, "v1")
	def(&o.Resource, strings.ToLower(o.Kind)+"s")
	if !o.Clusterwide {
		def(&o.Namespace, "default")
		_, _ = c.store.addNamespace(o.Namespace)
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	made := c.store.putObject(o)
	controller := true
	return &metav1.OwnerReference{APIVersion: made.kind().GroupVersion().String(), Kind: o.Kind,
		Name: o.Name, UID: made.meta.UID, Controller: &controller}
}

// putObject makes an object, or replaces the one of that name; called with mu held.
func (s *store) putObject(o Object) *object {
	s.rv++
	made := &object{Object: o, meta: metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name, ResourceVersion: fmt.Sprint(s.rv)}}
	kind := watch.Added
	if i := s.findObject(o.Group, o.Kind, o.Namespace, o.Name); i < 0 {
		made.meta.UID, made.meta.CreationTimestamp = s.objectUID(o), metaTime(s.opt.Now())
		s.objects = append(s.objects, made)
	} else {
		made.meta.UID, made.meta.CreationTimestamp = s.objects[i].meta.UID, s.objects[i].meta.CreationTimestamp
		s.objects[i], kind = made, watch.Modified
	}
	if o.Owner != nil {
		made.meta.OwnerReferences = []metav1.OwnerReference{*o.Owner}
	}
	made.fill()
	s.notify(kind, made)
	return made
}

// DeleteObject deletes an object of AddObject. One that is made later has another UID. It panics if there is no such object.
func (c *Cluster) DeleteObject(group, kind, namespace, name string) {
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.findObject(group, kind, namespace, name)
	if i < 0 {
		panic(fmt.Sprintf("sim: there is no %s %s/%s", kind, namespace, name))
	}
	s.dropObject(i)
}

// dropObject deletes the object of that index; called with mu held.
func (s *store) dropObject(i int) {
	gone := *s.objects[i]
	s.objects = slices.Delete(s.objects, i, i+1)
	s.rv++
	s.deleted++
	gone.meta.ResourceVersion = fmt.Sprint(s.rv)
	gone.fill()
	s.notify(watch.Deleted, &gone)
}

// objectUID gives the UID of a new object; called with mu held.
func (s *store) objectUID(o Object) types.UID {
	what := "object " + o.Kind + " " + o.Namespace + "/" + o.Name
	if s.deleted > 0 {
		what += fmt.Sprint(" ", s.deleted)
	}
	return s.uid(what)
}

// findObject gives the index of an object, or -1; called with mu held.
func (s *store) findObject(group, kind, namespace, name string) int {
	return slices.IndexFunc(s.objects, func(o *object) bool {
		return o.Group == group && o.Kind == kind && o.Namespace == namespace && o.Name == name
	})
}

// notify tells watches of a change; called with mu held.
func (s *store) notify(kind watch.EventType, o *object) {
	if o.full != nil {
		s.events = append(s.events, objectEvent{s.rv, kind, o.Resource, o.full})
	}
	s.broadcast()
}

func (o *object) kind() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: o.Group, Version: o.Version, Kind: o.Kind}
}

// fill makes what is served of the object, if Kubernetes has its kind.
func (o *object) fill() {
	switch {
	case o.Body != nil:
		o.full = o.Body.DeepCopyObject()
	case scheme.Scheme.Recognizes(o.kind()):
		o.full, _ = scheme.Scheme.New(o.kind())
	default:
		return
	}
	if service, ok := o.full.(*corev1.Service); ok && o.Body == nil {
		service.Spec.Selector = o.Selector
	}
	o.full.GetObjectKind().SetGroupVersionKind(o.kind())
	m, err := meta.Accessor(o.full)
	if err != nil {
		panic("sim: " + err.Error())
	}
	if o.meta.Labels, o.meta.Annotations = m.GetLabels(), m.GetAnnotations(); m.GetDeletionTimestamp() != nil {
		o.meta.DeletionTimestamp = m.GetDeletionTimestamp()
	}
	m.SetNamespace(o.meta.Namespace)
	m.SetName(o.meta.Name)
	m.SetUID(o.meta.UID)
	m.SetResourceVersion(o.meta.ResourceVersion)
	m.SetCreationTimestamp(o.meta.CreationTimestamp)
	m.SetOwnerReferences(o.meta.OwnerReferences)
}

// matchesObject reports whether what is no pod is selected.
func (sel selection) matchesObject(o runtime.Object) bool {
	m, err := meta.Accessor(o)
	return err == nil && (sel.namespace == "" || sel.namespace == m.GetNamespace()) && sel.labels.Matches(labels.Set(m.GetLabels())) &&
		sel.fields.Matches(fields.Set{"metadata.name": m.GetName(), "metadata.namespace": m.GetNamespace()})
}

// kindOf gives the kind of a request's resource, if Kubernetes has it.
func kindOf(q *Request) (kind schema.GroupVersionKind, ok bool) {
	gv := schema.GroupVersion{Group: q.Group, Version: "v1"}
	for name := range scheme.Scheme.KnownTypes(gv) {
		if strings.ToLower(name)+"s" == q.Resource && scheme.Scheme.Recognizes(gv.WithKind(name+"List")) {
			return gv.WithKind(name), true
		}
	}
	return kind, false
}

// listObjects lists the objects of a resource that Kubernetes has.
func (c *Cluster) listObjects(x *exchange) error {
	q, s := x.req, c.store
	sel, err := x.selection()
	if err != nil {
		return err
	}
	kind, ok := kindOf(q)
	if !ok {
		return notFound()
	}
	kind.Kind += "List"
	list, err := scheme.Scheme.New(kind)
	if err != nil {
		return err
	}
	list.GetObjectKind().SetGroupVersionKind(kind)
	s.mu.Lock()
	var items []runtime.Object
	for _, o := range s.objects {
		if o.Group == q.Group && o.Resource == q.Resource && o.full != nil && sel.matchesObject(o.full) {
			items = append(items, o.full)
		}
	}
	version := fmt.Sprint(s.rv)
	s.mu.Unlock()
	if err := meta.SetList(list, items); err != nil {
		return err
	}
	list.(metav1.ListInterface).SetResourceVersion(version)
	return x.object(http.StatusOK, list)
}

// selection gives what a list or a watch is for.
func (x *exchange) selection() (selection, error) {
	var o metav1.ListOptions
	query := x.r.URL.Query()
	if err := metav1.Convert_url_Values_To_v1_ListOptions(&query, &o, nil); err != nil {
		return selection{}, apierrors.NewBadRequest(err.Error())
	}
	return newSelection(x.req.Namespace, o)
}

// serveObject answers for what is neither a pod nor a namespace.
func (c *Cluster) serveObject(x *exchange) error {
	q, s := x.req, c.store
	switch {
	case q.Verb == "watch":
		return c.serveEvents(x)
	case q.Verb == "list":
		return c.listObjects(x)
	case q.Verb != "get":
		return c.writeObject(x)
	}
	s.mu.Lock()
	i := slices.IndexFunc(s.objects, func(o *object) bool {
		return o.Group == q.Group && o.Resource == q.Resource && o.Namespace == q.Namespace && o.Name == q.name
	})
	var found metav1.PartialObjectMetadata
	var full runtime.Object
	if i >= 0 {
		found.ObjectMeta, full = s.objects[i].meta, s.objects[i].full
	}
	s.mu.Unlock()
	if i < 0 {
		return apierrors.NewNotFound(schema.GroupResource{Group: q.Group, Resource: q.Resource}, q.name)
	}
	found.TypeMeta = metav1.TypeMeta{Kind: "PartialObjectMetadata", APIVersion: "meta.k8s.io/v1"}
	if !strings.Contains(x.r.Header.Get("Accept"), "as=PartialObjectMetadata") {
		if full == nil {
			return notFound()
		}
		return x.object(http.StatusOK, full)
	}
	x.r.Header.Set("Accept", runtime.ContentTypeJSON) // the only form that is made
	return x.object(http.StatusOK, &found)
}

// serveEvents serves a watch of what are no pods until its time is up, the client goes or the cluster closes.
func (c *Cluster) serveEvents(x *exchange) error {
	media, err := negotiate(x.r)
	if err != nil {
		return err
	}
	sel, err := x.selection()
	if err != nil {
		return err
	}
	query := x.r.URL.Query()
	rv, _ := strconv.ParseUint(query.Get("resourceVersion"), 10, 64)
	contentType := media.MediaType
	if contentType != runtime.ContentTypeJSON {
		contentType += ";stream=watch"
	}
	x.w.Header().Set("Content-Type", contentType)
	x.begin(http.StatusOK)
	x.out.unit = true
	w := &watcher{x: x, media: media}
	if err := w.ended(x.out.begun()); err != nil {
		return nil
	}
	var timeout <-chan time.Time
	if seconds, err := strconv.Atoi(query.Get("timeoutSeconds")); err == nil {
		t := time.NewTimer(time.Duration(seconds) * time.Second)
		defer t.Stop()
		timeout = t.C
	}
	for s := c.store; ; {
		s.mu.Lock()
		wake, events := s.wake, s.events
		s.mu.Unlock()
		for _, e := range events {
			if e.rv <= rv || e.resource != x.req.Resource || !sel.matchesObject(e.object) {
				continue
			}
			if err := w.send(e.kind, e.object); err != nil {
				return nil
			}
			rv = e.rv
		}
		select {
		case <-wake:
		case <-timeout:
			return nil
		case <-x.out.timer:
			if w.ended(x.out.strike()) != nil {
				return nil
			}
		case <-x.r.Context().Done():
			return nil
		}
	}
}

// serveDiscovery tells which resources there are: /apis, /api/v1, /apis/GROUP/VERSION.
func (c *Cluster) serveDiscovery(x *exchange) error {
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.req.Path == "/apis" {
		list := &metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
		for _, o := range s.objects {
			if o.Group == "" || slices.ContainsFunc(list.Groups, func(g metav1.APIGroup) bool { return g.Name == o.Group }) {
				continue
			}
			v := metav1.GroupVersionForDiscovery{GroupVersion: o.Group + "/" + o.Version, Version: o.Version}
			list.Groups = append(list.Groups, metav1.APIGroup{Name: o.Group, Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v})
		}
		return x.object(http.StatusOK, list)
	}
	version := strings.TrimPrefix(strings.TrimPrefix(x.req.Path, "/apis/"), "/api/")
	list := &metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: version}
	if version == "v1" {
		list.APIResources = append(list.APIResources, metav1.APIResource{Name: "pods", SingularName: "pod", Kind: "Pod", Namespaced: true, ShortNames: []string{"po"}, Verbs: metav1.Verbs{"get", "list", "watch"}})
	}
	for _, o := range s.objects {
		gv := schema.GroupVersion{Group: o.Group, Version: o.Version}
		if gv.String() != version || slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Name == o.Resource }) {
			continue
		}
		list.APIResources = append(list.APIResources, metav1.APIResource{Name: o.Resource, SingularName: strings.ToLower(o.Kind), Kind: o.Kind,
			Namespaced: !o.Clusterwide, ShortNames: o.Short, Verbs: metav1.Verbs{"get", "list", "watch"}})
	}
	if len(list.APIResources) == 0 {
		return notFound()
	}
	return x.object(http.StatusOK, list)
}
