package discover

import (
	"errors"
	"fmt"
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
		{"same stem", [][2]string{{"a/config", "x"}, {"b/config", "x"}, {"c/config.yaml", "x"}}, []string{"config/x", "config/x#2", "config/x#3"}},
		{"long name taken", [][2]string{{"a", "x"}, {"b", "x"}, {"c", "a/x"}}, []string{"a/x#2", "b/x", "a/x"}},
		{"number taken", [][2]string{{"p/a", "x"}, {"q/a", "x"}, {"c", "a/x#2"}}, []string{"a/x", "a/x#3", "a/x#2"}},
		{"control characters", [][2]string{{"a", "x\n\x1b[31m\u202e"}, {"b\n", "y"}, {"c", "y"}}, []string{"x??[31m?", "b?/y", "c/y"}},
		{"empty", [][2]string{{"a", ""}}, []string{"-"}},
		{"hidden file", [][2]string{{".kubeconfig", "x"}, {"b", "x"}}, []string{".kubeconfig/x", "b/x"}},
		{"endless", [][2]string{{"a", long}, {"b", long + "y"}}, []string{"a/" + long[:198] + "…", "b/" + long[:198] + "…"}},
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
