package sim

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
)

const loggenImage = "mktail.test/loggen:1"

// PodSpec describes a scripted pod.
type PodSpec struct {
	Namespace, Name     string // "default" and "pod" unless set
	Labels, Annotations map[string]string
	Node                string               // Options.Node unless set
	Policy              corev1.RestartPolicy // Always unless set
	Unscheduled         bool                 // is bound to no node and never runs
	Static              bool                 // is the node's own, of which the API has but a mirror
	Owner               *metav1.OwnerReference
	Containers          []ContainerSpec // one scripted container "app" unless set
}

// AddPod makes a pod (and its namespace, if there is none) and returns when its containers run or wait; if it has init
// containers, at once. It panics if there is such a pod.
func (c *Cluster) AddPod(s PodSpec) *Pod {
	def(&s.Namespace, "default")
	def(&s.Name, "pod")
	def(&s.Policy, corev1.RestartPolicyAlways)
	if len(s.Containers) == 0 {
		s.Containers = []ContainerSpec{{Name: "app"}}
	}
	_, _ = c.store.addNamespace(s.Namespace)
	obj := &corev1.Pod{}
	obj.Namespace, obj.Name = s.Namespace, s.Name
	obj.Labels, obj.Annotations = maps.Clone(s.Labels), maps.Clone(s.Annotations)
	if s.Static {
		uid := string(c.store.uid("static pod of " + s.Node + " " + key(s.Namespace, s.Name))) // which follows from the manifest and the node
		if obj.Annotations == nil {
			obj.Annotations = make(map[string]string)
		}
		maps.Copy(obj.Annotations, map[string]string{corev1.MirrorPodAnnotationKey: uid, "kubernetes.io/config.hash": uid, "kubernetes.io/config.source": "file"})
	}
	if s.Owner != nil {
		obj.OwnerReferences = []metav1.OwnerReference{*s.Owner}
	}
	obj.Spec.NodeName, obj.Spec.RestartPolicy = s.Node, s.Policy
	var containers []*Container
	for _, init := range []bool{true, false} {
		for _, k := range s.Containers {
			if k.Init != init {
				continue
			}
			def(&k.Image, loggenImage)
			kind, list := appContainer, &obj.Spec.Containers
			if init {
				kind, list = initContainer, &obj.Spec.InitContainers
			}
			*list = append(*list, corev1.Container{Name: k.Name, Image: k.Image})
			containers = append(containers, &Container{spec: k, kind: kind})
		}
	}
	p, _, err := c.makePod(obj, containers, !s.Unscheduled)
	if err != nil {
		panic("sim: " + err.Error())
	}
	select {
	case <-p.started:
	case <-p.life.Done():
	}
	return p
}

// makePod completes obj, which becomes the store's, and runs it. The object returned is the one of the creation.
func (c *Cluster) makePod(obj *corev1.Pod, containers []*Container, bind bool) (*Pod, *corev1.Pod, error) {
	c.mu.Lock()
	c.seq++
	seq := c.seq
	c.mu.Unlock()
	obj.TypeMeta = metav1.TypeMeta{Kind: "Pod", APIVersion: "v1"}
	obj.UID = c.store.uid(fmt.Sprintf("pod %d", seq))
	obj.CreationTimestamp = metaTime(c.opt.Now())
	obj.DeletionTimestamp, obj.DeletionGracePeriodSeconds = nil, nil
	def(&obj.Spec.RestartPolicy, corev1.RestartPolicyAlways)
	def(&obj.Spec.DNSPolicy, corev1.DNSClusterFirst)
	def(&obj.Spec.SchedulerName, "default-scheduler")
	def(&obj.Spec.ServiceAccountName, "default")
	if obj.Spec.TerminationGracePeriodSeconds == nil {
		obj.Spec.TerminationGracePeriodSeconds = new(int64)
		*obj.Spec.TerminationGracePeriodSeconds = 30
	}
	obj.Status = corev1.PodStatus{Phase: corev1.PodPending, QOSClass: corev1.PodQOSBestEffort}
	obj, err := c.store.create(obj)
	if err != nil {
		return nil, nil, err
	}
	return c.run(obj, containers, bind), obj, nil
}

// createPod is POST of a pod.
func (c *Cluster) createPod(x *exchange) error {
	var obj corev1.Pod
	if err := x.decode(&obj); err != nil {
		return err
	}
	if obj.Namespace != "" && obj.Namespace != x.req.Namespace {
		return apierrors.NewBadRequest("the namespace of the provided object does not match the namespace sent on the request")
	}
	obj.Namespace = x.req.Namespace
	if obj.Name == "" {
		obj.Name = obj.GenerateName + rand.String(5)
	}
	var containers []*Container
	for _, k := range obj.Spec.InitContainers {
		containers = append(containers, c.fromAPI(k, initContainer))
	}
	for _, k := range obj.Spec.Containers {
		containers = append(containers, c.fromAPI(k, appContainer))
	}
	_, made, err := c.makePod(&obj, containers, true)
	if err != nil {
		return err
	}
	return x.object(http.StatusCreated, made)
}

