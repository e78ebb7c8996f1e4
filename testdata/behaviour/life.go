package behaviour

import (
	"bufio"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/testdata/loggen"
)

// testFollowUntilExit: a follower gets every line, and a clean end after the container's.
func testFollowUntilExit(e *env) {
	spec := loggen.Spec{Lines: 60, Rate: 30, Exit: 3}
	e.create(e.pod("pod", container("app", spec)))
	b, err := io.ReadAll(e.follow("pod", corev1.PodLogOptions{}))
	if err != nil {
		e.Errorf("the stream did not end cleanly: %v", err)
	}
	e.equal("followed", split(string(b)), expected(spec))
	p := e.until("pod", "failed", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })
	s := p.Status.ContainerStatuses[0]
	if end := s.State.Terminated; end == nil || end.ExitCode != 3 || end.ContainerID == "" || end.ContainerID != s.ContainerID {
		e.Errorf("the container's status is %+v", s)
	}
	e.equal("read after the end", e.lines("pod", corev1.PodLogOptions{}), expected(spec))
	e.equal("followed after the end", e.lines("pod", corev1.PodLogOptions{Follow: true}), expected(spec))
}

// testFollowSilent: the headers of a log come at once, though no line does.
func testFollowSilent(e *env) {
	e.create(e.pod("pod", idle("app")))
	e.running("pod")
	opened := make(chan error, 1)
	go func() {
		rc, err := e.pods.GetLogs("pod", &corev1.PodLogOptions{Follow: true}).Stream(e.ctx)
		if err == nil {
			rc.Close()
		}
		opened <- err
	}()
	select {
	case err := <-opened:
		if err != nil {
			e.Error(err)
		}
	case <-time.After(20 * time.Second):
		e.Error("no headers came")
	}
}

// testRestart: a new life counts, has a new ID and a log of its own; the one before it can be read as previous.
func testRestart(e *env) {
	spec := loggen.Spec{Lines: 3, Wait: 4 * time.Second, Exit: 1} // long enough to be looked at on a busy machine
	p := e.pod("pod", container("app", spec))
	p.Spec.RestartPolicy = corev1.RestartPolicyAlways
	e.create(p)
	first := e.running("pod").Status.ContainerStatuses[0].ContainerID
	status := func() corev1.ContainerStatus {
		p, err := e.pods.Get(e.ctx, "pod", metav1.GetOptions{})
		if err != nil {
			e.Fatal(err)
		}
		return p.Status.ContainerStatuses[0]
	}
	e.poll("both logs of one restart", func() bool {
		before := status()
		if before.RestartCount == 0 || before.State.Running == nil {
			return false
		}
		now, err := e.log("pod", corev1.PodLogOptions{Timestamps: true})
		if err != nil || strings.Count(now, "\n") < 3 {
			return false
		}
		then, err := e.log("pod", corev1.PodLogOptions{Timestamps: true, Previous: true})
		if after := status(); err != nil || after.RestartCount != before.RestartCount || after.State.Running == nil {
			return false // restarted again meanwhile
		}
		end := before.LastTerminationState.Terminated
		if end == nil || end.ExitCode != 1 || end.ContainerID == before.ContainerID || before.ContainerID == first {
			e.Fatalf("the status after a restart is %+v", before)
		}
		var texts [2][]string
		var edge [2]time.Time
		for i, log := range []string{then, now} {
			for _, line := range split(log) {
				at, text := e.stamped(line)
				if i == 0 || edge[1].IsZero() {
					edge[i] = at
				}
				texts[i] = append(texts[i], text)
			}
		}
		e.equal("the previous log", texts[0], expected(spec))
		e.equal("the current log", texts[1], expected(spec))
		if !edge[0].Before(edge[1]) {
			e.Errorf("the previous log ends at %v, after the current one's beginning at %v", edge[0], edge[1])
		}
		return true
	})
}

