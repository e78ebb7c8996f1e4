// Package discover finds the clusters that a user's kubeconfigs reach. Clusters looks for kubeconfig files, reads each
// one by itself (files are never merged, except with Options.Multiple unset, which works as kubectl does), selects
// contexts, makes one cluster of duplicates and of other users of the same cluster, and gives each cluster a name that is unique and the
// same on every run. Names say what an entry is (file, context), never which it is in an order: see giveNames.
//
// The package opens no connection and runs no plugin. It reads files, but neither the environment nor flags: Options
// holds all of its input. It writes nothing but the new tokens of auth-providers, into their kubeconfigs. Files are
// untrusted: only regular files are opened, and their size, their number of values and the memory of what they expand to
// are bounded.
//
// Every error of Clusters is a *UsageError, with a hint for the user. A file or context that cannot be used is an error
// if the user named it, else it is logged and skipped. Errors, log messages and all fields of Cluster and User except Config may
// be printed: they hold names of files, contexts, clusters and users, but no credentials. Parsers and clientcmd quote
// the text that they could not read, so their messages are replaced or cut (see secret.go).
package discover

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rs/zerolog"
	"k8s.io/client-go/rest"
)

// Options is where to look for kubeconfigs and which contexts to select.
type Options struct {
	Kubeconfig []string // --kubeconfig: files and globs; if there are any, Env and Home's files are ignored
	Env        string   // $KUBECONFIG: a list of files; if there are any, Home's files are ignored
	Home       string   // replaces ~, and holds .kube with the default files; may be empty

	Contexts    []string // --context: lists of globs, /regexps/ and !negations, or =names; none: the current context of each file
	AllContexts bool     // all contexts of all files
	Multiple    bool     // false: one cluster, found as kubectl finds it, with Contexts an exact name

	// AllNamespaces and NamedNamespaces say that -A or -n choose the namespaces, so that those of contexts don't tell the
	// clusters of one user apart.
	AllNamespaces, NamedNamespaces bool

	// Runs reports whether a credential plugin's command may and can be run; nil: all can. It is only asked which of several users of a
	// cluster to take.
	Runs func(command string) bool

	// InCluster returns the configuration and the namespace of the pod that mktail runs in; nil outside of a pod. It
	// is called at most once, and only if no kubeconfig has a cluster and Kubeconfig is empty.
	InCluster func() (*rest.Config, string, error)
	Log       zerolog.Logger // skipped files and contexts: likely mistakes as warnings, the others at debug level
}

// Cluster is a cluster to connect to.
type Cluster struct {
	Name      string   // unique among the clusters found, printable, not empty
	Context   string   // the kubeconfig's context; empty in a pod
	File      string   // the kubeconfig's path, as it was named or found; empty in a pod
	Server    string   // the URL to print: Config.Host without user, password and query
	Namespace string   // the context's namespace, "default" if it has none
	Others    []string // the namespaces of other contexts that this one stands for with Options.AllNamespaces, each once
	Users     []User   // at least one: whose credentials are to be used, each when those before are refused

	root     string // the folder that was searched, or File's own; empty: it is not known
	identity string // equal for two contexts that reach the same cluster as the same user, whatever their namespaces are

	place     string   // equal for two contexts that reach the same cluster, whoever the user is
	byFlag    []string // the file, if --kubeconfig names it; those of entries that this one stands for, too
	byPattern []int    // the patterns of --context that are the context's name, by their indices; likewise

	namesOfTwins []string // of entries that this one stands for: they are no other cluster's
}

// User is a user of a cluster, as a context has it.
type User struct {
	Name   string       // of the context: --context takes it
	File   string       // the path of the kubeconfig that has the user; empty in a pod
	Config *rest.Config // owned by the caller: no other user shares a part of it; holds credentials

	// Reread reads the kubeconfig again and returns the configuration of the same context, owned by the caller. It is an
	// error if the context now leads to another server. Reread is nil in a pod.
	Reread func() (*rest.Config, error)

	usable usability
}

// Clusters returns the clusters found, at least one if there is no error. Their choice, order and names depend only on
// the names and the contents of the files, and on whether credentials in them have expired, not on the order in which
// directories or lists have the files. Every error is a *UsageError.
func Clusters(o Options) ([]Cluster, error) {
	if !o.Multiple {
		return o.single()
	}
	patterns, err := contextPatterns(o.Contexts)
	if err != nil {
		return nil, err
	}
	files, parts, places, err := o.files()
	if err != nil {
		return nil, err
	}
	chosen, err := o.choose(files, places, patterns)
	if err != nil {
		return nil, err
	}
	clusters, err := o.usable(chosen, patterns, append(parts, files...))
	switch {
	case err != nil:
		return nil, err
	case len(clusters) > 0:
		nameUsers(clusters)
		clusters = o.withoutOtherUsers(o.withoutDuplicates(clusters))
		giveNames(clusters)
		o.logLongNames(clusters)
		return clusters, nil
	case o.InCluster != nil && len(o.Kubeconfig) == 0 && len(files) == 0 && len(patterns) == 0:
		return o.inCluster(places)
	case len(files) == 0:
		return nil, noKubeconfig(places)
	case len(chosen) > 0:
		return nil, usagef("fix what the warnings name, or choose others with --context: there is "+listed(names(files)),
			"no usable kubeconfig: none of the chosen contexts can be used")
	case len(patterns) > 0:
		return nil, usagef("there is "+listed(names(files)), "--context %s leaves no context", strings.Join(o.Contexts, ",")).of("context")
	}
	return nil, usagef("choose with --context or --all-contexts: there is "+listed(names(files))+o.currentElsewhere(files, parts),
		"no context is current in %s", listed(paths(files)))
}

