package tail_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"mktail/tail"
	"mktail/tail/report"
	"mktail/testdata/sim"
)

// jobEvents are the events of Jobs and their pods, as "KIND NAME".
type jobEvents struct {
	mu  sync.Mutex
	all []string
}

func (e *jobEvents) notify(event report.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch event.Kind {
	case report.PodFound, report.PodEnded, report.PodGone:
		text := fmt.Sprint(event.Kind, " ", event.Pod)
		if event.JobUID != "" {
			text += " of " + event.Job
		}
		e.all = append(e.all, text)
	case report.JobFound:
		e.all = append(e.all, fmt.Sprint(event.Kind, " ", event.Job, " by ", strings.Join(event.Owners, ",")))
	case report.JobEnded, report.JobGone:
		text := fmt.Sprint(event.Kind, " ", event.Job)
		if len(event.Failures) > 0 {
			text += ": " + strings.Join(event.Failures, ", ")
		}
		e.all = append(e.all, text)
	case report.JobsForbidden:
		e.all = append(e.all, fmt.Sprint(event.Kind, " ", event.Namespace))
	}
}

// want compares the events so far.
func (e *jobEvents) want(t *testing.T, s *session, want ...string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Equal(e.all, want) {
		t.Errorf("got  %q\nwant %q\nstderr: %s", e.all, want, s.logged())
	}
}

// jobsOf has a run report Jobs of these queries.
func jobsOf(t *testing.T, queries ...string) (tail.Options, *jobEvents) {
	o, events := following(), new(jobEvents)
	o.Jobs, o.Owners, o.Notify = true, ownersOf(t, queries...), events.notify
	return o, events
}

// job gives a Job with such a condition; an empty one is none.
func job(name string, condition batchv1.JobConditionType, reason string) sim.Object {
	body := new(batchv1.Job)
	if condition != "" {
		body.Status.Conditions = []batchv1.JobCondition{{Type: condition, Status: corev1.ConditionTrue, Reason: reason}}
	}
	return sim.Object{Group: "batch", Kind: "Job", Name: name, Body: body}
}

// Whatever becomes of the requests for Jobs, a Job's end is reported, after all its pods were found.
func TestJobs(t *testing.T) {
	all := []string{"job-found import by job/import", "pod-found a of import", "pod-ended a", "pod-found b of import", "job-ended import"}
	forbidden := sim.User{Name: "ann", Rules: []sim.Rule{{Verbs: []string{"get"}, Resources: []string{"jobs"}}, {Resources: []string{"pods", "pods/log"}}}}
	for name, tt := range map[string]struct {
		faults   []sim.Fault
		user     *sim.User
		late     time.Duration // until the end of the Job is reported
		reported string
	}{
		"at once":                   {nil, nil, time.Second, ""},
		"the watch of pods is late": {[]sim.Fault{{Verb: "watch", Path: "/pods", End: sim.Stall}}, nil, time.Second, ""},
		"a list fails":              {[]sim.Fault{{Verb: "list", Path: "/jobs", Status: 500, Times: 3}}, nil, 3 * time.Second, "warn: eu: jobs in namespace default (for job/import): "},
		"a list hangs":              {[]sim.Fault{{Verb: "list", Path: "/jobs", Delay: time.Hour, Times: 1}}, nil, 5 * time.Second, "warn: eu: connecting: no answer in time, retrying"},
		"each watch fails":          {[]sim.Fault{{Verb: "watch", Path: "/jobs", Status: 403}}, nil, 11 * time.Second, "warn: eu: jobs in namespace default (for job/import) cannot be watched: "},
		"each watch breaks":         {[]sim.Fault{{Verb: "watch", Path: "/jobs", End: sim.Abort}}, nil, 11 * time.Second, "cannot be watched: "},
		"a watch expires":           {[]sim.Fault{{Verb: "watch", Path: "/jobs", Times: 2, End: sim.Expire}}, nil, time.Second, ""},
		"they can but be got":       {nil, &forbidden, 6 * time.Second, "warn: eu: jobs cannot be listed (for job/import), and are asked for by name every 5s instead: "},
	} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			ref := c.AddObject(job("import", "", ""))
			write(t, c.AddPod(sim.PodSpec{Name: "a", Policy: "Never", Owner: ref}).Container("app"), "x")
			c.Pod("default", "a").Container("app").Exit(1)
			c.AddObject(job("other", batchv1.JobComplete, ""))
			time.Sleep(time.Second)
			for _, f := range tt.faults {
				c.Inject(f)
			}
			token := c.AdminToken()
			if tt.user != nil {
				token = "ann"
				c.AddToken(token, *tt.user)
			}
			o, events := jobsOf(t, "job/import")
			s := startAs(t, o, []string{token}, c)
			time.Sleep(6 * time.Second)
			s.want("a", "app", "x")
			events.want(t, s, all[:3]...)
			b := c.AddPod(sim.PodSpec{Name: "b", Policy: "Never", Owner: ref}).Container("app")
			write(t, b, "y")
			c.AddObject(job("import", batchv1.JobComplete, ""))
			time.Sleep(tt.late)
			events.want(t, s, all...)
			time.Sleep(time.Minute)
			if logged := s.logged(); !strings.Contains(logged, tt.reported) || tt.reported == "" && logged != "" {
				t.Errorf("stderr: %s", logged)
			}
			s.stop()
			s.want("b", "app", "y")
			events.want(t, s, all...)
		})
	}
}

