package behaviour

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/testdata/loggen"
)

func ptr[T any](v T) *T { return &v }

// stampForm is a stamp at the beginning of a line: nine digits, and Z or an offset.
var stampForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d) `)

// stamped takes a line apart.
func (e *env) stamped(line string) (time.Time, string) {
	e.Helper()
	m := stampForm.FindString(line)
	t, err := time.Parse(time.RFC3339Nano, strings.TrimSuffix(m, " "))
	if m == "" || err != nil {
		e.Fatalf("%.80q has no stamp of nine digits (%v)", line, err)
	}
	return t, line[len(m):]
}

func (e *env) equal(what string, got, want []string) {
	e.Helper()
	if !slices.Equal(got, want) {
		e.Errorf("%s: got %d lines %.300q, want %d %.300q", what, len(got), got, len(want), want)
	}
}

func testLogOptions(e *env) {
	spec := loggen.Spec{Lines: 12, Rate: 5, Prefix: "a", Wait: -1}
	want := expected(spec)
	e.create(e.pod("pod", container("app", spec)))
	e.written("pod", "", len(want))
	log := func(o corev1.PodLogOptions) []string {
		e.Helper()
		return e.lines("pod", o)
	}
	e.equal("plain", log(corev1.PodLogOptions{}), want)
	e.equal("container named", log(corev1.PodLogOptions{Container: "app"}), want)

	full := log(corev1.PodLogOptions{Timestamps: true})
	var stamps []time.Time
	var texts []string
	for _, line := range full {
		at, text := e.stamped(line)
		stamps, texts = append(stamps, at), append(texts, text)
	}
	e.equal("with stamps", texts, want)
	if !slices.IsSortedFunc(stamps, time.Time.Compare) {
		e.Errorf("the stamps are not in order: %v", stamps)
	}

	for _, n := range []int{0, 1, 5, 12, 100} {
		o := corev1.PodLogOptions{TailLines: ptr(int64(n))}
		e.equal(fmt.Sprintf("tailLines=%d", n), log(o), want[max(0, len(want)-n):])
	}

	text := strings.Join(full, "\n") + "\n"
	for _, n := range []int64{1, 40, 100, int64(len(text)), 1 << 20} {
		for _, follow := range []bool{false, int(n) <= len(text)} {
			got, err := e.log("pod", corev1.PodLogOptions{Timestamps: true, LimitBytes: &n, Follow: follow})
			if short := text[:min(int(n), len(text))]; err != nil || got != short {
				e.Errorf("limitBytes=%d follow=%v: got %q, %v, want %q", n, follow, got, err, short)
			}
		}
	}
	got, err := e.log("pod", corev1.PodLogOptions{LimitBytes: ptr(int64(10)), TailLines: ptr(int64(2))})
	if err != nil || got != want[10][:10] {
		e.Errorf("limitBytes with tailLines: %q, %v", got, err)
	}

	// sinceTime reaches the kubelet in whole seconds, and takes in the line of that very second.
	for _, at := range stamps {
		var since []string
		for i, s := range stamps {
			if !s.Before(at.Truncate(time.Second)) {
				since = append(since, want[i])
			}
		}
		e.equal("sinceTime="+at.String(), log(corev1.PodLogOptions{SinceTime: ptr(metav1.NewTime(at))}), since)
	}
	last := stamps[len(stamps)-1]
	e.equal("sinceTime to come", log(corev1.PodLogOptions{SinceTime: ptr(metav1.NewTime(last.Add(2 * time.Second)))}), []string{})
	e.equal("sinceSeconds", log(corev1.PodLogOptions{SinceSeconds: ptr(int64(3600))}), want)
	e.poll("sinceSeconds=1 to leave out all lines", func() bool {
		return len(log(corev1.PodLogOptions{SinceSeconds: ptr(int64(1))})) == 0
	})
	// The tail is taken first, what is too old is left out then.
	since := metav1.NewTime(last)
	if got := log(corev1.PodLogOptions{TailLines: ptr(int64(1)), SinceTime: &since}); len(got) != 1 {
		e.Errorf("tailLines=1 with sinceTime of the last line: %q", got)
	}

	rc, err := e.pods.GetLogs("pod", &corev1.PodLogOptions{Follow: true, TailLines: ptr(int64(2))}).Stream(e.ctx)
	if err != nil {
		e.Fatal(err)
	}
	defer rc.Close()
	r := bufio.NewReader(rc)
	for _, want := range want[10:] {
		if got, err := r.ReadString('\n'); got != want+"\n" {
			e.Errorf("follow with tailLines=2: got %q, %v, want %q", got, err, want)
		}
	}
	if _, err := e.log("pod", corev1.PodLogOptions{Previous: true}); true {
		e.refused("previous of a first life", err, 400, `previous terminated container "app" in pod "pod" not found`)
	}
}

func testBadOptions(e *env) {
	e.create(e.pod("pod", idle("app")))
	now := metav1.Now()
	for _, test := range []struct {
		o    corev1.PodLogOptions
		text string
	}{
		{corev1.PodLogOptions{TailLines: ptr(int64(-1))}, "tailLines: Invalid value: -1: must be greater than or equal to 0"},
		{corev1.PodLogOptions{LimitBytes: ptr(int64(0))}, "limitBytes: Invalid value: 0: must be greater than 0"},
		{corev1.PodLogOptions{SinceSeconds: ptr(int64(0))}, "sinceSeconds: Invalid value: 0: must be greater than 0"},
		{corev1.PodLogOptions{SinceSeconds: ptr(int64(5)), SinceTime: &now}, "at most one of `sinceTime` or `sinceSeconds` may be specified"},
	} {
		_, err := e.log("pod", test.o)
		e.refused(fmt.Sprintf("%+v", test.o), err, 422, `PodLogOptions "pod" is invalid: `)
		e.refused(fmt.Sprintf("%+v", test.o), err, 422, test.text)
	}
	_, err := e.log("pod", corev1.PodLogOptions{Stream: ptr(corev1.LogStreamStderr)})
	if err != nil { // unless the server can split streams
		e.refused("a stream", err, 422, "stream: Forbidden: may not be specified")
	}
	_, err = e.log("none", corev1.PodLogOptions{})
	e.refused("a pod that is not there", err, 404, `pods "none" not found`)
}

func testWhichContainer(e *env) {
	one := loggen.Spec{Lines: 2, Prefix: "one", Wait: -1}
	two := loggen.Spec{Lines: 3, Prefix: "two", Wait: -1}
	p := e.pod("pod", container("one", one), container("two", two))
	p.Spec.InitContainers = []corev1.Container{container("init", loggen.Spec{Lines: 1})}
	e.create(p)
	e.written("pod", "one", 2)
	e.written("pod", "two", 3)
	e.equal("one", e.lines("pod", corev1.PodLogOptions{Container: "one"}), expected(one))
	e.equal("two", e.lines("pod", corev1.PodLogOptions{Container: "two"}), expected(two))
	_, err := e.log("pod", corev1.PodLogOptions{})
	e.refused("no container named", err, 400, "a container name must be specified for pod pod, choose one of: [init one two]")
	_, err = e.log("pod", corev1.PodLogOptions{Container: "three"})
	e.refused("an unknown container", err, 400, "container three is not valid for pod pod")
}

func testWaiting(e *env) {
	k := idle("app")
	k.Image = "mktail.test/no-such-image:1"
	e.create(e.pod("pod", k))
	want := `container "app" in pod "pod" is waiting to start: ErrImageNeverPull`
	e.poll("the right error", func() bool {
		_, err := e.log("pod", corev1.PodLogOptions{})
		return err != nil && err.Error() == want
	})
	_, err := e.log("pod", corev1.PodLogOptions{Follow: true})
	e.refused("following a waiting container", err, 400, want)
	_, err = e.log("pod", corev1.PodLogOptions{Previous: true})
	e.refused("previous of a waiting container", err, 400, `previous terminated container "app" in pod "pod" not found`)
}

// testBothStreams: stdout and stderr are one log; their lines keep their order each, but not with each other.
func testBothStreams(e *env) {
	spec := loggen.Spec{Lines: 40, Rate: 100, StderrEvery: 4}
	e.create(e.pod("pod", container("app", spec)))
	e.written("pod", "", spec.Lines)
	got, want := e.lines("pod", corev1.PodLogOptions{}), expected(spec)
	for _, mine := range []func(i int) bool{
		func(i int) bool { return (i+1)%spec.StderrEvery == 0 },
		func(i int) bool { return (i+1)%spec.StderrEvery != 0 },
	} {
		var of []string
		for i, line := range want {
			if mine(i) {
				of = append(of, line)
			}
		}
		e.equal("one stream's lines", slices.DeleteFunc(slices.Clone(got), func(s string) bool { return !slices.Contains(of, s) }), of)
	}
	if len(got) != len(want) {
		e.Errorf("got %d lines", len(got))
	}
}

// testLongLine: the runtime splits a long line, the kubelet joins it.
func testLongLine(e *env) {
	spec := loggen.Spec{Lines: 3, Length: 50_000}
	e.create(e.pod("pod", container("app", spec)))
	e.written("pod", "", spec.Lines)
	e.equal("long lines", e.lines("pod", corev1.PodLogOptions{}), expected(spec))
	var got []string
	for _, line := range e.lines("pod", corev1.PodLogOptions{Timestamps: true}) {
		_, text := e.stamped(line)
		got = append(got, text)
	}
	e.equal("long lines with stamps", got, expected(spec))

	half := loggen.Spec{Text: "no newline, ", Lines: 1, Delay: time.Second}
	e.create(e.pod("half", container("app", half)))
	e.written("half", "", 1)
	e.equal("a line written in halves", e.lines("half", corev1.PodLogOptions{}), []string{half.Text + half.Line(0)})
}

// follow opens a follow stream as soon as the container can be followed.
func (e *env) follow(pod string, o corev1.PodLogOptions) io.ReadCloser {
	e.Helper()
	o.Follow = true
	var rc io.ReadCloser
	e.poll("following "+pod, func() bool {
		var err error
		rc, err = e.pods.GetLogs(pod, &o).Stream(e.ctx)
		return err == nil
	})
	e.Cleanup(func() { _ = rc.Close() })
	return rc
}
