package main

import (
	"path/filepath"
	"slices"
	"testing"
)

func TestParse(t *testing.T) {
	t.Setenv("MKTAIL_CLUSTERS", "/of/environment")
	for _, tt := range []struct {
		name  string
		args  []string
		root  string
		words []string
		fails bool
	}{
		{"flags before", []string{"-root", "/r", "up", "a"}, "/r", []string{"up", "a"}, false},
		{"flags after and between", []string{"up", "-context=c", "a", "-root=/r", "b"}, "/r", []string{"up", "a", "b"}, false},
		{"root of the environment", []string{"status"}, "/of/environment", []string{"status"}, false},
		{"no command", nil, "", nil, true},
		{"unknown flag", []string{"up", "-nope"}, "", nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, words, err := parse(tt.args)
			if (err != nil) != tt.fails || !tt.fails && (o.root != tt.root || !slices.Equal(words, tt.words)) {
				t.Errorf("got root %s, %q, %v", o.root, words, err)
			}
		})
	}
}

func TestRunRefuses(t *testing.T) {
	root := t.TempDir()
	for _, args := range [][]string{
		{"frob"}, {"frob", "a"}, {"up"}, {"up", "Bad_Name"}, {"up", "-a"}, {"kill"}, {"kill", "none", "kubelet"}, {"kubeconfig", "none"},
	} {
		if err := run(t.Context(), options{root: root}, args); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
	if left, _ := filepath.Glob(root + "/*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
