package discover

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/rs/zerolog"
)

// candidate is a path that may be a kubeconfig.
type candidate struct {
	path  string
	named bool   // by the user, without a glob: it must be a kubeconfig
	root  string // the folder that was searched; the file's own if it was named
	from  string // the flag or variable that named it, for messages
	glob  string // the pattern that matched it; empty if it was named
}

// files reads the candidates that are kubeconfigs, each once: ~/.kube/config first, the others sorted by path. parts are
// those without contexts, whose clusters and users another file may need. places names where the candidates came from, for
// messages.
func (o Options) files() (files, parts []*file, places []string, err error) {
	candidates, places, err := o.candidates()
	if err != nil {
		return nil, nil, places, err
	}
	good := make(map[string]bool) // the paths of kubeconfigs
	for _, c := range o.sorted(candidates) {
		f, err := read(c)
		if err != nil {
			if f != nil && f.config != nil {
				parts = append(parts, f)
			}
			if c.named && !errors.Is(err, errNoContext) && !c.mayLack(err) {
				return nil, nil, places, usagef(hintNamed(c, err), "reading kubeconfig %s: %w", shown(c.path), err)
			}
			level := zerolog.DebugLevel
			if c.named || errors.As(err, new(*brokenError)) {
				level = zerolog.WarnLevel
			}
			o.Log.WithLevel(level).Msgf("%s: passed over: %s", shown(c.path), err)
			continue
		}
		good[c.path] = true
		twin := slices.IndexFunc(files, func(other *file) bool { return os.SameFile(other.info, f.info) })
		if twin < 0 {
			files = append(files, f)
			continue
		}
		kept := files[twin]
		if kept.link && !f.link { // prefer the file to the link: relative paths are resolved against its folder
			kept, f = f, kept
			files[twin] = kept
		}
		kept.named = kept.named || f.named
		o.Log.Debug().Msgf("%s: passed over: the same file as %s", shown(f.path), shown(kept.path))
	}
	globs := make(map[string]bool)
	for _, c := range candidates {
		globs[c.glob] = globs[c.glob] || good[c.path]
	}
	for _, c := range candidates {
		if c.glob != "" && !globs[c.glob] {
			return nil, nil, places, usagef("see with -v why each file was passed over", "--kubeconfig %s matches no kubeconfig", c.glob).of("kubeconfig")
		}
	}
	return files, parts, places, nil
}

// mayLack reports whether a named file need not be there, or may be empty: as kubectl has it, the list in $KUBECONFIG may
// name files that other tools have yet to write.
func (c candidate) mayLack(err error) bool {
	return c.from == "$KUBECONFIG" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, errEmpty))
}

// hintNamed returns the hint about a named file that cannot be read.
func hintNamed(c candidate, err error) string {
	info, missing := os.Stat(c.path)
	switch dir := missing == nil && info.IsDir(); {
	case dir && c.from == "--kubeconfig":
		return "for the files in a directory give a glob: --kubeconfig '" + shown(filepath.Join(c.path, "*")) + "'"
	case dir:
		return c.from + " takes files; for those in a directory give a glob to --kubeconfig"
	case errors.Is(err, errSpecial):
		return "write it to a regular file: others could make mktail wait for ever"
	}
	return "fix or remove what " + c.from + " names"
}

// sorted returns the candidates in order of precedence, each path once.
func (o Options) sorted(candidates []candidate) []candidate {
	first := filepath.Join(o.Home, ".kube", "config")
	all := slices.Clone(candidates)
	slices.SortStableFunc(all, func(a, b candidate) int {
		rank := func(c candidate) int { // a named path before the same path from a glob
			if c.named {
				return 0
			}
			return 1
		}
		switch {
		case a.path == b.path:
			return cmp.Compare(rank(a), rank(b))
		case o.Home != "" && a.path == first:
			return -1
		case o.Home != "" && b.path == first:
			return 1
		}
		return strings.Compare(a.path, b.path)
	})
	return slices.CompactFunc(all, func(a, b candidate) bool { return a.path == b.path })
}

// candidates returns the paths of the first source that has any: --kubeconfig, $KUBECONFIG, the default directories.
func (o Options) candidates() (all []candidate, places []string, err error) {
	list := nonEmpty(filepath.SplitList(o.Env))
	switch {
	case len(o.Kubeconfig) > 0:
		for _, p := range o.Kubeconfig {
			found, err := o.expand(p)
			if err != nil {
				return nil, nil, err
			}
			all = append(all, found...)
			places = append(places, shown(p))
		}
		return all, places, nil
	case len(list) > 0:
		for _, p := range list {
			all = append(all, named(filepath.Clean(p), "$KUBECONFIG"))
		}
		return all, []string{"$KUBECONFIG (" + shown(o.Env) + ")"}, nil
	case o.Home == "":
		return nil, []string{"$KUBECONFIG, which is not set", "~/.kube, but there is no home directory"}, nil
	}
	kube := filepath.Join(o.Home, ".kube")
	for _, dir := range []string{kube, filepath.Join(kube, "config.d"), filepath.Join(kube, "configs")} {
		places = append(places, shown(filepath.Join(dir, "*")))
		all = append(all, o.list(kube, dir)...)
	}
	return all, places, nil
}

// named returns the candidate for a path that the user has named.
func named(path, from string) candidate {
	return candidate{path: path, root: filepath.Dir(path), named: true, from: from}
}

// list returns the entries of a directory at or below root without the hidden ones, like * in a shell.
func (o Options) list(root, dir string) (all []candidate) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		o.Log.Warn().Msgf("%s: passed over: %s", shown(dir), reason(err))
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), ".") {
			o.Log.Debug().Msgf("%s: passed over: it is hidden", shown(path))
			continue
		}
		all = append(all, candidate{path: path, root: root})
	}
	return all
}

func nonEmpty(list []string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

func paths(files []*file) (all []string) {
	for _, f := range files {
		all = append(all, f.path)
	}
	return all
}
