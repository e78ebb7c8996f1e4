package sim

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Pod is a pod on the simulated node. It outlives its deletion from the API only as a handle.
type Pod struct {
	c               *Cluster
	namespace, name string
	uid             types.UID                 // by which the node knows it
	made            types.UID                 // that no other pod had, not even a static one of the same manifest
	mirror          atomic.Pointer[types.UID] // by which the API knows a static one; nil: it is none
	removed         *corev1.Pod               // by DeleteMirror
	policy          corev1.RestartPolicy
	node            string // empty if it is bound to none
	host            *Node  // of that name; the node of Options if it is bound to none

	life context.Context // ends when the pod is gone
	gone context.CancelFunc
	work sync.WaitGroup // container loops

	started chan struct{} // closed when every container runs or waits for something
	once    sync.Once     // of closing it

	mu         sync.Mutex
	containers []*Container  // init containers first, in order
	starting   int           // containers that have not reached their first state
	deadline   time.Duration // grace of the deletion
	deleting   chan struct{} // closed when the deletion begins
	ending     bool
	kill       context.CancelFunc // ends the grace period
}

// run takes up a pod of the API: it binds it, and runs its containers until it is deleted or the cluster closes.
func (c *Cluster) run(obj *corev1.Pod, containers []*Container, bind bool) *Pod {
	p := &Pod{c: c, namespace: obj.Namespace, name: obj.Name, uid: obj.UID, made: obj.UID, policy: obj.Spec.RestartPolicy,
		containers: containers, started: make(chan struct{}), deleting: make(chan struct{}), kill: func() {}}
	if hash, static := obj.Annotations[corev1.MirrorPodAnnotationKey]; static {
		p.uid = types.UID(hash)
		p.mirror.Store(&obj.UID)
	}
	p.life, p.gone = context.WithCancel(c.ctx)
	for _, k := range containers {
		k.pod = p
		k.reason = "ContainerCreating"
		if k.kind == appContainer && slices.ContainsFunc(containers, func(k *Container) bool { return k.kind == initContainer }) {
			k.reason = "PodInitializing"
		}
	}
	if bind {
		p.node = obj.Spec.NodeName
		def(&p.node, c.opt.Node)
	}
	c.mu.Lock()
	p.host = c.node(cmp.Or(p.node, c.opt.Node))
	if c.closed {
		c.mu.Unlock()
		p.gone()
		p.begun()
		return p
	}
	c.pods[key(p.namespace, p.name)] = p
	c.work.Add(1)
	c.mu.Unlock()
	go func() {
		defer c.work.Done()
		if bind {
			if obj.Spec.NodeName == "" {
				c.store.update(p.namespace, p.name, p.apiUID(), func(o *corev1.Pod) { o.Spec.NodeName = p.node })
			}
			p.worker()
		} else {
			p.begun()
			p.wait(p.deleting)
		}
		p.finish()
	}()
	return p
}

func (p *Pod) begun() { p.once.Do(func() { close(p.started) }) }

// worker is the pod's life: its containers, and then its deletion.
func (p *Pod) worker() {
	p.mu.Lock()
	p.publish()
	apps := p.containers
	for len(apps) > 0 && apps[0].kind == initContainer {
		apps = apps[1:]
	}
	inits := p.containers[:len(p.containers)-len(apps)]
	p.mu.Unlock()
	ok := true
	for _, k := range inits {
		p.keep(k)
		if p.mu.Lock(); k.state != terminated || k.cur.exit != 0 {
			ok = false
		}
		p.mu.Unlock()
		if !ok {
			break
		}
	}
	if ok {
		p.mu.Lock()
		p.starting = len(apps)
		p.mu.Unlock()
		for _, k := range apps {
			p.work.Go(func() { p.keep(k) })
		}
	}
	if len(apps) == 0 && len(inits) == 0 {
		p.begun()
	}
	p.wait(p.deleting)
	p.work.Wait()
}

// wait waits for ch or for the cluster to close.
func (p *Pod) wait(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	case <-p.life.Done():
		return false
	}
}

// keep runs one container again and again, as the policy says.
func (p *Pod) keep(k *Container) {
	first := true
	reached := func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case !first:
		case k.kind == initContainer: // which the others wait for
			p.begun()
		case k.kind == appContainer && p.starting > 0:
			if p.starting--; p.starting == 0 {
				p.begun()
			}
		}
		first = false
	}
	defer reached()
	if k.spec.Hold != "" && !p.hold(k, reached) {
		return
	}
	for {
		in := p.begin(k)
		if in == nil {
			return
		}
		reached()
		p.await(k, in)
		if !p.again(k, in) {
			return
		}
	}
}

