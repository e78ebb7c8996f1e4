package verdict_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"mktail/cli/verdict"
	"mktail/emit"
)

// TestConditions runs steps, see run.do, on one cluster that is up and required, and tests what comes of them.
func TestConditions(t *testing.T) {
	until := patterns("x")
	each := func(e verdict.Each) verdict.Options { return verdict.Options{Until: until, UntilEach: e} }
	const a, b = "line eu/1/a ", "line eu/2/b "
	for name, tt := range map[string]struct {
		o     verdict.Options
		jq    string // the program of the output
		steps []string
		code  int
		out   string // lines, joined by commas
		log   string
		ends  bool // a condition ended the run
	}{
		"nothing is waited for":        {verdict.Options{}, "", []string{a + "x"}, 0, "x", "", false},
		"a match":                      {verdict.Options{Until: until}, "", []string{a + "w", a + "x", a + "y"}, 0, "w,x", "--until matched: eu: shop/pod-1/a: x", true},
		"no match":                     {verdict.Options{Until: until}, "", []string{a + "w"}, 1, "w", "the run ended: nothing matched --until", false},
		"any of two patterns":          {verdict.Options{Until: patterns("y", "x")}, "", []string{a + "x"}, 0, "x", "--until matched: eu: shop/pod-1/a: x", true},
		"a gap does not match":         {verdict.Options{Until: patterns("")}, "", []string{"gap eu/1/a x"}, 1, "", "the run ended: nothing matched --until", false},
		"some of three":                {verdict.Options{Until: until, UntilCount: 3}, "", []string{a + "x", b + "x"}, 1, "x,x", "the run ended: 2 of 3 lines matched --until", false},
		"three":                        {verdict.Options{Until: until, UntilCount: 3}, "", []string{a + "x", b + "x", a + "w", a + "x", a + "x"}, 0, "x,x,w,x", "--until matched: eu: shop/pod-1/a: x", true},
		"a program":                    {verdict.Options{UntilJQ: compile(t, `.line=="x"`)}, "", []string{a + "w", a + "x"}, 0, "w,x", "--until-jq matched: eu: shop/pod-1/a: x", true},
		"a program without a match":    {verdict.Options{UntilJQ: compile(t, `.line=="x"`)}, "", []string{a + "w"}, 1, "w", "the run ended: nothing matched --until-jq", false},
		"quiet":                        {verdict.Options{Until: until, Quiet: true}, "", []string{a + "w", a + "x"}, 0, "", "--until matched: eu: shop/pod-1/a: x", true},
		"quiet, nothing waited for":    {verdict.Options{Quiet: true}, "", []string{a + "w"}, 0, "", "", false},
		"fail-on":                      {verdict.Options{FailOn: until}, "", []string{a + "w", a + "x"}, 3, "w,x", "--fail-on matched: eu: shop/pod-1/a: x", true},
		"fail-on goes before until":    {verdict.Options{FailOn: until, Until: until}, "", []string{a + "x"}, 3, "x", "--fail-on matched: eu: shop/pod-1/a: x", true},
		"fail-on by a program":         {verdict.Options{FailOnJQ: compile(t, `.line=="x"`)}, "", []string{a + "x"}, 3, "x", "--fail-on-jq matched: eu: shop/pod-1/a: x", true},
		"fail-on does not come":        {verdict.Options{FailOn: until}, "", []string{a + "w"}, 0, "w", "", false},
		"so many records":              {verdict.Options{MaxCount: 2}, "", []string{a + "w", b + "w", a + "w"}, 0, "w,w", "2 records (--max-count)", true},
		"not so many records":          {verdict.Options{MaxCount: 2}, "", []string{a + "w"}, 0, "w", "", false},
		"records that are left out":    {verdict.Options{MaxCount: 1}, `select(.line=="x")|.line`, []string{a + "w", a + "x", a + "x"}, 0, "x", "1 record (--max-count)", true},
		"so many records, no match":    {verdict.Options{MaxCount: 1, Until: patterns("y")}, "", []string{a + "w"}, 1, "w", "1 record (--max-count): nothing matched --until", true},
		"so many records, one match":   {verdict.Options{MaxCount: 1, Until: until}, "", []string{a + "x"}, 0, "x", "--until matched: eu: shop/pod-1/a: x", true},
		"so many, each pod":            {verdict.Options{MaxCount: 1, Until: until, UntilEach: verdict.EachPod}, "", []string{"pod eu/1 a", "pod eu/2 b", "ready", a + "x"}, 1, "x", "1 record (--max-count): eu: shop/pod-2 did not match --until", true},
		"each pod":                     {each(verdict.EachPod), "", []string{"pod eu/1 a,c", "pod eu/2 b", "ready", a + "x", b + "x"}, 0, "x,x", "--until matched: eu: shop/pod-2/b: x", true},
		"each pod, before ready":       {each(verdict.EachPod), "", []string{"pod eu/1 a", a + "x", "ready"}, 0, "x", "--until matched for each pod (--until-each)", true},
		"each pod, one is left":        {each(verdict.EachPod), "", []string{"pod eu/1 a,c", "pod eu/2 b", "ready", a + "x", a + "x"}, 1, "x,x", "the run ended: eu: shop/pod-2 did not match --until", false},
		"each pod, one is gone":        {each(verdict.EachPod), "", []string{"pod eu/1 a", "pod eu/2 b", "ready", a + "x", "gone eu/2"}, 0, "x", "--until matched for each pod (--until-each)", true},
		"each pod, the match is gone":  {each(verdict.EachPod), "", []string{"pod eu/1 a", "pod eu/2 b", a + "x", "gone eu/1", "gone eu/2", "ready"}, 1, "x", "the run ended: no pod was there", false},
		"each pod, none":               {each(verdict.EachPod), "", []string{"ready"}, 1, "", "the run ended: no pod was there", false},
		"each pod, owners unknown":     {each(verdict.EachPod), "", []string{"pod eu/1 a", "undecided eu/2", "ready", a + "x"}, 1, "x", "the run ended: the owners of eu: shop/pod-2 are not known", false},
		"each pod, then decided":       {each(verdict.EachPod), "", []string{"pod eu/1 a", "undecided eu/2", "undecided eu/3", "ready", a + "x", "decided eu/3", "pod eu/2 b", "decided eu/2", b + "x"}, 0, "x,x", "--until matched: eu: shop/pod-2/b: x", true},
		"each pod, not selected":       {each(verdict.EachPod), "", []string{"pod eu/1 a", "undecided eu/2", "ready", a + "x", "decided eu/2"}, 0, "x", "--until matched for each pod (--until-each)", true},
		"each cluster, regardless":     {each(verdict.EachCluster), "", []string{"up eu", "undecided eu/2", "ready", a + "x"}, 0, "x", "--until matched: eu: shop/pod-1/a: x", true},
		"all pods end, owners unknown": {verdict.Options{UntilDone: true, AllowEmpty: true}, "", []string{"undecided eu/1", "ready"}, 1, "", "the run ended: the owners of eu: shop/pod-1 are not known", false},
		"each pod, not all tried":      {each(verdict.EachPod), "", []string{"pod eu/1 a", a + "x"}, 1, "x", "the run ended: not every cluster was tried", false},
		"each container":               {each(verdict.EachContainer), "", []string{"pod eu/1 a,c", "ready", a + "x", "line eu/1/c x"}, 0, "x,x", "--until matched: eu: shop/pod-1/c: x", true},
		"each container, one is left":  {each(verdict.EachContainer), "", []string{"pod eu/1 a,c", "ready", a + "x"}, 1, "x", "the run ended: eu: shop/pod-1/c did not match --until", false},
		"each cluster":                 {each(verdict.EachCluster), "", []string{"up us", "pod eu/1 a", "ready", a + "x", "line us/3/d x"}, 0, "x,x", "--until matched: us: shop/pod-3/d: x", true},
		"each cluster, one is left":    {each(verdict.EachCluster), "", []string{"up us", "ready", a + "x", "up eu"}, 1, "x", "the run ended: us did not match --until", false},
		"each cluster, a pod is gone":  {each(verdict.EachCluster), "", []string{"up us", "pod eu/1 a", a + "x", "gone eu/1", "ready"}, 1, "x", "the run ended: us did not match --until", false},
		"many are left": {each(verdict.EachPod), "", []string{"pod eu/1 a", "pod eu/2 a", "pod eu/3 a", "pod eu/4 a", "pod eu/5 a", "pod eu/6 a", "pod eu/7 a", "ready"}, 1, "",
			"the run ended: eu: shop/pod-1, eu: shop/pod-2, eu: shop/pod-3, eu: shop/pod-4, eu: shop/pod-5, 2 more did not match --until", false},
		"five are left": {each(verdict.EachPod), "", []string{"pod eu/1 a", "pod eu/2 a", "pod eu/3 a", "pod eu/4 a", "pod eu/5 a", "ready"}, 1, "",
			"the run ended: eu: shop/pod-1, eu: shop/pod-2, eu: shop/pod-3, eu: shop/pod-4, eu: shop/pod-5 did not match --until", false},
		"six are left": {each(verdict.EachPod), "", []string{"pod eu/1 a", "pod eu/2 a", "pod eu/3 a", "pod eu/4 a", "pod eu/5 a", "pod eu/6 a", "ready"}, 1, "",
			"the run ended: eu: shop/pod-1, eu: shop/pod-2, eu: shop/pod-3, eu: shop/pod-4, eu: shop/pod-5, 1 more did not match --until", false},
		"each pod, twice one":         {each(verdict.EachPod), "", []string{"pod eu/1 a,c", "pod eu/2 b", "ready", a + "x", "line eu/1/c x"}, 1, "x,x", "the run ended: eu: shop/pod-2 did not match --until", false},
		"each container, one is gone": {each(verdict.EachContainer), "", []string{"pod eu/1 a", "pod eu/2 b", "ready", a + "x", "gone eu/2"}, 0, "x", "--until matched for each container (--until-each)", true},
		"some pods do not end": {verdict.Options{UntilDone: true}, "", []string{"pod eu/4 a", "pod eu/2 a", "pod eu/1 a", "pod eu/3 a", "ready"}, 1, "",
			"the run ended: eu: shop/pod-1, eu: shop/pod-2, eu: shop/pod-3, eu: shop/pod-4 did not end", false},
		"one pod is too few":           {verdict.Options{WaitPods: 1, Until: until}, "", []string{"ready", a + "x"}, 1, "x", "the run ended: 0 of 1 pods were there", false},
		"quiet programs write nothing": {verdict.Options{Quiet: true}, `.line`, []string{a + "x"}, 0, "", "", false},
		"a failure hides no fail-on":   {verdict.Options{JQStrict: true, FailOn: until}, `.line|error`, []string{a + "x"}, 3, "", "--fail-on matched: eu: shop/pod-1/a: x", true},
		"nor one that is left out":     {verdict.Options{FailOn: until}, `.line|error`, []string{a + "x"}, 3, "", "eu: shop/pod-1/a: --jq: error: x\n--jq failed on 1 record, which are not in the output\n--fail-on matched: eu: shop/pod-1/a: x", true},
		"a failure hides no until":     {verdict.Options{JQStrict: true, Until: until}, `.line|error`, []string{a + "x"}, 0, "", "--until matched: eu: shop/pod-1/a: x", true},
		"a halt hides no fail-on":      {verdict.Options{FailOn: until}, `.line, halt_error(9)`, []string{a + "x"}, 3, "x", "--fail-on matched: eu: shop/pod-1/a: x", true},
		"a halt after another line":    {verdict.Options{FailOn: until}, `.line, halt_error(9)`, []string{a + "w", a + "x"}, 9, "w", "", true},
		"all pods end":                 {verdict.Options{UntilDone: true}, "", []string{"pod eu/1 a", "pod eu/2 b", "ended eu/1", "ready", "ended eu/2"}, 0, "", "all pods have ended (--until-done)", true},
		"all pods end, before ready":   {verdict.Options{UntilDone: true}, "", []string{"pod eu/1 a", "ended eu/1", "ready"}, 0, "", "all pods have ended (--until-done)", true},
		"one pod does not end":         {verdict.Options{UntilDone: true}, "", []string{"pod eu/1 a", "pod eu/2 b", "ended eu/1", "ready"}, 1, "", "the run ended: eu: shop/pod-2 did not end", false},
		"a pod ends and is gone":       {verdict.Options{UntilDone: true}, "", []string{"pod eu/1 a", "ended eu/1", "gone eu/1", "ready"}, 0, "", "all pods have ended (--until-done)", true},
		"a pod is gone":                {verdict.Options{UntilDone: true}, "", []string{"pod eu/1 a", "pod eu/2 b", "ready", "gone eu/1", "ended eu/2"}, 0, "", "all pods have ended (--until-done)", true},
		"all pods are gone":            {verdict.Options{UntilDone: true}, "", []string{"pod eu/1 a", "ready", "gone eu/1"}, 1, "", "the run ended: no pod was there", false},
		"no pod is there":              {verdict.Options{UntilDone: true}, "", []string{"ready"}, 1, "", "the run ended: no pod was there", false},
		"unknown pods":                 {verdict.Options{UntilDone: true}, "", []string{"ended eu/9 bad", "gone eu/9 bad", "ready"}, 1, "", "the run ended: no pod was there", false},
		"a pod fails":                  {verdict.Options{UntilDone: true}, "", []string{"pod eu/1 a", "pod eu/2 b", "ready", "ended eu/2 b1,a1", "ended eu/1"}, 4, "", "eu: shop/pod-2: a1\neu: shop/pod-2: b1", true},
		"a log could not be read":      {verdict.Options{UntilDone: true}, "", []string{"pod eu/1 a", "pod eu/2 b", "ready", "unread eu/2 b: gone,c: gone", "ended eu/1"}, 1, "", "not read to the end: eu: shop/pod-2/b: gone\nnot read to the end: eu: shop/pod-2/c: gone", true},
		"nor that of a failure":        {verdict.Options{UntilDone: true}, "", []string{"pod eu/1 a", "pod eu/2 b", "ready", "unread eu/2 b: gone", "ended eu/1 a1"}, 4, "", "eu: shop/pod-1: a1", true},
		"unread, but not waited for":   {verdict.Options{}, "", []string{"pod eu/1 a", "ready", "unread eu/1 a: gone"}, 0, "", "", false},
		"a pod is found twice":         {verdict.Options{UntilDone: true}, "", []string{"pod eu/1 a", "pod eu/1 a", "gone eu/1", "ready", "ended eu/1"}, 0, "", "all pods have ended (--until-done)", true},
		"and does not end":             {verdict.Options{UntilDone: true}, "", []string{"pod eu/1 a", "pod eu/1 a", "gone eu/1", "ready"}, 1, "", "the run ended: eu: shop/pod-1 did not end", false},
		"and is gone twice":            {verdict.Options{UntilDone: true}, "", []string{"pod eu/1 a", "pod eu/1 a", "gone eu/1", "pod eu/2 a", "gone eu/1", "ready", "ended eu/2"}, 0, "", "all pods have ended (--until-done)", true},
		"a pod fails as it goes":       {verdict.Options{UntilDone: true}, "", []string{"pod eu/1 a", "ready", "gone eu/1 bad"}, 4, "", "eu: shop/pod-1: bad", true},
		"a failure is not waited for":  {verdict.Options{}, "", []string{"pod eu/1 a", "ready", "ended eu/1 bad"}, 0, "", "", false},
		"all end before the match":     {verdict.Options{UntilDone: true, Until: until}, "", []string{"pod eu/1 a", "ready", a + "w", "ended eu/1"}, 1, "w", "the run ended: nothing matched --until", true},
		"all end after the match":      {verdict.Options{UntilDone: true, Until: until}, "", []string{"pod eu/1 a", "ready", a + "x", "ended eu/1"}, 0, "x", "--until matched: eu: shop/pod-1/a: x", true},
		"enough pods":                  {verdict.Options{WaitPods: 2, Until: until}, "", []string{"pod eu/1 a", "pod eu/2 b", "ready", a + "x"}, 0, "x", "--until matched: eu: shop/pod-1/a: x", true},
		"enough pods later":            {verdict.Options{WaitPods: 2, Until: until}, "", []string{"pod eu/1 a", "ready", a + "x", "pod eu/2 b"}, 0, "x", "--until matched: eu: shop/pod-1/a: x", true},
		"too few pods":                 {verdict.Options{WaitPods: 2, Until: until}, "", []string{"pod eu/1 a", "ready", a + "x"}, 1, "x", "the run ended: 1 of 2 pods were there", false},
		"too few pods at once":         {verdict.Options{WaitPods: 2, Until: until}, "", []string{"pod eu/1 a", "gone eu/1", "pod eu/2 b", "ready", a + "x"}, 1, "x", "the run ended: 1 of 2 pods were there", false},
		"enough pods once":             {verdict.Options{WaitPods: 1, Until: until}, "", []string{"pod eu/1 a", "gone eu/1", "ready", a + "x"}, 0, "x", "--until matched: eu: shop/pod-1/a: x", true},
		"too few pods, all end":        {verdict.Options{WaitPods: 2, UntilDone: true}, "", []string{"pod eu/1 a", "ready", "ended eu/1"}, 1, "", "the run ended: 1 of 2 pods were there", false},
		"the output halts":             {verdict.Options{}, `if .line=="x" then "bye", halt_error(7) else .line end`, []string{a + "w", a + "x", a + "y"}, 7, "w,bye", "", true},
		"the output fails":             {verdict.Options{}, `.line|tonumber`, []string{a + "1", a + "x", a + "2"}, 0, "1,2", "eu: shop/pod-1/a: --jq: tonumber cannot be applied to \"x\": invalid number\n--jq failed on 1 record, which are not in the output", false},
		"the output fails, strictly":   {verdict.Options{JQStrict: true}, `.line|tonumber`, []string{a + "1", a + "x", a + "2"}, 1, "1", "eu: shop/pod-1/a: 2026-01-02T03:04:05.000000000Z: --jq: tonumber cannot be applied to \"x\": invalid number", true},
		"a condition fails": {verdict.Options{UntilJQ: compile(t, `.line|tonumber > 5`)}, "", []string{a + "x", a + "y", a + "9"}, 0, "x,y,9",
			"eu: shop/pod-1/a: --until-jq: tonumber cannot be applied to \"x\": invalid number\n--until-jq failed on 2 records, which did not count\n--until-jq matched: eu: shop/pod-1/a: 9", true},
		"a condition fails, strictly": {verdict.Options{JQStrict: true, FailOnJQ: compile(t, `.line|tonumber > 5`)}, "", []string{a + "x", a + "9"}, 1, "x",
			"eu: shop/pod-1/a: 2026-01-02T03:04:05.000000000Z: --fail-on-jq: tonumber cannot be applied to \"x\": invalid number", true},
		"a condition halts":         {verdict.Options{UntilJQ: compile(t, `halt_error(9)`), MaxCount: 1}, "", []string{a + "x"}, 9, "x", "", true},
		"a halt hides no until":     {verdict.Options{Until: until}, `.line, halt_error(9)`, []string{a + "x"}, 0, "x", "--until matched: eu: shop/pod-1/a: x", true},
		"a gap, for a program":      {verdict.Options{UntilJQ: compile(t, `.gap`)}, "", []string{a + "w", "gap eu/1/a x"}, 0, "w", "--until-jq matched: eu: shop/pod-1/a: lines may be missing: rotated", true},
		"a gap fails":               {verdict.Options{FailOnJQ: compile(t, `.gap`), HideGaps: true}, "", []string{a + "w", "gap eu/1/a x"}, 3, "w", "--fail-on-jq matched: eu: shop/pod-1/a: lines may be missing: rotated", true},
		"a gap that is not written": {verdict.Options{FailOnJQ: compile(t, `.line | tonumber > 5`), HideGaps: true, JQStrict: true}, "", []string{"gap eu/1/a x", a + "1"}, 0, "1", "", false},
		"quiet programs still halt": {verdict.Options{Quiet: true}, `halt_error(9)`, []string{a + "x"}, 9, "", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			tt.o.Clusters, tt.o.Required = 2, 1
			r := start(t, tt.o, tt.jq)
			for _, step := range append([]string{"up eu"}, tt.steps...) {
				r.do(step)
			}
			code := r.end(read)
			out, log := strings.ReplaceAll(strings.TrimSuffix(r.stdout.String(), "\n"), "\n", ","), strings.TrimSuffix(r.log.String(), "\n")
			if code != tt.code || out != tt.out || log != tt.log {
				t.Errorf("%d, stdout %s, log:\n%s\nwant %d, stdout %s, log:\n%s", code, out, log, tt.code, tt.out, tt.log)
			}
			if want := map[bool]int{true: 1}[tt.ends]; r.cancelled != want {
				t.Errorf("cancelled %d times, want %d", r.cancelled, want)
			}
		})
	}
}

