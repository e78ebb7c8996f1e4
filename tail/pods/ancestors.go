package pods

import (
	"cmp"
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// owners are the owners of an object.
type owners []metav1.OwnerReference

// ancestor is an owner of a pod, an owner of that, and so on.
type ancestor struct {
	kind schema.GroupKind
	name string
}

// maxSteps bounds how far owners of owners are looked for.
const maxSteps = 8

// ancestors returns the owners of what has these references, the owners of those, and so on, as far as they are known. steps is how
// many there are between that and the pod. Not complete: there may be more.
func (o *Owners) ancestors(ns string, refs owners, steps int) (all []ancestor, complete bool) {
	if steps == maxSteps {
		return nil, true
	}
	complete = true
	for _, ref := range refs {
		kind, ok := kindOf(ref)
		if !ok {
			continue
		}
		all = append(all, ancestor{kind.GroupKind(), ref.Name})
		if !o.matters(kind.GroupKind()) {
			continue
		}
		of, known := o.ownersOf(refKey(ns, ref))
		above, whole := o.ancestors(ns, of, steps+1)
		all, complete = append(all, above...), complete && known && whole
	}
	return all, complete
}

// kindOf returns the kind of an owner; not ok: its version can't be read.
func kindOf(ref metav1.OwnerReference) (kind schema.GroupVersionKind, ok bool) {
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	return gv.WithKind(ref.Kind), err == nil
}

// refKey is what an owner is known by.
func refKey(ns string, ref metav1.OwnerReference) string {
	return cmp.Or(string(ref.UID), ns+"/"+ref.APIVersion+"/"+ref.Kind+"/"+ref.Name)
}

// ownersOf returns the owners of an owner, if they are known.
func (o *Owners) ownersOf(key string) (of owners, known bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if of, known = o.recent[key]; known {
		return of, true
	}
	if of, known = o.older[key]; known {
		o.keep(key, of)
	}
	return of, known
}

// keep keeps the owners of an owner, and in time forgets those that are not needed any more. The caller holds mu.
func (o *Owners) keep(key string, of owners) {
	if len(o.recent) >= o.kept {
		o.older, o.recent = o.recent, make(map[string]owners)
	}
	o.recent[key] = of
}

// lookUpAll asks the server for the owners of what has these references, the owners of those, and so on, as far as they are not
// known. What can be known is kept, whatever fails.
func (o *Owners) lookUpAll(ctx context.Context, ns string, refs owners, steps int, learned func()) (failed error) {
	if steps == maxSteps {
		return nil
	}
	for _, ref := range refs {
		kind, ok := kindOf(ref)
		if !ok || !o.matters(kind.GroupKind()) {
			continue
		}
		key := refKey(ns, ref)
		of, known := o.ownersOf(key)
		if !known {
			var err error
			if of, err = o.lookUp(ctx, ns, kind, ref); err != nil {
				failed = cmp.Or(failed, err)
				continue
			}
			o.mu.Lock()
			o.keep(key, of)
			o.mu.Unlock()
			learned()
		}
		failed = cmp.Or(failed, o.lookUpAll(ctx, ns, of, steps+1, learned))
	}
	return failed
}

// lookUp asks the server for the owners of an owner. One that is gone, or that we may not see, has none.
func (o *Owners) lookUp(ctx context.Context, ns string, kind schema.GroupVersionKind, ref metav1.OwnerReference) (owners, error) {
	known, ok := intermediateKinds[kind.GroupKind()]
	resource, in := known.resource, ns
	if !ok {
		var mapping *meta.RESTMapping
		err := o.ask(ctx, func(ctx context.Context) error {
			err := o.match(ctx, func() (err error) {
				mapping, err = o.mapper.RESTMappingWithContext(ctx, kind.GroupKind(), kind.Version)
				return err
			})
			if err == nil || meta.IsNoMatchError(err) {
				return err
			}
			return failure("looking for resource "+kind.String(), err)
		})
		switch {
		case meta.IsNoMatchError(err):
			return nil, nil
		case err != nil:
			return nil, err
		}
		if resource = mapping.Resource; mapping.Scope.Name() != meta.RESTScopeNameNamespace {
			in = ""
		}
	}
	select {
	case o.lookups <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	object, err := o.kube.GetMetadata(ctx, resource, in, ref.Name)
	<-o.lookups
	switch {
	case apierrors.IsNotFound(err), err == nil && object.UID != ref.UID:
		return nil, nil
	case apierrors.IsForbidden(err):
		o.WarnUnknown("what owns each "+ref.Kind, func(asked Owner) bool { return o.mattersTo(asked, kind.GroupKind()) }, err)
		return nil, nil
	case err != nil:
		return nil, failure("looking up "+ref.Kind+" "+ref.Name, err)
	}
	return object.OwnerReferences, nil
}

// matters reports whether it matters who owns an object of this kind: whether owners are asked for that may own it. Those that
// are not of a well-known kind may own anything. Those whose kind is not known yet do not count.
func (o *Owners) matters(kind schema.GroupKind) bool {
	return slices.ContainsFunc(o.asked, func(owner Owner) bool { return o.mattersTo(owner, kind) })
}

// mattersTo is matters for one of the owners asked for.
func (o *Owners) mattersTo(owner Owner, kind schema.GroupKind) bool {
	asked, ok := o.kind(owner.Kind)
	if !ok || asked.Empty() || asked == podKind || asked == serviceKind {
		return false
	}
	of, isIntermediate := intermediateKinds[kind]
	switch _, askedIntermediate := intermediateKinds[asked]; {
	case !askedIntermediate && !slices.Contains(rootKinds, asked):
		return true
	case isIntermediate:
		return asked == of.ownedBy
	}
	return !slices.Contains(rootKinds, kind)
}
