package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
)

// truth is what the containers of a namespace have written, by the node's own files. It holds each file open from
// soon after its making, so that it is there after its pod or its log has been removed.
type truth struct {
	t     *testing.T
	glob  string
	files map[uint64]*kept // by inode
	end   func()           // ends the looking
}

type kept struct {
	*os.File
	pod, name string
	last      string // name
}

func (k *kept) changed() time.Time {
	info, err := k.Stat()
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// written is one line of a container.
type written struct {
	pod   string
	stamp time.Time
	text  string
	life  string // which instance of the container, by its pod and how often it had been restarted
	turn  bool   // it lies near the beginning or the end of its file
	over  bool   // its file was overwritten: a kubelet that rotates twice within a second gives both files one name
}

// turning is how near. There a kubelet that is short of time leaves lines out or sends them again, to all that follow at
// the time (see TestFaults).
const turning = time.Second

// podLogsDir is the folder of pods' logs of cluster a.
func podLogsDir(t *testing.T, api *kubernetes.Clientset) string {
	t.Helper()
	var config struct {
		Kubelet struct {
			Dir string `json:"podLogsDir"`
		} `json:"kubeletconfig"`
	}
	answer, err := api.CoreV1().RESTClient().Get().AbsPath("/api/v1/nodes/a-node/proxy/configz").SetHeader("Accept", "*/*").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(answer, &config); err != nil {
		t.Fatal(err)
	}
	return config.Kubelet.Dir
}

// keepTruth begins to hold the files of a namespace's pods in cluster a.
func keepTruth(t *testing.T, api *kubernetes.Clientset, ns string) *truth {
	t.Helper()
	k := &truth{t: t, glob: filepath.Join(podLogsDir(t, api), ns+"_*", "*", "*.log*"), files: make(map[uint64]*kept)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	k.end = func() {
		cancel()
		<-done
	}
	t.Cleanup(func() {
		k.end()
		for _, f := range k.files {
			f.Close()
		}
	})
	go func() {
		defer close(done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			k.look()
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
	return k
}

func (k *truth) look() {
	names, err := filepath.Glob(k.glob)
	if err != nil {
		k.t.Error(err)
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil || strings.HasSuffix(name, ".tmp") {
			continue // it went just now
		}
		inode := info.Sys().(*syscall.Stat_t).Ino
		if k.files[inode] != nil {
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		k.files[inode] = &kept{File: f, pod: strings.Split(filepath.Base(filepath.Dir(filepath.Dir(name))), "_")[1], name: name}
	}
}

// read ends the holding and gives all lines.
func (k *truth) read() (all []written) {
	k.t.Helper()
	k.end()
	newest := make(map[string]*kept) // by the name that it has, or had last
	for _, f := range k.files {
		name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
		if err != nil {
			k.t.Error(err)
		}
		name = strings.TrimSuffix(name, " (deleted)")
		if other := newest[name]; other == nil || other.changed().Before(f.changed()) {
			newest[name] = f
		}
		f.last = name
	}
	for _, f := range k.files {
		if strings.HasSuffix(f.name, ".gz") { // the plain one was held before
			continue
		}
		from := len(all)
		lines := bufio.NewScanner(io.NewSectionReader(f, 0, 1<<40))
		for lines.Scan() {
			part := strings.SplitN(lines.Text(), " ", 4) // stamp, stream, tag, text
			stamp, err := time.Parse(time.RFC3339Nano, part[0])
			if err != nil || len(part) != 4 { // a piece of a line, tag P, is its end when loggen was killed within it
				k.t.Errorf("%s: %q: %v", f.name, lines.Text(), err)
				continue
			}
			restarts, _, _ := strings.Cut(filepath.Base(f.name), ".")
			all = append(all, written{f.pod, stamp, part[3], f.pod + " " + restarts, false, newest[f.last] != f})
		}
		if err := lines.Err(); err != nil {
			k.t.Error(err)
		}
		for i := from; i < len(all); i++ {
			all[i].turn = all[i].stamp.Sub(all[from].stamp) < turning || all[len(all)-1].stamp.Sub(all[i].stamp) < turning
		}
	}
	return all
}
