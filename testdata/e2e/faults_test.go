package e2e

import (
	"bufio"
	"context"
	"io"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"mktail/testdata/loggen"
)

// The tests of this file hold what a stream that is followed does when something breaks: what mktail must see through.

// followed is an open stream of a container that writes for ever.
type followed struct {
	*bufio.Reader
	t    *testing.T
	spec loggen.Spec
	next int
}

// follow makes a pod in cluster a, and follows it from its first line.
func follow(t *testing.T, ns string) (*kubernetes.Clientset, *followed) {
	t.Helper()
	api := namespaceOf(t, "a", ns)
	spec := loggen.Spec{Rate: 100}
	createPod(t, api, "a", ns, "pod", corev1.RestartPolicyAlways, nil, container{"app", spec})
	awaitPod(t, api, ns, "pod", running)
	return api, openPod(t, api, ns, spec)
}

func openPod(t *testing.T, api *kubernetes.Clientset, ns string, spec loggen.Spec) *followed {
	t.Helper()
	var r io.ReadCloser
	// A kubelet that has just begun does not know its pods yet, and says 404.
	eventually(t, "a stream", func(context.Context) (err error) {
		r, err = api.CoreV1().Pods(ns).GetLogs("pod", &corev1.PodLogOptions{Follow: true}).Stream(t.Context())
		return err
	})
	t.Cleanup(func() { r.Close() })
	return &followed{Reader: bufio.NewReader(r), t: t, spec: spec}
}

// lines checks that the next n lines are those that are due.
func (f *followed) lines(n int) {
	f.t.Helper()
	for range n {
		if got, err := f.ReadString('\n'); err != nil || got != f.spec.Line(f.next)+"\n" {
			f.t.Fatalf("line %d is %q, %v", f.next, got, err)
		}
		f.next++
	}
}

// rest reads what is left and gives what the stream ends with; nil is a clean end.
func (f *followed) rest() error {
	_, err := io.Copy(io.Discard, f.Reader)
	return err
}

// A dead kubelet's stream ends as cleanly as that of a container that has ended, though this one runs on.
func TestFollowedKubeletDies(t *testing.T) {
	const ns = "followed-kubelet"
	api, f := follow(t, ns)
	f.lines(10)
	do(t, "kill", "a", "kubelet")
	if err := f.rest(); err != nil {
		t.Errorf("the stream ends with %v", err)
	}
	do(t, "start", "a", "kubelet")
	openPod(t, api, ns, f.spec).lines(500)
	p, err := api.CoreV1().Pods(ns).Get(t.Context(), "pod", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Status.ContainerStatuses[0]; got.RestartCount != 0 || got.State.Running == nil {
		t.Errorf("the container is %+v", got)
	}
}

// A dead API server's stream breaks off.
func TestFollowedAPIServerDies(t *testing.T) {
	const ns = "followed-apiserver"
	api, f := follow(t, ns)
	f.lines(10)
	do(t, "kill", "a", "apiserver")
	if err := f.rest(); err == nil {
		t.Error("the stream ends cleanly")
	}
	do(t, "start", "a", "apiserver")
	openPod(t, api, ns, f.spec).lines(500)
}

// A cut that is mended in time only delays a stream.
func TestFollowedNetworkIsCut(t *testing.T) {
	_, f := follow(t, "followed-network")
	f.lines(10)
	do(t, "net", "a", "down")
	t.Cleanup(func() { do(t, "net", "a", "up") }) // whatever becomes of the test
	f.lines(f.Buffered() / len(f.spec.Line(0)+"\n"))
	do(t, "net", "a", "up")
	f.lines(500)
}

// A log that is rotated once is followed across its files without a gap.
func TestFollowedLogIsRotated(t *testing.T) {
	const ns = "followed-rotation"
	_, f := follow(t, ns)
	f.lines(50)
	do(t, "rotate", "a", ns+"/pod")
	f.lines(500)
}
