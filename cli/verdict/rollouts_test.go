package verdict_test

import (
	"strings"
	"testing"

	"mktail/cli/verdict"
)

// TestUntilReady runs steps, see run.do, with --until-ready on a cluster that is up and required, and tests what comes of them.
func TestUntilReady(t *testing.T) {
	ready := verdict.Options{Rollouts: []string{"deploy/w"}}
	until := verdict.Options{Rollouts: []string{"deploy/w"}, Until: patterns("x")}
	both := verdict.Options{Rollouts: []string{"deploy/w"}, Required: 2, Strict: true}
	each := verdict.Options{Rollouts: []string{"deploy/w"}, Until: patterns("x"), UntilEach: verdict.EachPod}
	for name, tt := range map[string]struct {
		o     verdict.Options
		steps string
		code  int
		log   string
		ends  bool // a condition ended the run
	}{
		"complete":                     {ready, "rollout eu/w/w; ready", 0, "", true},
		"complete later":               {ready, "rollout eu/w/w one of two; ready; rollout eu/w/w", 0, "", true},
		"not complete":                 {ready, "rollout eu/w/w one of two; ready", 1, "the run ended: eu: shop/deployment/w is not ready (one of two)", false},
		"not there":                    {ready, "ready", 1, "the run ended: deploy/w was not there", false},
		"another is there":             {ready, "rollout eu/v/v; ready", 1, "the run ended: deploy/w was not there", false},
		"not all were tried":           {ready, "rollout eu/w/w", 1, "the run ended: not every cluster was tried", false},
		"gone":                         {ready, "rollout eu/w/w one of two; rollout-gone eu/w; ready", 1, "the run ended: deploy/w was not there", false},
		"in two clusters":              {ready, "rollout eu/w/w; rollout us/w/w one of two; ready", 1, "the run ended: us: shop/deployment/w is not ready (one of two)", false},
		"required in both, in one":     {both, "up us; rollout eu/w/w; ready", 1, "the run ended: deploy/w was in 1 cluster, and must be in 2 (--require)", false},
		"required in both, in both":    {both, "up us; rollout eu/w/w; ready; rollout us/w/w", 0, "", true},
		"failed":                       {ready, "rollout eu/w/w one of two; ready; rollout eu/w/w one of two!too late", 4, "eu: shop/deployment/w: too late", true},
		"failed in one of two":         {ready, "rollout us/w/w; ready; rollout eu/w/w one of two!too late", 0, "", true},
		"failed first":                 {ready, "rollout eu/w/w one of two!too late; rollout us/w/w one of two; ready", 4, "eu: shop/deployment/w: too late", true},
		"a match, and then complete":   {until, "rollout eu/w/w one of two; ready; line eu/1/a x; rollout eu/w/w", 0, "", true},
		"complete, and then a match":   {until, "rollout eu/w/w; ready; line eu/1/a w; line eu/1/a x", 0, "", true},
		"complete without a match":     {until, "rollout eu/w/w; ready; line eu/1/a w", 1, "the run ended: nothing matched --until", false},
		"a match alone":                {until, "rollout eu/w/w one of two; ready; line eu/1/a x", 1, "the run ended: eu: shop/deployment/w is not ready (one of two)", false},
		"each, and then complete":      {each, "pod eu/1 a; rollout eu/w/w one of two; ready; line eu/1/a x; rollout eu/w/w", 0, "", true},
		"one of two, though complete":  {each, "pod eu/1 a; pod eu/2 a; rollout eu/w/w; ready; line eu/1/a x", 1, "the run ended: eu: shop/pod-2 did not match --until", false},
		"complete before there is any": {each, "rollout eu/w/w; ready", 1, "the run ended: no pod was there", false},
		"not waited for":               {verdict.Options{}, "rollout eu/w/w one of two!too late; ready", 0, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			tt.o.Clusters, tt.o.Required = 2, max(1, tt.o.Required)
			r := start(t, tt.o, "")
			r.do("up eu")
			for step := range strings.SplitSeq(tt.steps, "; ") {
				r.do(step)
			}
			code := r.end(read)
			switch {
			case tt.code != 0 || !tt.ends:
			case len(tt.o.Until) > 0 && tt.o.UntilEach == "":
				tt.log = "--until matched: eu: shop/pod-1/a: x"
			default:
				tt.log = "the rollouts are complete (--until-ready)"
			}
			if log := strings.TrimSuffix(r.log.String(), "\n"); code != tt.code || log != tt.log {
				t.Errorf("%d, log:\n%s\nwant %d, log:\n%s", code, log, tt.code, tt.log)
			}
			if want := map[bool]int{true: 1}[tt.ends]; r.cancelled != want {
				t.Errorf("cancelled %d times, want %d", r.cancelled, want)
			}
		})
	}
}