// hold keeps a container waiting for its reason until Release; false if the pod ended before.
func (p *Pod) hold(k *Container, reached func()) bool {
	released := make(chan struct{})
	p.mu.Lock()
	k.released, k.reason = released, k.spec.Hold
	p.publish()
	p.mu.Unlock()
	reached()
	select {
	case <-released:
		return true
	case <-p.deleting:
	case <-p.life.Done():
	}
	return false
}

// begin starts a new instance; nil if the pod ends first.
func (p *Pod) begin(k *Container) *instance {
	if !p.kubeletUp() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ending || p.life.Err() != nil {
		return nil
	}
	if k.cur != nil {
		k.prev = k.cur
		k.restarts++
	}
	sum := sha256.Sum256(fmt.Append(nil, p.made, k.spec.Name, k.restarts))
	c := p.c
	in := &instance{
		id: fmt.Sprintf("containerd://%x", sum), number: k.restarts, log: newLogFile(c.opt, p.host.Now, c.stats.poke),
		started: p.host.Now(), code: make(chan int, 1), settled: make(chan struct{}),
	}
	if k.spec.Fill != nil && k.cur == nil {
		in.log.fill(k.spec.Fill)
	}
	ctx, cancel := context.WithCancel(p.life)
	in.cancel = cancel
	k.cur, k.state, k.forced = in, running, false
	k.logs = append(k.logs, in.log)
	p.publish()
	run := k.spec.process()
	c.work.Go(func() {
		if run == nil {
			<-ctx.Done()
			in.stop(143)
			return
		}
		in.stop(run(ctx, stream{in, p.host.Now, false}, stream{in, p.host.Now, true}))
	})
	return in
}

// await waits for the instance's end and makes it known.
func (p *Pod) await(k *Container, in *instance) {
	var grace <-chan time.Time
	deleting, code := p.deleting, 0
	for ended := false; !ended; {
		select {
		case code = <-in.code:
			ended = true
		case <-deleting:
			deleting = nil
			in.cancel()
			p.mu.Lock()
			d := p.deadline
			p.mu.Unlock()
			t := time.NewTimer(d)
			defer t.Stop()
			grace = t.C
		case <-grace:
			code, ended = 137, true
		case <-p.life.Done():
			code, ended = 137, true
		}
	}
	in.cancel()
	finished := p.host.Now()
	in.flush(finished)
	if lag := p.c.opt.StatusLag; lag > 0 {
		in.log.close()
		p.sleep(lag, nil)
	}
	p.kubeletUp()
	p.mu.Lock()
	k.state, in.exit, in.finished = terminated, code, finished
	if !k.restartable(code) || p.ending {
		k.done = true
	}
	p.publish()
	p.mu.Unlock()
	in.log.close()
	close(in.settled)
}

// sleep waits for d; false if the pod or ch ended before.
func (p *Pod) sleep(d time.Duration, ch <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ch:
	case <-p.life.Done():
	}
	return false
}

// restartable reports whether the restart policy runs the container again after an exit with code. It is called with pod.mu held.
func (c *Container) restartable(code int) bool {
	switch {
	case c.kind == ephemeralContainer:
		return false
	case c.forced:
		return true
	case c.kind == initContainer:
		return code != 0 && c.pod.policy != corev1.RestartPolicyNever
	}
	return c.pod.policy == corev1.RestartPolicyAlways || c.pod.policy == corev1.RestartPolicyOnFailure && code != 0
}

