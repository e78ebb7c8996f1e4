package verdict_test

import (
	"testing"

	"mktail/cli/verdict"
	"mktail/tail/report"
)

// TestRequired tests which clusters count as readable, of two.
func TestRequired(t *testing.T) {
	all, any, unset := verdict.Options{Required: 2, Strict: true}, verdict.Options{Required: 1, Strict: true}, verdict.Options{Required: 1}
	const one, none = "1 of 2 clusters could be read, and 2 must be\n", ""
	for name, tt := range map[string]struct {
		require verdict.Options
		steps   []string
		want    string
	}{
		"never heard of":                {all, nil, one},
		"up":                            {all, []string{"up us"}, none},
		"away":                          {all, []string{"down us", "ready"}, one},
		"gone later":                    {all, []string{"up us", "ready", "down us"}, one},
		"back again":                    {all, []string{"up us", "ready", "down us", "up us"}, none},
		"a part of it":                  {all, []string{"up us", "part-down us logs", "ready"}, one},
		"a part of it again":            {all, []string{"up us", "part-down us logs", "ready", "part-up us logs"}, none},
		"one part of two again":         {all, []string{"up us", "part-down us logs", "part-down us pods", "part-up us logs"}, one},
		"away, but one is enough":       {any, []string{"down us", "ready"}, none},
		"away, and nothing is required": {unset, []string{"down us", "ready"}, none},
	} {
		t.Run(name, func(t *testing.T) {
			tt.require.Clusters = 2
			r := start(t, tt.require, "")
			r.do("up eu")
			for _, step := range tt.steps {
				r.do(step)
			}
			want := verdict.ExitOK
			if tt.want != "" {
				want = verdict.ExitRequire
			}
			if code := r.end(read); code != want || r.log.String() != tt.want {
				t.Errorf("%d, %q, want %d, %q", code, &r.log, want, tt.want)
			}
		})
	}
}

// TestRequiredOfOne: without --require, a cluster counts that could be read in part, or for a while.
func TestRequiredOfOne(t *testing.T) {
	for strict, want := range map[bool]string{false: "", true: "0 of 1 cluster could be read, and 1 must be\n"} {
		r := start(t, verdict.Options{Clusters: 1, Required: 1, Strict: strict}, "")
		for _, step := range []string{"up eu", "ready", "down eu"} {
			r.do(step)
		}
		r.end(read)
		if got := r.log.String(); got != want {
			t.Errorf("--require given %v: %q, want %q", strict, got, want)
		}
	}
}

// TestNoneReadable: without --require, one cluster must be readable once all were tried.
func TestNoneReadable(t *testing.T) {
	const none = "0 of 1 cluster could be read, and 1 must be\n"
	for name, tt := range map[string]struct {
		o     verdict.Options
		steps []string
		code  int
		log   string
	}{
		"not tried yet":              {verdict.Options{}, nil, verdict.ExitOK, ""},
		"tried":                      {verdict.Options{}, []string{"ready"}, verdict.ExitRequire, none},
		"errors ignored":             {verdict.Options{IgnoreErrors: true}, []string{"ready"}, verdict.ExitRequire, none},
		"errors ignored, but given":  {verdict.Options{IgnoreErrors: true, Strict: true}, []string{"ready"}, verdict.ExitRequire, none},
		"errors ignored, but ended":  {verdict.Options{IgnoreErrors: true, MaxCount: 1}, []string{"line eu/1/app x", "ready"}, verdict.ExitRequire, none},
		"all ended before the match": {verdict.Options{Until: patterns("x"), UntilDone: true}, []string{"pod eu/1 app", "ended eu/1", "ready"}, verdict.ExitRequire, none},
		"a line was wanted":          {verdict.Options{FailOn: patterns("x")}, []string{"ready", "line eu/1/app x"}, verdict.ExitFailOn, "--fail-on matched: eu: shop/pod-1/app: x\n"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.o.Clusters, tt.o.Required = 1, 1
			r := start(t, tt.o, "")
			for _, step := range tt.steps {
				r.do(step)
			}
			if code := r.end(read); code != tt.code || r.log.String() != tt.log {
				t.Errorf("%d, %q, want %d, %q", code, &r.log, tt.code, tt.log)
			}
		})
	}
}

