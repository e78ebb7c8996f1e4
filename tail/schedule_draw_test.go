package tail_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"time"

	"mktail/testdata/sim"
)

// setting is where a schedule happens. The zero value is a healthy cluster of one node, followed by a run with default options.
type setting struct {
	// The API server.
	LateHeaders, HTTP1, HTTP2    bool
	Chunk                        int
	StatusLag                    time.Duration
	MaxConnections, MaxH2Streams int
	ResetSurplus                 bool
	Page                         int // pods in a page of a list; 0: all

	// The nodes.
	Nodes     int  // besides the first one
	Static    bool // some pods are static ones, whose mirrors are deleted
	Skews     [3]time.Duration
	Kubelets  [3]sim.Kubelet
	ClockStep bool

	// A gateway.
	WatchEnds          time.Duration // each watch ends then
	LogLines, LogBytes int           // each log ends after so much
	LogReset, Gzip     bool

	// The run.
	Rotated, Since, State  bool
	Labels, Phases, Owners bool // what is selected: by labels that change, only what runs, what a Deployment owns
	OwnStreams, MaxStreams int
	NoFollow               bool
	Until                  time.Duration // from the start on
	Busy                   bool          // more lines in a second than a cursor remembers
}

// String lists what differs from the zero value.
func (s setting) String() string {
	var parts []string
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsZero() {
			parts = append(parts, fmt.Sprintf("%s: %+v", v.Type().Field(i).Name, f))
		}
	}
	return "setting: " + strings.Join(parts, ", ")
}

// dice are what is drawn from.
type dice struct{ *rand.Rand }

// one is true once in n times.
func (d dice) one(n int) bool { return d.IntN(n) == 0 }

// upTo is a time below most.
func (d dice) upTo(most time.Duration) time.Duration { return time.Duration(d.Int64N(int64(most))) }

// skew is how far a clock is off.
func (d dice) skew() time.Duration {
	most := []time.Duration{time.Second, 5 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 48 * time.Hour}[d.IntN(6)]
	return d.upTo(2*most) - most
}

// step is one of the moves, which draws the rest from its own seed: steps can be dropped without a change to the others.
type step struct {
	move int // index of moves
	seed uint64
}

// moves are what may happen, each as often as it weighs.
var moves = []struct {
	name   string
	weight int
	do     func(*world)
	if_    func(setting) bool // nil: always
}{
	{"write", 30, (*world).writeAny, nil},
	{"sleep", 50, func(w *world) { w.sleep(time.Duration(w.IntN(3000)) * time.Millisecond) }, nil},
	{"sleep long", 10, func(w *world) { w.sleep(time.Duration(w.IntN(100)) * time.Second) }, nil},
	{"fault", 30, (*world).inject, nil},
	{"API server down", 10, (*world).down, nil},
	{"API server up", 10, (*world).up, nil},
	{"kubelet down", 10, (*world).kubeletDown, nil},
	{"kubelet up", 20, (*world).kubeletUp, nil},
	{"restart", 20, (*world).restart, nil},
	{"rotate", 20, (*world).rotateAny, nil},
	{"compact", 10, (*world).compact, nil},
	{"add pod", 10, (*world).addPod, nil},
	{"delete pod", 10, (*world).delete, nil},
	{"stall output", 3, (*world).stall, nil},
	{"output goes on", 6, (*world).unstall, nil},
	{"relabel", 15, (*world).relabel, func(s setting) bool { return s.Labels }},
	{"exit", 15, (*world).exit, nil},
	{"busy second", 10, (*world).writeBusy, func(s setting) bool { return s.Busy }},
	{"rotate in a line", 10, (*world).tear, nil},
	{"step clock", 10, (*world).stepClock, func(s setting) bool { return s.ClockStep }},
	{"delete mirror", 15, (*world).deleteMirror, func(s setting) bool { return s.Static }},
	{"end run", 15, (*world).end, func(s setting) bool { return s.State }},
	{"kill run", 5, (*world).kill, func(s setting) bool { return s.State }},
	{"begin run", 0, (*world).begin, nil},
}

func move(name string) int {
	for i, m := range moves {
		if m.name == name {
			return i
		}
	}
	panic(name)
}