// Of the Jobs and workloads that a pattern asks for, those are reported whose pods --selector chooses.
func TestSelectedOwners(t *testing.T) {
	x := map[string]string{"app": "x"}
	bubble(t, "Jobs", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		for _, name := range []string{"other", "chosen", "named", "by-its-pod"} {
			o := job(name, "", "")
			if name == "chosen" {
				o.Body.(*batchv1.Job).Spec.Template.Labels = x
			}
			ref := c.AddObject(o)
			pod := sim.PodSpec{Name: name, Policy: "Never", Owner: ref, Labels: x}
			if name == "by-its-pod" { // an admission webhook has labelled it
				write(t, c.AddPod(pod).Container("app"), "x")
			}
		}
		o, events := jobsOf(t, "job/*", "job/named")
		o.Labels = "app=x"
		s := start(t, o, c)
		time.Sleep(time.Second)
		c.AddObject(job("later", batchv1.JobComplete, ""))
		time.Sleep(time.Second)
		s.stop()
		slices.Sort(events.all)
		events.want(t, s, "job-found by-its-pod by job/*", "job-found chosen by job/*", "job-found named by job/*,job/named", "pod-found by-its-pod of by-its-pod")
	})
	bubble(t, "Deployments", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		labelled := func(name string, labels map[string]string) sim.Object {
			o := deployed(name, 1, 1, "1")
			o.Body.(*appsv1.Deployment).Spec.Template.Labels = labels
			return o
		}
		c.AddObject(labelled("chosen", x))
		c.AddObject(labelled("other", nil))
		c.AddObject(labelled("later", nil))
		o, events := newestOf(t, "deploy/*")
		o.Labels, o.Rollouts, o.NewestRevision = "app=x", true, false
		s := start(t, o, c)
		time.Sleep(time.Second)
		c.AddObject(labelled("later", x))
		time.Sleep(time.Second)
		c.AddObject(labelled("chosen", nil))
		time.Sleep(time.Second)
		c.DeleteObject("apps", "Deployment", "default", "other")
		c.DeleteObject("apps", "Deployment", "default", "later")
		time.Sleep(time.Second)
		s.stop()
		if got, want := events(), "rollout deployment/chosen; rollout deployment/later; rollout-gone deployment/chosen; rollout-gone deployment/later"; got != want {
			t.Errorf("events: %s\nwant: %s", got, want)
		}
	})
}

