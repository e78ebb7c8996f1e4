package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"mktail/testdata/loggen"
)

const (
	nameA = "a/" + contextName
	nameB = "b/" + contextName
)

// Two clusters with one context name in two files, with junk beside them: one run sees all of both.
func TestTwoClusters(t *testing.T) {
	const ns, lines = "two", 50_000
	apiA, apiB := namespaceOf(t, "a", ns), namespaceOf(t, "b", ns)
	home := newHome(t, contextName, map[string]string{"a": "a", "b.yaml": "b", "b.yaml.bak": "b"})
	kube := filepath.Join(home, ".kube")
	for name, text := range map[string]string{"kubectx": contextName, "token": "\x00\x01", "broken.yaml": "kind: Config\n  :"} {
		if err := os.WriteFile(filepath.Join(kube, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(kube, "cache"), 0o755); err != nil {
		t.Fatal(err)
	}

	bulk := container{"app", loggen.Spec{Lines: lines, Length: 100, Wait: -1}}
	createPod(t, apiA, "a", ns, "before-1", "Always", nil, bulk)
	createPod(t, apiB, "b", ns, "before-2", "Always", nil, bulk)
	awaitPod(t, apiA, ns, "before-1", running)
	awaitPod(t, apiB, ns, "before-2", running)
	s := start(t, home, "-n", ns, "--since", "0")
	createPod(t, apiA, "a", ns, "during-1", "Always", nil, bulk)
	createPod(t, apiB, "b", ns, "during-2", "Always", nil, bulk)
	s.count(4 * lines)

	// A pod that comes and goes while mktail runs, read to its very last line.
	createPod(t, apiB, "b", ns, "short", "Always", nil, container{"app", loggen.Spec{Lines: 10, Wait: -1, Bye: "seq=10 bye"}})
	s.count(4*lines + 10)
	deletePod(t, apiB, ns, "short")
	s.count(4*lines + 11)
	all := s.stop()
	if got, want := names(all), []string{nameA, nameB}; !slices.Equal(got, want) {
		t.Errorf("clusters %q, want %q", got, want)
	}
	complete(t, all, nameA, "before-1", "app", lines)
	complete(t, all, nameA, "during-1", "app", lines)
	complete(t, all, nameB, "before-2", "app", lines)
	complete(t, all, nameB, "during-2", "app", lines)
	complete(t, all, nameB, "short", "app", 11)
	if said := s.stderr.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "broken.yaml") {
		t.Errorf("stderr: %s", said)
	}
}

// Containers of every kind, restarts, and both streams.
func TestContainers(t *testing.T) {
	const ns = "containers"
	api := namespaceOf(t, "a", ns)
	s := start(t, newHome(t, contextName, map[string]string{"a": "a"}), "-n", ns)
	createPod(t, api, "a", ns, "crash", "Always", nil, container{"app", loggen.Spec{Lines: 3, Exit: 1}})
	createPod(t, api, "a", ns, "job", "Never", nil, container{"app", loggen.Spec{Lines: 1000, StderrEvery: 3}})
	awaitPod(t, api, ns, "job", succeeded)
	awaitPod(t, api, ns, "crash", func(p *corev1.Pod) bool {
		return len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].RestartCount >= 2
	})
	s.count(1000 + 3*3)
	all := s.stop()
	var job, crash []int
	for _, r := range all {
		switch r.Pod {
		case "job":
			job = append(job, r.seq)
		case "crash":
			crash = append(crash, r.seq)
		}
	}
	slices.Sort(job) // the two streams may be written in another order than they were made
	for i, seq := range job {
		if i != seq {
			t.Fatalf("job: line %d where %d was due", seq, i)
		}
	}
	for i, seq := range crash {
		if seq != i%3 {
			t.Fatalf("crash: %v", crash)
		}
	}
	if len(job) != 1000 || len(crash) < 9 {
		t.Errorf("%d and %d lines", len(job), len(crash))
	}
}

