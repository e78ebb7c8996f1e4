package cli

import (
	"os"
	"path/filepath"
	"strings"
)

// expandPaths puts the home directory in place of ~ in the flags that name files, as --kubeconfig has it: a shell does so
// only where ~ begins a word, not in --state=~/places.
func (f *flags) expandPaths() {
	home, err := os.UserHomeDir()
	if err != nil {
		return
	}
	paths := []*string{&f.State, &f.Status, &f.ReadyFile, &f.JQFile, &f.TemplateFile}
	for i := range f.JQPath {
		paths = append(paths, &f.JQPath[i])
	}
	for _, path := range paths {
		if rest, ok := strings.CutPrefix(*path, "~"); ok && (rest == "" || os.IsPathSeparator(rest[0])) {
			*path = filepath.Join(home, rest)
		}
	}
}
