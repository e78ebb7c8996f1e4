package cli

import (
	"os"
	"path/filepath"
	"strings"
)

// expandPaths expands ~ in the flags that name files.
func (f *flags) expandPaths() {
	for _, path := range []*string{&f.State, &f.Status, &f.ReadyFile, &f.JQFile, &f.TemplateFile, &f.Artifacts} {
		*path = expandHome(*path)
	}
	for i, path := range f.JQPath {
		f.JQPath[i] = expandHome(path)
	}
}

// expandHome puts the home directory in place of ~, as --kubeconfig has it: a shell does so only where ~ begins a word, not in
// --state=~/places.
func expandHome(path string) string {
	rest, ok := strings.CutPrefix(path, "~")
	if !ok || rest != "" && !os.IsPathSeparator(rest[0]) {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, rest)
}
