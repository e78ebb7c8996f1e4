package discover

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"
)

// giveNames names each cluster: the context if no other cluster has the same one, else file/context (the file's name
// without folder and extension), with a number if that is not unique either. Numbers follow the order of the clusters,
// which is that of the files' paths.
func giveNames(clusters []Cluster) {
	contexts := make(map[string]int)
	for _, c := range clusters {
		contexts[clusterName(c.Context)]++
	}
	taken := make(map[string]bool)
	for i := range clusters { // short names first: a long name must not take one
		if name := clusterName(clusters[i].Context); contexts[name] == 1 {
			clusters[i].Name, taken[name] = name, true
		}
	}
	for i := range clusters {
		if clusters[i].Name != "" {
			continue
		}
		long := clusterName(stem(clusters[i].File) + "/" + clusters[i].Context)
		name := long
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s#%d", long, n)
		}
		clusters[i].Name, taken[name] = name, true
	}
}

// stem returns a file's name without folder and extension.
func stem(path string) string {
	base := filepath.Base(path)
	if s := strings.TrimSuffix(base, filepath.Ext(base)); s != "" {
		return s
	}
	return base
}

// mostName is the maximum length of a cluster's name, in runes: every record holds it.
const mostName = 200

// clusterName makes a name fit for a record: printable, not empty, not too long.
func clusterName(name string) string {
	return cmp.Or(brief(printable(name)), "-")
}

// brief returns at most mostName runes of a name: a file may hold names of any length.
func brief(name string) string { return cut(name, mostName) }

// cut returns the first runes of a text, at most so many, and "…" if there are more.
func cut(text string, most int) string {
	n := 0
	for i := range text {
		if n == most {
			return text[:i] + "…"
		}
		n++
	}
	return text
}

// printable replaces each character that is not printable by a question mark: line breaks, escapes, bidi controls.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// shown returns a path for a message, printable. Paths that a file system can have are not cut.
func shown(path string) string { return cut(printable(path), 4096) }
