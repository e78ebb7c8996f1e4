package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"

	"mktail/testdata/sim"
)

// scriptRun is a run of one of README's scripts for CI in a shop, and how it must end.
type scriptRun struct {
	outcome string      // a column of README's table
	how     string      // it comes about; empty: there is one way
	without []string    // see newShop
	prepare func(*shop) // is called before the script starts
	play    func(*shop) // is called while it runs
	short   bool        // its timeout runs out, which is when all that is there has been read; else it never does
	code    int
	stderr  string                  // a pattern for a message that it writes there
	check   func(*testing.T, *shop) // looks at what it has left
}

// scriptRuns has, by README's scripts for CI, at least one run for each outcome.
var scriptRuns = map[string][]scriptRun{
	"rollout": {
		{outcome: "success", how: "it is complete"},
		{outcome: "success", how: "it goes on", prepare: applied, play: func(s *shop) {
			for _, cluster := range []string{"eu", "us"} {
				s.await(cluster, "watch", "deployments")
				s.deploy(cluster, 3, "ready")
			}
		}},
		{outcome: "failure", how: "a panic", prepare: applied, play: func(s *shop) {
			s.await("us", "watch", "deployments")
			s.pod("us", 3, 1, "panic: now")
		}, code: 3, stderr: "--fail-on matched: us: shop/web-3-us-1/app: panic: now"},
		{outcome: "failure", how: "no progress", prepare: applied, play: func(s *shop) {
			s.await("us", "watch", "deployments")
			s.replicaSet("us", 3, appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Status: "False", Reason: "ProgressDeadlineExceeded"})
		}, code: 4, stderr: "us: shop/deployment/web: ProgressDeadlineExceeded"},
		{outcome: "timeout", how: "a pod is not ready", without: []string{"us pods"}, prepare: func(s *shop) { s.deploy("us", 2) },
			short: true, code: 124, stderr: "us: shop/web-2-us-1 did not match --until"},
		{outcome: "timeout", how: "an old pod stays", prepare: func(s *shop) {
			s.deployment("us", 2, appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 1, AvailableReplicas: 2})
		}, short: true, code: 124, stderr: `us: shop/deployment/web is not ready \(1 pods of older revisions are there\)`},
		{outcome: "missing pod", how: "it is not made", without: []string{"us pods"}, prepare: func(s *shop) { s.replicaSet("us", 2) },
			short: true, code: 1, stderr: "2 of 3 pods were there"},
		{outcome: "missing pod", how: "a change is not observed", prepare: func(s *shop) { s.apply("us", 3, 1) },
			short: true, code: 1, stderr: "2 of 3 pods were there"},
		{outcome: "missing pod", how: "a cluster has no Deployment", without: []string{"us Deployment"},
			short: true, code: 1, stderr: "2 of 3 pods were there"},
		{outcome: "missing pod", how: "there is nothing", without: []string{"eu Deployment", "us Deployment"},
			short: true, code: 1, stderr: "0 of 3 pods were there"},
		forbidden("us", true), dead("us", true),
	},
	"job": {
		{outcome: "success", how: "it is complete", check: imported("row 1\nrow 2\n")},
		{outcome: "success", how: "it goes on", without: []string{"its pod"}, play: func(s *shop) {
			s.await("eu", "watch", "jobs")
			s.attempt(1, "row 1").Exit(0)
			s.job(batchv1.JobComplete, "")
		}, check: imported("row 1\n")},
		{outcome: "success", how: "the second attempt", without: []string{"its pod"}, prepare: func(s *shop) {
			s.attempt(1).Exit(7)
			s.attempt(2, "row 1").Exit(0)
			s.job(batchv1.JobComplete, "")
		}, stderr: "pod import-1 failed: import exited with 7", check: imported("row 1\n")},
		{outcome: "failure", how: "its container", without: []string{"its pod"}, play: func(s *shop) {
			s.await("eu", "watch", "jobs")
			s.attempt(1, "no rows").Exit(7)
			s.job(batchv1.JobFailed, batchv1.JobReasonBackoffLimitExceeded)
		}, code: 7, stderr: "eu: job shop/import: BackoffLimitExceeded", check: imported("no rows\n")},
		{outcome: "failure", how: "its deadline", without: []string{"its pod"}, prepare: func(s *shop) { s.job(batchv1.JobFailed, batchv1.JobReasonDeadlineExceeded) },
			code: 4, stderr: "eu: job shop/import: DeadlineExceeded"},
		{outcome: "timeout", how: "it goes on", without: []string{"its pod"}, prepare: func(s *shop) { s.attempt(1, "row 1") },
			short: true, code: 124, stderr: "eu: job shop/import, eu: shop/import-1 did not end"},
		{outcome: "timeout", how: "it has no pod", without: []string{"its pod"},
			short: true, code: 124, stderr: "eu: job shop/import did not end"},
		{outcome: "missing pod", how: "there is no Job", without: []string{"Job"},
			short: true, code: 1, stderr: "no container matches in any cluster"},
		forbidden("eu", true), dead("eu", true),
	},
	"artifacts": {
		{outcome: "success", check: artifactsOf()},
		{outcome: "failure", without: []string{"us pods"}, prepare: func(s *shop) { s.deploy("us", 2, "starting", "panic: now") },
			code: 3, stderr: "--fail-on matched: us: shop/web-2-us-1/app: panic: now", check: func(t *testing.T, s *shop) {
				text, err := os.ReadFile(filepath.Join(s.home, "artifacts", "us_shop_web-2-us-1.log"))
				if err != nil || !strings.HasSuffix(string(text), " app panic: now\n") {
					t.Errorf("%v: %s", err, text)
				}
			}},
		{outcome: "timeout", without: []string{"us pods"}, prepare: func(s *shop) { s.deploy("us", 2, "starting") },
			short: true, code: 124, stderr: "us: shop/web-2-us-1 did not match --until", check: artifactsOf("eu_1", "eu_2", "us_1")},
		{outcome: "missing pod", how: "it is not made", without: []string{"us pods"},
			short: true, code: 1, stderr: "2 of 3 pods were there", check: artifactsOf("eu_1", "eu_2")},
		forbidden("us", true).leaving(artifactsOf("eu_1", "eu_2")), dead("us", true).leaving(artifactsOf("eu_1", "eu_2")),
	},
	"test": {
		{outcome: "success"},
		{outcome: "failure", how: "a panic", prepare: smokeTest(goesOn), play: func(s *shop) {
			s.awaitText(begun)
			s.write(s.web("eu", 2), "panic: now")
		}, code: 3, stderr: "--fail-on matched: eu: shop/web-2-eu-2/app: panic: now"},
		{outcome: "failure", how: "the test", prepare: smokeTest("exit 7"), code: 7, stderr: "./smoke-test exited with 7"},
		{outcome: "timeout", prepare: smokeTest(goesOn), short: true, code: 124, stderr: "./smoke-test did not end"},
		{outcome: "missing pod", without: []string{"us pods"}, short: true, code: 1, stderr: "2 of 3 pods were there"},
		forbidden("us", true), dead("us", true),
	},
	"export": {
		{outcome: "success", without: []string{"us pods"}, prepare: func(s *shop) {
			s.deploy("us", 2)
			s.writePast(s.web("us", 1), 25*time.Hour, "too old")
			s.writePast(s.web("us", 1), 23*time.Hour, "panic: last night")
		}, check: exported("panic: last night", "ready", "ready")},
		{outcome: "failure", how: "a log cannot be read", prepare: func(s *shop) {
			s.clusters["us"].Inject(sim.Fault{Verb: "log", Status: http.StatusInternalServerError})
		}, code: 5, stderr: lacking},
		{outcome: "failure", how: "a full disk", prepare: func(s *shop) {
			for _, day := range []time.Time{time.Now(), time.Now().Add(time.Hour)} {
				path := filepath.Join(s.home, "web-"+day.UTC().Format(time.DateOnly)+".ndjson.part")
				if err := os.Symlink("/dev/full", path); err != nil && !errors.Is(err, fs.ErrExist) {
					s.t.Fatal(err)
				}
			}
		}, code: 1, stderr: "writing to stdout: .*no space left on device"},
		{outcome: "failure", how: "a gap", prepare: func(s *shop) {
			s.write(s.web("us", 1), "two", "three")
			read := 0
			s.clusters["us"].Inject(sim.Fault{Verb: "log", Lines: 2, End: sim.Abort, Match: func(*sim.Request) bool {
				if read++; read == 2 {
					s.web("us", 1).Rotate(0)
				}
				return read == 1
			}})
		}, code: 3, stderr: "--fail-on-jq matched: us: shop/web-2-us-1/app: lines may be missing: rotated"},
		{outcome: "timeout", prepare: func(s *shop) { s.clusters["us"].Inject(sim.Fault{Verb: "log", Delay: time.Hour}) },
			short: true, code: 124, stderr: "not all was read"},
		{outcome: "missing pod", how: "one of three", without: []string{"us pods"}, code: 1, stderr: "the run ended: 2 of 3 pods were there"},
		{outcome: "missing pod", how: "there is none", without: []string{"eu pods", "us pods"}, code: 1, stderr: "the run ended: 0 of 3 pods were there"},
		forbidden("us", false), dead("us", false),
	},
}