// TestOwnCode tests the exit code of a run that came to its end by itself.
func TestOwnCode(t *testing.T) {
	type summary = report.Summary
	for name, tt := range map[string]struct {
		o         verdict.Options
		steps     []string
		summaries []report.Summary
		code      int
		log       string
	}{
		"nothing":           {verdict.Options{}, nil, []summary{{Cluster: "eu"}}, 1, "nothing to tail: no container matches in any cluster\n"},
		"nothing, ignored":  {verdict.Options{IgnoreErrors: true}, nil, []summary{{Cluster: "eu"}}, 1, "nothing to tail: no container matches in any cluster\n"},
		"nothing, allowed":  {verdict.Options{AllowEmpty: true}, nil, []summary{{Cluster: "eu"}}, 0, ""},
		"nothing has a log": {verdict.Options{}, []string{"pod eu/1 app", "waits eu/1/app ImagePullBackOff"}, []summary{{Cluster: "eu"}}, 1, "nothing to tail: no container that matches has a log; eu: shop/pod-1/app: waiting: ImagePullBackOff\n"},
		"waits no longer":   {verdict.Options{}, []string{"pod eu/1 app", "waits eu/1/app ImagePullBackOff", "waits eu/1/app"}, []summary{{Cluster: "eu"}}, 1, "nothing to tail: no container matches in any cluster\n"},
		"waits no longer when it is found again": {verdict.Options{}, []string{"pod eu/1 app", "waits eu/1/app ImagePullBackOff", "pod eu/1 app", "gone eu/1"}, []summary{{Cluster: "eu"}}, 1,
			"nothing to tail: no container matches in any cluster\n"},
		"no log was read":     {verdict.Options{}, []string{"pod eu/1 app"}, []summary{{Cluster: "eu", Containers: 2, Unread: 2}}, 1, "nothing to tail: no log could be read\n"},
		"one log was read":    {verdict.Options{}, []string{"pod eu/1 app"}, []summary{{Cluster: "eu", Containers: 2, Unread: 1}}, 0, ""},
		"lines were read":     {verdict.Options{}, []string{"pod eu/1 app"}, []summary{{Cluster: "eu", Containers: 2, Unread: 2, Lines: 1}}, 0, ""},
		"nothing before":      {verdict.Options{Previous: true}, nil, []summary{{Cluster: "eu"}}, 1, "nothing to tail: no container matches in any cluster\n"},
		"no previous":         {verdict.Options{Previous: true}, []string{"pod eu/1 app"}, []summary{{Cluster: "eu"}}, 1, "nothing to tail: no container that matches has a previous instance\n"},
		"one of two":          {verdict.Options{}, nil, []summary{{Cluster: "eu"}, {Cluster: "us", Containers: 2}}, 0, ""},
		"one failed":          {verdict.Options{}, nil, []summary{{Cluster: "eu", Containers: 1, Failed: "gone"}}, 1, "eu: not read to the end: gone\n"},
		"one failed, ignored": {verdict.Options{IgnoreErrors: true}, nil, []summary{{Cluster: "eu", Failed: "gone"}, {Cluster: "us", Containers: 2}}, 0, "eu: not read to the end: gone\n"},
		"another failed":      {verdict.Options{Strict: true}, nil, []summary{{Cluster: "eu", Containers: 1}, {Cluster: "us", Failed: "gone"}}, 0, "us: not read to the end: gone\n"},
		"a readable failed":   {verdict.Options{Strict: true}, []string{"up us"}, []summary{{Cluster: "eu", Containers: 1}, {Cluster: "us", Failed: "gone"}}, 1, "us: not read to the end: gone\n"},
		"failed and nothing":  {verdict.Options{}, nil, []summary{{Cluster: "eu", Failed: "gone"}}, 1, "eu: not read to the end: gone\n"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.o.Clusters, tt.o.Required = 2, 1
			r := start(t, tt.o, "")
			for _, step := range append([]string{"up eu"}, tt.steps...) {
				r.do(step)
			}
			if code := r.end(verdict.Ending{Summaries: tt.summaries}); code != tt.code || r.log.String() != tt.log {
				t.Errorf("%d, %q, want %d, %q", code, &r.log, tt.code, tt.log)
			}
		})
	}
}

