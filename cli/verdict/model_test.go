package verdict_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mktail/cli/verdict"
	"mktail/tail/report"
)

// TestModel draws conditions, events and ends of runs, and compares the exit code with that of README's rules as model has them: by
// looking at all that has happened so far after each event.
func TestModel(t *testing.T) {
	for seed := range uint64(5_000) {
		synctest.Test(t, func(t *testing.T) { model(t, seed) })
		if t.Failed() {
			return
		}
	}
}

func model(t *testing.T, seed uint64) {
	d := rand.New(rand.NewPCG(seed, 1))
	o := drawOptions(d)
	steps := drawSteps(d)
	e := verdict.Ending{}
	switch d.IntN(4) {
	case 0:
		e.Signal, e.Gone = 143, true
	case 1:
		e.Gone, e.Unread = true, true
	case 2:
		o.Timeout = time.Minute
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := start(t, o, "")
	for i, step := range steps {
		if r.do(step); r.cancelled > 0 {
			steps = steps[:i+1]
			break
		}
	}
	r.Watch(ctx)
	time.Sleep(time.Hour)
	synctest.Wait()
	h := history{o: o, steps: steps}
	e.Summaries = []report.Summary{{Cluster: "eu", Containers: int64(len(h.pods())), Lines: int64(h.count("line"))}}
	want, decided := h.exitCode(e)
	if got := r.end(e); got != want || decided != (r.cancelled > 0) {
		t.Errorf("seed %d: exit code %d, cancelled %d times, want %d, decided %v\n%s\n%s\nending %+v\nlog: %s",
			seed, got, r.cancelled, want, decided, describe(o), strings.Join(steps, "\n"), e, &r.log)
	}
}

func describe(o verdict.Options) string {
	return fmt.Sprintf("until %v count %d each %q done %v fail-on %v max-count %d wait-pods %d required %d strict %v named %v allow-empty %v sink-required %v timeout %v",
		o.Until, o.UntilCount, o.UntilEach, o.UntilDone, o.FailOn, o.MaxCount, o.WaitPods, o.Required, o.Strict, o.Namespaces, o.AllowEmpty, o.SinkRequired, o.Timeout)
}

func drawOptions(d *rand.Rand) verdict.Options {
	maybe := func(n int) bool { return d.IntN(n) == 0 }
	o := verdict.Options{Clusters: 2, Required: 1, UntilCount: 1, UntilDone: maybe(3), AllowEmpty: maybe(4), SinkRequired: maybe(5)}
	if maybe(2) {
		o.Until = patterns("x")
		if o.UntilCount = int64(1 + d.IntN(2)); maybe(3) {
			o.UntilCount, o.UntilEach = 1, verdict.EachPod
		}
	}
	if maybe(3) {
		o.FailOn = patterns("p")
	}
	if maybe(4) {
		o.MaxCount = int64(1 + d.IntN(3))
	}
	if maybe(4) {
		o.WaitPods = 1 + d.IntN(2)
	}
	if maybe(3) {
		o.Strict, o.Required = true, 1+d.IntN(2)
	}
	if maybe(3) {
		o.Namespaces = []string{"shop"}
	}
	return o
}

// drawSteps draws what happens: see run.do. A cluster that comes up for the first time after all were tried has its pods found, and
// is ready then.
func drawSteps(d *rand.Rand) (steps []string) {
	clusters := []string{"eu", "us"}
	up, ever := make(map[string]bool), make(map[string]bool)
	var there, alive []string // pods, and those that have not ended
	ready, made := false, 0
	drop := func(list []string, s string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(other string) bool { return other == s })
	}
	for range d.IntN(25) {
		c := clusters[d.IntN(2)]
		switch d.IntN(13) {
		case 0, 1, 2:
			if !up[c] {
				up[c] = true
				steps = append(steps, "up "+c)
				if late := ready && !ever[c]; late {
					if made++; d.IntN(2) == 0 {
						pod := fmt.Sprintf("%s/%d", c, made)
						steps, there, alive = append(steps, "pod "+pod+" a"), append(there, pod), append(alive, pod)
					}
					steps = append(steps, "ready")
				}
				ever[c] = true
			} else if d.IntN(3) == 0 {
				up[c] = false
				steps = append(steps, "down "+c)
			}
		case 3, 4:
			if ever[c] {
				made++
				pod := fmt.Sprintf("%s/%d", c, made)
				steps, there, alive = append(steps, "pod "+pod+" a"), append(there, pod), append(alive, pod)
			}
		case 5, 6, 7:
			if len(alive) > 0 {
				steps = append(steps, "line "+alive[d.IntN(len(alive))]+"/a "+[]string{"w", "x", "p"}[d.IntN(3)])
			}
		case 8:
			if len(alive) > 0 {
				pod := alive[d.IntN(len(alive))]
				steps, alive = append(steps, []string{"ended " + pod, "ended " + pod + " bad", "unread " + pod + " a: gone"}[d.IntN(3)]), drop(alive, pod)
			}
		case 9:
			if len(there) > 0 {
				pod := there[d.IntN(len(there))]
				if slices.Contains(alive, pod) && d.IntN(2) == 0 {
					steps = append(steps, "gone "+pod+" deleted")
				} else {
					steps = append(steps, "gone "+pod)
				}
				there, alive = drop(there, pod), drop(alive, pod)
			}
		case 10:
			steps = append(steps, []string{"forbid", "allow"}[d.IntN(2)]+" "+c+" shop")
		case 12:
			if ever[c] {
				steps = append(steps, []string{"undecided", "decided"}[d.IntN(2)]+" "+c+"/owned")
			}
		case 11:
			if !ready {
				ready = true
				steps = append(steps, "ready")
			}
		}
	}
	return steps
}