const lacking = `could be read, and \d must be|is named by -n, but forbidden`

func forbidden(cluster string, short bool) scriptRun {
	return scriptRun{outcome: "forbidden namespace", prepare: func(s *shop) { s.forbid(cluster) }, short: short, code: 5, stderr: lacking}
}

func dead(cluster string, short bool) scriptRun {
	return scriptRun{outcome: "dead cluster", prepare: func(s *shop) { s.clusters[cluster].Down() }, short: short, code: 5, stderr: lacking}
}

// leaving adds a look at what the script has left.
func (r scriptRun) leaving(check func(*testing.T, *shop)) scriptRun {
	r.check = check
	return r
}

// applied leaves the shop as kubectl apply does: pods of the second revision have long written what the script waits for, and what it fails
// on, and nobody has observed the third one.
func applied(s *shop) {
	for cluster, n := range shopReplicas {
		for i := range n {
			s.write(s.web(cluster, int(i)+1), "panic: long ago")
		}
		s.apply(cluster, 3, n)
	}
}

const (
	begun  = "the smoke test has begun"
	goesOn = "echo " + begun + "; exec 3<>go; read <&3" // until it is ended
)

// smokeTest makes ./smoke-test run these commands.
func smokeTest(commands string) func(*shop) {
	return func(s *shop) { s.executable("smoke-test", commands) }
}

