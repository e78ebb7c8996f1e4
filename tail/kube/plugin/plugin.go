package plugin

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/pkg/apis/clientauthentication"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/connrotation"
)

const (
	// userTurn is how long a plugin waits for another one to be done with the user before it is run without asking, if it can be.
	userTurn = 2 * time.Second

	// reportAfter is how long a plugin may take before that is reported, and again each time when it has taken twice as long.
	reportAfter = 5 * time.Second

	// refusedEvery is how soon after it has run a plugin is run again because what it gave is refused.
	refusedEvery = 5 * time.Second
)

// Plugin is the credential plugin of one cluster, or of several that it cannot tell apart. Many goroutines may use it.
type Plugin struct {
	clusters []string // as messages call them, each once; guarded by runner.mu, and not empty
	open     int      // how often New has returned it, and it was not closed; guarded by runner.mu
	name     string   // of the plugin, in messages
	config   *clientcmdapi.ExecConfig
	info     *clientauthentication.Cluster // that the plugin is told of; nil: it is told of none
	runner   *Runner
	conns    *connrotation.ConnectionTracker // all that were made with the plugin's certificate

	ctx    context.Context // ends with the last Close
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu       sync.Mutex
	last     *credentials // nil: there are none
	current  *run         // nil: the plugin is not running
	ran      time.Time    // when it last ended
	hinted   bool         // how to install it was logged
	awaiting atomic.Bool  // another plugin is asking the user
}

// ErrHangs is the error of a request whose time is over while a plugin runs that does not ask the user, who may take longer. To try again
// is of little use.
var ErrHangs = errors.New("given none yet")

// FailedError is the error of a request for which a plugin has run, and has given no credentials.
type FailedError struct{ err error }

// Error returns why.
func (e *FailedError) Error() string { return e.err.Error() }

// Unwrap returns why.
func (e *FailedError) Unwrap() error { return e.err }

// run is one run of the plugin, from when credentials are needed.
type run struct {
	began time.Time     // zero: others keep it from that; guarded by the Plugin's mu
	over  chan struct{} // closed when the rest is set
	creds *credentials
	err   error
}