// history is what has happened in a run so far.
type history struct {
	o     verdict.Options
	steps []string
}

// exitCode is README's rules: the first event after which the run is decided decides, else the timeout, or how it has ended.
func (h history) exitCode(e verdict.Ending) (code int, decided bool) {
	for n := range h.steps {
		if code, decided := (history{h.o, h.steps[:n+1]}).decision(); decided {
			if code == 0 && e.Unread && h.o.SinkRequired {
				code = 1
			}
			return code, true
		}
	}
	nothing := len(h.pods()) == 0 && h.count("line") == 0 && !h.o.AllowEmpty
	conditional := len(h.o.Until) > 0 || h.o.UntilDone || len(h.o.FailOn) > 0 || h.o.MaxCount > 0 || h.o.WaitPods > 0 || h.o.Strict
	switch few, unmet := !h.readable() || h.forbidden(), h.unmet(); {
	case h.o.Timeout > 0 && few:
		return 5, true
	case h.o.Timeout > 0 && (!h.enoughPods() || nothing):
		return 1, true
	case h.o.Timeout > 0 && unmet:
		return 124, true
	case h.o.Timeout > 0:
		return 0, true
	case e.Gone && conditional && few:
		return 5, false
	case e.Signal != 0 && conditional && !h.enoughPods():
		return 1, false
	case e.Signal != 0:
		return e.Signal, false
	case e.Gone && (unmet || conditional && nothing || h.o.SinkRequired):
		return 1, false
	case e.Gone:
		return 0, false
	case few && (h.o.Strict || h.count("ready") > 0):
		return 5, false
	case unmet, nothing:
		return 1, false
	}
	return 0, false
}

// decision reports whether the last event decides, and with what exit code.
func (h history) decision() (code int, decided bool) {
	word, text := h.last()
	lines, matches := int64(h.count("line")), int64(h.count("line", "x"))
	line := word == "line"
	required := h.readable() && h.enoughPods() && (!h.o.Strict || h.count("ready") > 0) // a log that is open, which no event here says, would do, too
	all := required && h.allKnown() && !h.forbidden()
	each := h.o.UntilEach != "" && len(h.unmatched()) == 0 && h.matchedAny()
	met := len(h.o.Until) > 0 && (h.o.UntilEach == "" && matches >= h.o.UntilCount || h.o.UntilEach != "" && each && h.allKnown())
	switch {
	case line && text == "p" && len(h.o.FailOn) > 0:
		return 3, true
	case line && h.o.MaxCount == lines && len(h.o.Until) > 0 && !met:
		if (!h.readable() || h.forbidden()) && (h.o.Strict || h.count("ready") > 0) {
			return 5, true
		}
		return 1, true
	case len(h.o.Until) > 0 && h.o.UntilEach == "" && matches >= h.o.UntilCount && required:
		return 0, true
	case h.o.MaxCount > 0 && lines >= h.o.MaxCount && required:
		return 0, true
	case each && all:
		return 0, true
	}
	if each && h.allKnown() && h.enoughPods() || !h.o.UntilDone || !h.allKnown() || !h.enoughPods() || !h.allEnded() {
		return 0, false
	}
	switch {
	case h.failed():
		return 4, true
	case !all:
		return 0, false
	case h.count("unread") > 0:
		return 1, true
	case len(h.o.Until) > 0 && !met:
		return 1, true
	}
	return 0, true
}

func parse(step string) (word, on, text string) {
	word, rest, _ := strings.Cut(step, " ")
	on, text, _ = strings.Cut(rest, " ")
	return word, on, text
}

func (h history) last() (word, text string) {
	word, _, text = parse(h.steps[len(h.steps)-1])
	return word, text
}

