// Package discover finds clusters: it looks for kubeconfig files, reads each by itself, chooses contexts, and gives
// each cluster a name that is unique and the same on every run. It opens no connection, and reads neither the
// environment nor flags: all that it goes by stands in Options.
//
// What it says, in errors and in the log, holds names of files, contexts, clusters and users, never a credential: the
// messages of parsers and of clientcmd quote what they could not read, so they are replaced or cut (see secret.go).
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

// Options says where to look and what to choose.
type Options struct {
	Kubeconfig []string // --kubeconfig: files and globs; given any, only these count
	Env        string   // $KUBECONFIG: a list of files; given any, the default places don't count
	Home       string   // stands for ~, and holds the default places; may be empty

	Contexts    []string // --context: lists of globs, /regexps/ and !negations; none: the current context of each file
	AllContexts bool     // all contexts of all files
	Multiple    bool     // false: one cluster, found as kubectl finds it

	// InCluster gives the configuration and the namespace of the pod that mktail runs in; nil outside of a pod. It
	// is called at most once, and only when no file gives a cluster and no --kubeconfig was given.
	InCluster func() (*rest.Config, string, error)
	Log       zerolog.Logger // what was passed over: as warnings what seems to be a mistake, at debug the rest
}

// Cluster is a cluster that can be connected to.
type Cluster struct {
	Name      string       // unique among those found, printable, not empty
	Context   string       // of the kubeconfig; empty in a pod
	File      string       // the kubeconfig, as it was named or found; empty in a pod
	Server    string       // the URL to print: Config.Host without user and password
	Namespace string       // of the context, "default" if it has none
	Config    *rest.Config // the caller's: no other cluster shares a part of it

	// Reread reads the kubeconfig again and gives the configuration of the same context, which must lead to the same server;
	// nil in a pod.
	Reread func() (*rest.Config, error)

	identity string // equal in two entries that reach the same cluster as the same user
}

// Clusters finds the clusters, at least one. Which, in what order and under what names depends only on the files'
// names and what they hold, not on the order in which directories or lists give them. All errors are the user's to
// mend (*UsageError).
func Clusters(o Options) ([]Cluster, error) {
	if !o.Multiple {
		return o.single()
	}
	patterns, err := contextPatterns(o.Contexts)
	if err != nil {
		return nil, err
	}
	files, places, err := o.files()
	if err != nil {
		return nil, err
	}
	chosen, err := o.choose(files, places, patterns)
	if err != nil {
		return nil, err
	}
	clusters, err := o.usable(chosen, patterns)
	switch {
	case err != nil:
		return nil, err
	case len(clusters) > 0:
		clusters = o.withoutDuplicates(clusters)
		giveNames(clusters)
		return clusters, nil
	case o.InCluster != nil && len(o.Kubeconfig) == 0 && len(files) == 0 && len(patterns) == 0:
		return o.inCluster(places)
	case len(files) == 0:
		return nil, noKubeconfig(places)
	case len(chosen) > 0:
		return nil, usagef("mend what the warnings name, or choose others with --context: there is "+listed(names(files)),
			"no usable kubeconfig: none of the chosen contexts can be used")
	case len(patterns) > 0:
		return nil, usagef("there is "+listed(names(files)), "--context %s leaves no context", strings.Join(o.Contexts, ","))
	}
	return nil, usagef("choose with --context or --all-contexts: there is "+listed(names(files)),
		"no context is current in %s", listed(paths(files)))
}

// choose gives the contexts that are wanted. Each pattern that adds must match one.
func (o Options) choose(files []*file, places []string, patterns []pattern) (chosen []entry, err error) {
	var all []entry
	for _, f := range files {
		all = append(all, f.entries()...)
	}
	if o.AllContexts {
		return all, nil
	}
	if len(patterns) > 0 {
		for _, p := range patterns {
			if !p.negate && !slices.ContainsFunc(all, p.matches) {
				return nil, noSuchContext(p.text, names(files), places)
			}
		}
		return slices.DeleteFunc(all, func(e entry) bool { return !wanted(patterns, e) }), nil
	}
	for _, f := range files {
		if e, ok := f.current(); ok {
			chosen = append(chosen, e)
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

// usable makes clusters of the chosen contexts. One that can't be used is a warning, but an error if the user named
// it and no other file has a usable one of that name, or named its file and takes what is current there.
func (o Options) usable(chosen []entry, patterns []pattern) (clusters []Cluster, err error) {
	byDefault := !o.AllContexts && len(patterns) == 0
	failed := make(map[entry]error)
	for _, e := range chosen {
		c, err := e.cluster()
		if err != nil {
			failed[e] = fmt.Errorf("reading context %q of %s: %w", brief(e.context), shown(e.file.path), err)
			continue
		}
		clusters = append(clusters, c)
	}
	inVain := slices.DeleteFunc(slices.Clone(patterns), func(p pattern) bool { // not where an old copy is in the way of a good one
		return !p.exact || slices.ContainsFunc(chosen, func(e entry) bool { return failed[e] == nil && p.matches(e) })
	})
	full := make(map[*file]bool)
	for _, e := range chosen {
		err := failed[e]
		switch {
		case err == nil:
		case slices.ContainsFunc(inVain, func(p pattern) bool { return p.matches(e) }):
			return nil, usagef("mend the file, or take the context out of --context", "%w", err)
		case byDefault && e.file.named:
			return nil, usagef("mend the file, or choose another context with --context: there is "+listed(names([]*file{e.file})), "%w", err)
		case full[e.file]: // said once
		default:
			full[e.file] = errors.Is(err, errHeld)
			o.Log.Warn().Msgf("%s; passed over", err)
		}
	}
	return clusters, nil
}

// inCluster gives the cluster of the pod that mktail runs in.
func (o Options) inCluster(places []string) ([]Cluster, error) {
	config, namespace, err := o.InCluster()
	if err == nil && config == nil {
		err = errors.New("there is none")
	}
	if err != nil {
		return nil, usagef(hintNoKubeconfig, "no usable kubeconfig: looked at %s, and at the service account of this pod: %w",
			strings.Join(places, ", "), err)
	}
	return []Cluster{{Name: "in-cluster", Server: shownURL(config.Host), Namespace: cmp.Or(namespace, "default"), Config: config}}, nil
}
