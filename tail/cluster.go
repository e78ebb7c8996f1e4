package tail

import (
	"context"
	"sync"

	"github.com/rs/zerolog"
	corev1 "k8s.io/api/core/v1"

	"mktail/emit"
	"mktail/tail/follow"
	"mktail/tail/kube"
	"mktail/tail/logline"
	"mktail/tail/pods"
	"mktail/tail/report"
)

// cluster is what the watches and followers of one cluster share.
type cluster struct {
	*common
	name      string
	namespace string
	context   string
	err       error // why there are no clients

	kube   *kube.Client // nil if err is not
	health *report.Health
	stats  report.Stats
	owners *pods.Owners
	follow *follow.Cluster

	mu      sync.Mutex
	watches []*podWatch // that run, or did
}

// common is what the clusters of a run share.
type common struct {
	o       *Options
	out     *emit.Output
	log     zerolog.Logger
	startup *startup
	clients *kube.Shared
	pool    *logline.Pool
}

func newCommon(o *Options, out *emit.Output, clusters int) *common {
	return &common{
		o: o, out: out, log: o.Log, startup: &startup{o: o},
		clients: kube.NewShared(kube.Options{UserAgent: o.UserAgent, RequestTimeout: o.AnswerIn, OwnStreams: o.OwnStreams, Plugins: o.Plugins, Log: o.Log}, clusters),
		pool:    logline.NewPool(),
	}
}

// newCluster makes the clients of a cluster. It opens no connection. An error is kept for run to say.
func newCluster(c Cluster, shared *common) *cluster {
	cl := &cluster{
		common: shared,
		name:   c.Name, namespace: c.Namespace, context: c.Context,
		health: report.NewHealth(c.Name, shared.log, shared.o.notify),
	}
	watches := len(cl.namespaces())
	if cl.kube, cl.err = kube.New(c.Name, c.Config, c.Reread, shared.clients); cl.err != nil {
		watches = 1 // that will never list
	}
	cl.owners = pods.NewOwners(c.Name, cl.kube, shared.o.Owners, shared.log, shared.o.Jitter)
	cl.follow = follow.NewCluster(follow.Config{
		Name: c.Name, Kube: cl.kube, Out: shared.out, Log: shared.log, Health: cl.health, Stats: &cl.stats,
		Notify: shared.o.notify, Pool: shared.pool, Jitter: shared.o.Jitter, Options: shared.o.follow(),
	})
	cl.startup.expect(watches)
	return cl
}

func (c *cluster) run(ctx context.Context) {
	if c.err != nil { // a bad certificate, say: trying again would not help
		c.stats.Errors.Add(1)
		c.log.Error().Msgf("%s: %s", c.name, kube.Describe(c.err))
		c.o.notify(report.Event{Kind: report.ClusterDown, Cluster: c.name, Reason: kube.Describe(c.err)})
		c.startup.never()
		return
	}
	ending, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	if c.o.Follow {
		watch.Go(func() { c.compareStalled(ending) })
	}
	var wg sync.WaitGroup
	for _, ns := range c.namespaces() {
		wg.Go(func() { c.watch(ns).run(ctx) })
	}
	wg.Wait()
}

// namespaces are those that are watched, each once; "" stands for all.
func (c *cluster) namespaces() []string {
	switch {
	case c.o.AllNamespaces, !c.o.LiteralNamespaces():
		return []string{""}
	case len(c.o.Namespaces) == 0:
		return []string{c.namespace}
	}
	return c.o.NamedNamespaces()
}

// trim keeps of a pod what this run needs.
func (c *cluster) trim(p *corev1.Pod) *pods.Pod {
	return pods.New(p, c.o.Metadata)
}

// summary says what happened in the cluster.
func (c *cluster) summary() report.Summary {
	failed := c.health.Failed()
	if c.err != nil {
		failed = kube.Describe(c.err)
	}
	return c.stats.Summary(c.name, failed)
}

// source is where the records of one of a pod's containers come from.
func (c *cluster) source(p *pods.Pod, container string) emit.Source {
	src := emit.Source{
		Cluster: c.name, Namespace: p.Namespace, Pod: p.Name, Container: container,
		Context: c.context, Node: p.Node, UID: string(p.UID),
	}
	if m := p.Details; m != nil {
		src.Image, src.Labels, src.Annotations = m.Images[container], m.Labels, m.Annotations
	}
	return src
}

// watch makes the watch of a namespace, or of all with "", whose followers can be found.
func (c *cluster) watch(namespace string) *podWatch {
	w := newPodWatch(c, namespace)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watches = append(c.watches, w)
	return w
}

// followers are those that run.
func (c *cluster) followers() (all []*follow.Follower) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.watches {
		all = append(all, w.pods.running()...)
	}
	return all
}
