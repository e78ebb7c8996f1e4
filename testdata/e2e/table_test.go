package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"mktail/testdata/loggen"
)

// The faults of TestFaults, one after another.
var faultRows = []struct {
	name string
	do   func(*testing.T, *kubernetes.Clientset)
}{
	{"rotation alone", func(t *testing.T, _ *kubernetes.Clientset) { lasts(7 * time.Second) }},
	{"kill -9 of the API server", func(t *testing.T, _ *kubernetes.Clientset) { killed(t, "apiserver") }},
	{"kill -9 of the kubelet", func(t *testing.T, _ *kubernetes.Clientset) { killed(t, "kubelet") }},
	{"kill -9 of etcd", func(t *testing.T, _ *kubernetes.Clientset) { killed(t, "etcd") }},
	{"kill -9 of a container's shim", func(t *testing.T, _ *kubernetes.Clientset) { killShim(t, "w3"); lasts(5 * time.Second) }},
	{"network down for 3 s", func(t *testing.T, _ *kubernetes.Clientset) { cut(t, 3*time.Second) }},
	{"network down for 40 s", func(t *testing.T, _ *kubernetes.Clientset) { cut(t, 40*time.Second) }},
	{"5 % loss, 100 ms delay", netem},
	{"crash loop", func(t *testing.T, api *kubernetes.Clientset) {
		createPod(t, api, "a", faultsNS, "crash", "Always", nil, container{"app", loggen.Spec{Prefix: "crash ", Lines: 100, Exit: 1}})
		lasts(25 * time.Second)
		deletePod(t, api, faultsNS, "crash") // or it would write after the files are read
	}},
	{"deletion after the last line", func(t *testing.T, api *kubernetes.Clientset) {
		createPod(t, api, "a", faultsNS, "gone", "Never", nil, container{"app", loggen.Spec{Prefix: "gone ", Lines: 1000, Wait: -1, Bye: "gone bye"}})
		awaitPod(t, api, faultsNS, "gone", running)
		deletePod(t, api, faultsNS, "gone")
		lasts(5 * time.Second)
	}},
	{"20 pods that end at once", func(t *testing.T, api *kubernetes.Clientset) {
		for i := range 20 {
			name := fmt.Sprint("job-", i)
			createPod(t, api, "a", faultsNS, name, "Never", nil, container{"app", loggen.Spec{Prefix: name + " ", Lines: 50}})
		}
		for i := range 20 {
			awaitPod(t, api, faultsNS, fmt.Sprint("job-", i), succeeded)
		}
	}},
}

const faultsNS = "faults"

// lasts is how long a fault goes on: it is a part of it.
func lasts(d time.Duration) { time.Sleep(d) }

func killed(t *testing.T, component string) {
	t.Helper()
	do(t, "kill", "a", component)
	lasts(5 * time.Second)
	do(t, "start", "a", component)
}

func cut(t *testing.T, d time.Duration) {
	t.Helper()
	do(t, "net", "a", "down")
	lasts(d)
	do(t, "net", "a", "up")
}

