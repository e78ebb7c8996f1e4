package sim

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// metaTime is t as the API writes it: whole seconds, UTC.
func metaTime(t time.Time) metav1.Time { return metav1.NewTime(t.UTC().Truncate(time.Second)) }

// publish writes the pod's status into the API; called with p.mu held.
func (p *Pod) publish() {
	p.c.store.update(p.namespace, p.name, p.apiUID(), p.writeStatus)
	p.c.stats.poke() // a static pod without a mirror has changed all the same
}

func (p *Pod) writeStatus(o *corev1.Pod) {
	st := &o.Status
	if st.StartTime == nil {
		now := metaTime(p.host.Now())
		st.StartTime = &now
		st.HostIP, st.PodIP = "10.0.0.1", "10.0.0.1"
		st.HostIPs, st.PodIPs = []corev1.HostIP{{IP: st.HostIP}}, []corev1.PodIP{{IP: st.PodIP}}
	}
	st.Phase = p.phase()
	st.InitContainerStatuses, st.ContainerStatuses, st.EphemeralContainerStatuses = nil, nil, nil
	initialized, ready := true, true
	for _, k := range p.containers {
		s := k.status()
		switch k.kind {
		case initContainer:
			st.InitContainerStatuses = append(st.InitContainerStatuses, s)
			initialized = initialized && s.Ready
		case ephemeralContainer:
			st.EphemeralContainerStatuses = append(st.EphemeralContainerStatuses, s)
		default:
			st.ContainerStatuses = append(st.ContainerStatuses, s)
			ready = ready && s.Ready
		}
	}
	for _, cond := range []struct {
		kind corev1.PodConditionType
		ok   bool
	}{
		{corev1.PodScheduled, true}, {corev1.PodInitialized, initialized},
		{corev1.ContainersReady, ready}, {corev1.PodReady, ready},
	} {
		p.condition(st, cond.kind, cond.ok)
	}
}

func (p *Pod) condition(st *corev1.PodStatus, kind corev1.PodConditionType, ok bool) {
	value := corev1.ConditionFalse
	if ok {
		value = corev1.ConditionTrue
	}
	for i := range st.Conditions {
		if c := &st.Conditions[i]; c.Type == kind {
			if c.Status != value {
				c.Status, c.LastTransitionTime = value, metaTime(p.host.Now())
			}
			return
		}
	}
	st.Conditions = append(st.Conditions, corev1.PodCondition{
		Type: kind, Status: value, LastTransitionTime: metaTime(p.host.Now()),
	})
}

// phase follows from the containers; called with p.mu held.
func (p *Pod) phase() corev1.PodPhase {
	apps, done, failed, begun := 0, 0, 0, 0
	for _, k := range p.containers {
		bad := k.done && k.cur != nil && k.cur.exit != 0
		switch k.kind {
		case initContainer:
			switch {
			case bad:
				return corev1.PodFailed
			case !k.done:
				return corev1.PodPending
			}
		case appContainer:
			apps++
			if k.cur != nil {
				begun++
			}
			if k.done && k.cur != nil {
				done++
			}
			if bad {
				failed++
			}
		}
	}
	switch {
	case begun < apps && done == 0 && begun == 0:
		return corev1.PodPending
	case done < apps:
		return corev1.PodRunning
	case failed > 0:
		return corev1.PodFailed
	}
	return corev1.PodSucceeded
}

// status is the container's status; called with pod.mu held.
func (c *Container) status() corev1.ContainerStatus {
	yes := c.state == running
	s := corev1.ContainerStatus{
		Name: c.spec.Name, Image: c.spec.Image, RestartCount: int32(c.restarts), Started: &yes,
		Ready: yes && c.kind != ephemeralContainer && c.kind != initContainer ||
			c.kind == initContainer && c.state == terminated && c.cur.exit == 0,
	}
	last := c.prev
	switch c.state {
	case waiting:
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: c.reason}
		if c.reason == "CrashLoopBackOff" {
			s.State.Waiting.Message = fmt.Sprintf("back-off restarting failed container=%s pod=%s_%s(%s)",
				c.spec.Name, c.pod.name, c.pod.namespace, c.pod.uid)
		}
		last = c.cur
	case running:
		s.State.Running = &corev1.ContainerStateRunning{StartedAt: metaTime(c.cur.started)}
	case terminated:
		s.State.Terminated = c.cur.terminated()
	}
	if c.cur != nil {
		s.ContainerID = c.cur.id
		s.ImageID = "sha256:" + c.cur.id[len(c.cur.id)-64:]
	}
	if last != nil {
		s.LastTerminationState.Terminated = last.terminated()
	}
	return s
}

func (in *instance) terminated() *corev1.ContainerStateTerminated {
	reason := "Error"
	if in.exit == 0 {
		reason = "Completed"
	}
	return &corev1.ContainerStateTerminated{ExitCode: int32(in.exit), Reason: reason, ContainerID: in.id,
		StartedAt: metaTime(in.started), FinishedAt: metaTime(in.finished)}
}

// instance picks whose log is asked for, by the status that the API shows, as the kubelet does.
func (p *Pod) instance(container string, previous bool) (*instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.containers {
		if k.spec.Name != container {
			continue
		}
		last := k.prev
		if k.state == waiting {
			last = k.cur
		}
		switch {
		case previous && last == nil:
			return nil, fmt.Errorf("previous terminated container %q in pod %q not found", container, p.name)
		case previous:
			return last, nil
		case k.state != waiting:
			return k.cur, nil
		case last != nil:
			return last, nil
		case k.reason == "ErrImagePull":
			return nil, fmt.Errorf("container %q in pod %q is waiting to start: image can't be pulled", container, p.name)
		case k.reason == "ImagePullBackOff":
			return nil, fmt.Errorf("container %q in pod %q is waiting to start: trying and failing to pull image", container, p.name)
		}
		return nil, fmt.Errorf("container %q in pod %q is waiting to start: %s", container, p.name, k.reason)
	}
	return nil, fmt.Errorf("container %q in pod %q is not available", container, p.name)
}
