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
		"nothing":             {verdict.Options{}, nil, []summary{{Cluster: "eu"}}, 1, "nothing to tail: no container matches in any cluster\n"},
		"nothing, ignored":    {verdict.Options{IgnoreErrors: true}, nil, []summary{{Cluster: "eu"}}, 1, "nothing to tail: no container matches in any cluster\n"},
		"nothing, allowed":    {verdict.Options{AllowEmpty: true}, nil, []summary{{Cluster: "eu"}}, 0, ""},
		"nothing has a log":   {verdict.Options{}, []string{"pod eu/1 app", "waits eu/1/app ImagePullBackOff"}, []summary{{Cluster: "eu"}}, 1, "nothing to tail: no container that matches has a log; eu: shop/pod-1/app: waiting: ImagePullBackOff\n"},
		"waits no longer":     {verdict.Options{}, []string{"pod eu/1 app", "waits eu/1/app ImagePullBackOff", "waits eu/1/app"}, []summary{{Cluster: "eu"}}, 1, "nothing to tail: no container matches in any cluster\n"},
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