// draw makes the schedule of a seed.
func draw(seed uint64) schedule {
	d := dice{rand.New(rand.NewPCG(seed, 7))}
	s := schedule{seed: seed, setting: d.place()}
	d = dice{rand.New(rand.NewPCG(seed, 9))} // so that another setting leaves the steps alone
	total := 0
	possible := make([]int, 0, len(moves))
	for i, m := range moves {
		if m.if_ == nil || m.if_(s.setting) {
			possible = append(possible, i)
			total += m.weight
		}
	}
	any := func() step {
		n := d.IntN(total)
		for _, i := range possible {
			if n -= moves[i].weight; n < 0 {
				return step{i, d.Uint64()}
			}
		}
		panic("unreachable")
	}
	ends := []int{move("end run"), move("kill run")}
	for range 10 + d.IntN(40) {
		next := any()
		s.steps = append(s.steps, next)
		if slices.Contains(ends, next.move) {
			for range d.IntN(10) {
				if st := any(); !slices.Contains(ends, st.move) {
					s.steps = append(s.steps, st)
				}
			}
			s.steps = append(s.steps, step{move("begin run"), 0})
		}
	}
	return s
}

// place draws a setting. Most schedules have little that is particular, so that what fails can be told.
func (d dice) place() (s setting) {
	s.LateHeaders, s.HTTP1 = d.one(4), d.one(4)
	s.Chunk = []int{0, 0, -1, 100}[d.IntN(4)]
	if d.one(4) {
		s.StatusLag = time.Duration(d.IntN(1500)) * time.Millisecond
	}
	s.Rotated, s.Since, s.State = d.one(2), d.one(2), d.one(3)
	s.OwnStreams = []int{0, -1, 1, 2}[d.IntN(4)]
	s.Nodes = max(0, d.IntN(5)-2)
	if d.one(4) {
		for i := range s.Skews {
			s.Skews[i] = d.skew()
		}
	}
	s.ClockStep = d.one(4)
	if d.one(6) {
		s.WatchEnds = time.Second + d.upTo(20*time.Second)
	}
	if kubelets := []sim.Kubelet{{NoFollow: true}, {NoSince: true}, {NoTail: true}, {NoPrevious: true}, {NoTimestamps: true}, {NoInotify: true},
		{NoFollow: true, NoSince: true, NoTail: true, NoPrevious: true, NoLimit: true}, {StampLayout: time.Stamp}}; d.one(6) {
		for i := range s.Kubelets {
			if d.one(2) {
				if s.Kubelets[i] = kubelets[d.IntN(len(kubelets))]; s.Kubelets[i] == (sim.Kubelet{NoPrevious: true}) {
					s.Kubelets[i] = sim.Kubelet{} // which is not found out: lines come twice
				}
			}
		}
	}
	if d.one(6) && s.Kubelets == (setting{}).Kubelets { // of a node that ignores tailLines too, what is cut off can't be reached
		s.LogReset = d.one(2)
		if s.LogLines = 200 << d.IntN(6); d.one(2) {
			s.LogLines, s.LogBytes = 0, 64000<<d.IntN(4) // more than a line has: what is longer than an answer can't be read
		}
	}
	if d.one(8) {
		switch d.IntN(3) {
		case 0:
			s.HTTP1 = false // else streams can't share connections
			s.MaxConnections, s.ResetSurplus = 2+d.IntN(6), d.one(2)
		case 1:
			s.MaxH2Streams = 4 + d.IntN(10)
		case 2:
			s.HTTP1, s.HTTP2 = false, true
		}
	}
	s.Gzip = d.one(10)
	s.Labels = d.one(6)
	if d.one(8) {
		s.MaxStreams = 1 + d.IntN(3)
	}
	s.NoFollow = d.one(8)
	if s.Phases, s.Owners = d.one(6), d.one(8); d.one(8) && !s.NoFollow {
		s.State, s.Until = false, time.Second+d.upTo(2*time.Minute)
	}
	s.Busy = d.one(100)
	if d.one(8) {
		s.Page = 1 + d.IntN(2)
	}
	s.Static = d.one(6) && !s.Owners // a node owns them
	return s
}