// fromAPI is what a container of the API runs: its program; nothing, if it is unknown; and it waits, if its image is.
func (c *Cluster) fromAPI(k corev1.Container, kind containerKind) *Container {
	s := ContainerSpec{Name: k.Name, Image: k.Image}
	argv := slices.Concat(k.Command, k.Args)
	switch {
	case !slices.Contains(c.opt.Images, k.Image) && k.ImagePullPolicy == corev1.PullNever:
		s.Hold = "ErrImageNeverPull"
	case !slices.Contains(c.opt.Images, k.Image):
		s.Hold = "ErrImagePull"
	case len(k.Command) == 0 && k.Image == loggenImage:
		argv = append([]string{"/loggen"}, argv...)
		fallthrough
	case len(argv) > 0:
		program := c.opt.Programs[argv[0]]
		if program == nil && argv[0] == "/loggen" {
			program = runLoggen
		}
		if program == nil {
			break
		}
		run, err := program(argv[1:])
		if err != nil {
			run = usage(err)
		}
		s.Run = run
	}
	return &Container{spec: s, kind: kind}
}

// deletePod is DELETE of a pod.
func (c *Cluster) deletePod(x *exchange) error {
	obj, err := c.store.get(x.req.Namespace, x.req.name)
	if err != nil {
		return err
	}
	var o metav1.DeleteOptions
	o.TypeMeta = metav1.TypeMeta{Kind: "DeleteOptions", APIVersion: "v1"}
	if err := x.decode(&o); err != nil {
		return err
	}
	if s := x.req.Query.Get("gracePeriodSeconds"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return apierrors.NewBadRequest(err.Error())
		}
		o.GracePeriodSeconds = &n
	}
	if pre := o.Preconditions; pre != nil && pre.UID != nil && *pre.UID != obj.UID {
		return apierrors.NewConflict(podResource, obj.Name, fmt.Errorf("the UID in the precondition (%s) does not match the UID in record (%s). "+
			"The object might have been deleted and then recreated", *pre.UID, obj.UID))
	}
	if p := c.Pod(obj.Namespace, obj.Name); p != nil && p.apiUID() == obj.UID {
		p.terminate(o.GracePeriodSeconds)
	}
	if now, err := c.store.get(obj.Namespace, obj.Name); err == nil && now.UID == obj.UID {
		obj = now
	}
	return x.object(http.StatusOK, obj)
}

// updateEphemeral is PUT of a pod's ephemeral containers: new ones are started.
func (c *Cluster) updateEphemeral(x *exchange) error {
	var obj corev1.Pod
	if err := x.decode(&obj); err != nil {
		return err
	}
	p := c.Pod(x.req.Namespace, x.req.name)
	if p == nil {
		return apierrors.NewNotFound(podResource, x.req.name)
	}
	for _, e := range obj.Spec.EphemeralContainers {
		if p.find(e.Name) == nil {
			k := corev1.Container(e.EphemeralContainerCommon)
			p.addEphemeral(c.fromAPI(k, ephemeralContainer))
		}
	}
	now, err := c.store.get(x.req.Namespace, x.req.name)
	if err != nil {
		return err
	}
	return x.object(http.StatusOK, now)
}

// AddEphemeral adds an ephemeral container to the running pod and returns when it runs.
func (p *Pod) AddEphemeral(s ContainerSpec) *Container {
	def(&s.Image, loggenImage)
	k := &Container{spec: s, kind: ephemeralContainer}
	p.addEphemeral(k)
	k.await(func() bool { return k.state != waiting || k.spec.Hold != "" })
	return k
}

func (p *Pod) addEphemeral(k *Container) {
	k.pod, k.reason = p, "ContainerCreating"
	p.c.store.update(p.namespace, p.name, p.apiUID(), func(o *corev1.Pod) {
		o.Spec.EphemeralContainers = append(o.Spec.EphemeralContainers, corev1.EphemeralContainer{
			EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: k.spec.Name, Image: k.spec.Image}})
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.containers = append(p.containers, k)
	p.publish()
	if !p.ending && p.life.Err() == nil {
		p.work.Go(func() { p.keep(k) })
	}
}

// SetLabels replaces the pod's labels.
func (p *Pod) SetLabels(labels map[string]string) {
	p.c.store.update(p.namespace, p.name, p.apiUID(), func(o *corev1.Pod) { o.Labels = maps.Clone(labels) })
}

// Namespace is the pod's namespace.
func (p *Pod) Namespace() string { return p.namespace }

// Name is the pod's name.
func (p *Pod) Name() string { return p.name }

// UID is the pod's identity.
func (p *Pod) UID() string { return string(p.apiUID()) }

// Container gives the container of that name; it panics if there is none.
func (p *Pod) Container(name string) *Container {
	if k := p.find(name); k != nil {
		return k
	}
	panic(fmt.Sprintf("sim: pod %s/%s has no container %s", p.namespace, p.name, name))
}

func (p *Pod) find(name string) *Container {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.containers {
		if k.spec.Name == name {
			return k
		}
	}
	return nil
}

// Pod gives the pod of that name, also one made through the API; nil if there is none.
func (c *Cluster) Pod(namespace, name string) *Pod {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pods[key(namespace, name)]
}

// Pods gives all pods, sorted by namespace and name.
func (c *Cluster) Pods() []*Pod {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*Pod
	for _, k := range slices.Sorted(maps.Keys(c.pods)) {
		all = append(all, c.pods[k])
	}
	return all
}