// count returns how many events of a kind there were, with any of these texts if some are given.
func (h history) count(kind string, texts ...string) (n int) {
	for _, s := range h.steps {
		if word, _, text := parse(s); word == kind && (len(texts) == 0 || slices.Contains(texts, text)) {
			n++
		}
	}
	return n
}

// pods are all that were found.
func (h history) pods() (all []string) {
	for _, s := range h.steps {
		if word, on, _ := parse(s); word == "pod" {
			all = append(all, on)
		}
	}
	return all
}

// happened reports whether an event of one of these kinds was about a pod or cluster.
func (h history) happened(on string, kinds ...string) bool {
	return slices.ContainsFunc(h.steps, func(s string) bool {
		word, about, _ := parse(s)
		return about == on && slices.Contains(kinds, word)
	})
}

// readable reports whether enough clusters are readable: with --require now and as a whole, else if they ever were.
func (h history) readable() bool {
	n := 0
	for _, c := range []string{"eu", "us"} {
		up, ever, whole := false, false, true
		for _, s := range h.steps {
			switch word, on, _ := parse(s); {
			case on != c:
			case word == "up":
				up, ever = true, true
			case word == "down":
				up = false
			case word == "forbid":
				whole = false
			case word == "allow":
				whole = true
			}
		}
		if h.o.Strict && up && whole || !h.o.Strict && ever {
			n++
		}
	}
	return n >= h.o.Required
}

// forbidden reports whether a namespace that was named is forbidden in any cluster, which --require overrules.
func (h history) forbidden() bool {
	if h.o.Strict || len(h.o.Namespaces) == 0 {
		return false
	}
	last := make(map[string]string)
	for _, s := range h.steps {
		if word, on, _ := parse(s); word == "forbid" || word == "allow" {
			last[on] = word
		}
	}
	return last["eu"] == "forbid" || last["us"] == "forbid"
}

// allKnown reports whether all clusters were tried, of those that came up later all is known, and of each pod that is there whether it is
// selected.
func (h history) allKnown() bool {
	known := false
	for n, s := range h.steps {
		switch word, on, _ := parse(s); word {
		case "ready":
			known = true
		case "up":
			known = known && (history{steps: h.steps[:n]}).happened(on, "up")
		}
	}
	undecided := make(map[string]bool)
	for _, s := range h.steps {
		switch word, on, _ := parse(s); word {
		case "undecided":
			undecided[on] = true
		case "decided":
			delete(undecided, on)
		}
	}
	return known && len(undecided) == 0
}

// enoughPods reports whether so many pods were there at once as --wait-pods asks for.
func (h history) enoughPods() bool {
	n := 0
	if h.o.WaitPods == 0 {
		return true
	}
	for _, s := range h.steps {
		switch word, _, _ := parse(s); word {
		case "pod":
			n++
		case "gone":
			n--
		}
		if n >= h.o.WaitPods {
			return true
		}
	}
	return false
}

// unmatched are the pods that are there and have no line that matches.
func (h history) unmatched() (all []string) {
	for _, p := range h.pods() {
		if !h.happened(p, "gone") && !slices.Contains(h.steps, "line "+p+"/a x") {
			all = append(all, p)
		}
	}
	return all
}

func (h history) matchedAny() bool {
	return slices.ContainsFunc(h.pods(), func(p string) bool { return !h.happened(p, "gone") && slices.Contains(h.steps, "line "+p+"/a x") })
}

// counted are the pods that --until-done is about: those that are there, and those that had ended or failed before they went.
func (h history) counted() (all []string) {
	for _, p := range h.pods() {
		if !h.happened(p, "gone") || h.happened(p, "ended", "unread") || slices.Contains(h.steps, "gone "+p+" deleted") {
			all = append(all, p)
		}
	}
	return all
}

func (h history) allEnded() bool {
	all := h.counted()
	return len(all) > 0 && !slices.ContainsFunc(all, func(p string) bool { return !h.happened(p, "ended", "unread", "gone") })
}

func (h history) failed() bool { return h.count("ended", "bad")+h.count("gone", "deleted") > 0 }

// unmet reports whether something is still waited for.
func (h history) unmet() bool {
	until := len(h.o.Until) > 0
	switch {
	case !h.enoughPods():
		return true
	case until && h.o.UntilEach == "" && int64(h.count("line", "x")) < h.o.UntilCount:
		return true
	case until && h.o.UntilEach != "" && (!h.allKnown() || len(h.unmatched()) > 0 || !h.matchedAny()):
		return true
	case h.o.UntilDone && h.o.AllowEmpty && h.o.UntilEach == "" && len(h.counted()) == 0:
		return !h.allKnown()
	}
	return h.o.UntilDone && (!h.allKnown() || !h.allEnded())
}
