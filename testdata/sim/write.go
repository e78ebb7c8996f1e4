package sim

import (
	"errors"
	"net/http"
	"reflect"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// writeObject creates, changes or deletes what is neither a pod nor a namespace, if Kubernetes has its kind. As with an API server, a status is
// changed apart from the rest but for annotations, and the generation counts changes of the spec, and of a Deployment's annotations. Defaults
// are not filled in, and little is validated.
func (c *Cluster) writeObject(x *exchange) error {
	q := x.req
	kind, ok := kindOf(q)
	if !ok {
		return notFound()
	}
	body, err := scheme.Scheme.New(kind)
	if err != nil {
		return err
	}
	if q.Verb != "delete" {
		if err := x.decode(body); err != nil {
			return err
		}
	}
	m, err := meta.Accessor(body)
	if err != nil {
		return err
	}
	o := Object{Group: q.Group, Version: kind.Version, Kind: kind.Kind, Resource: q.Resource, Namespace: q.Namespace, Name: m.GetName(), Body: body}
	if refs := m.GetOwnerReferences(); len(refs) > 0 {
		o.Owner = &refs[0]
	}
	if q.name != "" {
		o.Name = q.name
	}
	if q.Subresource != "" && (q.Subresource != "status" || q.Verb != "update") {
		return notFound()
	}
	answer, err := c.store.write(q, o)
	if err != nil {
		return err
	}
	code := http.StatusOK
	if q.Verb == "create" {
		code = http.StatusCreated
	}
	return x.object(code, answer)
}

// write does what writeObject is asked to do with an object, and returns the answer.
func (s *store) write(q *Request, o Object) (runtime.Object, error) {
	m, err := meta.Accessor(o.Body)
	if err != nil {
		return nil, err
	}
	resource := schema.GroupResource{Group: q.Group, Resource: q.Resource}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.findObject(o.Group, o.Kind, o.Namespace, o.Name)
	if q.Verb == "create" {
		if i >= 0 {
			return nil, apierrors.NewAlreadyExists(resource, o.Name)
		}
		m.SetGeneration(1)
		empty := reflect.New(reflect.TypeOf(o.Body).Elem()).Interface()
		take(o.Body, empty, "Status")
		return s.putObject(o).full, nil
	}
	if i < 0 {
		return nil, apierrors.NewNotFound(resource, o.Name)
	}
	was := s.objects[i]
	old, err := meta.Accessor(was.full)
	if err != nil {
		return nil, err
	}
	switch version := m.GetResourceVersion(); {
	case q.Verb == "delete":
		s.dropObject(i)
		return &metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess}, nil
	case q.Verb != "update":
		return nil, apierrors.NewMethodNotSupported(resource, q.Verb)
	case version != "" && version != was.meta.ResourceVersion:
		return nil, apierrors.NewConflict(resource, o.Name, errors.New("the object has been modified; please apply your changes to the latest version and try again"))
	case q.Subresource == "status":
		take(o.Body, was.full, "Spec")
		m.SetLabels(old.GetLabels())
		m.SetGeneration(old.GetGeneration())
		o.Owner = was.Owner
	default:
		take(o.Body, was.full, "Status")
		m.SetGeneration(old.GetGeneration())
		if !apiequality.Semantic.DeepEqual(fieldOf(o.Body, "Spec"), fieldOf(was.full, "Spec")) ||
			q.Resource == "deployments" && !apiequality.Semantic.DeepEqual(m.GetAnnotations(), old.GetAnnotations()) {
			m.SetGeneration(old.GetGeneration() + 1)
		}
	}
	return s.putObject(o).full, nil
}

// fieldOf gives a field of an object; nil: it has none.
func fieldOf(o any, name string) any {
	if f := reflect.ValueOf(o).Elem().FieldByName(name); f.IsValid() {
		return f.Interface()
	}
	return nil
}

// take sets a field of an object to what it is in another of its kind, if they have it.
func take(o runtime.Object, from any, name string) {
	if f := reflect.ValueOf(o).Elem().FieldByName(name); f.IsValid() {
		f.Set(reflect.ValueOf(from).Elem().FieldByName(name))
	}
}
