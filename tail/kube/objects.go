package kube

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// ListObjects lists the objects of a resource that Kubernetes has, in a namespace or with "" in all namespaces. into is a list of their kind.
func (c *Client) ListObjects(ctx context.Context, resource schema.GroupVersionResource, ns string, o metav1.ListOptions, into runtime.Object) error {
	ctx, cancel := c.limit(ctx)
	defer cancel()
	return c.objects(resource, ns).VersionedParams(&o, scheme.ParameterCodec).Do(ctx).Into(into)
}

// GetObject gets the object of a resource that Kubernetes has, which has this name now. into is of its kind.
func (c *Client) GetObject(ctx context.Context, resource schema.GroupVersionResource, ns, name string, into runtime.Object) error {
	ctx, cancel := c.limit(ctx)
	defer cancel()
	return c.objects(resource, ns).Name(name).Do(ctx).Into(into)
}

// WatchObjects watches the objects of a resource that Kubernetes has, in a namespace or with "" in all namespaces, until ctx ends or the
// server ends the watch. It returns when the server has answered. The caller stops the watch.
func (c *Client) WatchObjects(ctx context.Context, resource schema.GroupVersionResource, ns string, o metav1.ListOptions) (watch.Interface, error) {
	o.Watch = true
	return c.watch(ctx, func(ctx context.Context) (watch.Interface, error) {
		return c.objects(resource, ns).VersionedParams(&o, scheme.ParameterCodec).Watch(ctx)
	})
}

// objects begins a request for objects of a resource, in a namespace or with "" in all namespaces, or in none.
func (c *Client) objects(resource schema.GroupVersionResource, ns string) *rest.Request {
	root := []string{"/apis", resource.Group, resource.Version}
	if resource.Group == "" {
		root = []string{"/api", resource.Version}
	}
	return c.lists.RESTClient().Get().AbsPath(root...).NamespaceIfScoped(ns, ns != "").Resource(resource.Resource)
}
