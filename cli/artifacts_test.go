package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"mktail/emit"
	"mktail/tail/report"
)

// The last lines of a container are kept, up to a number of lines and of bytes, and no more memory than that takes.
func TestLastLines(t *testing.T) {
	const stamp = "2026-01-02T03:04:05.000000000Z"
	for name, tt := range map[string]struct {
		lines, length int
		kept          int
	}{
		"none":          {0, 0, 0},
		"few":           {10, 100, 10},
		"many":          {5000, 20, lastLinesCount},
		"much":          {5000, 1000, lastLinesBytes / (len(stamp) + 1 + 1000 + 1)},
		"giants":        {50, 100_000, lastLinesBytes / (len(stamp) + 1 + lastLineBytes + len("…\n"))},
		"exactly fills": {3 * lastLinesBytes / 1024, 1024 - len(stamp) - 2, lastLinesBytes / 1024},
	} {
		t.Run(name, func(t *testing.T) {
			var l lastLines
			for i := range tt.lines {
				l.add([]byte(stamp), fmt.Appendf(nil, "%0*d", tt.length, i), false)
				if cap(l.text) > 3*lastLinesBytes {
					t.Fatalf("%d bytes", cap(l.text))
				}
			}
			if tt.lines > 0 && tt.length < lastLineBytes {
				last := l.last()
				if want := fmt.Sprintf("%s %0*d\n", stamp, tt.length, tt.lines-1); string(last[len(last)-1]) != want {
					t.Errorf("the last is %.100q", last[len(last)-1])
				}
			}
			before := len(l.last())
			if l.trim(); before != tt.kept || len(l.last()) != tt.kept || cap(l.text) > 2*lastLinesBytes {
				t.Errorf("%d lines, and %d afterwards, want %d; %d bytes", before, len(l.last()), tt.kept, cap(l.text))
			}
			for _, line := range l.last() {
				if !bytes.HasPrefix(line, []byte(stamp+" ")) || !bytes.HasSuffix(line, []byte("\n")) {
					t.Fatalf("%.100q", line)
				}
			}
		})
	}
}

// What pods that are gone take is bounded: those that went first are forgotten, unless they come again.
func TestGonePods(t *testing.T) {
	a := &artifacts{dir: t.TempDir(), pods: make(map[podID]*podArtifact)}
	format := a.format(emit.Raw(emit.RawOptions{}))
	event := func(kind report.Kind, i int) report.Event {
		return report.Event{Kind: kind, Cluster: "eu", Namespace: "shop", Pod: fmt.Sprint("pod-", i), UID: fmt.Sprint(i)}
	}
	const pods = 2 * maxGoneBytes / lastLinesBytes
	for i := range pods {
		a.happened(event(report.PodFound, i))
		encode := format(emit.Source{Cluster: "eu", Namespace: "shop", Pod: fmt.Sprint("pod-", i), UID: fmt.Sprint(i), Container: "app"})
		for range 300 {
			encode(nil, &emit.Record{Stamp: []byte("2026-01-02T03:04:05.000000000Z"), Line: bytes.Repeat([]byte("x"), 1000)})
		}
		a.happened(event(report.PodGone, i))
		a.happened(event(report.PodGone, i))
		if i == 0 {
			a.happened(event(report.PodFound, i))
		}
	}
	kept := 0
	for _, p := range a.pods {
		for _, l := range p.logs {
			kept += cap(l.text)
		}
	}
	if kept > maxGoneBytes+2*lastLinesBytes || kept < maxGoneBytes/2 || a.pods[podID{"eu", "0", "shop", "pod-0"}] == nil || len(a.pods) != len(a.gone)+1 {
		t.Errorf("%d bytes of %d pods, of which %d are gone", kept, len(a.pods), len(a.gone))
	}
}

