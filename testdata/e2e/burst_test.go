package e2e

import (
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"mktail/testdata/loggen"
)

// A container writes 1.5 million lines as fast as it can while its log is rotated, and ends. Each line comes once and in order; lines that
// the kubelet leaves out lie within a gap.
func TestBurst(t *testing.T) {
	const ns, pod, lines = "burst", "burst", 1_500_000
	api := namespaceOf(t, "a", ns)
	home := newHome(t, contextName, map[string]string{"a": "a"})
	spec := loggen.Spec{Lines: lines, Delay: 5 * time.Second, Wait: 15 * time.Second}
	specs := map[string]loggen.Spec{pod: spec}
	done := []string{"--until-done", "--wait-pods", "1"}
	outputs := []*output{
		run(t, "mktail", home, specs, mktail, mktailArgs(ns, done...)...),
		run(t, "mktail --rotated", home, specs, mktail, mktailArgs(ns, append(done, "--rotated")...)...),
	}
	if os.Getenv("MKTAIL_STERN") != "" {
		outputs = append(outputs, run(t, "stern", home, specs, buildStern(t), sternArgs(home, ns)...))
	}
	createPod(t, api, "a", ns, pod, corev1.RestartPolicyNever, nil, container{"app", spec})
	outputs[0].reaches(pod, 1)
	const rotations = 2
	for range rotations {
		lasts(time.Second)
		do(t, "rotate", "a", ns+"/"+pod)
	}
	for _, o := range outputs {
		if o.name == "stern" {
			o.settles()
			o.stop()
		} else {
			o.end()
		}
		n := o.of[pod]
		if n.next < lines {
			n.holes = append(n.holes, hole{n.next, lines - 1, append(n.stamps, n.stamps[len(n.stamps)-1])})
		}
		c := n.tally(lines)
		t.Logf("| %s | %s |", o.name, c)
		if o.name == "stern" {
			continue
		}
		for _, h := range n.holes {
			if !n.reported(h) {
				t.Errorf("%s: lines %d to %d, between records of %v, are lost without a gap; gaps %v", o.name, h.first, h.last, h.stamps, n.gaps)
			}
		}
		// A kubelet joins the head of a line at the end of a file to what it sends next: tail/doc.go.
		if c.repeated+c.late > 0 || c.wrong > c.gaps+rotations {
			t.Errorf("%s: %s; no lines are %.300q; gaps %v", o.name, c, n.wrong[:min(3, len(n.wrong))], n.gaps)
		}
		if t.Failed() {
			t.Logf("%s: stderr:\n%s", o.name, &o.stderr)
		}
	}
}
