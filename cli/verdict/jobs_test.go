package verdict_test

import (
	"strings"
	"testing"

	"mktail/cli/verdict"
)

// TestUntilJobs runs steps, see run.do, with --until-done on a cluster that is up and required, and tests what comes of them.
func TestUntilJobs(t *testing.T) {
	wanted := verdict.Options{UntilDone: true, Jobs: []string{"job/i"}}
	both := verdict.Options{UntilDone: true, Jobs: []string{"job/i", "cronjob/n"}}
	each := verdict.Options{UntilDone: true, Jobs: []string{"job/i"}, Required: 2, Strict: true}
	from := verdict.Options{UntilDone: true, Jobs: []string{"job/i"}, ExitCodeFrom: "app"}
	pods := verdict.Options{UntilDone: true, ExitCodeFrom: "app"}
	for name, tt := range map[string]struct {
		o     verdict.Options
		steps string
		code  int
		log   string
		ends  bool // a condition ended the run
	}{
		"part one of three":               {wanted, "job eu/i job/i; pod eu/1/i; ready; ended eu/1", 1, "the run ended: eu: job shop/i did not end", false},
		"complete":                        {wanted, "job eu/i job/i; pod eu/1/i; ready; ended eu/1; job-ended eu/i", 0, "", true},
		"complete, before all was tried":  {wanted, "job eu/i job/i; job-ended eu/i; pod eu/1/i; ended eu/1; ready", 0, "", true},
		"complete, a pod is being read":   {wanted, "job eu/i job/i; pod eu/1/i; ready; job-ended eu/i", 1, "the run ended: eu: shop/pod-1 did not end", false},
		"complete, and then read":         {wanted, "job eu/i job/i; pod eu/1/i; ready; job-ended eu/i; ended eu/1", 0, "", true},
		"complete without a pod":          {wanted, "job eu/i job/i; ready; job-ended eu/i", 0, "", true},
		"retried":                         {wanted, "job eu/i job/i; pod eu/1/i; ready; ended eu/1 bad; pod eu/2/i; ended eu/2; job-ended eu/i", 0, "eu: job shop/i: pod pod-1 failed: bad", true},
		"failed":                          {wanted, "job eu/i job/i; pod eu/1/i; ready; ended eu/1 bad,worse; job-ended eu/i why", 4, "eu: job shop/i: pod pod-1 failed: bad\neu: job shop/i: pod pod-1 failed: worse\neu: job shop/i: why", true},
		"failed, though no pod has":       {wanted, "job eu/i job/i; pod eu/1/i; ready; ended eu/1; job-ended eu/i why", 4, "eu: job shop/i: why", true},
		"a pod goes":                      {wanted, "job eu/i job/i; pod eu/1/i; ready; gone eu/1 lost; job-ended eu/i", 0, "eu: job shop/i: pod pod-1 failed: lost", true},
		"no job":                          {wanted, "ready", 1, "the run ended: job/i was not there", false},
		"a job is missing":                {both, "job eu/i job/i; ready; job-ended eu/i", 1, "the run ended: cronjob/n was not there", false},
		"a job of both":                   {both, "job eu/i job/i,cronjob/n; ready; job-ended eu/i", 0, "", true},
		"a job of each":                   {both, "job eu/i job/i; job eu/n cronjob/n; ready; job-ended eu/i; job-ended eu/n", 0, "", true},
		"one of two has not ended":        {both, "job eu/i job/i; job eu/n cronjob/n; ready; job-ended eu/i", 1, "the run ended: eu: job shop/n did not end", false},
		"in two clusters":                 {wanted, "job eu/i job/i; job us/i job/i; ready; job-ended eu/i", 1, "the run ended: us: job shop/i did not end", false},
		"required in both, in one":        {each, "up us; job eu/i job/i; ready; job-ended eu/i", 1, "the run ended: job/i was in 1 cluster, and must be in 2 (--require)", false},
		"required in both, twice in one":  {each, "up us; job eu/i job/i; job eu/j job/i; ready; job-ended eu/i; job-ended eu/j", 1, "the run ended: job/i was in 1 cluster, and must be in 2 (--require)", false},
		"required in both, in both":       {each, "up us; job eu/i job/i; ready; job-ended eu/i; job us/i job/i; job-ended us/i", 0, "", true},
		"required in both, in none":       {each, "up us; ready", 1, "the run ended: job/i was not there", false},
		"required in both, pods in one":   {each, "up us; no-jobs us; job eu/i job/i; pod-of us/1 job/i; ready; job-ended eu/i; ended us/1", 0, "", true},
		"required in both, no pods in it": {each, "up us; no-jobs us; job eu/i job/i; ready; job-ended eu/i", 1, "the run ended: job/i was in 1 cluster, and must be in 2 (--require)", false},
		"told of twice":                   {wanted, "job eu/i job/i; ready; job-ended eu/i why; job eu/i job/i", 4, "eu: job shop/i: why", true},
		"deleted":                         {wanted, "job eu/i job/i; ready; job-gone eu/i lost", 4, "eu: job shop/i: lost", true},
		"deleted when it had ended":       {wanted, "job eu/i job/i; job-ended eu/i; job-gone eu/i; ready", 0, "", true},
		"deleted before, made again":      {wanted, "job eu/i job/i; pod eu/1/i; ready; job-gone eu/i; gone eu/1 lost; job eu/j job/i; job-ended eu/j", 0, "eu: job shop/i: pod pod-1 failed: lost", true},
		"deleted before, and no other":    {wanted, "job eu/i job/i; pod eu/1/i; ready; job-gone eu/i; ended eu/1", 1, "the run ended: job/i was not there", false},
		"unknown jobs":                    {wanted, "job-ended eu/i; job-gone eu/j lost; ready", 1, "the run ended: job/i was not there", false},
		"jobs are forbidden":              {wanted, "no-jobs eu; pod-of eu/1 job/i; ready; ended eu/1", 0, "", true},
		"jobs are forbidden, a pod fails": {wanted, "no-jobs eu; pod-of eu/1 job/i; ready; ended eu/1 bad", 4, "eu: shop/pod-1: bad", true},
		"jobs are forbidden, no pod":      {wanted, "no-jobs eu; ready", 1, "the run ended: no pod was there", false},
		"forbidden elsewhere, no pod":     {both, "no-jobs us; job eu/i job/i; ready; job-ended eu/i", 1, "the run ended: cronjob/n was not there", false},
		"forbidden elsewhere, a pod":      {both, "no-jobs us; job eu/i job/i; pod-of us/1 cronjob/n; ready; job-ended eu/i; ended us/1", 0, "", true},
		"forbidden elsewhere, a pod here": {both, "no-jobs us; job eu/i job/i; pod eu/1; ready; job-ended eu/i; ended eu/1", 1, "the run ended: cronjob/n was not there", false},
		"forbidden, a pod of one of two":  {both, "no-jobs eu; pod-of eu/1 job/i; ready; ended eu/1", 1, "the run ended: cronjob/n was not there", false},
		"forbidden, a pod of none":        {wanted, "no-jobs eu; pod eu/1; ready; ended eu/1", 1, "the run ended: job/i was not there", false},
		"a pod beside a job":              {wanted, "job eu/i job/i; pod eu/1; ready; ended eu/1 bad; job-ended eu/i", 4, "eu: shop/pod-1: bad", true},
		"not waited for":                  {verdict.Options{}, "job eu/i job/i; pod eu/1/i; ready; ended eu/1 bad; job-ended eu/i why", 0, "", false},

		"the code of a failed attempt":      {from, "job eu/i job/i; pod eu/1/i; ready; exited eu/1/5 app=7 bad; job-ended eu/i why", 7, "eu: job shop/i: pod pod-1 failed: bad\neu: job shop/i: why", true},
		"of the last attempt":               {from, "job eu/i job/i; pod eu/1/i; pod eu/2/i; ready; exited eu/2/6 app=8 bad; exited eu/1/5 app=9 bad; job-ended eu/i why", 8, "eu: job shop/i: pod pod-2 failed: bad\neu: job shop/i: pod pod-1 failed: bad\neu: job shop/i: why", true},
		"a success counts for nothing then": {from, "job eu/i job/i; pod eu/1/i; pod eu/2/i; ready; exited eu/2/6 app=0; exited eu/1/5 app=9 bad; job-ended eu/i why", 9, "eu: job shop/i: pod pod-1 failed: bad\neu: job shop/i: why", true},
		"of a job that is complete":         {from, "job eu/i job/i; pod eu/1/i; pod eu/2/i; ready; exited eu/2/6 app=0; exited eu/1/5 app=9 bad; job-ended eu/i", 0, "eu: job shop/i: pod pod-1 failed: bad", true},
		"a signal at a good end":            {from, "job eu/i job/i; pod eu/1/i; ready; exited eu/1/5 app=143; job-ended eu/i", 143, "", true},
		"another container has failed":      {from, "job eu/i job/i; pod eu/1/i; ready; exited eu/1/5 app=0 bad; job-ended eu/i why", 4, "eu: job shop/i: pod pod-1 failed: bad\neu: job shop/i: why", true},
		"no such container":                 {from, "job eu/i job/i; pod eu/1/i; ready; exited eu/1/5 db=0; job-ended eu/i", 1, "the run ended: no container app has ended", true},
		"no container has begun":            {from, "job eu/i job/i; ready; job-ended eu/i why", 4, "eu: job shop/i: why", true},
		"a code of Windows":                 {pods, "pod eu/1; ready; exited eu/1/5 app=3221225786 bad", 255, "eu: shop/pod-1: bad", true},
		"a code of 256":                     {pods, "pod eu/1; ready; exited eu/1/5 app=256 bad", 255, "eu: shop/pod-1: bad", true},
		"a negative code":                   {pods, "pod eu/1; ready; exited eu/1/5 app=-1 bad", 255, "eu: shop/pod-1: bad", true},
		"a failure before a success":        {pods, "pod eu/1; pod eu/2; ready; exited eu/1/5 app=6 bad; exited eu/2/9 app=0", 6, "eu: shop/pod-1: bad", true},
		"in the same second":                {pods, "pod eu/1; pod eu/2; ready; exited eu/1/5 app=6 bad; exited eu/2/5 app=3 bad", 6, "eu: shop/pod-1: bad\neu: shop/pod-2: bad", true},
		"all is well":                       {pods, "pod eu/1; ready; exited eu/1/5 app=0", 0, "", true},
		"before all have ended":             {pods, "pod eu/1; pod eu/2; ready; exited eu/1/5 app=6 bad", 1, "the run ended: eu: shop/pod-2 did not end", false},
	} {
		t.Run(name, func(t *testing.T) {
			tt.o.Clusters, tt.o.Required = 2, max(1, tt.o.Required)
			r := start(t, tt.o, "")
			r.do("up eu")
			for step := range strings.SplitSeq(tt.steps, "; ") {
				r.do(step)
			}
			code := r.end(read)
			if tt.ends && (tt.code == 0 || tt.code == 143) { // what has decided a success comes last
				what := "pods"
				if len(tt.o.Jobs) > 0 {
					what = "Jobs and pods"
				}
				tt.log = strings.TrimPrefix(tt.log+"\nall "+what+" have ended (--until-done)", "\n")
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