// A cluster whose Jobs can't be listed does not count as readable as a whole when the run is ready.
func TestJobsUnlisted(t *testing.T) {
	bubble(t, "unlisted", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		c.Inject(sim.Fault{Verb: "list", Path: "/jobs", Status: 500})
		o, _ := jobsOf(t, "job/import")
		var mu sync.Mutex
		var got []string
		o.Notify = func(e report.Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Kind == report.PartDown || e.Kind == report.Ready {
				got = append(got, strings.TrimSpace(fmt.Sprint(e.Kind, " ", e.Part)))
			}
		}
		s := start(t, o, c)
		time.Sleep(time.Minute)
		s.stop()
		if want := []string{"part-down jobs in namespace default (for job/import)", "ready"}; !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
	})
}

// What comes of Jobs that are deleted, and of pods that their Job has left behind.
func TestJobsGone(t *testing.T) {
	bubble(t, "before it ended", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		o, events := jobsOf(t, "job/*")
		s := start(t, o, c)
		time.Sleep(time.Second)
		c.AddObject(job("import", "", ""))
		time.Sleep(time.Second)
		c.DeleteObject("batch", "Job", "default", "import")
		time.Sleep(time.Second)
		events.want(t, s, "job-found import by job/*", "job-gone import: deleted before it ended")
		s.stop()
	})
	bubble(t, "while nobody watched", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		c.AddObject(job("import", "", ""))
		o, events := jobsOf(t, "job/import")
		s := start(t, o, c)
		time.Sleep(time.Second)
		c.Inject(sim.Fault{Verb: "watch", Path: "/jobs", Status: 410, Times: 1})
		down := c.Inject(sim.Fault{Path: "/jobs", Status: 503})
		c.CutConnections()
		time.Sleep(time.Second)
		c.DeleteObject("batch", "Job", "default", "import")
		c.AddObject(job("import", batchv1.JobFailed, "BackoffLimitExceeded"))
		time.Sleep(time.Minute)
		down.Remove()
		time.Sleep(time.Minute)
		events.want(t, s, "job-found import by job/import", "job-found import by job/import", "job-gone import: deleted before it ended", "job-ended import: BackoffLimitExceeded")
		s.stop()
	})
	bubble(t, "as soon as it has ended", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		pod := c.AddPod(sim.PodSpec{Name: "a", Policy: "Never", Owner: c.AddObject(job("import", "", ""))})
		o, events := jobsOf(t, "job/import")
		s := start(t, o, c)
		time.Sleep(time.Second)
		c.AddObject(job("import", batchv1.JobComplete, ""))
		c.DeleteObject("batch", "Job", "default", "import")
		pod.Delete(0)
		time.Sleep(time.Minute)
		s.stop()
		slices.Sort(events.all[2:]) // the pod's followers end when they do
		events.want(t, s, "job-found import by job/import", "pod-found a of import", "job-ended import", "job-gone import", "pod-gone a")
	})
	bubble(t, "before the run", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		c.AddPod(sim.PodSpec{Name: "a", Policy: "Never", Owner: c.AddObject(job("import", "", ""))})
		c.DeleteObject("batch", "Job", "default", "import")
		o, events := jobsOf(t, "job/import")
		s := start(t, o, c)
		time.Sleep(time.Second)
		events.want(t, s, "job-found import by job/import", "pod-found a of import", "job-gone import")
		s.stop()
	})
	bubble(t, "with its namespace", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		object := job("import", "", "")
		object.Namespace = "shop"
		c.AddObject(object)
		c.AddToken("ann", sim.User{Name: "ann", Rules: []sim.Rule{{Resources: []string{"namespaces"}}, {Resources: []string{"jobs", "pods", "pods/log"}, Namespaces: []string{"shop"}}}})
		o, events := jobsOf(t, "job/import")
		o.Namespaces = []string{"sh*"}
		s := startAs(t, o, []string{"ann"}, c)
		time.Sleep(time.Second)
		events.want(t, s, "job-found import by job/import")
		c.DeleteObject("batch", "Job", "shop", "import")
		c.DeleteNamespace("shop", 0)
		time.Sleep(time.Minute)
		events.want(t, s, "job-found import by job/import", "job-gone import: deleted before it ended")
		if open := c.Stats().OpenWatches; open != 1 {
			t.Errorf("%d watches are open", open)
		}
		s.stop()
	})
}

