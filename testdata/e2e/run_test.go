package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

// record is one of mktail's, with the sequence number of loggen's line.
type record struct {
	Cluster, NS, Pod, Container, TS, Line string
	seq                                   int
}

// recordForm is the one form of a record: six keys in order, a stamp of fixed width.
var recordForm = regexp.MustCompile(`^\{"cluster":"[^"]+","ns":"[^"]+","pod":"[^"]+","container":"[^"]+","ts":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z","line":"`)

// session is a run of mktail, whose records are read as they come.
type session struct {
	t      *testing.T
	cmd    *exec.Cmd
	done   sync.WaitGroup
	stderr bytes.Buffer

	mu      sync.Mutex
	changed sync.Cond
	records []record
	ended   bool
}

// newHome makes a home directory with kubeconfigs: file name -> cluster, under context.
func newHome(t *testing.T, context string, files map[string]string) string {
	t.Helper()
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".kube"), 0o755); err != nil {
		t.Fatal(err)
	}
	for file, cluster := range files {
		cfg, err := clientcmd.LoadFromFile(kubeconfig(cluster))
		if err != nil {
			t.Fatal(err)
		}
		if context != contextName {
			cfg.Contexts[context] = cfg.Contexts[contextName]
			delete(cfg.Contexts, contextName)
			cfg.CurrentContext = context
		}
		if err := clientcmd.WriteToFile(*cfg, filepath.Join(home, ".kube", file)); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

// start runs mktail with a home directory.
func start(t *testing.T, home string, args ...string) *session {
	t.Helper()
	s := &session{t: t, cmd: exec.Command(mktail, args...)}
	s.changed.L = &s.mu
	s.cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
	s.cmd.Stderr = &s.stderr
	out := launch(t, s.cmd)
	s.done.Go(func() { s.read(out) })
	return s
}

// launch starts a program, which is killed when the test ends, and gives its stdout.
func launch(t *testing.T, cmd *exec.Cmd) io.Reader {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return out
}

func (s *session) read(out io.Reader) {
	in := bufio.NewReaderSize(out, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		s.mu.Lock()
		if err != nil {
			if len(line) > 0 {
				s.t.Errorf("the output ends within a line: %q", line)
			}
			s.ended = true
			s.changed.Broadcast()
			s.mu.Unlock()
			return
		}
		var r record
		if err := json.Unmarshal(line, &r); err != nil || !recordForm.Match(line) {
			s.t.Errorf("%q: %v", line, err)
		}
		r.seq = -1
		if _, after, ok := strings.Cut(r.Line, "seq="); ok {
			fmt.Sscanf(after, "%d", &r.seq)
		}
		s.records = append(s.records, r)
		s.changed.Broadcast()
		s.mu.Unlock()
	}
}

// await waits until the records are as wanted, or mktail has ended.
func (s *session) await(wanted func([]record) bool) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !wanted(s.records) {
		if s.ended {
			s.t.Fatalf("mktail ended after %d records: %s", len(s.records), &s.stderr)
		}
		s.changed.Wait()
	}
}

// count waits for n records.
func (s *session) count(n int) {
	s.t.Helper()
	s.await(func(all []record) bool { return len(all) >= n })
}

// stop ends mktail and returns all records.
func (s *session) stop() []record {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
		s.t.Error(err)
	}
	return s.end(130)
}

// end waits for mktail's end with an exit code and returns all records.
func (s *session) end(code int) []record {
	s.t.Helper()
	s.done.Wait()
	s.cmd.Wait()
	if got := s.cmd.ProcessState.ExitCode(); got != code {
		s.t.Errorf("exit code %d, want %d; stderr: %s", got, code, &s.stderr)
	}
	return s.records
}

// complete checks that a container's lines 0 to n-1 are there, each once and in order, with stamps that don't run
// back by more than the two streams of a container may.
func complete(t *testing.T, all []record, cluster, pod, container string, n int) {
	t.Helper()
	next := 0
	for _, r := range all {
		if r.Cluster != cluster || r.Pod != pod || r.Container != container {
			continue
		}
		if r.seq != next {
			t.Fatalf("%s/%s/%s: line %d where %d was due", cluster, pod, container, r.seq, next)
		}
		next++
	}
	if next != n {
		t.Errorf("%s/%s/%s: %d lines, want %d", cluster, pod, container, next, n)
	}
}

// names gives the clusters of records.
func names(all []record) (clusters []string) {
	for _, r := range all {
		if !slices.Contains(clusters, r.Cluster) {
			clusters = append(clusters, r.Cluster)
		}
	}
	slices.Sort(clusters)
	return clusters
}

// inNamespace sets the namespace of a kubeconfig's context.
func inNamespace(t *testing.T, file, context, ns string) {
	t.Helper()
	cfg, err := clientcmd.LoadFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Contexts[context].Namespace = ns
	if err := clientcmd.WriteToFile(*cfg, file); err != nil {
		t.Fatal(err)
	}
}
