package cli

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"mktail/testdata/kubeconfigs"
)

// TestAsKubectl holds what mktail makes of kubeconfigs of many shapes beside what kubectl makes of them: what works for one works for the
// other, and what does not is reported with the file's or the cluster's name.
func TestAsKubectl(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("plugins are shell scripts")
	}
	kubectl, err := kubeconfigs.Kubectl()
	if err != nil {
		t.Fatal(err)
	}
	shapes := kubeconfigs.Shapes()
	if len(kubectl) != len(shapes) {
		t.Errorf("there are %d shapes, and %d results of kubectl; see testdata/kubeconfigs/record", len(shapes), len(kubectl))
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range shapes {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			theirs, ok := kubectl[s.Name]
			if !ok {
				t.Fatal("no result of kubectl")
			}
			w, err := kubeconfigs.NewWorld(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			env, err := w.Write(s)
			if err != nil {
				t.Fatal(err)
			}
			args := []string{"--no-follow"}
			if s.Merged {
				args = append(args, "-m=false")
			}
			if s.Context != "" {
				args = append(args, "--context", "="+s.Context)
			}
			want := theirs.Works != (s.Differs != "")
			if !want { // a server that is not there may come
				args = append(args, "--timeout", "3s")
			}
			cmd := exec.Command(self, args...)
			cmd.Env = []string{"HOME=" + w.Dir, "PATH=" + os.Getenv("PATH"), "KUBECONFIG=" + env, asMktail + "=1", "GORACE=atexit_sleep_ms=0"} // the race detector keeps a process for a second
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, failed := cmd.Output()
			works := strings.Contains(string(out), `"line":"hello"`)
			if works != want || want && failed != nil {
				t.Errorf("it works: %t, %v\n%s\nkubectl: %t, %s %s", works, failed, w.Clean(stderr.String()), theirs.Works, theirs.Error, s.Differs)
			}
			if !want && !strings.Contains(stderr.String(), "mktail: ") {
				t.Error("nothing is reported")
			}
		})
	}
}
