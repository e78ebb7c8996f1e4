package discover

import (
	"errors"
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

// Files of the kernel say that they are regular and have no size: reading one may fail, or bring too much.
func TestReadRegularOfKernel(t *testing.T) {
	if text, _, err := readRegular("/proc/self/mem"); err == nil {
		t.Errorf("read %d bytes of what can't be read", len(text))
	}
	const pages = 8000 // each second one with a line, or rather twenty, of its own in smaps
	size := os.Getpagesize()
	memory, err := syscall.Mmap(-1, 0, pages*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Skip(err)
	}
	defer syscall.Munmap(memory)
	for i := 0; i < pages; i += 2 {
		if err := syscall.Mprotect(memory[i*size:(i+1)*size], syscall.PROT_READ); err != nil {
			t.Skip(err)
		}
	}
	if text, _, err := readRegular("/proc/self/smaps"); !errors.Is(err, errLarge) {
		t.Errorf("read %d bytes, %v", len(text), err)
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
