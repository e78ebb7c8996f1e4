package cli

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"mktail/cli/verdict"
	"mktail/discover"
	"mktail/discover/glob"
	"mktail/emit"
	"mktail/emit/jq"
	"mktail/tail"
	"mktail/tail/pods"
)

// plan is what a run will do. It is made before anything is opened, written or followed.
type plan struct {
	f        *flags
	log      zerolog.Logger
	terminal terminals

	selection    pods.Selection
	now          time.Time
	since, until time.Time // of --since-time and --until-time; zero: not given
	policy       clientcmdapi.PluginPolicy
	answerIn     time.Duration // see tail.Options
	conditions   verdict.Options
	program      *jq.Program // of --jq; nil: none
	names        *naming
	layout       layout
	levels       func(emit.Format) emit.Format // chooses lines by --level
	clusters     []discover.Cluster            // none with --stdin
	command      *child

	inert  bool        // stdout may be the log of a CI system's job, see inertRecords
	unread atomic.Bool // the reader of stdout went away
}

// terminals says which standard files are terminals.
type terminals struct{ stdin, stdout, stderr bool }

// plan reads the flags and finds the clusters. cancel ends the run whose context is ctx.
func (f *flags) plan(ctx context.Context, cancel func(), log zerolog.Logger, terminal terminals) (p *plan, err error) {
	p = &plan{f: f, log: log, terminal: terminal, now: time.Now()}
	if p.selection, err = f.selection(); err != nil {
		return nil, err
	}
	hintGlobs(log, p.selection.Pods)
	if f.Prompt && !terminal.stdin {
		return nil, usagef(on{"prompt"}, "choose by a flag, such as -l "+instanceLabel+"=shop", "--prompt asks on a terminal, and stdin is none")
	}
	if p.since, p.until, err = f.times(p.now); err != nil {
		return nil, err
	}
	if p.policy, err = f.pluginPolicy(); err != nil {
		return nil, err
	}
	if p.answerIn, err = f.Hidden.answerLimit(); err != nil {
		return nil, err
	}
	if p.conditions, err = f.conditions(log, cancel); err != nil {
		return nil, err
	}
	p.conditions.Ends = !f.Stdin && (!f.Follow || f.Previous || !p.until.IsZero())
	if f.UntilDone {
		p.conditions.Jobs = p.selection.Jobs()
	}
	if f.UntilReady {
		p.conditions.Rollouts = p.selection.Workloads()
	}
	if p.program, err = f.jq(); err != nil {
		return nil, err
	}
	if p.names, err = f.naming(); err != nil {
		return nil, err
	}
	if p.layout, err = f.layout(ctx, log, terminal.stdout, os.Getenv, p.program, p.names); err != nil {
		return nil, err
	}
	if p.levels, err = f.levels(); err != nil {
		return nil, err
	}
	if f.Stdin {
		return p, nil
	}
	home, _ := os.UserHomeDir() // without one, the places under it are not searched
	p.clusters, err = discover.Clusters(discover.Options{
		Kubeconfig: f.Kubeconfig, Env: os.Getenv("KUBECONFIG"), Home: home,
		Contexts: f.Context, AllContexts: f.AllContexts, Multiple: f.Multiple,
		AllNamespaces: f.AllNamespaces, NamedNamespaces: len(f.Namespace) > 0,
		InCluster: inCluster(), Runs: p.runs, Log: log,
	})
	if err != nil {
		return nil, discoverError(err)
	}
	p.warnMistrusted()
	if !f.IgnoreErrors {
		p.conditions.Namespaces = p.selection.NamedNamespaces()
	}
	if err := f.require(&p.conditions, len(p.clusters)); err != nil {
		return nil, err
	}
	if p.command, err = f.command(ctx, cancel, log); err != nil {
		return nil, err
	}
	if p.command != nil {
		p.conditions.Await = p.command.unmet
	}
	return p, nil
}

// runs reports whether a credential plugin can be run, as far as that is known before.
func (p *plan) runs(command string) bool {
	if p.policy.PolicyType == clientcmdapi.PluginPolicyDenyAll {
		return false
	}
	_, err := exec.LookPath(command)
	return err == nil
}

// warnMistrusted warns, once for each file, about kubeconfigs that others can write to and that start credential plugins.
func (p *plan) warnMistrusted() {
	if p.policy.PolicyType == clientcmdapi.PluginPolicyDenyAll {
		return
	}
	seen := make(map[string]bool)
	for _, c := range p.clusters {
		for _, u := range c.Users {
			if u.Config.ExecProvider == nil || seen[u.File] {
				continue
			}
			seen[u.File] = true
			info, err := os.Stat(u.File)
			if err != nil {
				continue
			}
			if why, todo := mistrust(u.File, info, copyIt+"--kubeconfig"); why != "" {
				p.log.Warn().Msgf("kubeconfig with credential plugins: %s: %s, or use --exec-plugins deny", why, todo)
			}
		}
	}
}

// tailClusters returns the clusters to follow, and logs them with --verbose.
func (p *plan) tailClusters() []tail.Cluster {
	all := make([]tail.Cluster, len(p.clusters))
	for i, c := range p.clusters {
		p.log.Debug().Msgf("%s: context %s of %s, server %s, namespace %s", c.Name, c.Context, c.File, c.Server, c.Namespace)
		users := make([]tail.User, len(c.Users))
		for i, u := range c.Users {
			u.Config.Impersonate = p.f.Hidden.impersonate(u.Config.Impersonate)
			users[i] = tail.User{Name: u.Name, Config: u.Config, Reread: u.Reread}
		}
		all[i] = tail.Cluster{Name: c.Name, Namespace: c.Namespace, OtherNamespaces: c.Others, Context: c.Context, Users: users}
	}
	return all
}

// severalNamespaces reports whether records may come from more than one namespace.
func (p *plan) severalNamespaces() bool {
	if s := p.selection; s.AllNamespaces || len(s.Namespaces) > 0 {
		return s.AllNamespaces || len(s.Namespaces) > 1 || glob.Is(s.Namespaces[0]) || strings.HasPrefix(s.Namespaces[0], "!")
	}
	for _, c := range p.clusters {
		if c.Namespace != p.clusters[0].Namespace {
			return true
		}
	}
	return false
}

// announces reports whether containers that come and go are reported on stderr.
func (p *plan) announces() bool {
	if p.f.given("only-log-lines") {
		return !p.f.OnlyLogLines
	}
	return p.terminal.stderr && !p.f.paged(p.terminal.stdout)
}

// summarizes reports whether what came from each cluster is reported at the end.
func (p *plan) summarizes() bool {
	if p.f.Summary != nil {
		return *p.f.Summary
	}
	return p.terminal.stderr
}
