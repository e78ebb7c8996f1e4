package follow

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/tail/logline"
	"mktail/tail/pods"
	"mktail/tail/position"
)

// option is an option of a log request, by its name in the API.
type option string

// The options that are known to be ignored by some kubelets, or by what stands in the place of one on a virtual node. (No request has
// limitBytes.)
const (
	timestamps option = "timestamps"
	following  option = "follow"
	sinceTime  option = "sinceTime" // and sinceSeconds
	tailLines  option = "tailLines"
	previous   option = "previous"
)

// ignoring is what it means that a node ignores an option. %s is for what the node says of it.
var ignoring = map[option]string{
	timestamps: "sends no timestamps%s: lines are stamped when they arrive, and resuming is not exact there",
	following:  "does not follow logs%s: they are polled every " + PollEvery.String(),
	sinceTime:  "ignores sinceTime%s: its logs are read from their beginning each time",
	tailLines:  "ignores tailLines%s: its logs are read from their beginning to find the last lines",
	previous:   "sends the current log in place of the previous one%s: the last lines before a restart may be missing",
}

// nodes are what is known of nodes that ignore options. Many goroutines may use it.
type nodes struct {
	mu       sync.Mutex
	ignored  map[nodeOption]bool // of those that were put to the test
	reported map[string]bool
}

type nodeOption struct {
	node   string
	option option
}

// ignores reports whether the follower's node ignores an option, and whether that is known.
func (f *Follower) ignores(opt option) (ignored, known bool) {
	n := &f.c.nodes
	n.mu.Lock()
	defer n.mu.Unlock()
	ignored, known = n.ignored[nodeOption{f.Node, opt}]
	return ignored, known
}

// mayIgnore reports whether the follower's node ignores an option, or may do so, as it is not known.
func (f *Follower) mayIgnore(opt option) bool {
	ignored, known := f.ignores(opt)
	return ignored || !known
}

// ignoresAny reports whether the follower's node is known to ignore some option.
func (f *Follower) ignoresAny() bool {
	for opt := range ignoring {
		if ignored, _ := f.ignores(opt); ignored {
			return true
		}
	}
	return false
}

// noteIgnores notes whether the follower's node ignores an option. It is reported once for each node that one does: what it ignores beside
// that makes little difference. words are what the node says of it, or empty.
func (f *Follower) noteIgnores(opt option, ignored bool, words string) {
	n, key := &f.c.nodes, nodeOption{f.Node, opt}
	n.mu.Lock()
	defer n.mu.Unlock()
	if was, known := n.ignored[key]; known && was == ignored {
		return
	}
	if n.ignored == nil {
		n.ignored, n.reported = make(map[nodeOption]bool), make(map[string]bool)
	}
	n.ignored[key] = ignored
	_, follows := n.ignored[nodeOption{f.Node, following}]
	switch {
	case opt == following && !ignored && n.ignored[nodeOption{f.Node, sinceTime}]:
		opt = sinceTime
	case !ignored, opt == sinceTime && !follows: // that the node does not follow logs, either, would be more to the point
		return
	}
	if n.reported[f.Node] {
		return
	}
	n.reported[f.Node] = true
	if words != "" {
		words = " (" + words + ")"
	}
	f.c.Log.Warn().Msgf("%s: node %s "+ignoring[opt], f.c.Name, f.Node, words)
}

// testLimit is how long a request may take that puts a node to the test, and how long a node may be silent that is asked for the log of a
// previous instance.
const testLimit = 10 * time.Second

// never is later than the time of any line: a node that sends one since then ignores sinceTime.
var never = metav1.NewTime(time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC))

// testNode asks the node for the last line of a log, to see whether it sends stamps and knows tailLines. A stamp that does not look like a
// kubelet's may be the program's own: it stands in the line that is asked for without stamps, too. What it can't tell remains unknown: of a
// previous log with one line that is whether the node knows tailLines. The error is of the log.
func (f *Follower) testNode(ctx context.Context, previous bool) error {
	one := int64(1)
	o := f.allOf(previous, false)
	o.TailLines = &one
	line, came, err := f.twoLines(ctx, o)
	if err != nil || came == 0 {
		return err
	}
	all := 2
	if came == 1 && previous {
		if _, all, err = f.twoLines(ctx, f.allOf(previous, false)); err != nil {
			return err
		}
	}
	if all > 1 {
		f.noteIgnores(tailLines, came > 1, "")
	}
	_, _, has := logline.SplitStamp(line)
	switch {
	case !has && kubeletWords.Match(line):
		return nil
	case has && !logline.HasNineDigits(line):
		o.Timestamps = false
		if line, _, err = f.twoLines(ctx, o); err != nil {
			return err
		}
		_, _, own := logline.SplitStamp(line)
		has = !own
	}
	f.noteIgnores(timestamps, !has, "")
	return nil
}

// twoLines asks for a log, and returns its first line and how many came, at most two. One that has only begun is a line, too.
func (f *Follower) twoLines(ctx context.Context, o *corev1.PodLogOptions) (first []byte, came int, err error) {
	take := func(l logline.Line) bool {
		if came++; came == 1 {
			first = bytes.Clone(l.Text)
		}
		return came < 2
	}
	rest, err := f.askLog(ctx, testLimit, o, take)
	if len(rest.Text) > 0 {
		take(rest)
	}
	return first, came, err
}

// testSince tests whether the node ignores sinceTime: then it sends a line though it is asked for none. If it has sent no line, it is taken
// for one that does not.
func (f *Follower) testSince(ctx context.Context) (ignored bool) {
	if ignored, known := f.ignores(sinceTime); known {
		return ignored
	}
	o, since := f.allOf(false, false), never
	o.SinceTime = &since
	f.askLog(ctx, testLimit, o, func(logline.Line) bool {
		ignored = true
		return false
	})
	f.noteIgnores(sinceTime, ignored, "")
	return ignored
}

// sendsCurrent reports whether the node sends the current log in place of that of this instance, if it is a previous one. A node that ignores
// nothing else is taken for one that does not. Before that is known, the node is tested with the previous log: nothing is written to it, so
// that what is more than its last line shows that the node ignores tailLines.
func (f *Follower) sendsCurrent(ctx context.Context, in pods.Instance) (instead bool, err error) {
	current := f.known.Current
	if !in.Previous || current.ID == in.ID {
		return false, nil
	}
	if ignored, _ := f.ignores(previous); ignored {
		return true, nil
	}
	if !current.Running && !f.known.Ended { // before it is started again, a kubelet serves its log as the previous one, too
		return false, nil
	}
	if _, known := f.ignores(tailLines); !known {
		if err := f.testNode(ctx, true); errors.Is(err, errUnanswered) && f.c.Options.Follow { // as reading.bound would find
			return false, errUnanswered
		}
	}
	return f.ignoresAny() && f.testPrevious(ctx), nil
}

// testPrevious tests whether the node sends the current log in place of the previous one: then one begins as the other.
func (f *Follower) testPrevious(ctx context.Context) (ignored bool) {
	const compared = 1000 // lines
	var logs [2][]uint64
	for i := range logs { // the current one last: it may grow
		_, err := f.askLog(ctx, testLimit, f.allOf(i == 0, false), func(l logline.Line) bool {
			logs[i] = append(logs[i], position.Hash(0, l.Text, l.Cut))
			return len(logs[i]) < compared
		})
		if err != nil {
			return false
		}
	}
	n := len(logs[0])
	ignored = n > 0 && len(logs[1]) >= n && slices.Equal(logs[0], logs[1][:n])
	if ignored {
		f.noteIgnores(previous, true, "")
	}
	return ignored
}
