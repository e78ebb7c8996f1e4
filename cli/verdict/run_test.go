package verdict_test

import (
	"bytes"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"mktail/cli/verdict"
	"mktail/emit"
	"mktail/emit/jq"
	"mktail/tail/report"
)

// run is a run whose events and records come from a test.
type run struct {
	t *testing.T
	*verdict.Conditions
	output              *emit.Output
	streams             map[string]*emit.Stream // by cluster/uid/container; nil: takes no more records
	stdout, stderr, log bytes.Buffer
	cancelled           int
	ready               int      // how often it became ready
	matches             []string // what OnMatch was called with
}

// start starts a run. Its output is raw, through program if that is not empty.
func start(t *testing.T, o verdict.Options, program string) *run {
	t.Helper()
	o.Halts = program != ""
	return startWith(t, o, func(j *verdict.Judge) emit.Format {
		if program == "" {
			return j.Limit(emit.Raw(emit.RawOptions{}))
		}
		return j.Limit(compile(t, program).Format(t.Context(), jq.Shape{Raw: true}, j.Failed))
	})
}

// startWith starts a run whose output has the format that build makes.
func startWith(t *testing.T, o verdict.Options, build func(*verdict.Judge) emit.Format) *run {
	t.Helper()
	r := &run{t: t, streams: make(map[string]*emit.Stream)}
	o.Cancel = func() { r.cancelled++ }
	o.OnMatch = func(flag string, src emit.Source, rec *emit.Record) {
		r.matches = append(r.matches, flag+" "+src.Container+" "+string(rec.Line))
	}
	o.Stderr, o.Output = &r.stderr, "--jq"
	o.Log = zerolog.New(zerolog.ConsoleWriter{Out: &r.log, NoColor: true, PartsOrder: []string{zerolog.MessageFieldName}})
	if o.UntilCount == 0 {
		o.UntilCount = 1
	}
	r.Conditions = verdict.New(o)
	r.output = r.Output(&r.stdout, r.Format(t.Context(), build))
	return r
}