// A run that does not follow looks again for a Job that only its pod has told of: it may be gone.
func TestJobsGoneNoFollow(t *testing.T) {
	bubble(t, "gone", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		a := c.AddPod(sim.PodSpec{Name: "a", Policy: "Never", Owner: c.AddObject(job("import", "", ""))}).Container("app")
		write(t, a, "x")
		a.Exit(0)
		c.DeleteObject("batch", "Job", "default", "import")
		time.Sleep(time.Second)
		o, events := jobsOf(t, "job/import")
		o.Follow = false
		s := start(t, o, c)
		if failed := (<-s.done)[0].Failed; failed != "" {
			t.Errorf("failed: %s", failed)
		}
		s.want("a", "app", "x")
		slices.Sort(events.all)
		events.want(t, s, "job-found import by job/import", "job-gone import", "pod-ended a", "pod-found a of import")
	})
}

// Without --until-done, or without a Job among the queries, nobody asks for Jobs.
func TestJobsNotAskedFor(t *testing.T) {
	for name, change := range map[string]func(*tail.Options){
		"not wanted":     func(o *tail.Options) { o.Jobs = false },
		"pods alone":     func(o *tail.Options) { o.Owners = ownersOf(t, "pod/a") },
		"no queries":     func(o *tail.Options) { o.Owners = nil },
		"not by its pod": func(o *tail.Options) { o.Owners = ownersOf(t, "sts/a") },
	} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			c.AddPod(sim.PodSpec{Name: "a", Policy: "Never", Owner: c.AddObject(job("import", batchv1.JobComplete, ""))})
			o, events := jobsOf(t, "job/import")
			change(&o)
			s := start(t, o, c)
			time.Sleep(time.Minute)
			s.stop()
			for _, e := range events.all {
				if strings.HasPrefix(e, "job") || strings.Contains(e, " of ") {
					t.Errorf("event %s", e)
				}
			}
			for _, q := range c.Requests() {
				if q.Resource == "jobs" {
					t.Errorf("%s %s", q.Verb, q.Path)
				}
			}
		})
	}
}

// A run that does not follow looks at the Jobs before the pods.
func TestJobsNoFollow(t *testing.T) {
	for name, tt := range map[string]struct {
		fault sim.Fault
		want  []string
	}{
		"it has ended":        {sim.Fault{Path: "none"}, []string{"job-found import by cronjob/nightly", "pod-found a of import", "job-ended import: DeadlineExceeded", "pod-ended a"}},
		"a list fails once":   {sim.Fault{Verb: "list", Path: "/jobs", Status: 500, Times: 1}, []string{"job-found import by cronjob/nightly", "pod-found a of import", "job-ended import: DeadlineExceeded", "pod-ended a"}},
		"lists fail":          {sim.Fault{Verb: "list", Path: "/jobs", Status: 500}, []string{"job-found import by cronjob/nightly", "pod-found a of import", "pod-ended a"}},
		"lists are denied":    {sim.Fault{Verb: "list", Path: "/jobs", Status: 403}, []string{"jobs-forbidden default", "pod-found a", "pod-ended a"}},
		"lists do not answer": {sim.Fault{Verb: "list", Path: "/jobs", Delay: time.Hour}, []string{"job-found import by cronjob/nightly", "pod-found a of import", "pod-ended a"}},
	} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			import_ := job("import", batchv1.JobFailed, "DeadlineExceeded")
			import_.Owner = c.AddObject(sim.Object{Group: "batch", Kind: "CronJob", Name: "nightly"})
			a := c.AddPod(sim.PodSpec{Name: "a", Policy: "Never", Owner: c.AddObject(import_)}).Container("app")
			write(t, a, "x")
			a.Exit(0)
			time.Sleep(time.Second)
			c.Inject(tt.fault)
			o, events := jobsOf(t, "cronjob/nightly")
			o.Follow = false
			s := start(t, o, c)
			failed := (<-s.done)[0].Failed
			s.want("a", "app", "x")
			slices.Sort(events.all)
			slices.Sort(tt.want)
			events.want(t, s, tt.want...)
			if (failed != "") != (name == "lists fail" || name == "lists do not answer") {
				t.Errorf("failed: %s", failed)
			}
		})
	}
}