// TestHeld: a success waits until it is known whether enough clusters can be read.
func TestHeld(t *testing.T) {
	for name, tt := range map[string]struct {
		required int
		strict   bool
		steps    []string // the last one decides
	}{
		"up, before or after":         {1, false, []string{"line eu/1/a x", "up eu"}},
		"all tried":                   {1, false, []string{"line eu/1/a x", "up eu"}},
		"all tried, too few":          {2, false, []string{"up eu", "line eu/1/a x", "ready", "up us"}},
		"strictly, after all tried":   {2, true, []string{"up eu", "down us", "line eu/1/a x", "ready", "up us"}},
		"a second one":                {2, false, []string{"up eu", "line eu/1/a x", "up us"}},
		"strictly, a log":             {1, true, []string{"up eu", "line eu/1/a x", "open eu"}},
		"strictly, after a part":      {1, true, []string{"up eu", "open eu", "part-down eu logs", "line eu/1/a x", "part-up eu logs"}},
		"strictly, after it was away": {1, true, []string{"up eu", "open eu", "down eu", "line eu/1/a x", "up eu"}},
		"at once":                     {1, true, []string{"up eu", "open eu", "line eu/1/a x"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, verdict.Options{Until: patterns("x"), Clusters: 2, Required: tt.required, Strict: tt.strict}, "")
			for i, step := range tt.steps {
				if r.do(step); (r.cancelled > 0) != (i == len(tt.steps)-1) {
					t.Fatalf("cancelled %d times after %s", r.cancelled, step)
				}
			}
		})
	}
}

