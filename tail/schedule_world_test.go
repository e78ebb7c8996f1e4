package tail_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/tail"
	"mktail/tail/checkpoint"
	"mktail/tail/position"
	"mktail/tail/report"
	"mktail/testdata/sim"
)

const (
	// keptFiles is how many files of a log a node keeps, the current one too.
	keptFiles = 5
	// savedEvery is how often the state is saved.
	savedEvery = time.Second
	// healing is how long a run may take to read what there is once nothing is wrong any more: a watch that stalls is asked for
	// again after ten minutes at most.
	healing = 12 * time.Minute
	// ending is how long a run may take to end.
	ending = 10 * time.Minute
)

// world is what happens in a schedule.
type world struct {
	t *testing.T
	schedule
	dice   // of the present step
	c      *sim.Cluster
	nodes  []*node
	pods   []*scheduledPod // those that live
	all    []*scheduled
	faults []*sim.Injected
	begun  time.Time
	ill    time.Time              // when the first thing went wrong; zero: nothing has
	well   time.Time              // when everything was well again
	owner  *metav1.OwnerReference // of all pods
	noKube bool                   // the kubelet is down: nothing starts or is removed
	noAPI  bool                   // the API server is down

	o       tail.Options
	state   string   // its state file; empty: it has none
	session *session // nil: mktail does not run
	out     []output
	healed  int // how much had come in a bounded time after everything was well again
	logged  []string
	stalled time.Time // since when nobody reads the output; zero: somebody does
	kills   []kill

	mu     sync.Mutex // of gaps, which are told of by many goroutines
	causes []report.Event

	busy            bool     // a second was
	events          []string // what was done, for the report
	failures, kinds []string
	lines           []failedLines // that are not in failures yet
	requests        []*sim.Request
}

// output is a line of what mktail put out.
type output struct {
	session int
	killed  bool // the session ended without saving its state
	text    string
}

// node is a node and how its clock was off, and since when.
type node struct {
	*sim.Node
	clocks []clock
	odd    bool // its kubelet is

	unstamped  bool // its logs have no stamps that can be read
	noPrevious bool // it sends the current log in place of the previous one
}

type clock struct {
	since  time.Time
	offset time.Duration
}

func (n *node) setClock(offset time.Duration) {
	n.clocks = append(n.clocks, clock{time.Now(), offset})
	n.SetClock(offset)
}

// stepped reports whether its clock was set.
func (n *node) stepped() bool { return len(n.clocks) > 1 }

func (n *node) offset() time.Duration { return n.clocks[len(n.clocks)-1].offset }

type scheduledPod struct {
	*sim.Pod
	containers []*scheduled
	out        bool // its labels are not selected
	wasOut     bool // they were not at some time
	static     bool
	again      time.Time // when the kubelet makes its mirror again, which was deleted; zero: there is one
}

// scheduled is a container, over all its instances.
type scheduled struct {
	*sim.Container
	node      *node
	pod, name string
	instance  int // the present one
	lines     []scheduledLine
	rotations []rotation
	rotated   map[int]int // how often, by instance
	ends      []time.Time // of its instances
	deleted   bool
	once      bool        // it is not started again when it exits
	static    bool        // its pod is a static one
	ended     bool        // it has exited
	leftOut   bool        // its pod was deleted, or has ended, and may not have been selected when mktail looked last
	unread    int         // instances before it ended before mktail looked
	got       []delivered // what came of it
}

type rotation struct {
	at       time.Time
	named    time.Time // by the node's clock, which gives the file its name
	after    int       // the number of the last line before it
	instance int
}

type scheduledLine struct {
	written   time.Time // by our clock
	at, stamp time.Time // by our clock and the node's, what the line is stamped with
	text      string
	rest      string          // what of a line lies in the next file
	restAt    time.Time       // when that was written, by our clock
	headOnly  bool            // only a part of it was ever written
	pieces    []scheduledLine // that it was written in, if rotation came between them; their times alone are set
	instance  int
	rotated   bool // its file has been rotated away
}

