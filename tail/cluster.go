package tail

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

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
	others    []string // see Cluster.OtherNamespaces
	context   string
	actsAs    string // whom the credentials' user acts as; empty: nobody
	err       error  // why there are no clients

	kube   *kube.Client // nil if err is not
	health *report.Health
	stats  report.Stats
	owners *pods.Owners
	follow *follow.Cluster

	ended      atomic.Bool // see report.Summary
	unanswered atomic.Bool // at --until-time no pods were listed, and nothing is known to be wrong

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
		o: o, out: out, log: o.Log, startup: &startup{o: o, watches: make(map[string]int)},
		clients: kube.NewShared(kube.Options{UserAgent: o.UserAgent, RequestTimeout: o.AnswerIn, OwnStreams: o.OwnStreams, Plugins: o.Plugins, Log: o.Log}, clusters),
		pool:    logline.NewPool(),
	}
}

// newCluster makes the clients of a cluster. It opens no connection. An error is kept for run to say.
func newCluster(c Cluster, shared *common) *cluster {
	cl := &cluster{
		common: shared,
		name:   c.Name, namespace: c.Namespace, others: c.OtherNamespaces, context: c.Context, actsAs: c.Users[0].Config.Impersonate.UserName,
		health: report.NewHealth(c.Name, shared.log, shared.o.notify),
	}
	watches := len(cl.namespaces())
	if cl.kube, cl.err = kube.New(c.Name, c.Users[0], shared.clients, c.Users[1:]...); cl.err != nil {
		watches = 1 // that will never list
	}
	cl.owners = pods.NewOwners(c.Name, cl.kube, shared.o.Owners, shared.log, shared.o.Jitter)
	cl.follow = follow.NewCluster(follow.Config{
		Name: c.Name, Kube: cl.kube, Out: shared.out, Log: shared.log, Health: cl.health, Stats: &cl.stats,
		Notify: shared.o.notify, State: shared.o.State, Pool: shared.pool, Jitter: shared.o.Jitter, Options: shared.o.follow(),
	})
	cl.startup.expect(c.Name, watches)
	return cl
}

func (c *cluster) run(ctx context.Context) {
	if c.err != nil { // a bad certificate, say: trying again would not help
		c.stats.Errors.Add(1)
		c.log.Error().Msgf("%s: %s", c.name, kube.Describe(c.err))
		c.o.notify(report.Event{Kind: report.ClusterDown, Cluster: c.name, Reason: kube.Describe(c.err)})
		c.startup.never(c.name)
		return
	}
	ending, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	if c.o.Follow {
		watch.Go(func() { c.compareStalled(ending) })
		watch.Go(func() { c.doubtSilent(ending) })
	}
	var wg sync.WaitGroup
	for _, ns := range c.namespaces() {
		wg.Go(func() { c.watch(ns).run(ctx) })
	}
	wg.Wait()
	c.ended.Store(c.ended.Load() || ctx.Err() == nil)
}

// cannotAct reports whether err says that the credentials' user may not act as another.
func (c *cluster) cannotAct(err error) bool {
	return c.actsAs != "" && apierrors.IsForbidden(err) && strings.Contains(err.Error(), "cannot impersonate")
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

// ownNamespaces are those that are followed where all are selected, and that is forbidden.
func (c *cluster) ownNamespaces() []string {
	return append([]string{c.namespace}, c.others...)
}

// close closes what the cluster has opened, if it could be.
func (c *cluster) close() {
	if c.kube != nil {
		c.kube.Close()
	}
}

// trim keeps of a pod what this run needs.
func (c *cluster) trim(p *corev1.Pod) *pods.Pod {
	t := pods.New(p, c.o.Metadata)
	if c.o.PodStates {
		t.State = pods.NewState(p)
	}
	return t
}

// summary says what happened in the cluster.
func (c *cluster) summary() report.Summary {
	failed := c.health.Failed()
	switch unread := c.stats.Unread.Load(); {
	case c.err != nil:
		failed = kube.Describe(c.err)
	case failed != "":
	case c.unanswered.Load():
		failed = "its pods could not be listed in time"
	case unread > 0:
		failed = fmt.Sprintf("%d containers could not be read up to --until-time", unread)
	}
	s := c.stats.Summary(c.name, failed)
	left := c.follow.Left()
	s.Unread, s.Ended = int64(len(left)), c.ended.Load()
	switch {
	case c.err != nil:
	case c.startup.untried(c.name):
		s.Left = "not all pods were listed"
	case len(left) == 1:
		s.Left = left[0]
	case len(left) > 1:
		s.Left = fmt.Sprintf("%d containers", len(left))
	}
	return s
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

// forget forgets a watch whose run is over.
func (c *cluster) forget(w *podWatch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watches = slices.DeleteFunc(c.watches, func(other *podWatch) bool { return other == w })
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
