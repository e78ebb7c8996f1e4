package discover

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"
)

// giveNames names each cluster by the shortest of its names that no other cluster has among its own. Names say what an
// entry is, and not which it is in the order of entries: a further cluster takes no name away from another, but one that
// both have is neither's, and the next longer one is used.
func giveNames(clusters []Cluster) {
	const several = -1
	owner := make(map[string]int) // by name
	for i, c := range clusters {
		for _, name := range append(c.names(), c.namesOfTwins...) {
			if other, ok := owner[name]; ok && other != i {
				owner[name] = several
			} else {
				owner[name] = i
			}
		}
	}
	for i, c := range clusters {
		names := c.names()
		clusters[i].Name = names[len(names)-1]
		for _, name := range names {
			if owner[name] == i {
				clusters[i].Name = name
				break
			}
		}
	}
}

// nameUsers names each cluster, and its user, before some of them are put together: by these names the user can choose them.
func nameUsers(clusters []Cluster) {
	giveNames(clusters)
	for _, c := range clusters {
		c.Users[0].Name = c.Name
	}
}

// names returns the names that the cluster may have.
func (c *Cluster) names() []string { return namesOf(c.File, c.root, c.Context) }

// namesOf returns the names that an entry may have, from the shortest to one that no other has: the context; file/context, with
// the file's name without folder and extension, then with its path below root, with that and the name of root, and with its whole
// path; and the last with a hash, as names are cut and made printable. An empty root is not known.
func namesOf(path, root, context string) []string {
	files := []string{stem(path)}
	if below, err := filepath.Rel(root, path); err == nil && root != "" {
		files = append(files, below)
		if name := filepath.Base(filepath.Clean(root)); name != "." && name != string(filepath.Separator) {
			files = append(files, filepath.Join(name, below))
		}
	}
	files = append(files, path)
	all := []string{clusterName(context)}
	for _, file := range files {
		all = append(all, clusterName(filepath.ToSlash(file)+"/"+context))
	}
	sum := sha256.Sum256([]byte(path + "\x00" + context))
	return append(all, fmt.Sprintf("%s#%x", all[len(all)-1], sum[:6]))
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
