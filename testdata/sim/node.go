package sim

import (
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Node is a node: its clock and its kubelet. Its pods' stamps, statuses and file names are by its clock.
type Node struct {
	c       *Cluster
	name    string
	offset  atomic.Int64 // of its clock from Options.Now, in nanoseconds
	kubelet atomic.Pointer[Kubelet]
}

// Kubelet says in what a node's kubelet differs from Kubernetes' own, as virtual nodes and other implementations do. The zero
// value is Kubernetes' own.
type Kubelet struct {
	// Log options that it ignores. The log of a previous instance is the present one's then.
	NoFollow, NoSince, NoTail, NoPrevious, NoTimestamps, NoLimit bool

	StampLayout string // of package time, of stamps in place of RFC 3339
	NoInotify   bool   // it can't watch files: what follows is sent what there is, then an error in the log's text, and ends
}

// Node gives the node of that name, which is made if there is none.
func (c *Cluster) Node(name string) *Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.node(name)
}

// node is Node with mu held.
func (c *Cluster) node(name string) *Node {
	n := c.nodes[name]
	if n == nil {
		n = &Node{c: c, name: name}
		n.kubelet.Store(&Kubelet{})
		c.nodes[name] = n
	}
	return n
}

// SetClock steps the node's clock: from now on it is ahead of Options.Now by offset, or behind it.
func (n *Node) SetClock(offset time.Duration) { n.offset.Store(int64(offset)) }

// Now is the time by the node's clock.
func (n *Node) Now() time.Time { return n.c.opt.Now().Add(time.Duration(n.offset.Load())) }

// SetKubelet puts another kubelet in the place of the node's. Log requests under way are not touched.
func (n *Node) SetKubelet(k Kubelet) { n.kubelet.Store(&k) }

// drop takes from a log request what the kubelet ignores.
func (k *Kubelet) drop(o *corev1.PodLogOptions) {
	o.Follow = o.Follow && !k.NoFollow && !k.NoInotify
	o.Previous = o.Previous && !k.NoPrevious
	o.Timestamps = o.Timestamps && !k.NoTimestamps
	if k.NoSince {
		o.SinceSeconds, o.SinceTime = nil, nil
	}
	if k.NoTail {
		o.TailLines = nil
	}
	if k.NoLimit {
		o.LimitBytes = nil
	}
}
