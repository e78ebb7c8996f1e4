package discover

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
)

// An error knows which flags are to blame, so that a caller can say where they were set.
func TestFlagsToBlame(t *testing.T) {
	home := tree(t, map[string]string{".kube/config": "@many.yaml", "junk": "junk", "broken": "@broken.yaml"})
	junk := filepath.Join(home, "jun[k]")
	for _, tt := range []struct {
		o     Options
		flags []string
	}{
		{Options{Multiple: true, Contexts: []string{"none"}}, []string{"context"}},
		{Options{Multiple: true, Contexts: []string{"!"}}, []string{"context"}},
		{Options{Multiple: true, Contexts: []string{"/(/"}}, []string{"context"}},
		{Options{Multiple: true, Contexts: []string{"!*"}}, []string{"context"}},
		{Options{Multiple: true, Kubeconfig: []string{junk}}, []string{"kubeconfig"}},
		{Options{Multiple: true, Kubeconfig: []string{""}}, []string{"kubeconfig"}},
		{Options{Multiple: true, Kubeconfig: []string{"[a"}}, []string{"kubeconfig"}},
		{Options{Multiple: true, Kubeconfig: []string{"none*"}}, []string{"kubeconfig"}},
		{Options{AllContexts: true}, []string{"multiple", "all-contexts"}},
		{Options{Contexts: []string{"a", "b"}}, []string{"multiple", "context"}},
		{Options{Contexts: []string{"prod-*"}}, []string{"context", "multiple"}},
		{Options{Contexts: []string{"none"}}, []string{"context"}},
		{Options{Kubeconfig: []string{junk, junk}}, []string{"multiple", "kubeconfig"}},
		{Options{}, nil},
		{Options{Multiple: true}, nil},
		{Options{Env: filepath.Join(home, "broken")}, nil},
	} {
		tt.o.Home = home
		_, _, err := find(t, tt.o)
		var usage *UsageError
		if !errors.As(err, &usage) || !slices.Equal(usage.Flags, tt.flags) {
			t.Errorf("%+v: %v, flags %q, want %q", tt.o, err, usage.Flags, tt.flags)
		}
	}
}
