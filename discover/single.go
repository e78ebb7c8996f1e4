package discover

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"k8s.io/client-go/tools/clientcmd"

	"mktail/discover/glob"
)

// single finds one cluster as kubectl does. The kubeconfig is the one file of --kubeconfig, or the files of $KUBECONFIG
// merged by clientcmd, or ~/.kube/config. The context is the one that --context names, or the current one.
func (o Options) single() ([]Cluster, error) {
	contexts := nonEmpty(append([]string(nil), o.Contexts...))
	switch {
	case o.AllContexts:
		return nil, usagef("leave one of them out", "--no-multiple follows one cluster, and --all-contexts asks for all").of("multiple", "all-contexts")
	case len(contexts) > 1:
		return nil, usagef("name one context, or leave --no-multiple out", "--no-multiple follows one cluster, and --context gives %d", len(contexts)).of("multiple", "context")
	}
	candidates, places, err := o.singleCandidates()
	if err != nil {
		return nil, err
	}
	rules := &clientcmd.ClientConfigLoadingRules{}
	for _, c := range candidates {
		switch err := loadable(c.path); {
		case err == nil:
			rules.Precedence = append(rules.Precedence, c.path)
		case errors.Is(err, fs.ErrNotExist) && c.from != "--kubeconfig": // as kubectl does
			o.Log.Debug().Msgf("%s: passed over: %s", shown(c.path), err)
		default:
			return nil, usagef(hintNamed(c, err), "reading kubeconfig %s: %w", shown(c.path), err)
		}
	}
	merged, err := merge(rules)
	if err != nil {
		return nil, usagef("check $KUBECONFIG", "reading %s: %w", strings.Join(places, ", "), err)
	}
	config := merged.config
	there := names([]*file{merged})
	context := config.CurrentContext
	if len(contexts) == 1 {
		context = contexts[0]
		if name, ok := strings.CutPrefix(context, "="); ok && (config.Contexts[name] != nil || config.Contexts[context] == nil) {
			context = name
		}
	}
	switch {
	case config.Contexts[context] != nil:
		merged.path = config.Contexts[context].LocationOfOrigin
	case len(contexts) == 1:
		if (glob.Is(context) || strings.ContainsAny(context, "!/")) && len(there) > 0 {
			return nil, usagef("there is "+listed(there), "--context %q: with --no-multiple it takes one exact name", context).of("context", "multiple")
		}
		return nil, noSuchContext(contexts[0], context, there, places)
	case len(there) == 0 && o.InCluster != nil && len(o.Kubeconfig) == 0:
		return o.inCluster(places)
	case len(there) == 0:
		return nil, noKubeconfig(places)
	case context != "":
		return nil, usagef("choose one with --context: there is "+listed(there), "reading %s: current-context %q is not there", strings.Join(places, ", "), brief(context))
	default:
		return nil, usagef("choose one with --context: there is "+listed(there), "no context is current in %s", strings.Join(places, ", "))
	}
	c, err := entry{merged, context}.cluster()
	if err != nil {
		return nil, usagef("fix the file, or choose another context with --context: there is "+listed(there),
			"reading context %q of %s: %w", brief(context), shown(merged.path), err)
	}
	clusters := []Cluster{c}
	giveNames(clusters)
	return clusters, nil
}

// merge reads and merges files, which must be loadable.
func merge(rules *clientcmd.ClientConfigLoadingRules) (*file, error) {
	config, err := rules.Load()
	if err != nil {
		return nil, withoutValues(err)
	}
	return &file{config: config, again: func() (*file, error) {
		for _, path := range rules.Precedence {
			if err := loadable(path); err != nil {
				return nil, err
			}
		}
		return merge(rules)
	}}, nil
}

// singleCandidates returns the files that kubectl would read, in kubectl's order.
func (o Options) singleCandidates() (all []candidate, places []string, err error) {
	if len(o.Kubeconfig) == 0 && len(nonEmpty(filepath.SplitList(o.Env))) == 0 && o.Home != "" {
		path := filepath.Join(o.Home, ".kube", "config")
		return []candidate{{path: path, from: "~/.kube"}}, []string{shown(path)}, nil
	}
	all, places, err = o.candidates()
	if err != nil {
		return nil, nil, err
	}
	if len(o.Kubeconfig) > 0 && len(all) != 1 {
		return nil, nil, usagef("name one file, or leave --no-multiple out",
			"--no-multiple reads one kubeconfig, and --kubeconfig gives %d", len(all)).of("multiple", "kubeconfig")
	}
	return all, places, nil
}

// loadable returns an error if clientcmd cannot load a file or must not: clientcmd opens files of every kind and has no
// limits.
func loadable(path string) error {
	text, _, err := readRegular(path)
	if err != nil {
		return err
	}
	if text, err = decoded(text); err != nil {
		return err
	}
	_, err = load(text)
	return err
}