// do is one step: an event, or a line of a container.
//
//	up, down, open CLUSTER · part-down, part-up CLUSTER PART · forbid, allow CLUSTER NAMESPACE · ready
//	waits CLUSTER/UID/CONTAINER [REASON]
//	undecided, decided CLUSTER/UID
//	pod-of CLUSTER/UID OWNER,…   of a Job that can't be read
//	pod, ended, gone CLUSTER/UID[/JOB] [CONTAINER or FAILURE,…] · unread CLUSTER/UID CONTAINER: WHY,…
//	exited CLUSTER/UID/SECOND CONTAINER=CODE [FAILURE]   the pod has ended
//	rollout CLUSTER/NAME/OWNER [WAITS][!FAILURE] · rollout-gone CLUSTER/NAME
//	job, job-ended, job-gone CLUSTER/JOB [OWNER or FAILURE,…] · no-jobs CLUSTER
//	line, gap CLUSTER/UID/CONTAINER TEXT
func (r *run) do(step string) {
	r.t.Helper()
	word, rest, _ := strings.Cut(step, " ")
	on, arg, _ := strings.Cut(rest, " ")
	part := append(strings.Split(on, "/"), "", "")
	e := report.Event{Cluster: part[0], UID: part[1], Namespace: "shop", Pod: "pod-" + part[1]}
	var list []string
	if arg != "" {
		list = strings.Split(arg, ",")
	}
	switch word {
	case "up":
		e.Kind = report.ClusterUp
	case "down":
		e.Kind = report.ClusterDown
	case "part-down":
		e.Kind, e.Part = report.PartDown, arg
	case "part-up":
		e.Kind, e.Part = report.PartUp, arg
	case "forbid":
		e.Kind, e.Part, e.Namespace, e.Forbidden = report.PartDown, "namespace "+arg, arg, true
	case "allow":
		e.Kind, e.Part, e.Namespace, e.Forbidden = report.PartUp, "namespace "+arg, arg, true
	case "waits":
		e.Kind, e.Container, e.Reason = report.ContainerWaits, part[2], arg
	case "open":
		e.Kind = report.ContainerOpen
	case "ready":
		e.Kind = report.Ready
	case "pod":
		e.Kind, e.Containers, e.Job, e.JobUID = report.PodFound, list, part[2], part[2]
	case "pod-of":
		e.Kind, e.Owners = report.PodFound, list
	case "undecided":
		e.Kind = report.PodUndecided
	case "decided":
		e.Kind = report.PodDecided
	case "exited":
		container, rest, _ := strings.Cut(arg, "=")
		code, failure, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(code)
		if err != nil {
			r.t.Fatal(err)
		}
		second, err := strconv.Atoi(part[2])
		if err != nil {
			r.t.Fatal(err)
		}
		e.Kind, e.Failures = report.PodEnded, strings.Fields(failure)
		e.Exits = []report.Exit{{Container: container, Code: n, At: time.Unix(int64(second), 0)}, {Container: "other", Code: 99}}
	case "job":
		e.Kind, e.Job, e.JobUID, e.Owners = report.JobFound, part[1], part[1], list
	case "job-ended":
		e.Kind, e.Job, e.JobUID, e.Failures = report.JobEnded, part[1], part[1], list
	case "job-gone":
		e.Kind, e.Job, e.JobUID, e.Failures = report.JobGone, part[1], part[1], list
	case "rollout":
		waits, failure, failed := strings.Cut(arg, "!")
		e.Kind, e.Workload, e.Owners, e.Reason = report.Rollout, "deployment/"+part[1], []string{"deploy/" + part[2]}, waits
		if failed {
			e.Failures = []string{failure}
		}
	case "rollout-gone":
		e.Kind, e.Workload = report.RolloutGone, "deployment/"+part[1]
	case "no-jobs":
		e.Kind = report.JobsForbidden
	case "ended":
		e.Kind, e.Failures = report.PodEnded, list
	case "unread":
		e.Kind, e.Unread = report.PodEnded, list
	case "gone":
		e.Kind, e.Failures = report.PodGone, list
	case "line", "gap":
		rec := &emit.Record{Stamp: []byte("2026-01-02T03:04:05.000000000Z"), Line: []byte(arg)}
		if word == "gap" {
			rec.Line, rec.Gap = nil, &emit.Gap{Reason: "rotated"}
		}
		src := emit.Source{Cluster: part[0], UID: part[1], Container: part[2], Namespace: "shop", Pod: "pod-" + part[1]}
		if part[0] == "" { // a line of stdin
			src = emit.Source{Container: part[2]}
		}
		r.add(on, src, rec)
		return
	default:
		r.t.Fatalf("unknown step %q", step)
	}
	if r.Happened(e) {
		r.ready++
	}
}

func (r *run) add(key string, src emit.Source, rec *emit.Record) {
	s, known := r.streams[key]
	if !known {
		s = r.output.Stream(src)
		r.streams[key] = s
	}
	if s == nil {
		return
	}
	if err := s.Add(rec); errors.Is(err, emit.ErrEnded) {
		r.streams[key] = nil
	} else if err := s.Flush(); err != nil {
		r.t.Error(err)
	}
}

// end ends the run and returns its exit code.
func (r *run) end(e verdict.Ending) int {
	r.t.Helper()
	if err := r.output.Close(); err != nil {
		r.t.Error(err)
	}
	r.ReportFailures()
	code, said := r.ExitCode(e), r.log.Len()
	if again := r.ExitCode(e); again != code {
		r.t.Errorf("exit code %d, and then %d", code, again)
	}
	r.log.Truncate(said)
	return code
}

func patterns(all ...string) (compiled []*regexp.Regexp) {
	for _, p := range all {
		compiled = append(compiled, regexp.MustCompile(p))
	}
	return compiled
}

func compile(t *testing.T, program string) *jq.Program {
	t.Helper()
	p, err := jq.Compile(program, jq.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// read is the ending of a run that has read one container of eu.
var read = verdict.Ending{Summaries: []report.Summary{{Cluster: "eu", Containers: 1}}}