// TestHeldToTheEnd: a run that ends while a success is held back has succeeded, and all its records are written.
func TestHeldToTheEnd(t *testing.T) {
	for _, steps := range [][]string{{"up eu", "line eu/1/a x"}, {"up eu", "line eu/1/a x", "line eu/1/a x", "line eu/1/a y"}} {
		r := start(t, verdict.Options{Until: patterns("x"), Clusters: 2, Required: 2}, "")
		want := ""
		for _, step := range steps {
			r.do(step)
			if text, ok := strings.CutPrefix(step, "line eu/1/a "); ok {
				want += text + "\n"
			}
		}
		if code := r.end(read); code != verdict.ExitOK || r.stdout.String() != want || r.cancelled > 0 || r.log.String() != "--until matched: eu: shop/pod-1/a: x\n" {
			t.Errorf("%d, %q, cancelled %d times, log %q", code, &r.stdout, r.cancelled, &r.log)
		}
	}
}

// TestFirstFailure: of several records that are written at once, as lines before a match are, the first that fails decides.
func TestFirstFailure(t *testing.T) {
	var over []bool
	r := startWith(t, verdict.Options{JQStrict: true, Halts: true}, func(j *verdict.Judge) emit.Format {
		return emit.Grep(emit.GrepOptions{Include: patterns("x"), Before: 2}, func(src emit.Source) emit.Encode {
			return func(dst []byte, rec *emit.Record) []byte {
				over = append(over, j.Failed(src, rec, errors.New(string(rec.Line))))
				return dst
			}
		})
	})
	for _, step := range []string{"line eu/1/a v", "line eu/1/a w", "line eu/1/a x"} {
		r.do(step)
	}
	const want = "eu: shop/pod-1/a: 2026-01-02T03:04:05.000000000Z: --jq: v\n"
	if code := r.end(read); code != verdict.ExitFailure || r.log.String() != want || !slices.Equal(over, []bool{true, true, true}) {
		t.Errorf("%d, %q, over %v", code, &r.log, over)
	}
}

