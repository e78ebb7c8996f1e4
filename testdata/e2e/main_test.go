// Package e2e tests mktail on real clusters, which its tests bring up and down (testdata/cluster). It needs Linux,
// root, and Debian's containerd, runc and iproute2:
//
//	go test -count=1 -timeout 40m ./testdata/e2e
//
// With MKTAIL_CLUSTERS set, clusters a and b that are up below that folder are used, and stay.
package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"mktail/testdata/behaviour"
)

// contextName is that of both clusters, as everyone's generator gives it.
const contextName = "kubernetes-admin@kubernetes"

// The programs and the clusters' folder; TestMain makes them.
var mktail, control, root string

func TestMain(m *testing.M) {
	// Tests that run side by side wait for clusters more than they work.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "mktail-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	mktail, control = filepath.Join(dir, "mktail"), filepath.Join(dir, "cluster")
	project := filepath.Join("..", "..")
	for _, b := range []*exec.Cmd{
		exec.Command("go", "build", "-C", project, "-o", mktail, "."),
		exec.Command("go", "build", "-C", filepath.Join(project, "testdata", "cluster"), "-o", control, "."),
	} {
		if out, err := b.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("%s: %w\n%s", b, err, out)
		}
	}
	if root = os.Getenv("MKTAIL_CLUSTERS"); root == "" {
		root = filepath.Join(dir, "clusters")
		defer func() {
			if out, downErr := exec.Command(control, "-root", root, "down").CombinedOutput(); downErr != nil && err == nil {
				err = fmt.Errorf("taking the clusters down: %w\n%s", downErr, out)
			}
		}()
	}
	up := exec.Command(control, "-root", root, "up", "-context", contextName, "a", "b")
	up.Stderr = os.Stderr
	if err := up.Run(); err != nil {
		return 0, fmt.Errorf("bringing the clusters up: %w", err)
	}
	return m.Run(), nil
}

var buildKubectl = sync.OnceValues(func() (path string, err error) {
	path = filepath.Join(filepath.Dir(mktail), "kubectl")
	if out, err := exec.Command("go", "build", "-C", filepath.Join("..", "cluster"), "-o", path, "k8s.io/kubernetes/cmd/kubectl").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building kubectl: %w\n%s", err, out)
	}
	return path, nil
})

// kubectlOf gives the clusters' own kubectl, which is built once.
func kubectlOf(t *testing.T) (path string) {
	t.Helper()
	path, err := buildKubectl()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// do runs a command of testdata/cluster, such as stop a apiserver.
func do(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(control, append([]string{"-root", root}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("cluster %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func kubeconfig(cluster string) string { return filepath.Join(root, cluster, "kubeconfig") }

func restConfig(t *testing.T, cluster string) *rest.Config {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig(cluster))
	if err != nil {
		t.Fatal(err)
	}
	cfg.QPS = -1
	return cfg
}

// TestBehaviour holds that a real cluster does what the simulated ones do.
func TestBehaviour(t *testing.T) {
	behaviour.Suite(t, restConfig(t, "a"), "a-node")
}
