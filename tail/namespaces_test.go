package tail_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mktail/testdata/sim"
)

// lister may read the pods of these namespaces, and list and perhaps watch all namespaces.
func lister(watch bool, namespaces ...string) sim.User {
	u := sim.Reader("ann", namespaces...)
	verbs := []string{"list"}
	if watch {
		verbs = append(verbs, "watch")
	}
	u.Rules = append(u.Rules, sim.Rule{Verbs: verbs, Resources: []string{"namespaces"}})
	return u
}

// Where namespaces are watched one by one, those that are gone are watched no more, and those that come again are.
func TestNamespacesThatGo(t *testing.T) {
	for name, how := range map[string]struct{ watch, cut, denied bool }{
		"watched":                          {watch: true},
		"listed alone":                     {},
		"forgotten by the server":          {watch: true, cut: true},
		"whose roles go with them, listed": {denied: true},
		"whose roles go with them":         {watch: true, denied: true},
	} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			names := []string{"default", "kube-system"}
			for i := range 20 {
				names = append(names, fmt.Sprint("pr-", i))
			}
			c.AddToken("ann", lister(how.watch, names...))
			path := filepath.Join(t.TempDir(), "state")
			o := stateful(t, path)
			o.AllNamespaces = true
			s := startAs(t, o, []string{"ann"}, c)
			time.Sleep(time.Second)
			for round := range 2 {
				for i := range 20 {
					ns := fmt.Sprint("pr-", i)
					app := c.AddPod(sim.PodSpec{Namespace: ns, Name: "web"}).Container("app")
					write(t, app, fmt.Sprint("first ", round))
					time.Sleep(40 * time.Second)
					write(t, app, fmt.Sprint("last ", round))
					time.Sleep(time.Second)
					if how.cut {
						c.CutConnections()
					}
					if how.denied {
						c.AddToken("ann", lister(how.watch, names[:2]...))
					}
					c.DeleteNamespace(ns, 0)
					if how.cut {
						c.Compact()
					}
					time.Sleep(40 * time.Second)
					c.AddToken("ann", lister(how.watch, names...))
				}
			}
			time.Sleep(20 * time.Minute)
			if open := c.Stats().OpenWatches; open > 3 { // of two namespaces and of namespaces
				t.Errorf("%d watches are open", open)
			}
			before := asked(c, "list")
			time.Sleep(10 * time.Minute)
			if lists := asked(c, "list") - before; how.watch && lists > 0 || lists > 130 {
				t.Errorf("%d lists in ten minutes", lists)
			}
			summary := s.stop()[0]
			if n := len(s.records()); n != 80 || summary.Failed != "" || summary.Gaps > 0 && !how.cut {
				t.Errorf("%d lines, want 80; %d gaps; failed: %q\n%s", n, summary.Gaps, summary.Failed, s.logged())
			}
			if b, err := os.ReadFile(path); err != nil || bytes.Contains(b, []byte("pr-")) {
				t.Errorf("the file still knows a namespace: %s, %v", b, err)
			}
			if logged := s.logged(); !how.watch && strings.Count(logged, "namespaces (for -A) cannot be watched: ") != 1 {
				t.Errorf("stderr:\n%s", logged)
			}
		})
	}
}