// testDelete: a deleted pod's follower gets its last lines and a clean end; then there is nothing.
func testDelete(e *env) {
	spec := loggen.Spec{Lines: 3, Wait: -1, Bye: "the last line"}
	e.create(e.pod("pod", container("app", spec)))
	r := bufio.NewReader(e.follow("pod", corev1.PodLogOptions{}))
	for i := range spec.Lines {
		if line, err := r.ReadString('\n'); line != spec.Line(i)+"\n" {
			e.Fatalf("line %d is %q, %v", i, line, err)
		}
	}
	e.running("pod")
	if err := e.pods.Delete(e.ctx, "pod", metav1.DeleteOptions{}); err != nil {
		e.Fatal(err)
	}
	rest, err := io.ReadAll(r)
	if string(rest) != spec.Bye+"\n" || err != nil {
		e.Errorf("after the deletion came %q, %v", rest, err)
	}
	e.gone("pod")
}

func (e *env) gone(name string) {
	e.Helper()
	e.poll("the pod's end", func() bool {
		_, err := e.pods.Get(e.ctx, name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
	_, err := e.log(name, corev1.PodLogOptions{})
	e.refused("the log of a pod that is gone", err, 404, `pods "`+name+`" not found`)
}

func testDeleteAtOnce(e *env) {
	made := e.create(e.pod("pod", idle("app")))
	e.running("pod")
	now := int64(0)
	if err := e.pods.Delete(e.ctx, "pod", metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		e.Fatal(err)
	}
	e.gone("pod")
	e.poll("a pod of the same name", func() bool {
		again, err := e.pods.Create(e.ctx, e.pod("pod", idle("app")), metav1.CreateOptions{})
		if err == nil && again.UID == made.UID {
			e.Error("a new pod has the UID of the old one")
		}
		return err == nil
	})
}

// testInit: init containers run one after the other before the rest, each with a log of its own.
func testInit(e *env) {
	one := loggen.Spec{Lines: 2, Prefix: "one", Wait: 2 * time.Second}
	two := loggen.Spec{Lines: 3, Prefix: "two"}
	app := loggen.Spec{Lines: 4, Prefix: "app", Wait: -1}
	p := e.pod("pod", container("app", app))
	p.Spec.InitContainers = []corev1.Container{container("one", one), container("two", two)}
	e.create(p)
	e.poll("the app to be said to wait", func() bool {
		_, err := e.log("pod", corev1.PodLogOptions{})
		return err != nil && err.Error() == `container "app" in pod "pod" is waiting to start: PodInitializing`
	})
	e.written("pod", "one", 2)
	e.written("pod", "app", 4)
	e.equal("one", e.lines("pod", corev1.PodLogOptions{Container: "one"}), expected(one))
	e.equal("two", e.lines("pod", corev1.PodLogOptions{Container: "two", Follow: true}), expected(two))
	e.equal("app", e.lines("pod", corev1.PodLogOptions{Container: "app"}), expected(app))
	st := e.running("pod").Status
	if len(st.InitContainerStatuses) != 2 || len(st.ContainerStatuses) != 1 {
		e.Fatalf("the status is %+v", st)
	}
	first, second := st.InitContainerStatuses[0].State.Terminated, st.InitContainerStatuses[1].State.Terminated
	if first == nil || second == nil || first.Reason != "Completed" || second.StartedAt.Before(&first.FinishedAt) {
		e.Errorf("the init containers ended as %+v and %+v", first, second)
	}
}

func testEphemeral(e *env) {
	e.create(e.pod("pod", idle("app")))
	p := e.running("pod")
	spec := loggen.Spec{Lines: 3, Wait: -1}
	k := container("debug", spec)
	p.Spec.EphemeralContainers = append(p.Spec.EphemeralContainers, corev1.EphemeralContainer{
		EphemeralContainerCommon: corev1.EphemeralContainerCommon(k)})
	p, err := e.pods.UpdateEphemeralContainers(e.ctx, "pod", p, metav1.UpdateOptions{})
	if err != nil {
		e.Fatal(err)
	}
	if len(p.Spec.EphemeralContainers) != 1 || p.Spec.EphemeralContainers[0].Name != "debug" {
		e.Errorf("the spec has %+v", p.Spec.EphemeralContainers)
	}
	e.until("pod", "with an ephemeral container", func(p *corev1.Pod) bool {
		s := p.Status.EphemeralContainerStatuses
		return len(s) == 1 && s[0].State.Running != nil
	})
	e.written("pod", "debug", 3)
	e.equal("debug", e.lines("pod", corev1.PodLogOptions{Container: "debug"}), expected(spec))
}
