package discover

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// needs returns the files that have what the context's own file lacks of its cluster and user; none if that is nothing, or
// no file has it. People split a kubeconfig so for kubectl, which merges the files of $KUBECONFIG.
func (e entry) needs(files []*file) (others []*file) {
	context := e.file.config.Contexts[e.context]
	if context == nil {
		return nil
	}
	for _, part := range []struct {
		name string
		in   func(*file) bool
	}{
		{context.Cluster, func(f *file) bool { return f.config.Clusters[context.Cluster] != nil }},
		{context.AuthInfo, func(f *file) bool { return f.config.AuthInfos[context.AuthInfo] != nil }},
	} {
		if part.name == "" || part.in(e.file) || slices.ContainsFunc(others, part.in) {
			continue
		}
		i := slices.IndexFunc(files, part.in)
		if i < 0 {
			return nil
		}
		others = append(others, files[i])
	}
	return others
}

// splitError is about a context that can be used only if its file is merged with others.
type splitError struct {
	error
	entry  entry
	others []*file
}

// Unwrap returns what is wrong with the context by itself.
func (e *splitError) Unwrap() error { return e.error }

// why says what the context needs; nothing for no error.
func (e *splitError) why() string {
	if e == nil {
		return ""
	}
	return ": it works only merged with " + listed(paths(e.others))
}

// onlyMerged returns an error for the user, with the way to merge files.
func (o Options) onlyMerged(e *splitError) error {
	hint := o.howToMerge(append([]*file{e.entry.file}, e.others...))
	return usagef(hint+"; or choose another context with --context: there is "+listed(names([]*file{e.entry.file})), "%w%s", e.error, e.why())
}

// currentElsewhere is the rest of a hint, if a file without contexts says which context of another is current.
func (o Options) currentElsewhere(files, parts []*file) string {
	for _, part := range parts {
		if name := part.config.CurrentContext; name != "" && slices.Contains(names(files), name) {
			return fmt.Sprintf("; %q is current in %s: %s", brief(name), shown(part.path), o.howToMerge(append([]*file{part}, files...)))
		}
	}
	return ""
}

// howToMerge is a hint to merge files.
func (o Options) howToMerge(files []*file) string {
	hint := "--no-multiple (-m=false) merges the files of $KUBECONFIG, as kubectl does"
	if len(o.Kubeconfig) > 0 || len(nonEmpty(filepath.SplitList(o.Env))) == 0 {
		hint += ": KUBECONFIG=" + shown(strings.Join(paths(files), string(filepath.ListSeparator))) + " mktail -m=false"
	}
	return hint
}
