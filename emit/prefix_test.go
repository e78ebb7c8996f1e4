package emit

import (
	"fmt"
	"strings"
	"testing"
)

// texts formats a line of each source in turn; all were seen before the first.
type texts struct {
	t      *testing.T
	format Format
	open   map[string]Encode
}

func newTexts(t *testing.T, p *Prefix) *texts {
	return &texts{t, Text(TextOptions{Prefix: p}), make(map[string]Encode)}
}

// line checks the line of a source, named cluster/ns/pod/container.
func (x *texts) line(source, want string) {
	x.t.Helper()
	if x.open[source] == nil {
		n := strings.Split(source, "/")
		x.open[source] = x.format(Source{Cluster: n[0], Namespace: n[1], Pod: n[2], Container: n[3]})
	}
	if got := string(x.open[source](nil, record("x"))); got != want+"x\n" {
		x.t.Errorf("%s: got %q, want %q", source, got, want+"x\n")
	}
}

// What differs is shown, from when it is known, and stays.
func TestPrefix(t *testing.T) {
	t.Run("as seen", func(t *testing.T) {
		x := newTexts(t, NewPrefix(PrefixShort))
		x.line("eu/shop/web-1/app", "web-1 ")
		x.line("eu/shop/web-2/app", "web-2 ")
		x.line("eu/shop/web-2/proxy", "web-2 proxy ")
		x.line("eu/shop/web-2/app", "web-2 app ")
		x.line("eu/shop/web-1/app", "web-1 ")
		x.line("eu/test/web-1/app", "test web-1 ")
		x.line("eu/shop/web-1/app", "shop web-1 ")
		x.line("us/shop/web-1/app", "us shop web-1 ")
		x.line("eu/shop/web-2/app", "eu shop web-2 app ")
		x.line("///", "")
	})
	t.Run("known before", func(t *testing.T) {
		p := NewPrefix("")
		p.Several(true, true)
		p.Found(Source{Cluster: "eu", Namespace: "shop", Pod: "web-1", UID: "1"}, []string{"app", "setup"})
		x := newTexts(t, p)
		x.line("eu/shop/web-1/app", "eu shop web-1 app ")
		x.line("eu/shop/web-2/app", "eu shop web-2 ")
	})
	t.Run("full", func(t *testing.T) {
		x := newTexts(t, NewPrefix(PrefixFull))
		x.line("eu/shop/web-1/app", "eu shop web-1 app ")
		x.line("///", "")
	})
	t.Run("aligned", func(t *testing.T) {
		long := strings.Repeat("a", maxColumn+5)
		x := newTexts(t, NewPrefix(PrefixAlign))
		x.line("eu/shop/web/app", "web ")
		x.line("eu/shop/grüße/app", "grüße ")
		x.line("eu/shop/web/app", "web   ")
		x.line("eu/shop/web/proxy", "web   proxy ")
		x.line("eu/shop/grüße/app", "grüße       ")
		x.line("eu/shop/"+long+"/app", long+"       ")
		x.line("eu/shop/web/app", "web"+strings.Repeat(" ", maxColumn-2)+"app   ")
		x.line("///", "")
	})
	t.Run("a pod's successor", func(t *testing.T) {
		p := NewPrefix(PrefixShort)
		pod := Source{Cluster: "eu", Namespace: "shop", Pod: "web-0", UID: "1"}
		p.Found(pod, []string{"app", "proxy"})
		next := pod
		next.UID = "2"
		p.Found(next, []string{"app"})
		p.Gone(pod)
		if known := p.pods[podKey(next)]; known == nil || known.several {
			t.Errorf("it is %+v", known)
		}
		p.Gone(next)
		if len(p.pods) != 0 {
			t.Errorf("left: %v", p.pods)
		}
	})
	t.Run("bounded", func(t *testing.T) {
		p := NewPrefix(PrefixShort)
		for i := range maxPrefixPods + 10 {
			p.Found(Source{Pod: fmt.Sprint(i)}, []string{"app"})
		}
		if len(p.pods) != maxPrefixPods {
			t.Errorf("%d pods are kept", len(p.pods))
		}
		x := newTexts(t, p)
		x.line("//0/app", "0 ")
		x.line("//more/app", "more app ")
	})
}

