package discover

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"mktail/discover/glob"
)

// expand returns the files of one --kubeconfig: the path itself if it exists or has no glob character, else the files
// that it matches as a glob.
func (o Options) expand(pattern string) ([]candidate, error) {
	path := pattern
	if rest, ok := strings.CutPrefix(path, "~"); ok && (rest == "" || os.IsPathSeparator(rest[0])) {
		if o.Home == "" {
			return nil, usagef("write the directory in full", "reading --kubeconfig %s: there is no home directory", shown(pattern)).of("kubeconfig")
		}
		path = o.Home + rest
	}
	if path == "" {
		return nil, usagef("give a file or a glob", "--kubeconfig is empty").of("kubeconfig")
	}
	path = filepath.Clean(path)
	if _, err := os.Lstat(path); err == nil || !glob.Is(path) && !strings.Contains(path, "{") {
		return []candidate{named(path, "--kubeconfig")}, nil
	}
	options := []doublestar.GlobOption{doublestar.WithFilesOnly(), doublestar.WithNoHidden()}
	if strings.Contains(path, "**") { // symbolic links in a circle would be followed endlessly
		options = append(options, doublestar.WithNoFollow())
	}
	found, err := doublestar.FilepathGlob(path, options...)
	if err != nil {
		return nil, usagef("see https://pkg.go.dev/github.com/bmatcuk/doublestar/v4#readme-patterns",
			"reading --kubeconfig %s: %w", shown(pattern), err).of("kubeconfig")
	}
	if len(found) == 0 {
		return nil, usagef("check the path; hidden files match only if the pattern has the dot",
			"--kubeconfig %s matches no file", shown(pattern)).of("kubeconfig")
	}
	root, _ := doublestar.SplitPattern(filepath.ToSlash(path))
	var all []candidate
	for _, p := range found {
		all = append(all, candidate{path: p, root: filepath.FromSlash(root), from: "--kubeconfig", glob: shown(pattern)})
	}
	return all, nil
}
