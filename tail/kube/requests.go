package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
)

// ListPods lists the pods of a namespace, or with "" of all namespaces: one page, if o has a limit.
func (c *Client) ListPods(ctx context.Context, ns string, o metav1.ListOptions) (*corev1.PodList, error) {
	ctx, cancel := c.limit(ctx)
	defer cancel()
	return c.lists.Pods(ns).List(ctx, o)
}

// WatchPods watches the pods of a namespace, or with "" of all namespaces, until ctx ends or the server ends the watch. It
// returns when the server has answered. The caller stops the watch.
func (c *Client) WatchPods(ctx context.Context, ns string, o metav1.ListOptions) (watch.Interface, error) {
	return c.lists.Pods(ns).Watch(ctx, o)
}

// GetPod returns the pod that has this name now, which may not be the one that had it before.
func (c *Client) GetPod(ctx context.Context, ns, name string) (*corev1.Pod, error) {
	ctx, cancel := c.limit(ctx)
	defer cancel()
	return c.lists.Pods(ns).Get(ctx, name, metav1.GetOptions{})
}

// GetPodInTurn is GetPod for the followers of containers, which all ask at once when a cluster comes back: they take turns with the
// streams that are opened.
func (c *Client) GetPodInTurn(ctx context.Context, ns, name string) (*corev1.Pod, error) {
	ctx, cancel := c.limit(ctx)
	defer cancel()
	if err := c.opening.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer c.opening.Release(1)
	return c.GetPod(ctx, ns, name)
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
	return c.lists.Namespaces().Watch(ctx, metav1.ListOptions{ResourceVersion: version, AllowWatchBookmarks: true})
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
	return c.lists.Services(ns).Watch(ctx, metav1.ListOptions{ResourceVersion: version})
}

// GetMetadata returns the metadata of an object of any resource. With "" for ns the resource is not namespaced.
func (c *Client) GetMetadata(ctx context.Context, resource schema.GroupVersionResource, ns, name string) (*metav1.PartialObjectMetadata, error) {
	ctx, cancel := c.limit(ctx)
	defer cancel()
	var in metadata.ResourceInterface = c.meta.Resource(resource)
	if ns != "" {
		in = c.meta.Resource(resource).Namespace(ns)
	}
	return in.Get(ctx, name, metav1.GetOptions{})
}