// again waits the back-off before the next instance; false if there is none.
func (p *Pod) again(k *Container, in *instance) bool {
	p.mu.Lock()
	if k.done || p.ending {
		p.mu.Unlock()
		return false
	}
	d := p.c.opt.Backoff(k.restarts + 1)
	if k.forced {
		d = 0
	}
	if d > 0 {
		k.state, k.reason = waiting, "CrashLoopBackOff"
		p.publish()
	}
	p.mu.Unlock()
	if d <= 0 || p.sleep(d, p.deleting) {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	k.done = true
	return false
}

// finish takes the pod away once its containers have ended.
func (p *Pod) finish() {
	if p.life.Err() == nil {
		p.kubeletUp()
		p.c.store.remove(p.namespace, p.name, p.apiUID())
	}
	p.c.mu.Lock()
	if k := key(p.namespace, p.name); p.c.pods[k] == p {
		delete(p.c.pods, k)
	}
	p.c.mu.Unlock()
	p.gone()
	p.c.stats.poke()
}

// terminate begins the pod's deletion with a grace period, nil for its own; nothing happens if it has begun, but that a
// shorter grace takes its place.
func (p *Pod) terminate(grace *int64) {
	obj := p.c.store.update(p.namespace, p.name, p.apiUID(), func(o *corev1.Pod) {
		seconds := int64(30)
		if s := o.Spec.TerminationGracePeriodSeconds; s != nil {
			seconds = *s
		}
		if grace != nil {
			seconds = *grace
		}
		if o.DeletionTimestamp == nil || seconds < *o.DeletionGracePeriodSeconds {
			at := metaTime(p.c.opt.Now().Add(time.Duration(seconds) * time.Second))
			o.DeletionTimestamp, o.DeletionGracePeriodSeconds = &at, &seconds
		}
	})
	if obj == nil {
		return
	}
	p.end(time.Duration(*obj.DeletionGracePeriodSeconds) * time.Second)
	if *obj.DeletionGracePeriodSeconds == 0 { // forced: the API forgets it at once, the node follows
		p.c.store.remove(p.namespace, p.name, p.apiUID())
	}
}

// end ends the containers, and the pod when they have ended.
func (p *Pod) end(grace time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ending {
		p.ending, p.deadline = true, grace
		close(p.deleting)
	}
}

// apiUID is the UID of the pod's object in the API.
func (p *Pod) apiUID() types.UID {
	if mirror := p.mirror.Load(); mirror != nil {
		return *mirror
	}
	return p.uid
}

// DeleteMirror is what befalls a static pod whose mirror is deleted: the pod goes on. The kubelet marks the mirror before it
// removes it; who forces the deletion does not.
func (p *Pod) DeleteMirror(forced bool) {
	s, edit := p.c.store, func(*corev1.Pod) {}
	if !forced {
		edit = func(o *corev1.Pod) {
			now, none := metaTime(p.c.opt.Now()), int64(0)
			o.DeletionTimestamp, o.DeletionGracePeriodSeconds = &now, &none
		}
	}
	p.removed = s.update(p.namespace, p.name, p.apiUID(), edit)
	s.remove(p.namespace, p.name, p.apiUID())
}

// MakeMirror makes another mirror after DeleteMirror, of another UID. As from the kubelet, its status comes a little later.
func (p *Pod) MakeMirror() {
	s, again := p.c.store, p.removed.DeepCopy()
	again.UID = s.uid("mirror of " + again.ResourceVersion)
	again.CreationTimestamp, again.DeletionTimestamp, again.DeletionGracePeriodSeconds = metaTime(p.c.opt.Now()), nil, nil
	again.Status = corev1.PodStatus{Phase: corev1.PodPending}
	if _, err := s.create(again); err != nil {
		panic("sim: " + err.Error())
	}
	p.sleep(100*time.Millisecond, nil)
	p.mirror.Store(&again.UID)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.publish()
}

// Delete deletes the pod with that grace period (in whole seconds; none at zero) and returns when it is gone. Of a static one the manifest
// is taken away: the mirror goes last.
func (p *Pod) Delete(grace time.Duration) {
	if seconds := int64(grace / time.Second); p.mirror.Load() != nil {
		p.end(grace)
	} else {
		p.terminate(&seconds)
	}
	<-p.life.Done()
}

// KubeletDown stops the kubelet, but not the containers: log streams end with a clean EOF wherever they are, new ones are
// HTTP 500, requests through the node proxy 503, statuses stand still and nothing is started or removed.
func (c *Cluster) KubeletDown() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.kubelet:
	default:
		close(c.kubelet)
		c.kubeUp = make(chan struct{})
	}
}

// KubeletUp ends KubeletDown. For Options.KubeletSettle log requests are still refused, as by a kubelet that has just started.
func (c *Cluster) KubeletUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.kubelet:
		c.kubelet = make(chan struct{})
		close(c.kubeUp)
		c.settled = c.opt.Now().Add(c.opt.KubeletSettle)
	default:
	}
}

// settling reports whether the kubelet is up but does not know its pods yet.
func (c *Cluster) settling() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.opt.Now().Before(c.settled)
}

// kubeletGone gives what is closed when the kubelet goes down.
func (c *Cluster) kubeletGone() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kubelet
}

// kubeletUp waits until the kubelet is up; false if the pod is gone first.
func (p *Pod) kubeletUp() bool {
	p.c.mu.Lock()
	up := p.c.kubeUp
	p.c.mu.Unlock()
	return p.wait(up)
}
