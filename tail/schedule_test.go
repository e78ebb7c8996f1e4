package tail_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"mktail/tail"
	"mktail/tail/checkpoint"
	"mktail/tail/follow"
	"mktail/tail/logline"
	"mktail/tail/position"
	"mktail/tail/report"
	"mktail/testdata/sim"
)

// TestSchedules runs random schedules of what containers and clusters do to a run: cuts, restarts, rotations, deletions,
// failures of the kubelet, the API server and the watch. No line may come twice or out of order, and those that don't
// come must be covered by a gap; a gap must have a reason.
//
// MKTAIL_SCHEDULES sets how many there are; MKTAIL_SEED replays one, or with MKTAIL_SCHEDULES is the first.
func TestSchedules(t *testing.T) {
	first, n := 0, 1000
	if testing.Short() {
		n = 100
	}
	if s := os.Getenv("MKTAIL_SCHEDULES"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	if s := os.Getenv("MKTAIL_SEED"); s != "" {
		first, _ = strconv.Atoi(s)
		if os.Getenv("MKTAIL_SCHEDULES") == "" {
			n = 1
		}
	}
	const workers = 2
	for w := range workers {
		t.Run(fmt.Sprint("worker ", w), func(t *testing.T) {
			t.Parallel()
			for seed := first + w; seed < first+n; seed += workers {
				ok := t.Run(fmt.Sprint(seed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { newSchedule(t, uint64(seed)).run() })
				})
				if !ok {
					t.Logf("to replay it: MKTAIL_SEED=%d go test -run TestSchedules ./tail", seed)
				}
			}
		})
	}
}

// keptFiles is how many files of a log a node keeps, the current one too.
const keptFiles = 5

// schedule is a course of events that follows from a seed.
type schedule struct {
	t    *testing.T
	seed uint64
	*rand.Rand
	c      *sim.Cluster
	pods   []*scheduledPod // those that live
	all    []*scheduled
	faults []*sim.Injected
	events []string // what was done, for the report
	begun  time.Time
	ill    time.Time // when the first thing went wrong; zero: nothing has
	down   bool      // the kubelet: nothing starts or is removed
	files  bool      // the run reads rotated files
	late   bool      // the kubelet begins to answer with the first line
	own    int       // of its streams have connections each

	state   string // its state file; empty: it has none
	session *session
	out     string // of all sessions so far
	said    []string
}

type scheduledPod struct {
	*sim.Pod
	containers []*scheduled
}

// scheduled is a container, over all its instances.
type scheduled struct {
	*sim.Container
	pod, name string
	instance  int // the present one
	lines     []scheduledLine
	rotations []rotation
	rotated   map[int]int // how often, by instance
	ends      []time.Time // of its instances
	deleted   bool
}

type rotation struct {
	at       time.Time
	after    int // the number of the last line before it
	instance int
}

type scheduledLine struct {
	stamp    time.Time
	text     string
	instance int
	rotated  bool // its file has been rotated away
}

func newSchedule(t *testing.T, seed uint64) *schedule {
	s := &schedule{t: t, seed: seed, Rand: rand.New(rand.NewPCG(seed, 7)), begun: time.Now()}
	o := sim.Options{LateHeaders: s.one(4), HTTP1: s.one(4), BookmarkEvery: 20 * time.Second}
	o.Chunk = []int{0, 0, -1, 100}[s.IntN(4)]
	if s.one(4) {
		o.StatusLag = time.Duration(s.IntN(1500)) * time.Millisecond
	}
	s.c = simulated(t, o)
	s.late = o.LateHeaders
	s.files, s.own = s.one(2), []int{1000, -1, 1, 2}[seed%4]
	return s
}

// one is true once in n times.
func (s *schedule) one(n int) bool { return s.IntN(n) == 0 }

func (s *schedule) note(format string, args ...any) {
	s.events = append(s.events, fmt.Sprintf("%8.3f ", time.Since(s.begun).Seconds())+fmt.Sprintf(format, args...))
}

// sicken notes that something is about to go wrong.
func (s *schedule) sicken() {
	if s.ill.IsZero() {
		s.ill = time.Now()
	}
}

