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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
)

// Object describes an object other than a pod: what owns pods, or a service that selects them. Only its metadata is
// served, but for services.
type Object struct {
	Group, Version, Kind string
	Resource             string // the plural name
	Short                []string
	Namespace, Name      string
	Clusterwide          bool // it is in no namespace
	Owner                *metav1.OwnerReference
	Selector             map[string]string // of a service
}

// object is one in the store.
type object struct {
	Object
	meta metav1.ObjectMeta
}

// objectEvent is a change of a service or a namespace.
type objectEvent struct {
	rv       uint64
	kind     watch.EventType
	resource string
	ns       string
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
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rv++
	made := &object{o, metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name, ResourceVersion: fmt.Sprint(s.rv),
		UID: s.uid("object " + o.Kind + " " + o.Namespace + "/" + o.Name), CreationTimestamp: metaTime(s.opt.Now())}}
	if o.Owner != nil {
		made.meta.OwnerReferences = []metav1.OwnerReference{*o.Owner}
	}
	kind := watch.Added
	i := slices.IndexFunc(s.objects, func(other *object) bool {
		return other.Group == o.Group && other.Kind == o.Kind && other.Namespace == o.Namespace && other.Name == o.Name
	})
	if i < 0 {
		s.objects = append(s.objects, made)
	} else {
		s.objects[i], kind = made, watch.Modified
	}
	if o.Resource == "services" {
		s.events = append(s.events, objectEvent{s.rv, kind, o.Resource, o.Namespace, made.service()})
	}
	s.broadcast()
	controller := true
	return &metav1.OwnerReference{APIVersion: schema.GroupVersion{Group: o.Group, Version: o.Version}.String(), Kind: o.Kind,
		Name: o.Name, UID: made.meta.UID, Controller: &controller}
}

func (o *object) service() *corev1.Service {
	return &corev1.Service{TypeMeta: metav1.TypeMeta{Kind: "Service", APIVersion: "v1"}, ObjectMeta: o.meta,
		Spec: corev1.ServiceSpec{Selector: o.Selector}}
}

// serveObject answers for what is neither a pod nor a namespace.
func (c *Cluster) serveObject(x *exchange) error {
	q, s := x.req, c.store
	switch {
	case q.Resource == "services" && q.Verb == "watch":
		return c.serveEvents(x)
	case q.Resource == "services" && q.Verb == "list":
		list := &corev1.ServiceList{TypeMeta: metav1.TypeMeta{Kind: "ServiceList", APIVersion: "v1"}}
		s.mu.Lock()
		list.ResourceVersion = fmt.Sprint(s.rv)
		for _, o := range s.objects {
			if o.Resource == "services" && (q.Namespace == "" || o.Namespace == q.Namespace) {
				list.Items = append(list.Items, *o.service())
			}
		}
		s.mu.Unlock()
		return x.object(http.StatusOK, list)
	case q.Verb != "get":
		return notFound()
	}
	s.mu.Lock()
	i := slices.IndexFunc(s.objects, func(o *object) bool {
		return o.Group == q.Group && o.Resource == q.Resource && o.Namespace == q.Namespace && o.Name == q.name
	})
	var found metav1.PartialObjectMetadata
	if i >= 0 {
		found.ObjectMeta = s.objects[i].meta
	}
	s.mu.Unlock()
	if i < 0 {
		return apierrors.NewNotFound(schema.GroupResource{Group: q.Group, Resource: q.Resource}, q.name)
	}
	found.TypeMeta = metav1.TypeMeta{Kind: "PartialObjectMetadata", APIVersion: "meta.k8s.io/v1"}
	if !strings.Contains(x.r.Header.Get("Accept"), "as=PartialObjectMetadata") {
		return notFound()
	}
	x.r.Header.Set("Accept", runtime.ContentTypeJSON) // the only form that is made
	return x.object(http.StatusOK, &found)
}

// serveEvents serves a watch of services or namespaces until its time is up, the client goes or the cluster closes.
func (c *Cluster) serveEvents(x *exchange) error {
	media, err := negotiate(x.r)
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
	var timeout <-chan time.Time
	if seconds, err := strconv.Atoi(query.Get("timeoutSeconds")); err == nil {
		t := time.NewTimer(time.Duration(seconds) * time.Second)
		defer t.Stop()
		timeout = t.C
	}
	w := &watcher{x: x, media: media}
	for s := c.store; ; {
		s.mu.Lock()
		wake, events := s.wake, s.events
		s.mu.Unlock()
		for _, e := range events {
			if e.rv <= rv || e.resource != x.req.Resource || x.req.Namespace != "" && e.ns != x.req.Namespace {
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