func newWorld(t *testing.T, s schedule) *world {
	w := &world{t: t, schedule: s, begun: time.Now()}
	w.roll(s.seed)
	g := s.setting
	w.c = simulated(t, sim.Options{LateHeaders: g.LateHeaders, HTTP1: g.HTTP1, HTTP2: g.HTTP2, Chunk: g.Chunk, StatusLag: g.StatusLag,
		MaxConnections: g.MaxConnections, MaxStreams: g.MaxH2Streams, ResetSurplus: g.ResetSurplus, MaxPage: int64(g.Page),
		BookmarkEvery: 20 * time.Second, MaxLogFiles: keptFiles})
	for i := range 1 + g.Nodes {
		n := &node{Node: w.c.Node(fmt.Sprint("node-", i+1))}
		n.setClock(g.Skews[i])
		n.SetKubelet(g.Kubelets[i])
		n.odd = g.Kubelets[i] != sim.Kubelet{}
		n.noPrevious = g.Kubelets[i].NoPrevious
		n.unstamped = g.Kubelets[i].NoTimestamps || g.Kubelets[i].StampLayout != ""
		w.nodes = append(w.nodes, n)
	}
	if g.WatchEnds > 0 {
		w.c.Inject(sim.Fault{Verb: "watch", After: g.WatchEnds, End: sim.EOF})
	}
	if g.LogLines > 0 || g.LogBytes > 0 {
		f := sim.Fault{Verb: "log", Lines: g.LogLines, Bytes: g.LogBytes, End: sim.EOF}
		if g.LogReset {
			f.End = sim.Abort
		}
		w.c.Inject(f)
		w.sicken()
	}
	if g.Gzip {
		w.c.Inject(sim.Fault{Verb: "log", Gzip: true})
	}
	return w
}

// roll takes dice of a seed.
func (w *world) roll(seed uint64) { w.dice = dice{rand.New(rand.NewPCG(seed, 8))} }

func (w *world) note(format string, args ...any) {
	w.events = append(w.events, fmt.Sprintf("%8.3f ", time.Since(w.begun).Seconds())+fmt.Sprintf(format, args...))
}

// fail notes a failure of a kind.
func (w *world) fail(kind, format string, args ...any) {
	if !slices.Contains(w.kinds, kind) {
		w.kinds = append(w.kinds, kind)
	}
	if len(w.failures) < 20 {
		w.failures = append(w.failures, kind+": "+fmt.Sprintf(format, args...))
	}
}

// failLine notes that a line fails, together with those before it that fail alike.
func (w *world) failLine(kind string, k *scheduled, line int) {
	if n := len(w.lines); n > 0 && w.lines[n-1].kind == kind && w.lines[n-1].k == k && w.lines[n-1].last == line-1 {
		w.lines[n-1].last = line
		return
	}
	w.lines = append(w.lines, failedLines{kind, k, line, line})
}

// failedLines are lines of a container that fail alike.
type failedLines struct {
	kind        string
	k           *scheduled
	first, last int
}

func (w *world) report() string {
	return strings.Join(w.failures, "\n") + "\n\nevents:\n" + strings.Join(w.events, "\n") + "\n\nstderr:\n" + strings.Join(w.logged, "\n")
}

// sicken notes that something is about to go wrong.
func (w *world) sicken() {
	if w.ill.IsZero() {
		w.ill = time.Now()
	}
}

func (w *world) run() {
	defer func() {
		w.c.Close()
		time.Sleep(time.Minute) // whatever runs on then is an error of the bubble
	}()
	g := w.setting
	if g.Owners {
		w.owner = w.c.AddObject(sim.Object{Group: "apps", Kind: "ReplicaSet", Name: "web-1",
			Owner: w.c.AddObject(sim.Object{Group: "apps", Kind: "Deployment", Name: "web"})})
	}
	for range 1 + w.IntN(3) {
		w.addPod()
	}
	for range w.IntN(20) {
		w.write(w.any())
	}
	w.o = following()
	w.o.MarkGaps, w.o.Rotated, w.o.OwnStreams, w.o.MaxStreams, w.o.Follow = true, g.Rotated, g.OwnStreams, g.MaxStreams, !g.NoFollow
	w.o.Jitter = func(n time.Duration) time.Duration { // follows from the seed, too, whatever asks first
		return time.Duration(rand.New(rand.NewPCG(w.seed, uint64(time.Now().UnixNano()))).Int64N(int64(n)))
	}
	w.o.Notify = func(e report.Event) {
		if e.Kind == report.GapFound {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.causes = append(w.causes, e)
		}
	}
	if g.Since {
		w.o.Since = 7 * 24 * time.Hour
	}
	if g.Labels {
		w.o.Labels = "app=web"
	}
	if g.Phases {
		w.o.Fields = "status.phase=Running"
	}
	if g.Owners {
		w.o.Owners = ownersOf(w.t, "deploy/web")
	}
	if g.Until > 0 {
		w.o.Until = w.begun.Add(g.Until)
	}
	if g.State {
		w.state = filepath.Join(w.t.TempDir(), "state")
	}
	if !g.NoFollow {
		w.begin()
	}
	for _, st := range w.steps {
		w.roll(st.seed)
		moves[st.move].do(w)
	}
	switch {
	case g.NoFollow:
		w.readOnce()
	case g.Until > 0:
		w.awaitUntil()
	default:
		w.heal()
	}
	w.check()
	w.requests = w.c.Requests()
}