// imported looks at what has been written to import.log.
func imported(want string) func(*testing.T, *shop) {
	return func(t *testing.T, s *shop) {
		if got, err := os.ReadFile(filepath.Join(s.home, "import.log")); err != nil || string(got) != want {
			t.Errorf("%v, import.log: %s", err, got)
		}
	}
}

// artifactsOf tests that there are artifacts of these pods, each as CLUSTER_NUMBER.
func artifactsOf(pods ...string) func(*testing.T, *shop) {
	return func(t *testing.T, s *shop) {
		var want []string
		for _, pod := range pods {
			cluster, n, _ := strings.Cut(pod, "_")
			path := filepath.Join(s.home, "artifacts", fmt.Sprintf("%s_shop_web-2-%[1]s-%s", cluster, n))
			want = append(want, path+".log", path+".txt")
		}
		got, err := filepath.Glob(filepath.Join(s.home, "artifacts", "*"))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, artifacts %q", err, got)
		}
	}
}

// exported tests that there is an export with these lines, in any order.
func exported(want ...string) func(*testing.T, *shop) {
	return func(t *testing.T, s *shop) {
		files, err := filepath.Glob(filepath.Join(s.home, "web-*.ndjson"))
		if err != nil || len(files) != 1 {
			t.Fatalf("%v, exports %q", err, files)
		}
		text, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range bytes.Lines(text) {
			var r struct{ Line string }
			if err := json.Unmarshal(line, &r); err != nil {
				t.Error(err)
			}
			got = append(got, r.Line)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("exported %q", got)
		}
	}
}