func (s *schedule) run() {
	defer s.c.Close()
	for range 1 + s.IntN(3) {
		s.addPod()
	}
	for range s.IntN(20) {
		s.write(s.any())
	}
	o := following()
	o.MarkGaps, o.Rotated, o.OwnStreams = true, s.files, s.own
	o.Jitter = func(n time.Duration) time.Duration { // follows from the seed, too, whatever asks first
		return time.Duration(rand.New(rand.NewPCG(s.seed, uint64(time.Now().UnixNano()))).Int64N(int64(n)))
	}
	if s.one(2) {
		o.Since = 48 * time.Hour
	}
	if s.one(3) {
		s.state = filepath.Join(s.t.TempDir(), "state")
	}
	s.start(o)
	for range 10 + s.IntN(40) {
		s.step()
		if s.state != "" && s.one(15) {
			s.sicken()
			s.note("mktail ends")
			s.stop()
			for range s.IntN(10) {
				s.step()
			}
			s.note("mktail begins")
			s.start(o)
		}
	}
	for _, f := range s.faults {
		f.Remove()
	}
	s.c.Up()
	s.c.KubeletUp()
	for range 3 {
		s.sleep(10 * time.Minute)
		for _, p := range s.pods {
			for _, k := range p.containers {
				s.write(k)
			}
		}
	}
	s.sleep(30 * time.Minute)
	s.stop()
	s.check()
	if s.t.Failed() {
		s.t.Logf("events:\n%s\nstderr:\n%s", strings.Join(s.events, "\n"), strings.Join(s.said, "\n"))
		if os.Getenv("MKTAIL_SEED") != "" {
			for _, q := range s.c.Requests() {
				s.t.Logf("%8.3f %s %s %v %d", q.Begin.Sub(s.begun).Seconds(), q.Verb, q.Path, q.Query, q.Status)
			}
		}
	}
}

// start begins a run, the first one or another that goes on where the last one ended.
func (s *schedule) start(o tail.Options) {
	if s.state != "" {
		var err error
		if o.State, err = checkpoint.Open(s.state, time.Second, zerolog.Nop()); err != nil {
			s.t.Fatal(err)
		}
	}
	s.session = start(s.t, o, s.c)
	s.sleep(time.Second) // what ends before the first look is not asked for
}

func (s *schedule) stop() {
	s.session.stop()
	s.out += s.session.out.String()
	s.said = append(s.said, s.session.said())
}

func (s *schedule) addPod() {
	n := len(s.all)
	spec := sim.PodSpec{Name: fmt.Sprint("web-", s.IntN(4)), Containers: []sim.ContainerSpec{{Name: "app"}}}
	for _, p := range s.pods {
		if p.Name() == spec.Name {
			return
		}
	}
	if s.one(2) {
		spec.Containers = append(spec.Containers, sim.ContainerSpec{Name: "side"})
	}
	if s.one(4) {
		spec.Policy = "Never"
	}
	p := &scheduledPod{Pod: s.c.AddPod(spec)}
	for i, k := range spec.Containers {
		c := &scheduled{Container: p.Container(k.Name), pod: spec.Name, name: fmt.Sprintf("%s/%s.%d", spec.Name, k.Name, n+i)}
		p.containers = append(p.containers, c)
		s.all = append(s.all, c)
	}
	s.pods = append(s.pods, p)
	s.note("add pod %s", spec.Name)
}

func (s *schedule) any() *scheduled {
	p := s.pods[s.IntN(len(s.pods))]
	return p.containers[s.IntN(len(p.containers))]
}