// heal has everything be well again, and ends the run once it has read all there is.
func (w *world) heal() {
	w.unstall()
	w.mend()
	w.begin()
	w.note("everything is well")
	w.well = time.Now()
	w.sleep(healing)
	w.collect()
	w.healed = len(w.out)
	for range 3 {
		w.writeAll()
		w.sleep(7 * time.Minute) // a stream that is silent is compared with the log meanwhile
	}
	asked := w.c.Stats()
	w.sleep(20 * time.Minute)
	now := w.c.Stats()
	// A watch is asked for again each time a gateway ends it, and a log that is not followed every few seconds.
	most := 20*(len(w.all)+5) + 1000*len(w.all)*min(1, w.setting.odd())
	if n := now.Requests - asked.Requests - (now.Watches - asked.Watches); n > most {
		w.fail("busy", "%d requests other than watches while nothing happened, more than %d", n, most)
	}
	w.stop(false)
}

// odd is how many things are set that make streams end.
func (s setting) odd() (n int) {
	for _, k := range s.Kubelets {
		if k != (sim.Kubelet{}) {
			n++
		}
	}
	if s.LogLines > 0 || s.LogBytes > 0 || s.MaxStreams > 0 {
		n++
	}
	return n
}

// mend repairs everything, and has all pods be selected.
func (w *world) mend() {
	for _, f := range w.faults {
		f.Remove()
	}
	w.up()
	w.kubeletUp()
	for _, p := range w.pods {
		w.sleep(max(0, time.Until(p.again)))
	}
	for _, p := range w.pods {
		if p.out {
			w.label(p, false)
		}
	}
}

// readOnce is a run without following, of what has happened before.
func (w *world) readOnce() {
	w.mend()
	w.sleep(time.Minute)
	for _, k := range w.all {
		k.unread = k.instance
	}
	w.note("mktail reads once")
	w.start()
	w.awaitDone()
	w.stop(false)
	w.healed = len(w.out)
}

// awaitUntil has everything be well again, and waits for the end of a run that is to end by itself.
func (w *world) awaitUntil() {
	w.unstall()
	w.mend()
	w.note("everything is well")
	w.well = time.Now()
	w.sleep(max(0, time.Until(w.o.Until)))
	w.writeAll() // which is too late
	w.awaitDone()
	w.stop(false)
	w.healed = len(w.out)
}

// awaitDone waits until the run has ended by itself.
func (w *world) awaitDone() {
	select {
	case sum := <-w.session.done:
		w.session.done <- sum
	case <-time.After(ending):
		w.fail("endless", "mktail still reads after %v", ending)
	}
}

// begin starts the first run or another one, which goes on where the last one ended. Nothing happens while one runs, or if
// schedules don't follow.
func (w *world) begin() {
	if w.session != nil || w.setting.NoFollow {
		return
	}
	w.note("mktail begins")
	w.start()
	w.sleep(time.Second) // what ends before the first look is not asked for
}

func (w *world) start() {
	o := w.o
	if w.state != "" {
		var err error
		if o.State, err = checkpoint.Open(w.state, savedEvery, zerolog.Nop()); err != nil {
			w.t.Fatal(err)
		}
	}
	if w.setting.Page > 0 && w.one(2) {
		w.failContinue()
	}
	w.session = start(w.t, o, w.c)
}

// failContinue has continue tokens fail: most have expired.
func (w *world) failContinue() {
	f := sim.Fault{Verb: "list", Times: 1 + w.IntN(3), Status: 410}
	f.Match = func(q *sim.Request) bool { return q.Query.Get("continue") != "" }
	if w.one(3) {
		w.sicken()
		f.Status = 500
	}
	w.faults = append(w.faults, w.c.Inject(f))
	w.note("fault: %d × list, continued; status %d", f.Times, f.Status)
}