// All containers that are there have a bound together: of many less is kept of each, and again all when they are few.
func TestManyPresentPods(t *testing.T) {
	a := &artifacts{dir: t.TempDir(), pods: make(map[podID]*podArtifact)}
	format := a.format(func(emit.Source) emit.Encode { return func(dst []byte, _ *emit.Record) []byte { return dst } })
	write := func(i int) {
		encode := format(emit.Source{Cluster: "eu", Namespace: "shop", Pod: fmt.Sprint("pod-", i), UID: fmt.Sprint(i), Container: "app"})
		for n := range 300 {
			encode(nil, &emit.Record{Stamp: []byte("2026-01-02T03:04:05.000000000Z"), Line: fmt.Appendf(nil, "%d %s", n, bytes.Repeat([]byte("x"), 1000))})
		}
	}
	kept := func() (bytes int) {
		for _, p := range a.pods {
			for _, l := range p.logs {
				bytes += cap(l.text)
			}
		}
		return bytes
	}
	const pods = 2 * maxPresentBytes / lastLinesBytes
	for i := range pods {
		a.happened(report.Event{Kind: report.PodFound, Cluster: "eu", Namespace: "shop", Pod: fmt.Sprint("pod-", i), UID: fmt.Sprint(i)})
		write(i)
		if bytes := kept(); bytes > maxPresentBytes {
			t.Fatalf("%d bytes of %d pods", bytes, i+1)
		}
	}
	write(0)
	if last := a.pods[podID{"eu", "0", "shop", "pod-0"}].logs["app"].last(); len(last) < 10 || !bytes.Contains(last[len(last)-1], []byte(" 299 ")) {
		t.Errorf("%d lines are left", len(last))
	}
	for i := range pods - 1 {
		a.happened(report.Event{Kind: report.PodGone, Cluster: "eu", Namespace: "shop", Pod: fmt.Sprint("pod-", i+1), UID: fmt.Sprint(i + 1)})
	}
	write(0)
	if last := a.pods[podID{"eu", "0", "shop", "pod-0"}].logs["app"].last(); len(last) < 100 {
		t.Errorf("alone, %d lines are kept", len(last))
	}
}

// A pod that is no longer selected, and is again before that was reported, is not gone.
func TestGonePodSelectedAgain(t *testing.T) {
	a := &artifacts{dir: t.TempDir(), pods: make(map[podID]*podArtifact)}
	for _, step := range []struct {
		kind report.Kind
		gone bool
	}{
		{report.PodFound, false}, {report.PodFound, false}, {report.PodGone, false}, {report.PodGone, true}, {report.PodFound, false}, {report.PodGone, true},
	} {
		a.happened(report.Event{Kind: step.kind, Cluster: "eu", Namespace: "shop", Pod: "web", UID: "1"})
		if p := a.pods[podID{"eu", "1", "shop", "web"}]; p.gone != step.gone || (len(a.gone) > 0) != step.gone || (a.goneBytes > 0) != step.gone {
			t.Fatalf("after %s it is gone: %v; %d are, with %d bytes", step.kind, p.gone, len(a.gone), a.goneBytes)
		}
	}
}

// Different pods have files of different names, which are safe.
func TestArtifactNames(t *testing.T) {
	long := strings.Repeat("long-", 100)
	names := make(map[string][]string)
	for _, parts := range [][]string{
		{"eu", "shop", "web"}, {"eu/shop", "web"}, {"eu:shop", "web"}, {"eu_shop", "web"}, {"eu%2Fshop", "web"}, {"..", "a", "b"}, {".eu", "a", "b"},
		{"arn:aws:eks:eu-west-1:1:cluster/x", "a", "b"}, {"ü\x00\n\\", "a", "b"}, {"-eu", "a", "b"}, {long + "1", "a", "b"}, {long + "2", "a", "b"}, {"a b*?\"<>|", "c", "d"},
	} {
		name := artifactName(parts...)
		if other, twice := names[name]; twice || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._%~") != "" || strings.HasPrefix(name, ".") || len(name) > maxArtifactName {
			t.Errorf("%q and %q are %q", parts, other, name)
		}
		names[name] = parts
	}
}

// Clusters whose names differ only in case have files of their own, also where a file system does not tell cases apart.
func TestArtifactsCase(t *testing.T) {
	a := &artifacts{dir: t.TempDir(), pods: make(map[podID]*podArtifact)}
	for _, cluster := range []string{"Prod", "prod"} {
		a.happened(report.Event{Kind: report.PodState, Cluster: cluster, Namespace: "shop", Pod: "web", UID: "1", State: []string{"phase: Running\x1b"}})
	}
	if err := a.end(3); err != nil {
		t.Fatal(err)
	}
	for name, cluster := range map[string]string{"Prod_shop_web.txt": "Prod", "prod_shop_web_2.txt": "prod"} {
		text, err := os.ReadFile(filepath.Join(a.dir, name))
		if want := "cluster: " + cluster + "\nnamespace: shop\npod: web\nuid: 1\nphase: Running\\x1b\n"; err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

// Where a container's share becomes less than its last line has, the beginning of that is kept.
func TestLastLineLongerThanShare(t *testing.T) {
	var share atomic.Int64
	l := &lastLines{share: &share}
	l.add([]byte("t1"), []byte("short"), false)
	l.add([]byte("t2"), bytes.Repeat([]byte("x"), lastLineBytes), false)
	share.Store(minLastLinesBytes)
	for range 2 {
		if n := l.trim(); n > minLastLinesBytes {
			t.Errorf("%d bytes are kept", n)
		}
		if all := l.last(); len(all) != 1 || !bytes.HasPrefix(all[0], []byte("t2 xxx")) || !bytes.HasSuffix(all[0], []byte("x…\n")) {
			t.Errorf("got %q", all)
		}
	}
}