// write writes some lines, stamped now or, as another stream of the container may, a little earlier.
func (s *schedule) write(k *scheduled) {
	stamp := time.Now()
	wrote := 0
	for range 1 + s.IntN(20) {
		if s.one(2) {
			stamp = stamp.Add(time.Duration(s.IntN(1000)))
		}
		l := scheduledLine{stamp: stamp, instance: k.instance}
		if s.one(8) {
			l.stamp = stamp.Add(-time.Duration(s.Int64N(int64(position.Slack) - 1000)))
		}
		l.text = fmt.Sprintf("%s %d %d “é世界” %s", k.name, k.instance, len(k.lines), strings.Repeat("x", s.IntN(60)))
		if s.one(200) {
			l.text += strings.Repeat("世", 10000)
		}
		if k.Append(records(l, s.one(2))...) != nil {
			break
		}
		k.lines = append(k.lines, l)
		wrote++
	}
	if wrote > 0 {
		s.note("%s writes %d lines, to %d", k.name, wrote, len(k.lines)-1)
	}
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

func (s *schedule) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (s *schedule) step() {
	switch s.IntN(24) {
	default:
		if len(s.pods) > 0 {
			s.write(s.any())
		}
	case 0, 1, 2, 3, 4:
		s.sleep(time.Duration(s.IntN(3000)) * time.Millisecond)
	case 5:
		s.sleep(time.Duration(s.IntN(100)) * time.Second)
	case 6, 7, 8:
		s.inject()
	case 9:
		s.sicken()
		s.note("API server down")
		s.c.Down()
	case 10:
		s.note("API server up")
		s.c.Up()
	case 11:
		s.down = true
		s.sicken()
		s.note("kubelet down")
		s.c.KubeletDown()
	case 12, 13:
		s.down = false
		s.note("kubelet up")
		s.c.KubeletUp()
	case 14, 15:
		s.restart()
	case 16, 17:
		s.rotate()
	case 18:
		s.c.Compact()
		s.sicken()
		s.note("watches forget")
	case 19:
		if !s.down {
			s.addPod()
		}
	case 20:
		s.delete()
	}
}

// inject arms a fault of the next streams or watches.
func (s *schedule) inject() {
	s.sicken()
	f := sim.Fault{Verb: "log", Times: 1}
	f.End = []sim.End{sim.EOF, sim.EOF, sim.Abort, sim.Cut, sim.Reset, sim.Stall, sim.Freeze}[s.IntN(7)]
	if s.files && s.one(4) {
		f.Verb, f.Path = "get", "/proxy/" // which is mostly a list
		if !s.one(4) {
			f.Path = ".log"
		}
	} else if s.one(3) {
		f.Verb = "watch"
		if s.one(3) {
			f.End = sim.Expire
		}
	}
	f.Lines, f.Bytes = s.IntN(30), s.IntN(60)
	switch s.IntN(8) {
	case 0:
		f = sim.Fault{Verb: f.Verb, Path: f.Path, Times: f.Times, Status: []int{401, 403, 404, 410, 429, 500, 503}[s.IntN(7)], RetryAfter: s.IntN(3)}
		if f.Verb != "watch" && (f.Status == 404 || f.Status == 403) { // a 404 of kind pods says that the pod is gone
			f.Status = 500
		}
	case 1:
		f.Insert = "failed to watch file: too many open files\n"
		f.Bytes = 0
	case 2:
		f.Lines, f.Bytes, f.After = 0, 0, time.Duration(s.IntN(5000))*time.Millisecond
	}
	s.faults = append(s.faults, s.c.Inject(f))
	s.note("fault: %d × %s, %v after %d lines, %d bytes, %s; status %d", f.Times, f.Verb, f.End, f.Lines, f.Bytes, f.After, f.Status)
}

func (s *schedule) restart() {
	if len(s.pods) == 0 || s.down {
		return
	}
	k := s.any()
	for range 1 + s.IntN(3) {
		if !k.Running() {
			return
		}
		s.sleep(time.Duration(500+s.IntN(1000)) * time.Millisecond) // a kubelet takes its time to see that a container has ended
		if !k.Running() {
			return
		}
		k.ends = append(k.ends, time.Now())
		k.Restart()
		k.instance++
		s.note("%s restarts, instance %d", k.name, k.instance)
		if s.one(2) {
			s.write(k)
		}
	}
}

func (s *schedule) rotate() {
	if len(s.pods) == 0 {
		return
	}
	k := s.any()
	if !k.Running() {
		return
	}
	for i := range k.lines {
		if k.lines[i].instance == k.instance {
			k.lines[i].rotated = true
		}
	}
	k.rotations = append(k.rotations, rotation{time.Now(), len(k.lines) - 1, k.instance})
	if k.rotated == nil {
		k.rotated = make(map[int]int)
	}
	k.rotated[k.instance]++
	k.Rotate(0)
	s.note("%s rotates after line %d", k.name, len(k.lines)-1)
}

func (s *schedule) delete() {
	if len(s.pods) == 0 || s.down {
		return
	}
	s.sleep(2 * position.Slack) // a kubelet that dies at the same moment could not be told from the pod's end
	i := s.IntN(len(s.pods))
	p := s.pods[i]
	s.note("delete pod %s", p.Name())
	for _, k := range p.containers {
		k.deleted = true
		k.ends = append(k.ends, time.Now())
	}
	p.Delete(0)
	s.pods = append(s.pods[:i], s.pods[i+1:]...)
}

// check compares what was written with what came.
func (s *schedule) check() {
	type gap struct {
		Pod, Container string
		Gap            *struct{ From, To, Reason string }
		from, to       time.Time
		used           bool
	}
	var gaps []*gap
	came := map[string]int{} // a line's text to its place in the output
	for i, line := range slices.Collect(strings.Lines(s.out)) {
		g := new(gap)
		var r record
		if err := json.Unmarshal([]byte(line), g); err != nil {
			s.t.Fatalf("%q: %v", line, err)
		}
		if g.Gap != nil {
			for text, to := range map[string]*time.Time{g.Gap.From: &g.from, g.Gap.To: &g.to} {
				var err error
				if *to, err = time.Parse(time.RFC3339Nano, text); err != nil && text != "" { // unknown
					s.t.Errorf("gap %q: %v", line, err)
				}
			}
			gaps = append(gaps, g)
			continue
		}
		json.Unmarshal([]byte(line), &r)
		if at, again := came[r.Line]; again {
			s.t.Errorf("repeated: %.60q, first as record %d, then %d", r.Line, at, i)
		}
		came[r.Line] = i
	}
	for _, k := range s.all {
		before, seen := 0, map[int]bool{} // the place of the line before, among those that came; the instances of which any did
		// Of a pod that came and went while nobody could look, nothing can be known.
		unknown := k.deleted && !slices.ContainsFunc(k.lines, func(l scheduledLine) bool { _, ok := came[l.text]; return ok })
		for _, l := range k.lines {
			at, ok := came[l.text]
			delete(came, l.text)
			if ok {
				if at < before {
					s.t.Errorf("out of order: %.60q", l.text)
				}
				before = at
				seen[l.instance] = true
				continue
			}
			covered := false
			for _, g := range gaps {
				if g.Pod == k.pod && strings.HasPrefix(k.name, g.Pod+"/"+g.Container+".") && !l.stamp.Before(g.from.Add(-position.Slack)) && !l.stamp.After(g.to.Add(position.Slack)) {
					covered, g.used = true, true
				}
			}
			// What rotated away before the first look at an instance is not known to the log API.
			unseen := l.rotated && !seen[l.instance] && (!s.files || k.rotated[l.instance] >= keptFiles)
			if !covered && !unknown && !unseen {
				s.t.Errorf("lost without a gap: %.60q, %s", l.text, logline.AppendStamp(nil, l.stamp.UnixNano()))
			}
		}
	}
	for text := range came {
		s.t.Errorf("never written: %.60q", text)
	}
	for _, g := range gaps {
		if !g.used && !s.excused(g.Pod, g.Container, g.Gap.Reason, g.from, g.to) {
			s.t.Errorf("false alarm: %s/%s: %+v", g.Pod, g.Container, *g.Gap)
		}
	}
}

// vanished reports whether a stream could leap from the line of a time to the next one, and the log that would have shown that
// it left nothing out was gone before it could be looked at: at once, or soon, after something had gone wrong.
func (k *scheduled) vanished(from, ill time.Time) bool {
	gone := make(map[int][]time.Time) // by instance
	for i, at := range k.ends {
		gone[i] = append(gone[i], at)
	}
	for _, r := range k.rotations {
		gone[r.instance] = append(gone[r.instance], r.at)
	}
	var newest scheduledLine
	for _, l := range k.lines {
		leaps := newest.stamp.Equal(from) && l.instance == newest.instance && l.stamp.Sub(from) >= time.Duration(follow.Jump)
		if leaps && slices.ContainsFunc(gone[l.instance], func(at time.Time) bool {
			after := at.Sub(l.stamp)
			return after > -time.Millisecond && (after < position.Slack || after < follow.Silence && !ill.IsZero() && ill.Before(at))
		}) {
			return true
		}
		if l.stamp.After(newest.stamp) || l.instance != newest.instance {
			newest = l
		}
	}
	return false
}

// excused reports whether nothing could have shown that a gap has no line in it: the log was rotated just after the line
// that was seen last or the one that came then; an instance ended, and was removed before it could be read, because
// something had gone wrong or the next one ended soon; or before it could be looked at again.
func (s *schedule) excused(pod, container, reason string, from, to time.Time) bool {
	for _, k := range s.all {
		if k.pod != pod || !strings.HasPrefix(k.name, pod+"/"+container+".") {
			continue
		}
		ill := !s.ill.IsZero() && !s.ill.After(to)
		if report.GapReason(reason) != report.Rotated {
			if report.GapReason(reason) == report.LogUnavailable && k.rotated[k.instance] > 0 { // what was seen last need not have come again
				return true
			}
			for i, at := range k.ends {
				quick := report.GapReason(reason) == report.RestartsMissed && i > 0 && at.Sub(k.ends[i-1]) < 2*position.Slack
				ill := ill || s.late && s.files // whose files are asked for with the first line
				if !at.Before(from.Add(-position.Slack)) && !at.After(to.Add(position.Slack)) && (quick || ill) {
					return true
				}
			}
			continue
		}
		deleted := slices.ContainsFunc(slices.Collect(maps.Values(k.rotated)), func(n int) bool { return n >= keptFiles })
		if s.files && !deleted {
			continue
		}
		for _, l := range k.lines {
			if ill && k.instance-l.instance >= 2 && l.stamp.Sub(to).Abs() <= position.Slack {
				return true
			}
		}
		for _, r := range k.rotations {
			if i := r.after; i >= 0 && min(k.lines[i].stamp.Sub(from).Abs(), k.lines[i].stamp.Sub(to).Abs()) <= position.Slack {
				return true
			}
		}
		if k.vanished(from, s.ill) {
			return true
		}
	}
	return false
}