// end ends the run.
func (w *world) end() {
	if w.session == nil || w.state == "" {
		return
	}
	w.sicken()
	w.note("mktail ends")
	w.unstall()
	w.stop(false)
}

// kill ends the run as if it were killed now: its state stays as it was saved last.
func (w *world) kill() {
	if w.session == nil || w.state == "" {
		return
	}
	w.sicken()
	w.note("mktail is killed")
	now := time.Now()
	w.kills = append(w.kills, kill{since: cmp.Or(w.stalled, now), at: now})
	saved, err := os.ReadFile(w.state)
	w.unstall()
	w.stop(true)
	if err != nil {
		_ = os.Remove(w.state) // it was not there yet
	} else if err := os.WriteFile(w.state, saved, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) stop(killed bool) {
	s := w.session
	s.cancel()
	select {
	case <-s.done:
	case <-time.After(ending):
		w.fail("endless", "mktail does not end within %v", ending)
		fmt.Fprintf(os.Stderr, "schedule %d does not end:\n%s\n%s\n", w.seed, w.setting, w.report())
	}
	w.collect()
	w.logged = append(w.logged, s.logged())
	w.session = nil
	if killed {
		for i := range w.out {
			w.out[i].killed = true
		}
	}
}

// collect takes what the session has put out.
func (w *world) collect() {
	s := w.session
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(w.logged)
	for line := range strings.Lines(s.out.String()) {
		w.out = append(w.out, output{session: n, text: line})
	}
	s.out.Reset()
}

// kubeletMessage is what a kubelet writes into a log that it can't follow any more.
const kubeletMessage = "failed to watch file: too many open files"

// kill is when mktail was killed, and since when nothing more was saved, as the output stalled.
type kill struct{ since, at time.Time }

// stall has the reader of the output take nothing until unstall.
func (w *world) stall() {
	if w.session == nil {
		return
	}
	w.session.mu.Lock()
	defer w.session.mu.Unlock()
	if w.session.gate == nil {
		w.sicken()
		w.note("the output stalls")
		w.stalled = time.Now()
		w.session.gate = make(chan struct{})
	}
}

func (w *world) unstall() {
	if w.session == nil {
		return
	}
	w.session.mu.Lock()
	defer w.session.mu.Unlock()
	if w.session.gate != nil {
		w.note("the output goes on")
		w.stalled = time.Time{}
		close(w.session.gate)
		w.session.gate = nil
	}
}

func (w *world) addPod() {
	if w.noKube {
		return
	}
	n := len(w.all)
	node := w.nodes[w.IntN(len(w.nodes))]
	spec := sim.PodSpec{Name: fmt.Sprint("web-", w.IntN(4)), Node: "node-1", Labels: map[string]string{"app": "web"},
		Containers: []sim.ContainerSpec{{Name: "app"}}}
	spec.Owner = w.owner
	spec.Node = fmt.Sprint("node-", slices.Index(w.nodes, node)+1)
	for _, p := range w.pods {
		if p.Name() == spec.Name {
			return
		}
	}
	if w.one(2) {
		spec.Containers = append(spec.Containers, sim.ContainerSpec{Name: "side"})
	}
	if w.one(4) {
		spec.Policy = corev1.RestartPolicyNever
	}
	if w.setting.Static && w.one(2) {
		spec.Static, spec.Policy = true, ""
	}
	p := &scheduledPod{Pod: w.c.AddPod(spec), static: spec.Static}
	for i, k := range spec.Containers {
		c := &scheduled{Container: p.Container(k.Name), node: node, pod: spec.Name, name: fmt.Sprintf("%s/%s.%d", spec.Name, k.Name, n+i),
			once: spec.Policy == corev1.RestartPolicyNever, static: spec.Static}
		p.containers = append(p.containers, c)
		w.all = append(w.all, c)
	}
	w.pods = append(w.pods, p)
	w.note("add pod %s on %s, static %v", spec.Name, spec.Node, spec.Static)
}

// deleteMirror deletes the mirror of a static pod. The kubelet finds that out when it looks next, which it does every minute or so.
func (w *world) deleteMirror() {
	if len(w.pods) == 0 || w.noKube || w.noAPI {
		return
	}
	p := w.pods[w.IntN(len(w.pods))]
	if !p.static || !p.again.IsZero() {
		return
	}
	w.sicken()
	forced := w.one(2)
	p.again = time.Now().Add(w.upTo([]time.Duration{time.Second, 10 * time.Second, 90 * time.Second}[w.IntN(3)]))
	w.note("the mirror of %s is deleted, by force %v, until %.3f", p.Name(), forced, p.again.Sub(w.begun).Seconds())
	p.DeleteMirror(forced)
}

// makeMirrors makes those mirrors that are due.
func (w *world) makeMirrors() {
	for _, p := range w.pods {
		if !p.again.IsZero() && !time.Now().Before(p.again) && !w.noKube && !w.noAPI {
			p.MakeMirror()
			w.note("%s has another mirror", p.Name())
			p.again = time.Time{}
		}
	}
}

// any is a container of a pod that lives; nil: none does.
func (w *world) any() *scheduled {
	if len(w.pods) == 0 {
		return nil
	}
	p := w.pods[w.IntN(len(w.pods))]
	return p.containers[w.IntN(len(p.containers))]
}

func (w *world) writeAny() { w.write(w.any()) }

func (w *world) writeAll() {
	for _, p := range w.pods {
		for _, k := range p.containers {
			w.write(k)
		}
	}
}

// write writes some lines, stamped now or, as another stream of the container may, a little earlier.
func (w *world) write(k *scheduled) {
	if k == nil {
		return
	}
	at := time.Now()
	wrote := 0
	n := 1 + w.IntN(20)
	if w.one(100) {
		n = 1500
	}
	for range n {
		if w.one(2) {
			at = at.Add(w.upTo(time.Microsecond))
		}
		l := scheduledLine{written: time.Now(), at: at, instance: k.instance}
		if w.one(8) {
			l.at = at.Add(-w.upTo(position.Slack - time.Microsecond))
		}
		l.stamp = l.at.Add(k.node.offset())
		l.text = fmt.Sprintf("%s %d %d “é世界” %s", k.name, k.instance, len(k.lines), strings.Repeat("x", w.IntN(60)))
		if w.one(200) {
			l.text += strings.Repeat("世", 10000)
		}
		if k.Append(records(l, w.one(2))...) != nil {
			break
		}
		k.lines = append(k.lines, l)
		wrote++
		if n > 1000 && w.one(1000) {
			w.rotate(k)
		}
	}
	if wrote > 0 {
		w.note("%s writes %d lines, to %d", k.name, wrote, len(k.lines)-1)
	}
}

// writeBusy writes more lines in a second than a cursor remembers, once in a schedule; two at a time have one stamp. The log may rotate
// meanwhile.
func (w *world) writeBusy() {
	k := w.any()
	if k == nil || w.busy || !k.Running() {
		return
	}
	w.busy = true
	w.sicken()
	rotated := w.IntN(2 * position.MaxHashes)
	at := time.Now()
	var batch []sim.Record
	for i := range position.MaxHashes + 5000 {
		l := scheduledLine{written: at, at: at.Add(time.Duration(i/2) * time.Microsecond), instance: k.instance}
		l.stamp = l.at.Add(k.node.offset())
		l.text = fmt.Sprintf("%s %d %d", k.name, k.instance, len(k.lines))
		k.lines = append(k.lines, l)
		batch = append(batch, sim.Record{Stamp: l.stamp, Text: l.text})
		if i == rotated {
			_ = k.Append(batch...) // it runs
			batch = nil
			w.rotate(k)
		}
	}
	_ = k.Append(batch...)
	w.note("%s writes %d lines, to %d", k.name, position.MaxHashes+5000, len(k.lines)-1)
	if w.one(2) {
		w.note("connections are cut")
		w.c.CutConnections()
	}
}

// tear writes a line that rotation cuts in two, or of which only the beginning is ever written. The stream may be cut meanwhile.
func (w *world) tear() {
	k := w.any()
	if k == nil || !k.Running() {
		return
	}
	l := scheduledLine{written: time.Now(), at: time.Now(), stamp: k.node.Now(), instance: k.instance, rotated: true}
	n := len(k.lines)
	pieces := func(last bool, what string) (text string) {
		var rs []sim.Record
		for i := range 1 + w.IntN(3) {
			piece := fmt.Sprintf("%s %d %d %s %d, ", k.name, k.instance, n, what, i)
			text += piece
			l.pieces = append(l.pieces, scheduledLine{at: time.Now(), stamp: k.node.Now()})
			rs = append(rs, sim.Record{Stamp: k.node.Now(), Partial: true, Text: piece})
		}
		rs[len(rs)-1].Partial = !last
		_ = k.Append(rs...) // it runs
		return text
	}
	pause := func() {
		if w.one(6) {
			w.sicken()
			w.note("connections are cut")
			w.c.CutConnections()
		}
		if w.sleep(w.upTo(3 * time.Second)); w.one(6) {
			w.sleep(w.upTo(3 * time.Minute))
		}
	}
	l.text = pieces(false, "torn")
	pause()
	w.rotate(k)
	w.note("in the line after that")
	pause()
	if w.one(6) && !w.noKube {
		l.headOnly = true
		w.restartOne(k)
	} else {
		l.restAt = time.Now()
		l.rest = pieces(true, "rest")
		l.text += l.rest
	}
	k.lines = append(k.lines, l)
	if w.one(6) {
		pause()
	}
}

// exit ends a container for good, if its pod's policy allows it.
func (w *world) exit() {
	k := w.any()
	if k == nil || w.noKube || !k.once || !k.Running() {
		return
	}
	w.sleep(time.Duration(500+w.IntN(1000)) * time.Millisecond)
	w.note("%s exits", k.name)
	k.ended = true
	for _, p := range w.pods {
		if p.Name() == k.pod && p.wasOut && w.setting.Phases { // by its phase it is not selected again
			k.leftOut = true
		}
	}
	k.ends = append(k.ends, time.Now())
	k.Exit(0)
}

// records are a line's in the log file: several for a long one.
func records(l scheduledLine, stderr bool) (rs []sim.Record) {
	text := l.text
	for len(text) > 16<<10 {
		rs = append(rs, sim.Record{Stamp: l.stamp, Stderr: stderr, Partial: true, Text: text[:16<<10]})
		text = text[16<<10:]
	}
	return append(rs, sim.Record{Stamp: l.stamp, Stderr: stderr, Text: text})
}

// sleep lets time pass, within which mirrors are made.
func (w *world) sleep(d time.Duration) {
	for end := time.Now().Add(d); ; {
		next := end
		for _, p := range w.pods {
			if p.again.After(time.Now()) && p.again.Before(next) {
				next = p.again
			}
		}
		time.Sleep(time.Until(next))
		synctest.Wait()
		if w.makeMirrors(); !next.Before(end) {
			return
		}
	}
}

// inject arms a fault of the next streams, watches, lists or node proxies.
func (w *world) inject() {
	w.sicken()
	f := sim.Fault{Verb: "log", Times: 1}
	f.End = []sim.End{sim.EOF, sim.EOF, sim.Abort, sim.Cut, sim.Reset, sim.Stall, sim.Freeze}[w.IntN(7)]
	switch {
	case w.setting.Rotated && w.one(4):
		f.Verb, f.Path = "get", "/proxy/" // which is mostly a list
		if !w.one(4) {
			f.Path = ".log"
		}
	case w.one(3):
		f.Verb = "watch"
		if w.one(3) {
			f.End = sim.Expire
		}
	case w.one(8):
		f.Verb = "list"
	case w.owner != nil && w.one(4):
		f.Verb, f.Path = "get", "/replicasets/"
	}
	f.Lines, f.Bytes = w.IntN(30), w.IntN(60)
	switch w.IntN(10) {
	case 0:
		f = sim.Fault{Verb: f.Verb, Path: f.Path, Times: f.Times, Status: []int{401, 403, 404, 410, 429, 500, 503}[w.IntN(7)], RetryAfter: w.IntN(3)}
		if f.Verb != "watch" && (f.Status == 404 || f.Status == 403) { // a 404 of kind pods says that the pod is gone
			f.Status = 500
		}
	case 1:
		if f.Verb != "get" { // no proxy writes into a file, which may be compressed
			f.Insert = kubeletMessage + "\n"
			f.Bytes = 0
		}
	case 2:
		f.Lines, f.Bytes, f.After = 0, 0, time.Duration(w.IntN(5000))*time.Millisecond
	case 3:
		f = sim.Fault{Verb: f.Verb, Path: f.Path, Times: f.Times, Status: 502 + w.IntN(3), Page: "<html><body>Bad gateway</body></html>\n"}
	case 4:
		f.GoAway = true
	case 5:
		f = sim.Fault{Verb: f.Verb, Path: f.Path, Times: 1 + w.IntN(3), Page: "<html><body>Please log in</body></html>\n"}
		if w.one(2) {
			f.Page, f.Redirect = "", "/login"
		}
	}
	if f.Verb == "list" && f.Status == 0 {
		f.Lines = 0
	}
	w.faults = append(w.faults, w.c.Inject(f))
	w.note("fault: %d × %s %s, %v after %d lines, %d bytes, %s; status %d; GOAWAY %v; page %q, to %q", f.Times, f.Verb, f.Path, f.End, f.Lines, f.Bytes, f.After, f.Status, f.GoAway, f.Page, f.Redirect)
}

func (w *world) down() {
	w.sicken()
	w.note("API server down")
	w.noAPI = true
	w.c.Down()
}

func (w *world) up() {
	w.note("API server up")
	_ = w.c.Up() // it listens in memory
	w.noAPI = false
	w.makeMirrors()
}

func (w *world) kubeletDown() {
	if slices.ContainsFunc(w.pods, func(p *scheduledPod) bool { return !p.again.IsZero() }) { // that a mirror is away for long is another thing
		return
	}
	w.noKube = true
	w.sicken()
	w.note("kubelet down")
	w.c.KubeletDown()
}

func (w *world) kubeletUp() {
	w.noKube = false
	w.note("kubelet up")
	w.c.KubeletUp()
	w.makeMirrors()
}

func (w *world) compact() {
	w.c.Compact()
	w.sicken()
	w.note("watches forget")
}

func (w *world) restart() {
	k := w.any()
	if k == nil || w.noKube {
		return
	}
	for range 1 + w.IntN(3) {
		if !k.Running() {
			return
		}
		if w.restartOne(k); w.one(2) {
			w.write(k)
		}
	}
}

func (w *world) restartOne(k *scheduled) {
	w.sleep(time.Duration(500+w.IntN(1000)) * time.Millisecond) // a kubelet takes its time to see that a container has ended
	if !k.Running() {
		return
	}
	k.ends = append(k.ends, time.Now())
	k.Restart()
	k.instance++
	w.note("%s restarts, instance %d", k.name, k.instance)
}

func (w *world) rotateAny() {
	if k := w.any(); k != nil && !k.Empty() {
		w.rotate(k)
	}
}

func (w *world) rotate(k *scheduled) {
	if k == nil || !k.Running() {
		return
	}
	for i := range k.lines {
		if k.lines[i].instance == k.instance {
			k.lines[i].rotated = true
		}
	}
	k.rotations = append(k.rotations, rotation{time.Now(), k.node.Now().Truncate(time.Second), len(k.lines) - 1, k.instance})
	if k.rotated == nil {
		k.rotated = make(map[int]int)
	}
	k.rotated[k.instance]++
	k.Rotate(0)
	w.note("%s rotates after line %d", k.name, len(k.lines)-1)
}

func (w *world) delete() {
	if len(w.pods) == 0 || w.noKube {
		return
	}
	w.sleep(2 * position.Slack) // a kubelet that dies at the same moment could not be told from the pod's end
	i := w.IntN(len(w.pods))
	p := w.pods[i]
	if !p.again.IsZero() { // nobody can tell that the pod is gone, too
		return
	}
	w.note("delete pod %s", p.Name())
	for _, k := range p.containers {
		k.deleted, k.leftOut = true, p.wasOut
		k.ends = append(k.ends, time.Now())
	}
	p.Delete(0)
	w.pods = slices.Delete(w.pods, i, i+1)
}

// relabel has a pod leave the selection, or return.
func (w *world) relabel() {
	if len(w.pods) == 0 {
		return
	}
	w.sicken()
	if p := w.pods[w.IntN(len(w.pods))]; p.again.IsZero() {
		w.label(p, !p.out)
	}
}

func (w *world) label(p *scheduledPod, out bool) {
	p.out = out
	p.wasOut = p.wasOut || out
	app := "web"
	if out {
		app = "other"
	}
	w.note("pod %s has the label app=%s", p.Name(), app)
	p.SetLabels(map[string]string{"app": app})
}

// stepClock sets a node's clock.
func (w *world) stepClock() {
	i := w.IntN(len(w.nodes))
	n := w.nodes[i]
	by := w.skew()
	w.note("the clock of node-%d steps by %v", i+1, by)
	n.setClock(n.offset() + by)
}

// decode parses a line of the output.
func decode[T any](w *world, text string) (v T) {
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		w.fail("output", "%q: %v", text, err)
	}
	return v
}