// New returns the plugin of a cluster with this configuration, which stays the caller's and has an ExecProvider. It runs nothing. An error
// says that it can never be run. The caller closes the plugin.
//
// As with client-go, clusters have one plugin together if it is given the same for all of them: a user logs in once, and not forty times.
func (r *Runner) New(cluster string, cfg *rest.Config) (*Plugin, error) {
	p := &Plugin{
		clusters: []string{cluster}, open: 1, name: filepath.Base(cfg.ExecProvider.Command), runner: r,
		config: cfg.ExecProvider.DeepCopy(), conns: connrotation.NewConnectionTracker(),
	}
	if err := p.check(r.options.Policy); err != nil {
		return nil, fmt.Errorf("credential plugin %s: %w", p.name, err)
	}
	if p.config.ProvideClusterInfo {
		var err error
		if p.info, err = rest.ConfigToExecCluster(cfg); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, other := range r.plugins {
		if reflect.DeepEqual(other.config, p.config) && reflect.DeepEqual(other.info, p.info) {
			if !slices.Contains(other.clusters, cluster) { // two of its users may differ in whom they act as
				other.clusters = append(other.clusters, cluster)
			}
			other.open++
			return other, nil
		}
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	r.plugins = append(r.plugins, p)
	return p, nil
}

// Close is called once for each New that has returned the plugin. The last call ends the plugin's process, if it runs, with all that it
// has started, and waits for that.
func (p *Plugin) Close() {
	r := p.runner
	r.mu.Lock()
	p.open--
	last := p.open == 0
	if last {
		r.plugins = slices.DeleteFunc(r.plugins, func(other *Plugin) bool { return other == p })
	}
	r.mu.Unlock()
	if last {
		p.cancel()
		p.work.Wait()
	}
}

// maxNames is how many clusters of a plugin messages name.
const maxNames = 3

// cluster is what messages call the plugin's cluster, or its clusters.
func (p *Plugin) cluster() string {
	p.runner.mu.Lock()
	defer p.runner.mu.Unlock()
	if more := len(p.clusters) - maxNames; more > 1 {
		return fmt.Sprintf("%s and %d others", strings.Join(p.clusters[:maxNames], ", "), more)
	}
	return strings.Join(p.clusters, ", ")
}

// credentials returns those that there are, unless they have expired or are refused; then those of a run of the plugin, which goes on
// when ctx has ended.
func (p *Plugin) credentials(ctx context.Context, refused *credentials) (*credentials, error) {
	p.mu.Lock()
	if c := p.last; c != nil && !c.expired() && (c != refused || time.Since(p.ran) < refusedEvery) {
		p.mu.Unlock()
		return c, nil
	}
	r := p.current
	if r == nil {
		r = &run{began: time.Now(), over: make(chan struct{})}
		p.current = r
		p.work.Go(func() { p.run(r) })
	}
	p.mu.Unlock()
	select {
	case <-r.over:
		if r.err != nil {
			return nil, &FailedError{r.err}
		}
		return r.creds, nil
	case <-ctx.Done():
		switch {
		case !errors.Is(ctx.Err(), context.DeadlineExceeded):
			return nil, ctx.Err()
		case p.awaiting.Load() || p.runner.asks.Load() == p:
			return nil, fmt.Errorf("credential plugin %s has given none yet", p.name)
		}
		return nil, fmt.Errorf("credential plugin %s has %w", p.name, ErrHangs)
	}
}

// run gets credentials from the plugin, and reports if that takes long.
func (p *Plugin) run(r *run) {
	var reporting sync.WaitGroup
	reporting.Go(func() { p.report(r) })
	defer reporting.Wait()
	defer close(r.over)
	creds, err := p.get(p.ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current, p.ran = nil, time.Now()
	if r.creds, r.err = creds, err; err != nil {
		return
	}
	if p.last != nil && !p.last.sameCertificate(creds) { // the server must not know us by the old one
		p.conns.CloseAll()
	}
	p.last = creds
}

// get runs the plugin: with the user, if it may ask one and no other plugin does for long.
func (p *Plugin) get(ctx context.Context) (*credentials, error) {
	o := p.runner.options
	must := p.config.InteractiveMode == clientcmdapi.AlwaysExecInteractiveMode
	switch {
	case must && !o.Stdin:
		return nil, errors.New("standard input is not a terminal; log in by hand first, then run mktail again")
	case p.config.InteractiveMode == clientcmdapi.NeverExecInteractiveMode, !o.Stdin && !o.Terminal:
		return p.execute(ctx, alone)
	}
	p.awaiting.Store(true)
	defer p.awaiting.Store(false)
	if !must {
		late := time.NewTimer(userTurn)
		defer late.Stop()
		if !p.runner.takeUser(ctx, p, late.C) {
			p.awaiting.Store(false)
			if creds, err := p.execute(ctx, alone); err == nil || ctx.Err() != nil {
				return creds, err
			}
			p.awaiting.Store(true)
			must = true
		}
	}
	if must && !p.runner.takeUser(ctx, p, nil) {
		return nil, ctx.Err()
	}
	defer p.runner.releaseUser()
	p.awaiting.Store(false)
	if o.Stdin {
		return p.execute(ctx, reading)
	}
	return p.execute(ctx, asking)
}

// begins notes when the plugin begins; zero: others keep it from that.
func (p *Plugin) begins(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current.began = at
}

// takes returns for how long a run takes already.
func (p *Plugin) takes(r *run) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.began.IsZero() {
		return 0
	}
	return time.Since(r.began)
}

// report reports that a run of the plugin takes long, until it is over.
func (p *Plugin) report(r *run) {
	for after := reportAfter; ; {
		select {
		case <-time.After(after - p.takes(r)):
		case <-r.over:
			return
		}
		if p.takes(r) < after {
			continue
		}
		switch other := p.runner.asks.Load(); {
		case !p.awaiting.Load():
			p.runner.log.Warn().Msgf("%s: waiting for credential plugin %s (%s)", p.cluster(), p.name, after)
		case other != nil:
			p.runner.log.Warn().Msgf("%s: credential plugin %s waits for the terminal, which that of %s has (%s)", p.cluster(), p.name, other.cluster(), after)
		default:
			p.runner.log.Warn().Msgf("%s: credential plugin %s waits for the terminal (%s)", p.cluster(), p.name, after)
		}
		after *= 2
	}
}
