package discover

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
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
		fails(t, err, "reading kubeconfig "+named+": permission denied", "fix or remove what --kubeconfig names")
		_, _, err = find(t, Options{Env: named, Multiple: multiple})
		fails(t, err, "reading kubeconfig "+named+": permission denied", "fix or remove what $KUBECONFIG names")
	}
}

// TestTokenBesideFile tests that a user's token is used when the file that would replace it cannot be read, as client-go does.
func TestTokenBesideFile(t *testing.T) {
	var sent string
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { sent = r.Header.Get("Authorization") }))
	t.Cleanup(server.Close)
	text := strings.Replace(config(server.URL, "SECRET", "a"), "server:", "insecure-skip-tls-verify: true, server:", 1)
	files := map[string]string{"file": "SECRET-file", "denied": "SECRET-denied", "empty": "", "dir/x": ""}
	for _, name := range []string{"file", "denied", "empty", "dir", "missing", "file/below"} {
		files["config-"+filepath.Base(name)] = strings.Replace(text, `token: "SECRET"`, fmt.Sprintf(`token: "SECRET", tokenFile: %q`, name), 1)
	}
	home := tree(t, files)
	if os.Geteuid() == 0 {
		asNobody(t, filepath.Dir(home))
	}
	if err := os.Chmod(filepath.Join(home, "denied"), 0); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file", "denied", "empty", "dir", "missing", "below"} {
		path := filepath.Join(home, "config-"+name)
		cfg, err := clientcmd.BuildConfigFromFlags("", path)
		if err != nil {
			t.Fatal(err)
		}
		clusters, _, err := find(t, Options{Kubeconfig: []string{path}, Multiple: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var tokens []string
		for _, cfg := range []*rest.Config{cfg, clusters[0].Users[0].Config} {
			rt, err := rest.TransportFor(cfg)
			if err != nil {
				t.Fatal(err)
			}
			req, _ := http.NewRequest(http.MethodGet, server.URL, nil)
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			tokens = append(tokens, sent)
		}
		if tokens[0] != tokens[1] {
			t.Errorf("%s: %q, client-go has %q", name, tokens[1], tokens[0])
		}
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