// loggenOf is the process of the loggen with a word in its flags.
func loggenOf(t *testing.T, word string) int {
	t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range commands {
		args, err := os.ReadFile(file)
		if err != nil || !bytes.HasPrefix(args, []byte("/loggen\x00")) || !bytes.Contains(args, []byte(word+" ")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}
	t.Fatalf("no loggen of %s runs", word)
	return 0
}

// killShim kills the parent of a pod's loggen, and so the container's log ends within anything.
func killShim(t *testing.T, pod string) {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", loggenOf(t, pod)))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ") // "pid (name) state ppid"
	shim, err := strconv.Atoi(strings.Fields(after)[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(shim, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

// netem makes the link to the cluster bad, where the kernel can.
func netem(t *testing.T, api *kubernetes.Clientset) {
	link := filepath.Base(filepath.Dir(podLogsDir(t, api))) // both have the network's name
	if out, err := exec.Command("tc", "qdisc", "add", "dev", link, "root", "netem", "loss", "5%", "delay", "100ms").CombinedOutput(); err != nil {
		t.Logf("5 %% loss, 100 ms delay: not here: %s", bytes.TrimSpace(out))
		return
	}
	lasts(15 * time.Second)
	if out, err := exec.Command("tc", "qdisc", "del", "dev", link, "root").CombinedOutput(); err != nil {
		t.Errorf("%s", out)
	}
}

// follower is a program that follows the namespace while all that happens.
type follower struct {
	name   string
	cmd    *exec.Cmd
	stderr bytes.Buffer
	done   sync.WaitGroup

	mu      sync.Mutex
	changed sync.Cond
	came    map[string]int       // how often a line came
	last    map[string]time.Time // by pod, the newest line
	order   []string             // lines that came after later ones
	gaps    []*gap
}

type gap struct {
	Pod string
	Gap *struct {
		From, To time.Time
		Reason   string
	}
	used bool
}

func (l written) key() string {
	return l.pod + " " + l.stamp.UTC().Format(time.RFC3339Nano) + " " + l.text
}

// runs starts a program whose output split turns into lines and gaps.
func runs(t *testing.T, name string, split func([]byte) (written, *gap, error), home, program string, args ...string) *follower {
	t.Helper()
	f := &follower{name: name, cmd: exec.Command(program, args...), came: make(map[string]int), last: make(map[string]time.Time)}
	f.changed.L = &f.mu
	f.cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "KUBECONFIG=" + filepath.Join(home, ".kube", "a")}
	f.cmd.Stderr = &f.stderr
	out := launch(t, f.cmd)
	f.done.Go(func() {
		in := bufio.NewReaderSize(out, 1<<20)
		for {
			line, err := in.ReadBytes('\n')
			if err == io.EOF {
				return
			}
			l, g, err := split(bytes.TrimSuffix(line, []byte("\n")))
			if err != nil {
				t.Errorf("%s: %q: %v", name, line, err)
				continue
			}
			f.mu.Lock()
			switch {
			case g != nil:
				f.gaps = append(f.gaps, g)
			case l.text != "":
				f.came[l.key()]++
				if l.stamp.Before(f.last[l.pod]) {
					f.order = append(f.order, l.key())
				} else {
					f.last[l.pod] = l.stamp
				}
			}
			f.changed.Broadcast()
			f.mu.Unlock()
		}
	})
	return f
}

// reaches waits until lines of all these pods that were written after t have come.
func (f *follower) reaches(t time.Time, pods ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for slices.ContainsFunc(pods, func(p string) bool { return f.last[p].Before(t) }) {
		f.changed.Wait()
	}
}

func (f *follower) stop() {
	f.cmd.Process.Signal(syscall.SIGTERM)
	f.done.Wait()
	f.cmd.Wait()
}

func splitRecord(line []byte) (l written, g *gap, err error) {
	if bytes.Contains(line, []byte(`,"gap":{`)) {
		g = new(gap)
		return l, g, json.Unmarshal(line, g)
	}
	var r record
	if err := json.Unmarshal(line, &r); err != nil {
		return l, nil, err
	}
	stamp, err := time.Parse(time.RFC3339Nano, r.TS)
	return written{pod: r.Pod, stamp: stamp, text: r.Line}, nil, err
}

// splitStern splits a line of stern -o raw -t, of which the text begins with the pod's name.
func splitStern(line []byte) (l written, g *gap, err error) {
	first, text, _ := strings.Cut(string(line), " ")
	pod, _, _ := strings.Cut(text, " ")
	stamp, err := time.Parse(time.RFC3339Nano, first)
	if err != nil { // it prints halves of lines
		return l, nil, nil
	}
	return written{pod: pod, stamp: stamp, text: text}, nil, nil
}

// TestFaults follows three pods of 2,000 lines a second, whose logs are rotated every 3 s, through everything that may
// befall a cluster, and compares what came with the node's files: no line may come twice; what is lost must be
// covered by a gap; a gap must cover something; and with --rotated, nothing is lost. What the kubelet itself leaves out
// or sends again where a log is rotated under its hands is counted, but is not an error: all that follow see it alike, and
// nothing in the stream tells of it. With MKTAIL_STERN stern goes along;
// MKTAIL_FAULTS is a regular expression of the faults that happen.
func TestFaults(t *testing.T) {
	api := namespaceOf(t, "a", faultsNS)
	truth := keepTruth(t, api, faultsNS)
	busy := []string{"w1", "w2", "w3"}
	for _, pod := range busy {
		createPod(t, api, "a", faultsNS, pod, "Always", nil, container{"app", loggen.Spec{Prefix: pod + " ", Rate: 2000, Length: 100}})
	}
	for _, pod := range busy {
		awaitPod(t, api, faultsNS, pod, running)
	}
	home := newHome(t, contextName, map[string]string{"a": "a"})
	args := []string{"-n", faultsNS, "--since", "0", "--mark-gaps", "--json", "-v"}
	followers := []*follower{
		runs(t, "mktail", splitRecord, home, mktail, args...),
		runs(t, "mktail --rotated", splitRecord, home, mktail, append(args, "--rotated")...),
	}
	if os.Getenv("MKTAIL_STERN") != "" {
		followers = append(followers, runs(t, "stern", splitStern, home, buildStern(t), ".", "-n", faultsNS, "-o", "raw", "-t", "--timezone", "UTC", "--color", "never"))
	}
	for _, f := range followers {
		f.reaches(time.Now(), busy...)
	}

	rotating, cancel := context.WithCancel(context.Background())
	var rotation sync.WaitGroup
	rotation.Go(func() {
		tick := time.NewTicker(3 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-rotating.Done():
				return
			case <-tick.C:
				for _, pod := range busy { // it fails while a container is being started again
					exec.Command(control, "-root", root, "rotate", "a", faultsNS+"/"+pod).Run()
				}
			}
		}
	})
	ends := make([]time.Time, len(faultRows))
	only := regexp.MustCompile(os.Getenv("MKTAIL_FAULTS"))
	for i, row := range faultRows {
		if ends[i] = time.Now(); !only.MatchString(row.name) {
			continue
		}
		t.Log(row.name)
		row.do(t, api)
		ends[i] = time.Now()
		for _, f := range followers[:2] {
			f.reaches(ends[i], busy...)
		}
	}
	cancel()
	rotation.Wait()
	grace := int64(0)
	for _, pod := range busy { // so that the files are whole
		if err := api.CoreV1().Pods(faultsNS).Delete(t.Context(), pod, metav1.DeleteOptions{GracePeriodSeconds: &grace}); err != nil {
			t.Error(err)
		}
	}
	for _, pod := range busy {
		eventually(t, "the end of "+pod, func(ctx context.Context) error {
			if _, err := api.CoreV1().Pods(faultsNS).Get(ctx, pod, metav1.GetOptions{}); err == nil {
				return fmt.Errorf("%s is there yet", pod)
			}
			return nil
		})
	}
	lasts(3 * time.Second) // of the streams of deleted pods
	all := truth.read()
	for _, f := range followers {
		f.stop()
		f.compare(t, all, ends)
	}
}

// unheld gives those of the lines that came, but are in no file, whose numbers lie between those of the lines that their
// container wrote before and after them, if any: they were in a file that was overwritten, by a second rotation within its first
// moments, or removed with its pod, before truth held it.
func (f *follower) unheld(all []written) map[string]bool {
	of := make(map[string][]written)
	for _, l := range all {
		of[l.pod] = append(of[l.pod], l)
	}
	for _, lines := range of {
		slices.SortFunc(lines, func(a, b written) int { return a.stamp.Compare(b.stamp) })
	}
	found := make(map[string]bool)
	for key := range f.came {
		part := strings.SplitN(key, " ", 3) // see written.key
		stamp, err := time.Parse(time.RFC3339Nano, part[1])
		lines := of[part[0]]
		i, _ := slices.BinarySearchFunc(lines, stamp, func(l written, at time.Time) int { return l.stamp.Compare(at) })
		if err != nil || i == 0 {
			continue
		}
		before, last := lines[i-1], i == len(lines)
		if number(before.text) < number(part[2]) && (last || number(part[2]) < number(lines[i].text) || before.life != lines[i].life) {
			found[key] = true
		}
	}
	return found
}

// number is that of a line of loggen's.
func number(text string) (n int) {
	_, rest, _ := strings.Cut(text, "seq=")
	fmt.Sscan(strings.TrimLeft(rest[:min(8, len(rest))], "0"), &n)
	return n
}

// compare prints the table of what came, and checks it unless it is a peer's.
func (f *follower) compare(t *testing.T, all []written, ends []time.Time) {
	t.Helper()
	ours := f.name != "stern"
	rows := make([]struct{ written, lost, unexplained, repeated, excused, uncovered, gaps int }, len(ends))
	holes := make(map[string][]written)
	rowOf := func(at time.Time) int {
		i, _ := slices.BinarySearchFunc(ends, at, time.Time.Compare)
		return min(i, len(ends)-1)
	}
	first := make(map[string]time.Time) // that came of a container's instance
	for _, l := range all {
		if at, ok := first[l.life]; f.came[l.key()] > 0 && (!ok || l.stamp.Before(at)) {
			first[l.life] = l.stamp
		}
	}
	for _, l := range all {
		row := &rows[rowOf(l.stamp)]
		row.written++
		if n := f.came[l.key()]; n > 0 {
			f.came[l.key()]--
		} else {
			row.lost++
			covered := false
			for _, g := range f.gaps {
				if g.Pod == l.pod && !l.stamp.Before(g.Gap.From) && !l.stamp.After(g.Gap.To) {
					covered, g.used = true, true
				}
			}
			if !l.turn && !(l.over && covered) { // else nobody can have it any more, and it was said
				row.unexplained++
			}
			// What rotated away before the first look at an instance, the log API doesn't know of.
			if !covered && !l.turn && (f.name != "mktail" || !l.stamp.Before(first[l.life])) {
				row.uncovered++
				holes[l.pod] = append(holes[l.pod], l)
			}
		}
	}
	again := 0 // where a file turns
	for _, l := range all {
		n := f.came[l.key()]
		delete(f.came, l.key())
		if rows[rowOf(l.stamp)].repeated += n; l.turn {
			again += n
			rows[rowOf(l.stamp)].excused += n
		}
	}
	for _, g := range f.gaps {
		rows[rowOf(g.Gap.From)].gaps++
		if !g.used && g.Gap.To.Sub(g.Gap.From) > turning {
			t.Errorf("%s: a gap of %s without a loss: %+v", f.name, g.Pod, *g.Gap)
		}
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%s\n\n| fault | written | received | lost | repeated | gaps |\n|---|---|---|---|---|---|\n", f.name)
	for i, row := range rows {
		fmt.Fprintf(&table, "| %s | %d | %d | %d | %d | %d |\n", faultRows[i].name, row.written, row.written-row.lost, row.lost, row.repeated, row.gaps)
		if ours && (row.repeated > row.excused || row.uncovered > 0) {
			t.Errorf("%s: %s: %d lines came again, %d are lost without a gap", f.name, faultRows[i].name, row.repeated, row.uncovered)
		}
		if f.name == "mktail --rotated" && row.unexplained > 0 {
			t.Errorf("%s: %s: %d lines are lost", f.name, faultRows[i].name, row.unexplained)
		}
	}
	t.Log(table.String())
	for pod, lines := range holes {
		slices.SortFunc(lines, func(a, b written) int { return a.stamp.Compare(b.stamp) })
		from := 0
		for i := range lines {
			if i+1 == len(lines) || lines[i+1].stamp.Sub(lines[i].stamp) > 100*time.Millisecond {
				if ours {
					t.Logf("%s: %s lacks %d lines, from %.40s to %.40s at %s", f.name, pod, i+1-from, lines[from].text, lines[i].text, lines[i].stamp.UTC().Format(time.RFC3339Nano))
				}
				from = i + 1
			}
		}
	}
	unheld := f.unheld(all)
	unwritten := slices.DeleteFunc(slices.Sorted(maps.Keys(f.came)), func(key string) bool { return unheld[key] })
	if ours && len(unwritten) > 0 {
		t.Errorf("%s: %d lines that nobody wrote:\n%s", f.name, len(unwritten), strings.Join(unwritten, "\n"))
	}
	turn := make(map[string]bool) // where the kubelet left a file out for a moment, --rotated brings it when that shows
	for _, l := range all {
		turn[l.key()] = l.turn
	}
	late := slices.DeleteFunc(f.order, func(key string) bool { return unheld[key] || turn[key] })
	if ours && len(late) > again {
		t.Errorf("%s: %d lines came after later ones, such as %s", f.name, len(late), late[0])
	}
	if t.Failed() && ours {
		t.Logf("%s: stderr:\n%s", f.name, &f.stderr)
	}
}
