package discover

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"
)

// giveNames names each cluster by its context where no other has that, else by file and context (the file's name
// without folder and extension), else with a number. The numbers follow the order of the clusters, which is that of
// the files' paths.
func giveNames(clusters []Cluster) {
	contexts := make(map[string]int)
	for _, c := range clusters {
		contexts[clusterName(c.Context)]++
	}
	taken := make(map[string]bool)
	for i := range clusters { // the short names first: no longer one may take them
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

// stem is a file's name without folder and extension.
func stem(path string) string {
	base := filepath.Base(path)
	if s := strings.TrimSuffix(base, filepath.Ext(base)); s != "" {
		return s
	}
	return base
}

// mostName is the length of a cluster's name, in runes: it stands in every record.
const mostName = 200

// clusterName makes a name that can stand in a record: printable, not empty, not endless.
func clusterName(name string) string {
	return cmp.Or(brief(printable(name)), "-")
}

// brief cuts a name that a file made endless.
func brief(name string) string { return cut(name, mostName) }

// cut gives the first runes of a text.
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

// printable replaces what is no visible character: line breaks, escapes, marks that turn the direction of text.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// shown is a path in a message: one that a file system can have is whole.
func shown(path string) string { return cut(printable(path), 4096) }