// As long as there are colours for all, no two pods have the same; a pod keeps its own, and gives it back when it is gone.
func TestColors(t *testing.T) {
	pod := func(cluster, name string) Source {
		return Source{Cluster: cluster, Namespace: "shop", Pod: name, Container: "app", UID: cluster + name}
	}
	color := func(c *Colors, src Source) string {
		pod, container := c.ofPod(src)
		if pod != container {
			t.Errorf("the pod has %s, its container %s", pod, container)
		}
		return pod
	}
	t.Run("all differ", func(t *testing.T) {
		c := NewColors(Palette{})
		all := make(map[string]string)
		for i := range len(palette) {
			src := pod([]string{"eu", "us"}[i%2], fmt.Sprint("web-", i/2))
			got := color(c, src)
			if other := all[got]; other != "" {
				t.Errorf("%s/%s has the colour of %s", src.Cluster, src.Pod, other)
			}
			all[got] = src.Cluster + "/" + src.Pod
			if again := color(c, src); again != got {
				t.Errorf("it was %s, and is %s", got, again)
			}
		}
	})
	t.Run("pods of one name differ even where there are no free ones", func(t *testing.T) {
		c := NewColors(Palette{Pods: []string{"31", "32", "33", "33"}})
		for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
			if eu, us := color(c, pod("eu", name)), color(c, pod("us", name)); eu == us {
				t.Errorf("%s: both have %s", name, eu)
			}
		}
		used := make(map[string]int)
		for _, all := range c.pods.chosen {
			for _, choice := range all {
				used[c.pods.among[choice.color]]++
			}
		}
		if len(used) != 3 || used["31"] < 4 || used["32"] < 4 || used["33"] < 4 {
			t.Errorf("14 pods: %v", used)
		}
	})
	t.Run("given back", func(t *testing.T) {
		c := NewColors(Palette{Pods: []string{"31", "32"}, Containers: []string{"33", "34"}})
		for i := range 100 {
			a, b := pod("eu", fmt.Sprint("a", i)), pod("eu", fmt.Sprint("b", i))
			pa, ca := c.ofPod(a)
			if pb, cb := c.ofPod(b); pa == pb || ca == cb {
				t.Errorf("%d: pods have %s and %s, containers %s and %s", i, pa, pb, ca, cb)
			}
			old := a
			old.UID = "of one that had the name before"
			c.Gone(old)
			if c.pods.kept != 2 {
				t.Errorf("%d: %d are kept", i, c.pods.kept)
			}
			c.Gone(a)
			c.Gone(b)
		}
		if c.pods.kept+len(c.pods.chosen)+c.containers.kept+len(c.containers.chosen) != 0 {
			t.Errorf("left: %v, %v", c.pods, c.containers)
		}
	})
	t.Run("bounded", func(t *testing.T) {
		c := NewColors(Palette{})
		for i := range maxChoices + 10 {
			c.ofPod(pod("eu", fmt.Sprint(i)))
		}
		if c.pods.kept != maxChoices || len(c.pods.chosen) != maxChoices {
			t.Errorf("%d are kept", c.pods.kept)
		}
	})
	t.Run("containers by their own names", func(t *testing.T) {
		c := NewColors(Palette{Diff: true})
		seen := make(map[string]bool)
		for _, name := range []string{"app", "proxy", "setup", "debug", "init", "metrics", "log", "vault"} {
			src := pod("eu", "web")
			src.Container = name
			_, container := c.ofPod(src)
			seen[container] = true
		}
		if len(seen) != 8 {
			t.Errorf("8 containers have %d colours", len(seen))
		}
	})
}

// A line's prefix costs no allocation.
func BenchmarkPrefix(b *testing.B) {
	encode := Text(TextOptions{Prefix: NewPrefix(PrefixAlign)})(Source{Cluster: "eu", Namespace: "shop", Pod: "web-1", Container: "app"})
	r := record("GET / 200")
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = encode(dst[:0], r)
	}
}