// choose returns the contexts to use. It is an error if a pattern that is not negated matches none. It has patterns be names that are
// names of contexts.
func (o Options) choose(files []*file, places []string, patterns []pattern) (chosen []entry, err error) {
	var all []entry
	for _, f := range files {
		all = append(all, f.entries()...)
	}
	if o.AllContexts {
		return all, nil
	}
	if len(patterns) > 0 {
		asNames(patterns, all)
		for _, p := range patterns {
			if !p.negate && !slices.ContainsFunc(all, p.matches) {
				return nil, noSuchContext(p.text, p.value, names(files), places)
			}
		}
		return slices.DeleteFunc(all, func(e entry) bool { return !wanted(patterns, e) }), nil
	}
	for _, f := range files {
		if e, ok := f.current(); ok {
			// kubectl config use-context writes into the first file of $KUBECONFIG, whichever has the context.
			if !e.there() {
				if i := slices.IndexFunc(files, func(f *file) bool { return entry{f, e.context}.there() }); i >= 0 {
					o.Log.Debug().Msgf("%s: its current context %q is in %s", shown(f.path), brief(e.context), shown(files[i].path))
					e.file = files[i]
				}
			}
			if !slices.Contains(chosen, e) {
				chosen = append(chosen, e)
			}
			continue
		}
		level := zerolog.DebugLevel // kubectx -u leaves such files behind, on purpose
		if f.named {
			level = zerolog.WarnLevel
		}
		o.Log.WithLevel(level).Msgf("%s: passed over: none of its contexts is current: choose with --context or --all-contexts", shown(f.path))
	}
	return chosen, nil
}

// usable makes clusters of the chosen contexts. An unusable context is logged, but it is an error if the user named it
// and no other file has a usable context of that name, or if the user named its file and no context. If none is usable, it
// is an error that one would be if files were merged.
func (o Options) usable(chosen []entry, patterns []pattern, files []*file) (clusters []Cluster, err error) {
	byDefault := !o.AllContexts && len(patterns) == 0
	failed := make(map[entry]error)
	for _, e := range chosen {
		c, err := e.cluster()
		if err != nil {
			failed[e] = fmt.Errorf("reading context %q of %s: %w", brief(e.context), shown(e.file.path), err)
			if others := e.needs(files); len(others) > 0 {
				failed[e] = &splitError{failed[e], e, others}
			}
			continue
		}
		if e.file.named && len(o.Kubeconfig) > 0 {
			c.byFlag = []string{c.File}
		}
		for i, p := range patterns {
			if p.exact && p.matches(e) {
				c.byPattern = append(c.byPattern, i)
			}
		}
		clusters = append(clusters, c)
	}
	inVain := slices.DeleteFunc(slices.Clone(patterns), func(p pattern) bool { // an unusable copy does no harm beside a usable one
		return !p.exact || slices.ContainsFunc(chosen, func(e entry) bool { return failed[e] == nil && p.matches(e) })
	})
	full := make(map[*file]bool)
	for _, e := range chosen {
		err := failed[e]
		split, _ := errors.AsType[*splitError](err)
		named := slices.ContainsFunc(inVain, func(p pattern) bool { return p.matches(e) })
		switch {
		case err == nil:
		case split != nil && (named || byDefault && e.file.named || len(clusters) == 0):
			return nil, o.onlyMerged(split)
		case named:
			return nil, usagef("fix the file, or take the context out of --context", "%w", err)
		case byDefault && e.file.named:
			return nil, usagef("fix the file, or choose another context with --context: there is "+listed(names([]*file{e.file})), "%w", err)
		case full[e.file]: // logged once
		default:
			full[e.file] = errors.Is(err, errHeld)
			o.Log.Warn().Msgf("%s; passed over%s", err, split.why())
		}
	}
	return clusters, nil
}

// logLongNames logs which clusters are not called as their context is.
func (o Options) logLongNames(clusters []Cluster) {
	for _, c := range clusters {
		if short := c.names()[0]; c.Name != short {
			o.Log.Debug().Msgf("%s: context %q is called %s: another entry has the name %s", shown(c.File), brief(c.Context), c.Name, short)
		}
	}
}

// inCluster returns the cluster of the pod that mktail runs in.
func (o Options) inCluster(places []string) ([]Cluster, error) {
	config, namespace, err := o.InCluster()
	if err == nil && config == nil {
		err = errors.New("there is none")
	}
	if err != nil {
		return nil, usagef(hintNoKubeconfig, "no usable kubeconfig: looked at %s, and at the service account of this pod: %w",
			strings.Join(places, ", "), err)
	}
	return []Cluster{{Name: "in-cluster", Server: shownURL(config.Host), Namespace: cmp.Or(namespace, "default"), Users: []User{{Config: config}}}}, nil
}