// TestNamed: without --require, the namespaces that -n names must be readable, too, unless a line decides.
func TestNamed(t *testing.T) {
	const forbidden = "eu: namespace secret is named by -n, but forbidden\n"
	named := []string{"shop", "secret"}
	for name, tt := range map[string]struct {
		o     verdict.Options
		steps []string
		e     verdict.Ending
		code  int
		log   string
	}{
		"all is read":    {verdict.Options{Namespaces: named}, []string{"ready"}, read, 0, ""},
		"forbidden":      {verdict.Options{Namespaces: named}, []string{"forbid eu secret", "ready"}, read, 5, forbidden},
		"not any longer": {verdict.Options{Namespaces: named}, []string{"forbid eu secret", "ready", "allow eu secret"}, read, 0, ""},
		"another one":    {verdict.Options{Namespaces: named}, []string{"forbid eu other", "ready"}, read, 0, ""},
		"required less":  {verdict.Options{Namespaces: named, Strict: true}, []string{"up us", "forbid eu secret", "ready"}, read, 0, ""},
		"a line":         {verdict.Options{Namespaces: named, Until: patterns("x")}, []string{"forbid eu secret", "ready", "line eu/1/a x"}, read, 0, "--until matched: eu: shop/pod-1/a: x\n"},
		"all pods":       {verdict.Options{Namespaces: named, UntilDone: true}, []string{"pod eu/1 a", "forbid eu secret", "ready", "ended eu/1"}, read, 5, forbidden},
		"a signal":       {verdict.Options{Namespaces: named, FailOn: patterns("x")}, []string{"forbid eu secret", "ready"}, verdict.Ending{Signal: 143, Gone: true}, 5, "ended by a signal: " + forbidden},
		"a signal, rollouts": {verdict.Options{Namespaces: named, Rollouts: []string{"deploy/w"}}, []string{"forbid eu secret", "ready"},
			verdict.Ending{Signal: 143, Gone: true}, 5, "ended by a signal: " + forbidden},
		"a signal, nothing set": {verdict.Options{Namespaces: named}, []string{"forbid eu secret", "ready"}, verdict.Ending{Signal: 143, Gone: true}, 143, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tt.o.Clusters, tt.o.Required = 2, 1
			r := start(t, tt.o, "")
			for _, step := range append([]string{"up eu"}, tt.steps...) {
				r.do(step)
			}
			if code := r.end(tt.e); code != tt.code || r.log.String() != tt.log {
				t.Errorf("%d, %q, want %d, %q", code, &r.log, tt.code, tt.log)
			}
		})
	}
}

// TestCutShort tests the exit code of a run that a signal or its reader ends before it is decided.
func TestCutShort(t *testing.T) {
	const few, none = "1 of 2 clusters could be read, and 2 must be\n", "0 of 2 clusters could be read, and 1 must be\n"
	all := verdict.Options{Required: 2, Strict: true}
	with := func(o verdict.Options) verdict.Options {
		o.Required = 1
		return o
	}
	for name, tt := range map[string]struct {
		o               verdict.Options
		steps           []string
		signal, gone    int // the exit codes
		lacks           string
		onlyOfTheReader bool // lacks
	}{
		"nothing is asked for":   {with(verdict.Options{}), []string{"up eu"}, 143, 0, "", false},
		"nor readable":           {with(verdict.Options{}), nil, 143, 0, "", false},
		"all, one":               {all, []string{"up eu", "ready"}, 5, 5, few, false},
		"all, both":              {all, []string{"up eu", "up us"}, 143, 0, "", false},
		"none is readable":       {with(verdict.Options{FailOn: patterns("x")}), nil, 5, 5, none, false},
		"none was":               {with(verdict.Options{FailOn: patterns("x")}), []string{"down eu", "down us", "ready"}, 5, 5, none, false},
		"one is enough":          {with(verdict.Options{FailOn: patterns("x")}), []string{"up eu"}, 143, 0, "", false},
		"pods":                   {with(verdict.Options{WaitPods: 2}), []string{"up eu", "pod eu/1 a"}, 1, 1, "1 of 2 pods were there\n", false},
		"a pod waits":            {with(verdict.Options{WaitPods: 2}), []string{"up eu", "pod eu/1 a", "waits eu/1/a Reason"}, 1, 1, "1 of 2 pods were there; eu: shop/pod-1/a: waiting: Reason\n", false},
		"enough pods":            {with(verdict.Options{WaitPods: 1}), []string{"up eu", "pod eu/1 a"}, 143, 0, "", false},
		"a match is waited for":  {with(verdict.Options{Until: patterns("x")}), []string{"up eu"}, 143, 1, "nothing matched --until\n", true},
		"the end is waited for":  {with(verdict.Options{UntilDone: true}), []string{"up eu", "pod eu/1 a", "ready"}, 143, 1, "eu: shop/pod-1 did not end\n", true},
		"the reader is required": {with(verdict.Options{SinkRequired: true}), []string{"up eu"}, 143, 1, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, signal := range []bool{true, false} {
				tt.o.Clusters = 2
				r := start(t, tt.o, "")
				for _, step := range tt.steps {
					r.do(step)
				}
				e, want, cause := read, tt.gone, "the reader of stdout went away"
				if e.Gone, e.Unread = true, true; signal {
					e.Signal, want, cause, e.Unread = 143, tt.signal, "ended by a signal", false
				}
				log := ""
				if tt.lacks != "" && !(signal && tt.onlyOfTheReader) {
					log = cause + ": " + tt.lacks
				}
				if tt.o.SinkRequired && !signal {
					log = cause + " (--sink-required)\n"
				}
				if code := r.end(e); code != want || r.log.String() != log {
					t.Errorf("signal %v: %d, %q, want %d, %q", signal, code, &r.log, want, log)
				}
			}
		})
	}
}

