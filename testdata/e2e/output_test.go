package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mktail/testdata/loggen"
)

// output is what a program brings of numbered lines, in the order in which they come. It holds little of each, for there
// may be millions.
type output struct {
	t      *testing.T
	name   string
	cmd    *exec.Cmd
	stderr bytes.Buffer
	done   sync.WaitGroup

	mu      sync.Mutex
	changed sync.Cond
	of      map[string]*numbered // by pod
	ended   bool
}

// numbered is what came of a pod.
type numbered struct {
	spec   loggen.Spec
	lines  []int    // their numbers
	gaps   []string // as they were reported
	wrong  []string // what is no line of the spec
	holes  []hole   // numbers that have not come before greater ones
	next   int      // one more than the greatest number
	stamps []string // of the last line and what has come since that is none, of mktail's records
}

// hole is lines, by their numbers, between the first and the last of several records with these timestamps: those in between are no lines.
// After the last record, that is its own end.
type hole struct {
	first, last int
	stamps      []string
}

// reported reports whether a gap reaches from a record of the hole to the next one.
func (n *numbered) reported(h hole) bool {
	return slices.ContainsFunc(n.gaps, func(text string) bool {
		var g struct{ From, To string }
		if json.Unmarshal([]byte(text), &g) != nil {
			return false
		}
		for i, stamp := range h.stamps[1:] {
			if !at(h.stamps[i]).Before(at(g.From)) && !at(g.To).Before(at(stamp)) {
				return true
			}
		}
		return false
	})
}

// at is the time of a timestamp.
func at(stamp string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, stamp)
	return t
}

// run starts a program that prints records of mktail's or stern's JSON. specs are those of the pods.
func run(t *testing.T, name, home string, specs map[string]loggen.Spec, program string, args ...string) *output {
	t.Helper()
	return runAfter(t, nil, name, home, specs, program, args...)
}

// runAfter lets a program wait with all that it writes until begin is closed.
func runAfter(t *testing.T, begin <-chan struct{}, name, home string, specs map[string]loggen.Spec, program string, args ...string) *output {
	t.Helper()
	o := &output{t: t, name: name, cmd: exec.Command(program, args...), of: make(map[string]*numbered)}
	o.changed.L = &o.mu
	for pod, spec := range specs {
		o.of[pod] = &numbered{spec: spec}
	}
	o.cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
	o.cmd.Stderr = &o.stderr
	out := launch(t, o.cmd)
	o.done.Go(func() {
		if begin != nil {
			<-begin
		}
		o.read(out)
	})
	return o
}

// read takes what comes until the end.
func (o *output) read(out io.Reader) {
	in := bufio.NewReaderSize(out, 1<<20)
	for {
		text, err := in.ReadBytes('\n')
		o.mu.Lock()
		if err != nil {
			o.ended = true
		} else {
			o.take(text)
		}
		o.changed.Broadcast()
		o.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// take takes one record.
func (o *output) take(text []byte) {
	var r struct {
		Pod, PodName, Line, Message, TS string
		Gap                             json.RawMessage
	}
	if err := json.Unmarshal(text, &r); err != nil {
		o.t.Errorf("%s: %q: %v", o.name, text, err)
		return
	}
	n := o.of[r.Pod+r.PodName]
	if n == nil {
		o.t.Errorf("%s: a record of another pod: %s", o.name, text)
		return
	}
	if r.Gap != nil {
		n.gaps = append(n.gaps, string(r.Gap))
		return
	}
	line := strings.TrimSuffix(r.Line+r.Message, "\n")
	i := number(line)
	if line != n.spec.Line(i) {
		n.stamps = append(n.stamps, r.TS)
		n.wrong = append(n.wrong, line)
		return
	}
	if i > n.next {
		n.holes = append(n.holes, hole{n.next, i - 1, append(n.stamps, r.TS)})
		n.stamps = nil
	}
	n.lines, n.stamps = append(n.lines, i), append(n.stamps[:0], r.TS)
	n.next = max(n.next, i+1)
}

// reaches waits until line n-1 of a pod has come.
func (o *output) reaches(pod string, n int) {
	o.t.Helper()
	late := time.AfterFunc(patience, o.changed.Broadcast)
	defer late.Stop()
	begun := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.of[pod].next < n {
		switch {
		case o.ended:
			o.t.Errorf("%s ended before line %d of %s:\n%s", o.name, n-1, pod, &o.stderr)
			return
		case time.Since(begun) >= patience:
			o.t.Errorf("%s: line %d of %s does not come, %d is the last:\n%s", o.name, n-1, pod, o.of[pod].next-1, &o.stderr)
			return
		}
		o.changed.Wait()
	}
}

// last is how many lines of a pod have been reached.
func (o *output) last(pod string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.of[pod].next
}

// settles waits until nothing more has come for a while. It is for peers, of which nobody knows what they lose.
func (o *output) settles() {
	for before := -1; ; lasts(3 * time.Second) {
		o.mu.Lock()
		now := 0
		for _, n := range o.of {
			now += len(n.lines) + len(n.wrong)
		}
		o.mu.Unlock()
		if now == before {
			return
		}
		before = now
	}
}

// goesOn adds what the next run brought.
func (o *output) goesOn(next *output) {
	for pod, from := range next.of {
		n := o.of[pod]
		n.lines, n.gaps, n.wrong = append(n.lines, from.lines...), append(n.gaps, from.gaps...), append(n.wrong, from.wrong...)
		n.next = max(n.next, from.next)
	}
	fmt.Fprintf(&o.stderr, "%s:\n%s", next.name, &next.stderr)
}

// stop ends the program.
func (o *output) stop() {
	o.cmd.Process.Signal(syscall.SIGTERM)
	o.end()
}

// end waits for the program's end and gives its exit code.
func (o *output) end() int {
	o.t.Helper()
	late := time.AfterFunc(patience, func() {
		o.t.Errorf("%s does not end", o.name)
		o.cmd.Process.Kill()
	})
	defer late.Stop()
	o.done.Wait()
	o.cmd.Wait()
	return o.cmd.ProcessState.ExitCode()
}

// tally is what came of a pod.
type tally struct{ written, came, repeated, late, wrong, gaps int }

func (c tally) String() string {
	return fmt.Sprintf("%d | %d | %d lost, %d repeated, %d late, %d in pieces | %d gaps",
		c.written, c.came, c.written-c.came, c.repeated, c.late, c.wrong, c.gaps)
}

// tally compares what came of a pod with its lines 0 to written-1.
func (n *numbered) tally(written int) tally {
	c := tally{written: written, gaps: len(n.gaps), wrong: len(n.wrong)}
	came := make([]bool, written)
	newest := -1
	for _, number := range n.lines {
		switch {
		case number >= written:
		case came[number]:
			c.repeated++
		default:
			came[number] = true
			c.came++
			if number < newest {
				c.late++
			}
			newest = max(newest, number)
		}
	}
	return c
}

// exact holds that lines 0 to written-1 of a pod have come once, in order, and that no gap was reported.
func (o *output) exact(pod string, written int) {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.of[pod]
	c := n.tally(written)
	o.t.Logf("| %s | %s | %s |", o.name, pod, c)
	if c.came != written || c.repeated+c.late+c.wrong+c.gaps > 0 {
		o.t.Errorf("%s: %s: no lines are %.300q; gaps %v; stderr:\n%s", o.name, c, n.wrong[:min(3, len(n.wrong))], n.gaps, &o.stderr)
	}
}
