package pods

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// fatPod is a pod as large as many are, some 7 KiB as the API sends it.
func fatPod(i int) *corev1.Pod {
	p := &corev1.Pod{}
	p.Name, p.Namespace, p.UID = fmt.Sprint("web-7d9c-", i), "shop", types.UID(fmt.Sprintf("%036d", i))
	p.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": strings.Repeat("x", 3000)}
	for _, name := range []string{"app", "istio-proxy"} {
		c := corev1.Container{Name: name, Image: "registry.example/" + name + ":1"}
		for k := range 40 {
			c.Env = append(c.Env, corev1.EnvVar{Name: fmt.Sprint("VARIABLE_", k), Value: strings.Repeat("v", 20)})
		}
		p.Spec.Containers = append(p.Spec.Containers, c)
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: name, ContainerID: fmt.Sprintf("containerd://%064d", i),
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}},
		})
	}
	return p
}

// BenchmarkTrim takes from a pod what is needed of it, and reports how much that holds in memory for ten thousand.
func BenchmarkTrim(b *testing.B) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const many = 10_000
	before, kept := heap(), make([]*Pod, many)
	for i := range kept {
		p := new(corev1.Pod)
		bytes, err := fatPod(i).Marshal()
		if err != nil {
			b.Fatal(err)
		}
		if err := p.Unmarshal(bytes); err != nil {
			b.Fatal(err)
		}
		kept[i] = New(p, false)
	}
	live := heap() - before
	p := fatPod(0)
	b.ReportAllocs()
	for b.Loop() {
		New(p, false)
	}
	b.ReportMetric(float64(live)/1e6, "MB/10k-pods")
	runtime.KeepAlive(kept)
}
