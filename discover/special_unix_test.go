//go:build unix

package discover

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What would wait for ever when opened is not opened, neither as a kubeconfig nor as a file that one names.
func TestSpecialFiles(t *testing.T) {
	home := tree(t, map[string]string{".kube/config": "@kind"})
	kube := filepath.Join(home, ".kube")
	for _, name := range []string{"fifo", "fifo.yaml", "ca"} {
		if err := syscall.Mkfifo(filepath.Join(kube, name), 0o600); err != nil {
			t.Skip(err)
		}
	}
	socket, err := net.Listen("unix", filepath.Join(kube, "socket"))
	if err != nil {
		t.Skip(err)
	}
	defer socket.Close()
	if err := os.Symlink(os.DevNull, filepath.Join(kube, "device")); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink("loop", filepath.Join(kube, "loop")); err != nil {
		t.Skip(err)
	}
	for i, field := range []string{"certificate-authority: ca", "tokenFile: ca", "tokenFile: /dev/zero", "client-certificate: ca", "client-certificate-data: U0VDUkVU, client-key: ca",
		"certificate-authority: /dev/zero", "certificate-authority: .", "certificate-authority: loop", "certificate-authority: x8"} {
		text := config("https://x.example.com", "SECRET", "x")
		if strings.HasPrefix(field, "certificate-authority") {
			text = strings.Replace(text, "server:", field+", server:", 1)
		} else {
			text = strings.Replace(text, `token: "SECRET"`, field, 1)
		}
		if err := os.WriteFile(filepath.Join(kube, fmt.Sprint("x", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	clusters, log, err := find(t, Options{Home: home, Multiple: true})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "clusters", clusterNames(clusters), []string{"kind-kind"})
	for _, want := range []string{
		"debug: KUBE/fifo: passed over: it is no regular file",
		"debug: KUBE/fifo.yaml: passed over: it is no regular file",
		"debug: KUBE/socket: passed over: it is no regular file",
		"debug: KUBE/device: passed over: it is no regular file",
		`warn: reading context "x" of KUBE/x0: reading KUBE/ca: it is no regular file`,
		`warn: reading context "x" of KUBE/x1: reading KUBE/ca: it is no regular file`,
		`warn: reading context "x" of KUBE/x2: reading /dev/zero: it is no regular file`,
		`warn: reading context "x" of KUBE/x3: reading KUBE/ca: it is no regular file`,
		`warn: reading context "x" of KUBE/x4: reading KUBE/ca: it is no regular file`,
		`warn: reading context "x" of KUBE/x5: reading /dev/zero: it is no regular file`,
		`warn: reading context "x" of KUBE/x6: reading KUBE: it is no regular file`,
		`warn: reading context "x" of KUBE/x7: reading KUBE/loop: too many levels of symbolic links`,
		`warn: reading context "x" of KUBE/x8: unable to load root certificates: unable to parse bytes as PEM block`,
	} {
		if want = strings.ReplaceAll(want, "KUBE", kube); !said(log, want) {
			t.Errorf("no %q in\n%s", want, strings.Join(log, "\n"))
		}
	}
	// A token counts beside such a file, which is not named any more.
	beside := filepath.Join(kube, "beside")
	text := strings.Replace(config("https://x.example.com", "SECRET", "x"), "token:", "tokenFile: ca, token:", 1)
	if err := os.WriteFile(beside, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	clusters, _, err = find(t, Options{Kubeconfig: []string{beside}, Multiple: true})
	if err != nil || clusters[0].Users[0].Config.BearerToken != "SECRET" || clusters[0].Users[0].Config.BearerTokenFile != "" {
		t.Errorf("a token beside a FIFO: %v", err)
	}
	for _, multiple := range []bool{true, false} {
		path := filepath.Join(kube, "fifo")
		for _, o := range []Options{{Kubeconfig: []string{path}}, {Env: path}} {
			o.Multiple = multiple
			_, _, err := find(t, o)
			fails(t, err, "reading kubeconfig "+path+": it is no regular file", "write it to a regular file")
		}
		path = filepath.Join(kube, "loop")
		_, _, err := find(t, Options{Kubeconfig: []string{path}, Multiple: multiple})
		fails(t, err, "reading kubeconfig "+path+": too many levels of symbolic links", "fix or remove what --kubeconfig names")
		_, _, err = find(t, Options{Env: path, Multiple: multiple})
		fails(t, err, "reading kubeconfig "+path+": too many levels of symbolic links", "fix or remove what $KUBECONFIG names")
	}
}
