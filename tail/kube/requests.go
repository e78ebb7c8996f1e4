package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
)

// once is a client whose GET requests are sent once. By itself client-go waits for as long as a server asks for (Retry-After) and
// sends a request again whose connection breaks, ten times, of which nobody hears.
type once struct{ rest.Interface }

// Get begins a request.
func (c once) Get() *rest.Request { return c.Interface.Get().MaxRetries(0) }

// ListPods lists the pods of a namespace, or with "" of all namespaces: one page, if o has a limit.
func (c *Client) ListPods(ctx context.Context, ns string, o metav1.ListOptions) (*corev1.PodList, error) {
	ctx, cancel := c.limit(ctx)
	defer cancel()
	list, err := c.lists.Pods(ns).List(ctx, o)
	if err != nil {
		return nil, err
	}
	for i := range list.Items {
		Identify(&list.Items[i])
	}
	return list, nil
}

// Identify gives a pod a UID that has none, as where a server only looks like an API server: namespace, name and the time when it
// was made stand in for it. The pods of lists and gets have it; those of watches the caller passes here.
func Identify(p *corev1.Pod) {
	if p.UID == "" {
		p.UID = types.UID(fmt.Sprintf("%s/%s@%d", p.Namespace, p.Name, p.CreationTimestamp.Unix()))
	}
}

// WatchPods watches the pods of a namespace, or with "" of all namespaces, until ctx ends or the server ends the watch. It
// returns when the server has answered. The caller stops the watch.
func (c *Client) WatchPods(ctx context.Context, ns string, o metav1.ListOptions) (watch.Interface, error) {
	return c.watch(ctx, func(ctx context.Context) (watch.Interface, error) { return c.lists.Pods(ns).Watch(ctx, o) })
}

// watch opens a watch. The server has as long to answer as for other requests; what comes then has no time limit. Failures that
// client-go takes for a watch that has ended at once are errors.
func (c *Client) watch(ctx context.Context, open func(context.Context) (watch.Interface, error)) (watch.Interface, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	late := time.AfterFunc(c.shared.options.RequestTimeout, func() { cancel(context.DeadlineExceeded) })
	x := c.beforeStreams()
	w, err := open(x.in(ctx))
	if !late.Stop() && err == nil {
		w.Stop()
		err = context.DeadlineExceeded
	}
	if failed := x.failure(); failed != nil && err == nil {
		w.Stop()
		err = failed
	}
	if err != nil {
		err = cmp.Or(context.Cause(ctx), err)
		cancel(nil)
		return nil, err
	}
	return openWatch{w, cancel}, nil
}

// openWatch is a watch with a context of its own.
type openWatch struct {
	watch.Interface
	cancel context.CancelCauseFunc
}

// Stop ends the watch.
func (w openWatch) Stop() {
	w.Interface.Stop()
	w.cancel(nil)
}

// GetPod returns the pod that has this name now, which may not be the one that had it before; IsPodGone says of an error that there is none.
// A pod that can't be got is listed: who may list pods need not be allowed to get one, and what fails for the one may do for the other. Each
// has the time limit of a request. The error is that of the get.
func (c *Client) GetPod(ctx context.Context, ns, name string) (*corev1.Pod, error) {
	return c.getPod(ctx, ns, name, c.beforeStreams)
}

// GetPodInTurn is GetPod for the followers of containers, which all ask at once when a cluster comes back: they take turns with the
// streams that are opened. No stream is ended for it.
func (c *Client) GetPodInTurn(ctx context.Context, ns, name string) (*corev1.Pod, error) {
	limited, cancel := context.WithTimeout(ctx, c.RequestTimeout())
	defer cancel()
	if err := c.opening.Acquire(limited, 1); err != nil {
		return nil, err
	}
	defer c.opening.Release(1)
	return c.getPod(ctx, ns, name, func() *exchange { return &exchange{late: c.closeIdle} })
}

// getPod is GetPod with an exchange for each request.
func (c *Client) getPod(ctx context.Context, ns, name string, made func() *exchange) (*corev1.Pod, error) {
	x := made()
	limited, cancel := context.WithTimeout(x.in(ctx), c.RequestTimeout())
	defer cancel()
	p, err := c.lists.Pods(ns).Get(limited, name, metav1.GetOptions{})
	switch {
	case err == nil:
		Identify(p)
		return p, nil
	case IsPodGone(err), ctx.Err() != nil, x.connected() == nil, apierrors.IsUnauthorized(err), apierrors.IsTooManyRequests(err), apierrors.IsServiceUnavailable(err):
		return nil, err
	}
	limited, cancel = context.WithTimeout(made().in(ctx), c.RequestTimeout())
	defer cancel()
	list, failed := c.lists.Pods(ns).List(limited, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if failed != nil {
		return nil, err
	}
	for i := range list.Items {
		if p := &list.Items[i]; p.Name == name { // a server may ignore the selector
			Identify(p)
			return p, nil
		}
	}
	return nil, apierrors.NewNotFound(corev1.Resource("pods"), name)
}

// ListNamespaces lists all namespaces.
func (c *Client) ListNamespaces(ctx context.Context) (*corev1.NamespaceList, error) {
	ctx, cancel := c.limit(ctx)
	defer cancel()
	return c.lists.Namespaces().List(ctx, metav1.ListOptions{})
}

// WatchNamespaces watches all namespaces, from a resource version on, until ctx ends or the server ends the watch; bookmarks
// come, too. It returns when the server has answered. The caller stops the watch.
func (c *Client) WatchNamespaces(ctx context.Context, version string) (watch.Interface, error) {
	o := metav1.ListOptions{ResourceVersion: version, AllowWatchBookmarks: true}
	return c.watch(ctx, func(ctx context.Context) (watch.Interface, error) { return c.lists.Namespaces().Watch(ctx, o) })
}

// ListServices lists the services of a namespace, or with "" of all namespaces.
func (c *Client) ListServices(ctx context.Context, ns string) (*corev1.ServiceList, error) {
	ctx, cancel := c.limit(ctx)
	defer cancel()
	return c.lists.Services(ns).List(ctx, metav1.ListOptions{})
}

// WatchServices watches the services of a namespace, or with "" of all namespaces, from a resource version on, until ctx ends
// or the server ends the watch. It returns when the server has answered. The caller stops the watch.
func (c *Client) WatchServices(ctx context.Context, ns, version string) (watch.Interface, error) {
	o := metav1.ListOptions{ResourceVersion: version}
	return c.watch(ctx, func(ctx context.Context) (watch.Interface, error) { return c.lists.Services(ns).Watch(ctx, o) })
}

// metadataAccept asks for the metadata of an object alone, and takes the whole object from a server that can't give less.
const metadataAccept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"

// GetMetadata returns the metadata of an object of any resource. With "" for ns the resource is not namespaced.
func (c *Client) GetMetadata(ctx context.Context, resource schema.GroupVersionResource, ns, name string) (*metav1.PartialObjectMetadata, error) {
	ctx, cancel := c.limit(ctx)
	defer cancel()
	result := c.objects(resource, ns).Name(name).SetHeader("Accept", metadataAccept).Do(ctx)
	if err := result.Error(); err != nil {
		return nil, err
	}
	text, err := result.Raw()
	if err != nil {
		return nil, err
	}
	object := new(metav1.PartialObjectMetadata)
	return object, json.Unmarshal(text, object)
}
