package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"mktail/testdata/loggen"
)

// TestJobs holds that a run with --until-done ends with a Job, as the cluster counts its completions and failures, and not before.
func TestJobs(t *testing.T) {
	attempt := func(exit int) loggen.Spec { return loggen.Spec{Lines: 3, Wait: time.Second, Exit: exit} }
	onExit := func(action batchv1.PodFailurePolicyAction, code int32) *batchv1.PodFailurePolicy {
		return &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{{Action: action,
			OnExitCodes: &batchv1.PodFailurePolicyOnExitCodesRequirement{Operator: batchv1.PodFailurePolicyOnExitCodesOpIn, Values: []int32{code}}}}}
	}
	const exceeded = ": BackoffLimitExceeded: Job has reached the specified backoff limit"
	for name, tt := range map[string]struct {
		spec     batchv1.JobSpec
		attempts []loggen.Spec
		pods     int // of which all lines come
		flags    []string
		code     int
		log      []string // in this order; the Job's name goes before each
		suspend  bool     // when the first attempt has written its lines
	}{
		"completions": {spec: batchv1.JobSpec{Completions: ptr.To(int32(3)), Parallelism: ptr.To(int32(2))},
			attempts: []loggen.Spec{attempt(0), attempt(0), attempt(0)}, pods: 3},
		"a retry": {spec: batchv1.JobSpec{BackoffLimit: ptr.To(int32(2))},
			attempts: []loggen.Spec{attempt(7), attempt(8), attempt(0)}, pods: 3, flags: []string{"--exit-code-from", "main"},
			log: []string{": pod job-1 failed: main exited with 7", ": pod job-2 failed: main exited with 8"}},
		"too many retries": {spec: batchv1.JobSpec{BackoffLimit: ptr.To(int32(1))},
			attempts: []loggen.Spec{attempt(7), attempt(9)}, pods: 2, code: 4,
			log: []string{": pod job-1 failed: main exited with 7", ": pod job-2 failed: main exited with 9", exceeded}},
		"too many retries, the exit code": {spec: batchv1.JobSpec{BackoffLimit: ptr.To(int32(1))},
			attempts: []loggen.Spec{attempt(7), attempt(9)}, pods: 2, flags: []string{"--exit-code-from", "main"}, code: 9,
			log: []string{": pod job-1 failed: main exited with 7", ": pod job-2 failed: main exited with 9", exceeded}},
		"a policy that fails the job": {spec: batchv1.JobSpec{Completions: ptr.To(int32(3)), Parallelism: ptr.To(int32(2)), PodFailurePolicy: onExit(batchv1.PodFailurePolicyActionFailJob, 42)},
			attempts: []loggen.Spec{attempt(42), {Lines: 2, Wait: -1, Bye: "seq=2"}, attempt(0)}, pods: 2, code: 4,
			log: []string{": pod job-1 failed: main exited with 42",
				": PodFailurePolicy: Container main for pod NS/job-1 failed with exit code 42 matching FailJob rule at index 0"}},
		"a policy that ignores": {spec: batchv1.JobSpec{BackoffLimit: ptr.To(int32(0)), PodFailurePolicy: onExit(batchv1.PodFailurePolicyActionIgnore, 43)},
			attempts: []loggen.Spec{attempt(43), attempt(0)}, pods: 2, log: []string{": pod job-1 failed: main exited with 43"}},
		"suspended": {spec: batchv1.JobSpec{}, attempts: []loggen.Spec{{Lines: 3, Wait: -1}, attempt(0)}, pods: 2, suspend: true,
			log: []string{" is suspended", " is resumed"}},
		"suspended from its beginning": {spec: batchv1.JobSpec{Suspend: ptr.To(true)}, attempts: []loggen.Spec{attempt(0)}, pods: 1,
			log: []string{" is suspended", " is resumed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := "jobs-" + strings.NewReplacer(" ", "-", ",", "").Replace(name)
			api := namespaceOf(t, "a", ns)
			job, err := api.BatchV1().Jobs(ns).Create(t.Context(), jobOf("job", tt.spec), metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = api.BatchV1().Jobs(ns).Delete(context.Background(), "job", metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationBackground)})
			})
			home := newHome(t, contextName, map[string]string{"a": "a"})
			s := startReady(t, home, append([]string{"-n", ns, "job/job", "--until-done"}, tt.flags...)...)
			played(t, func(ctx context.Context) error { return playJob(ctx, api, ns, "job", tt.attempts...) })
			if tt.suspend {
				s.count(3)
				setSuspend(t, api, ns, true)
				eventually(t, "the end of its pods", func(ctx context.Context) error {
					list, err := api.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{})
					if err == nil && len(list.Items) > 0 {
						err = fmt.Errorf("there are %d", len(list.Items))
					}
					return err
				})
			}
			if tt.suspend || *job.Spec.Suspend {
				setSuspend(t, api, ns, false)
			}
			all := s.end(tt.code)
			ended := batchv1.JobComplete
			if tt.code != 0 {
				ended = batchv1.JobFailed
			}
			job, err = api.BatchV1().Jobs(ns).Get(t.Context(), "job", metav1.GetOptions{})
			if err != nil || !slices.ContainsFunc(job.Status.Conditions, func(c batchv1.JobCondition) bool { return c.Type == ended }) {
				t.Errorf("when mktail has ended the Job is not %s: %+v, %v", ended, job.Status, err)
			}
			for i := range tt.pods {
				complete(t, all, contextName, fmt.Sprint("job-", i+1), "main", 3)
			}
			log := s.stderr.String()
			for _, want := range tt.log {
				want = contextName + ": job " + ns + "/job" + strings.ReplaceAll(want, "NS", ns) + "\n"
				_, after, found := strings.Cut(log, want)
				if !found {
					t.Errorf("stderr lacks %q, or it stands elsewhere: %s", want, &s.stderr)
				}
				log = after
			}
			if n := strings.Count(s.stderr.String(), " failed: "); n != strings.Count(strings.Join(tt.log, ""), " failed: ") {
				t.Errorf("%d failures are reported: %s", n, &s.stderr)
			}
		})
	}
}

// setSuspend suspends the Job, or resumes it.
func setSuspend(t *testing.T, api *kubernetes.Clientset, ns string, on bool) {
	t.Helper()
	patch := fmt.Sprintf(`{"spec":{"suspend":%v}}`, on)
	if _, err := api.BatchV1().Jobs(ns).Patch(t.Context(), "job", types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// startReady runs mktail, and returns when it has seen what there is.
func startReady(t *testing.T, home string, args ...string) *session {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready")
	s := start(t, home, append(args, "--ready-file", ready)...)
	eventually(t, "mktail to be ready", func(context.Context) error {
		_, err := os.Stat(ready)
		return err
	})
	return s
}

// played plays a controller beside the test, which waits for it at its end.
func played(t *testing.T, controller func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := controller(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}