// The commands that mktail was wished for, as they stand.
func TestSeeds(t *testing.T) {
	const ns = "staging"
	api := namespaceOf(t, "a", ns)
	one := func(prefix string) loggen.Spec { return loggen.Spec{Lines: 1, Wait: -1, Prefix: prefix} }
	createPod(t, api, "a", ns, "envvars-1", "Always", nil, container{"gateway", one("gateway")}, container{"sidecar", one("sidecar")})
	createPod(t, api, "a", ns, "frontend-1", "Always", map[string]string{"release": "canary"},
		container{"app", one("canary")}, container{"istio-proxy", one("proxy")})
	createPod(t, api, "a", ns, "frontend-2", "Always", map[string]string{"release": "stable"}, container{"app", one("stable")})
	for _, name := range []string{"envvars-1", "frontend-1", "frontend-2"} {
		awaitPod(t, api, ns, name, running)
	}
	home := newHome(t, "staging", map[string]string{"a": "a"})
	inNamespace(t, filepath.Join(home, ".kube", "a"), "staging", ns)
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"envvars", "--context", "staging", "--container", "gateway"}, []string{"gateway"}},
		{[]string{"-n", "staging", "--exclude-container", "istio-proxy", "."}, []string{"canary", "gateway", "sidecar", "stable"}},
		{[]string{"frontend", "--selector", "release=canary"}, []string{"canary", "proxy"}},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			s := start(t, home, tt.args...)
			s.count(len(tt.want))
			var got []string
			for _, r := range s.stop() {
				prefix, _, _ := strings.Cut(r.Line, " ")
				got = append(got, prefix)
			}
			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("--json | jq", func(t *testing.T) {
		cmd := exec.Command("bash", "-c", "set -o pipefail; "+mktail+" --json | jq -n '[limit(5; inputs)] | length'")
		cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
		if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "5" {
			t.Errorf("%s, %v", out, err)
		}
	})
}

// One of two clusters is stopped before the start and comes later; one stops in the middle. The other loses nothing.
func TestDeadCluster(t *testing.T) {
	const ns, lines = "dead", 3000
	apiA, apiB := namespaceOf(t, "a", ns), namespaceOf(t, "b", ns)
	steady := container{"app", loggen.Spec{Lines: lines, Rate: 200, Wait: -1}}
	createPod(t, apiB, "b", ns, "b", "Always", nil, steady)
	awaitPod(t, apiB, ns, "b", running)
	do(t, "stop", "b", "apiserver")
	home := newHome(t, contextName, map[string]string{"a": "a", "b": "b"})
	s := start(t, home, "-n", ns, "--since", "0")
	createPod(t, apiA, "a", ns, "a", "Always", nil, steady)
	of := func(cluster string, n int) func([]record) bool {
		return func(all []record) bool {
			got := 0
			for _, r := range all {
				if r.Cluster == cluster {
					got++
				}
			}
			return got >= n
		}
	}
	s.await(of(nameA, 500))
	do(t, "start", "b", "apiserver")
	s.await(of(nameB, lines))

	// In the middle of the lines of a second pod, the API server of a goes down for a while, and its kubelet dies.
	createPod(t, apiB, "b", ns, "b2", "Always", nil, steady)
	s.await(of(nameB, lines+500))
	do(t, "kill", "b", "apiserver")
	s.await(of(nameA, lines))
	do(t, "start", "b", "apiserver")
	do(t, "kill", "b", "kubelet")
	do(t, "start", "b", "kubelet")
	s.await(of(nameB, 2*lines))
	all := s.stop()
	complete(t, all, nameA, "a", "app", lines)
	complete(t, all, nameB, "b", "app", lines)
	complete(t, all, nameB, "b2", "app", lines)
	said := s.stderr.String()
	for _, want := range []string{nameB + ": connecting: ", nameB + ": connected"} {
		if n := strings.Count(said, want); n != 2 {
			t.Errorf("stderr has %d times %q:\n%s", n, want, said)
		}
	}
	if strings.Contains(said, nameA) {
		t.Errorf("stderr speaks of %s:\n%s", nameA, said)
	}
}

// A user without rights is told so, and the other cluster is read.
func TestForbidden(t *testing.T) {
	const ns = "forbidden"
	api := namespaceOf(t, "b", ns)
	createPod(t, api, "b", ns, "b", "Always", nil, container{"app", loggen.Spec{Lines: 5, Wait: -1}})
	awaitPod(t, api, ns, "b", running)
	home := newHome(t, contextName, map[string]string{"b": "b"})
	out, err := exec.Command(control, "-root", root, "kubeconfig", "-user", "nobody", "a").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".kube", "a"), out, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, home, "-n", ns)
	s.count(5)
	s.stop()
	if said := s.stderr.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "namespace "+ns+`: pods is forbidden: User "nobody" cannot list`) {
		t.Errorf("stderr: %s", said)
	}
	begun := time.Now()
	start(t, home, "-n", ns, "--no-follow").end(5) // as the namespace is named
	t.Logf("--no-follow with a forbidden cluster took %v", time.Since(begun))
}
