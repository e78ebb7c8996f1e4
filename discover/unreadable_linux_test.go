package discover

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

func TestUnreadable(t *testing.T) {
	home := tree(t, map[string]string{".kube/config": "@kind", ".kube/secret": "@kind-2", ".kube/configs/x": "@gke", "named": "@kind-2"})
	kube := filepath.Join(home, ".kube")
	if os.Geteuid() == 0 {
		asNobody(t, filepath.Dir(home))
	}
	for path, mode := range map[string]os.FileMode{filepath.Join(kube, "secret"): 0, filepath.Join(home, "named"): 0, filepath.Join(kube, "configs"): 0} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(kube, "configs"), 0o700) })
	clusters, log, err := find(t, Options{Home: home, Multiple: true})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "clusters", clusterNames(clusters), []string{"kind-kind"})
	for _, name := range []string{"secret", "configs"} {
		if want := "warn: " + filepath.Join(kube, name) + ": passed over: permission denied"; !said(log, want) {
			t.Errorf("no %q in %q", want, log)
		}
	}
	named := filepath.Join(home, "named")
	for _, multiple := range []bool{true, false} {
		_, _, err = find(t, Options{Kubeconfig: []string{named}, Multiple: multiple})
		fails(t, err, "reading kubeconfig "+named+": permission denied", "mend or remove what --kubeconfig names")
		_, _, err = find(t, Options{Env: named, Multiple: multiple})
		fails(t, err, "reading kubeconfig "+named+": permission denied", "mend or remove what $KUBECONFIG names")
	}
}

// asNobody gives the files below dir to nobody, and reads as nobody for the rest of the test: root reads everything.
func asNobody(t *testing.T, dir string) {
	t.Helper()
	const nobody = 65534
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	})
	if err != nil {
		t.Skip(err)
	}
	runtime.LockOSThread() // the thread ends with the test's goroutine
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0); errno != 0 {
		t.Skip(errno)
	}
}