// TestReadyWaits: the run is ready, once, when all clusters were tried, and what is required holds.
func TestReadyWaits(t *testing.T) {
	for name, tt := range map[string]struct {
		o     verdict.Options
		steps []string // the last one makes it ready
	}{
		"nothing is required": {verdict.Options{Required: 1}, []string{"up eu", "ready"}},
		"one cluster":         {verdict.Options{Required: 1}, []string{"down eu", "ready", "up eu", "ready"}},
		"all clusters":        {verdict.Options{Required: 2, Strict: true}, []string{"up eu", "down us", "ready", "up us", "ready"}},
		"all, of which a log can't be read at first": {verdict.Options{Required: 2, Strict: true}, []string{"up eu", "up us", "part-down us logs", "ready", "part-up us logs"}},
		"pods":            {verdict.Options{Required: 1, WaitPods: 2}, []string{"up eu", "pod eu/1 a", "ready", "pod eu/2 a"}},
		"named namespace": {verdict.Options{Required: 1, Namespaces: []string{"shop"}}, []string{"up eu", "forbid eu shop", "ready", "allow eu shop"}},
	} {
		t.Run(name, func(t *testing.T) {
			called := 0
			tt.o.Clusters, tt.o.Ready = 2, func() error { called++; return nil }
			r := start(t, tt.o, "")
			for i, step := range tt.steps {
				r.do(step)
				if want := map[bool]int{true: 1}[i == len(tt.steps)-1]; r.ready != want || called != want {
					t.Fatalf("after %s: ready %d times, called %d times", step, r.ready, called)
				}
			}
			r.do("ready")
			r.do("pod eu/9 a")
			if r.ready != 1 || called != 1 {
				t.Errorf("ready %d times, called %d times", r.ready, called)
			}
			r.end(read)
		})
	}
}

// TestLateCluster: what is about all pods is not decided before those of a cluster that has come up late are known.
func TestLateCluster(t *testing.T) {
	for name, o := range map[string]verdict.Options{
		"each": {Until: patterns("x"), UntilEach: verdict.EachPod},
		"done": {UntilDone: true},
	} {
		t.Run(name, func(t *testing.T) {
			o.Clusters, o.Required, o.Strict = 2, 2, true
			r := start(t, o, "")
			for _, step := range []string{"up eu", "pod eu/1 a", "down us", "ready", "line eu/1/a x", "ended eu/1", "up us", "pod us/2 a", "open us", "ready", "line us/2/a x", "ended us/2"} {
				if r.cancelled > 0 {
					t.Fatalf("ended before %s", step)
				}
				r.do(step)
				if name == "each" && step == "line us/2/a x" {
					break
				}
			}
			if code := r.end(read); r.cancelled != 1 || code != verdict.ExitOK {
				t.Errorf("cancelled %d times, exit code %d", r.cancelled, code)
			}
		})
	}
}
