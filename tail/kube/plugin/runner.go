package plugin

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Options say how the plugins of a run are run.
type Options struct {
	Policy   clientcmdapi.PluginPolicy // which may be run
	Stdin    bool                      // our standard input is a terminal, from which plugins may read
	Terminal bool                      // our standard error is a terminal, on which plugins may ask the user
}

const (
	// startedAtOnce is how many plugins are in their first moment, headStart, at once: many that start together would slow each other
	// down. One that takes longer keeps no other from starting.
	startedAtOnce = 4
	headStart     = 500 * time.Millisecond
)

// Runner runs the plugins of all clusters. There is nothing to close.
type Runner struct {
	options Options
	log     zerolog.Logger
	starts  chan struct{}          // a place for each plugin in its first moment
	user    chan struct{}          // the place of who may ask the user
	asks    atomic.Pointer[Plugin] // that one; nil: none does, or somebody else asks

	mu      sync.Mutex
	plugins []*Plugin // that are not closed
}

// NewRunner makes a runner. What plugins write to their standard error is logged, each line after the cluster's name.
func NewRunner(o Options, log zerolog.Logger) *Runner {
	return &Runner{options: o, log: log, starts: make(chan struct{}, startedAtOnce), user: make(chan struct{}, 1)}
}

// start waits until one more plugin may start. The next one may when over is closed, or the plugin's first moment has passed.
func (r *Runner) start(ctx context.Context, over <-chan struct{}) error {
	select {
	case r.starts <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	go func() {
		first := time.NewTimer(headStart)
		defer first.Stop()
		select {
		case <-first.C:
		case <-over:
		}
		<-r.starts
	}()
	return nil
}

// takeUser waits until nobody else may ask the user, or late fires; a nil one never does. A nil p is no plugin. Not ok: it is late, or ctx has ended.
func (r *Runner) takeUser(ctx context.Context, p *Plugin, late <-chan time.Time) (ok bool) {
	select {
	case r.user <- struct{}{}:
		r.asks.Store(p)
		return true
	case <-late:
	case <-ctx.Done():
	}
	return false
}

// TakeTerminal waits until no plugin may ask the user, and lets none until release is called: what is typed is meant for one of them. Not
// ok: ctx has ended before.
func (r *Runner) TakeTerminal(ctx context.Context) (release func(), ok bool) {
	if p := r.asks.Load(); p != nil {
		r.log.Info().Msgf("waiting for the terminal, which credential plugin %s of %s has", p.name, p.cluster())
	}
	return r.releaseUser, r.takeUser(ctx, nil, nil)
}

// releaseUser lets the next plugin ask the user.
func (r *Runner) releaseUser() {
	r.asks.Store(nil)
	<-r.user
}
