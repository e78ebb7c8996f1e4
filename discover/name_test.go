package discover

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestGiveNames(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, test := range []struct {
		name string
		in   [][2]string // file, context
		want []string
	}{
		{"unique", [][2]string{{"a", "x"}, {"b", "y"}}, []string{"x", "y"}},
		{"by file", [][2]string{{"d/a.yaml", "x"}, {"d/b.yaml", "x"}, {"d/c", "y"}}, []string{"a/x", "b/x", "y"}},
		{"same stem", [][2]string{{"a/config", "x"}, {"b/config", "x"}, {"c/config.yaml", "x"}}, []string{"a/config/x", "b/config/x", "c/config.yaml/x"}},
		{"long name taken", [][2]string{{"a", "x"}, {"b", "x"}, {"c", "a/x"}}, []string{"a/x#8b86bced1029", "b/x", "c/a/x"}},
		{"same stem in folders", [][2]string{{"p/a", "x"}, {"q/a", "x"}, {"c", "a/x"}}, []string{"p/a/x", "q/a/x", "c/a/x"}},
		{"control characters", [][2]string{{"a", "x\n\x1b[31m\u202e"}, {"b\n", "y"}, {"c", "y"}}, []string{"x??[31m?", "b?/y", "c/y"}},
		{"empty", [][2]string{{"a", ""}}, []string{"-"}},
		{"hidden file", [][2]string{{".kubeconfig", "x"}, {"b", "x"}}, []string{".kubeconfig/x", "b/x"}},
		{"endless", [][2]string{{"a", long}, {"b", long + "y"}}, []string{"a/" + long[:198] + "…", "b/" + long[:198] + "…"}},
		{"alike when printed", [][2]string{{"a", "x\n"}, {"a", "x\r"}}, []string{"a/x?#aa46ba1bd017", "a/x?#aef385f3e900"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var clusters []Cluster
			for _, in := range test.in {
				clusters = append(clusters, Cluster{File: in[0], Context: in[1]})
			}
			giveNames(clusters)
			equal(t, "names", clusterNames(clusters), test.want)
		})
	}
}

func TestLengths(t *testing.T) {
	long := strings.Repeat("ö", 5000)
	for what, tt := range map[string]struct {
		got   string
		runes int
	}{"a name": {brief(long), 200}, "a path": {shown(long), 4096}, "an error": {oneLine(errors.New(long)).Error(), 1000}} {
		if want := strings.Repeat("ö", tt.runes) + "…"; tt.got != want {
			t.Errorf("%s has %d bytes, want %d", what, len(tt.got), len(want))
		}
	}
	if whole := long[:2*200]; brief(whole) != whole {
		t.Error("a name of 200 characters is cut")
	}
}

// A hint lists a hundred names at most, each once, in order.
func TestListed(t *testing.T) {
	var names []string
	for i := range 101 {
		names = append(names, fmt.Sprintf("n%03d", 100-i))
	}
	if got := listed(append(names[1:], "n007")); strings.Count(got, ", ") != 99 || !strings.HasPrefix(got, "n000, n001, ") || !strings.HasSuffix(got, ", n098, n099") {
		t.Errorf("100 names: %s", got)
	}
	if got := listed(names); strings.Count(got, ", ") != 100 || !strings.HasSuffix(got, ", n099, and 1 more") {
		t.Errorf("101 names: %s", got)
	}
	if got := listed([]string{"b\n", "a"}); got != "a, b?" {
		t.Errorf("got %q", got)
	}
}

// TestNamesNeverMove tests that a further file takes no name away from the cluster that had it, and that a cluster whose name is ambiguous
// then gets a longer one of its own, which is logged, and chooses it.
func TestNamesNeverMove(t *testing.T) {
	type id struct{ file, context string }
	paths := []string{"config", "config.bak", "config.yaml", "config.d/config", "config.d/a", "configs/config", "configs/a.yaml", "a", "b", "a.yaml"}
	contexts := []string{"x", "y", "a/x", "config/x", "config.d/config/x", ".kube/config/x", "x?", "x\n"}
	ways := []func(home string) Options{
		func(home string) Options { return Options{Home: home} },
		func(home string) Options {
			return Options{Home: home, Kubeconfig: []string{filepath.Join(home, ".kube", "**")}}
		},
	}
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 0))
		home := tree(t, nil)
		o := ways[seed%2](home)
		o.Multiple, o.AllContexts = true, true
		was, server := make(map[id]Cluster), make(map[string]string) // by name
		r.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
		for _, path := range paths[:6] {
			text := config(fmt.Sprintf("https://%d.example.com", r.IntN(12)), "SECRET", contexts[r.IntN(len(contexts))], contexts[r.IntN(len(contexts))])
			path = filepath.Join(home, ".kube", path)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
				t.Fatal(err)
			}
			clusters, log, err := find(t, o)
			if err != nil {
				continue // a context twice
			}
			is := make(map[string]bool)
			for _, c := range clusters {
				key := id{c.File, c.Context}
				all := c.names()
				if is[c.Name] || !slices.Contains(all, c.Name) {
					t.Fatalf("seed %d: %s is the name of two, or of none", seed, c.Name)
				}
				is[c.Name] = true
				if old, ok := was[key]; ok && slices.Index(all, old.Name) > slices.Index(all, c.Name) {
					t.Errorf("seed %d: %q was called %s, and is %s", seed, key, old.Name, c.Name)
				}
				if old, ok := server[c.Name]; ok && old != c.Server {
					t.Errorf("seed %d: %s was %s, and is %s", seed, c.Name, old, c.Server)
				}
				if c.Name != all[0] && !said(log, fmt.Sprintf("debug: %s: context %q is called %s: another entry has the name %s", c.File, c.Context, c.Name, all[0])) {
					t.Errorf("seed %d: nothing is said of %s: %q", seed, c.Name, log)
				}
				was[key], server[c.Name] = c, c.Server
				one := o
				one.AllContexts, one.Contexts = false, []string{"=" + c.Name}
				if got, _, err := find(t, one); err != nil || !slices.ContainsFunc(got, func(g Cluster) bool { return g.identity == c.identity }) {
					t.Errorf("seed %d: --context =%s: %v, %v", seed, c.Name, table(got), err)
				}
			}
		}
	}
}

// TestLongerNames tests which longer names entries have.
func TestLongerNames(t *testing.T) {
	text := func(n int) string { return config(fmt.Sprintf("https://%d.example.com", n), "SECRET", "x") }
	home := tree(t, map[string]string{".kube/config": text(1), ".kube/config.d/config": text(2), ".kube/configs/eu.yaml": text(3), ".kube/configs/us": text(4), ".kube/us": text(5)})
	kube := func(name string) string { return filepath.Join(home, ".kube", name) }
	for _, test := range []struct {
		name string
		o    Options
		want []string
	}{
		{"default", Options{Home: home}, []string{".kube/config/x", "config.d/config/x", "eu/x", "configs/us/x", ".kube/us/x"}},
		{"glob", Options{Kubeconfig: []string{kube("**")}}, []string{".kube/config/x", "config.d/config/x", "eu/x", "configs/us/x", ".kube/us/x"}},
		{"names", Options{Kubeconfig: []string{kube("config"), kube("config.d/config"), kube("us")}}, []string{".kube/config/x", "config.d/config/x", "us/x"}},
		{"list", Options{Env: kube("configs/us") + string(filepath.ListSeparator) + kube("us")}, []string{"configs/us/x", ".kube/us/x"}},
	} {
		test.o.Multiple = true
		clusters, _, err := find(t, test.o)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, test.name, clusterNames(clusters), test.want)
	}
}