// TestExitCodes tests the numbers, which scripts depend on.
func TestExitCodes(t *testing.T) {
	got := []int{verdict.ExitOK, verdict.ExitFailure, verdict.ExitUsage, verdict.ExitFailOn, verdict.ExitWorkload, verdict.ExitRequire, verdict.ExitTimeout, verdict.ExitSignal}
	if want := []int{0, 1, 2, 3, 4, 5, 124, 128}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestMatches tests which records are reported as matches.
func TestMatches(t *testing.T) {
	for name, tt := range map[string]struct {
		o    verdict.Options
		want []string
	}{
		"until":    {verdict.Options{Until: patterns("x"), UntilCount: 2}, []string{"until a x1", "until b x2"}},
		"fail-on":  {verdict.Options{FailOn: patterns("x")}, []string{"fail-on a x1"}},
		"jq":       {verdict.Options{UntilJQ: compile(t, `.line=="x1"`), FailOnJQ: compile(t, `.line=="x2"`)}, []string{"until-jq a x1"}},
		"jq fails": {verdict.Options{FailOnJQ: compile(t, `.line=="x2"`)}, []string{"fail-on-jq b x2"}},
		"each pod": {verdict.Options{Until: patterns("x"), UntilEach: verdict.EachPod}, []string{"until a x1", "until b x2"}},
		"nothing":  {verdict.Options{MaxCount: 9}, nil},
	} {
		r := start(t, tt.o, "")
		for _, step := range []string{"up eu", "pod eu/1 a", "pod eu/2 b", "ready", "line eu/1/a w", "line eu/1/a x1", "line eu/2/b x2", "line eu/1/a x3", "line eu/2/b x4"} {
			r.do(step)
		}
		if r.end(read); !slices.Equal(r.matches, tt.want) {
			t.Errorf("%s: %q, want %q", name, r.matches, tt.want)
		}
	}
}

// TestReady: what is to be done when all clusters were tried is done then, and its error ends the run.
func TestReady(t *testing.T) {
	for _, err := range []error{nil, errors.New("making --ready-file: no room")} {
		called := 0
		r := start(t, verdict.Options{Ready: func() error { called++; return err }}, "")
		if r.do("up eu"); called != 0 {
			t.Error("called before all clusters were tried")
		}
		if r.do("ready"); called != 1 {
			t.Errorf("called %d times", called)
		}
		code, log := verdict.ExitOK, ""
		if err != nil {
			code, log = verdict.ExitFailure, err.Error()+"\n"
		}
		if got := r.end(read); got != code || r.log.String() != log || (r.cancelled == 1) != (err != nil) {
			t.Errorf("%d, %q, cancelled %d times", got, &r.log, r.cancelled)
		}
	}
}

// TestHaltMessage: the message of a program that halts goes to stderr, once.
func TestHaltMessage(t *testing.T) {
	r := start(t, verdict.Options{}, `"gone\n"|halt_error(3)`)
	r.do("line eu/1/a x")
	r.do("line eu/1/b x")
	if code := r.end(read); code != 3 || r.stderr.String() != "gone\n" {
		t.Errorf("%d, %q", code, &r.stderr)
	}
}

// TestEndings tests how the way in which a run ended and its decision make an exit code.
func TestEndings(t *testing.T) {
	failed := errors.New("no room")
	const matched = "--fail-on matched: stdin: x\n"
	for name, tt := range map[string]struct {
		e       verdict.Ending
		decided bool // with ExitFailOn
		code    int
		log     string
	}{
		"by itself":                {verdict.Ending{}, false, verdict.ExitOK, ""},
		"stdout failed":            {verdict.Ending{Written: failed, Signal: 130}, false, verdict.ExitFailure, "writing to stdout: no room\n"},
		"stdout failed, decided":   {verdict.Ending{Written: failed}, true, verdict.ExitFailure, "writing to stdout: no room\n"},
		"a signal":                 {verdict.Ending{Signal: 130, Gone: true}, false, 130, ""},
		"a signal, decided":        {verdict.Ending{Signal: 130, Gone: true}, true, verdict.ExitFailOn, matched},
		"the reader gone":          {verdict.Ending{Gone: true, Read: failed}, false, verdict.ExitOK, ""},
		"the reader gone, decided": {verdict.Ending{Gone: true}, true, verdict.ExitFailOn, matched},
		"stdin failed":             {verdict.Ending{Read: failed}, false, verdict.ExitFailure, "reading stdin: no room\n"},
		"stdin failed, decided":    {verdict.Ending{Read: failed}, true, verdict.ExitFailOn, matched},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, verdict.Options{FailOn: patterns("x")}, "")
			if tt.decided {
				r.do("line //a x")
			}
			if code := r.end(tt.e); code != tt.code || r.log.String() != tt.log {
				t.Errorf("%d, %q, want %d, %q", code, &r.log, tt.code, tt.log)
			}
		})
	}
}

// TestSeesEveryLine tests which conditions look at every line.
func TestSeesEveryLine(t *testing.T) {
	program := compile(t, ".")
	for name, tt := range map[string]struct {
		o    verdict.Options
		want bool
	}{
		"none":     {verdict.Options{}, false},
		"count":    {verdict.Options{MaxCount: 1, Quiet: true, UntilDone: true, WaitPods: 1, Timeout: 1}, false},
		"until":    {verdict.Options{Until: patterns("x")}, true},
		"until-jq": {verdict.Options{UntilJQ: program}, true},
		"fail-on":  {verdict.Options{FailOn: patterns("x")}, true},
		"fail-jq":  {verdict.Options{FailOnJQ: program}, true},
		"idle":     {verdict.Options{IdleTimeout: 1}, true},
	} {
		if got := verdict.New(tt.o).SeesEveryLine(); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
