package tail

import (
	"context"
	"math/rand/v2"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"k8s.io/client-go/rest"

	"mktail/emit"
	"mktail/tail/checkpoint"
	"mktail/tail/follow"
	"mktail/tail/kube"
	"mktail/tail/pods"
	"mktail/tail/position"
	"mktail/tail/report"
)

// Cluster is one cluster to follow.
type Cluster struct {
	Name      string       // of the records' cluster, unique
	Namespace string       // looked at when the selection names none
	Context   string       // of the records' sources; may be empty
	Config    *rest.Config // is copied

	// Reread returns the configuration as it is now. Its token, or name and password, are taken over. It is called when the
	// cluster refuses those that stand in Config itself; nil: they stay.
	Reread func() (*rest.Config, error)
}

// Options of a run.
type Options struct {
	pods.Selection

	Follow     bool          // go on until ctx ends; else read what there is
	Since      time.Duration // how far to look back in what ran before the start; 0: all
	SinceTime  time.Time     // in place of Since; zero: none
	Until      time.Time     // lines of that time or later are left out; zero: none
	Tail       int64         // the last so many lines of what ran before the start; negative: all
	Previous   bool          // only the instances before the current ones
	LimitBytes int64         // of a container, then it is at its end; 0: none
	Patience   time.Duration // without Follow, how long to wait for a container that has a log
	MaxStreams int           // open streams of a cluster; more wait their turn
	MaxLine    int           // bytes of a line that are kept
	Rotated    bool          // read rotated files, too, through the nodes' proxies
	OwnStreams int           // open streams that may have a connection each, over HTTP/1.1; more share some, over HTTP/2 where the server has it
	AnswerIn   time.Duration // how long a server may take to answer what is not a stream; 0: a minute
	Announce   bool          // say in the log which containers come and go
	MarkGaps   bool          // hand a record to the output where lines may be missing
	Metadata   bool          // fill the sources' image, labels and annotations, which takes memory for each pod

	// Choose is asked before anything is followed which values of the label ChooseBy are meant, among those that selected
	// pods have; without any, nothing is followed. nil: the label counts for nothing.
	Choose   func(context.Context, []Choice) []string
	ChooseBy string

	State *checkpoint.Store // keeps the places between runs; nil: nothing does. It stays the caller's

	Unwanted func(emit.Source) bool // tells that the output has no use for a source, whose log is not opened then; nil: it has for all
	Notify   func(report.Event)     // is called by many goroutines, which wait for it; nil: nobody wants to know

	UserAgent string
	Plugins   kube.Plugins
	Log       zerolog.Logger // diagnostics; each message begins with the cluster's name

	Jitter func(time.Duration) time.Duration // picks a time below another; nil: rand.N
}

// follow is what of the options followers need.
func (o *Options) follow() follow.Options {
	return follow.Options{
		Follow: o.Follow, Since: o.Since, SinceTime: o.SinceTime, Until: o.Until, Tail: o.Tail, LimitBytes: o.LimitBytes, MaxLine: o.MaxLine,
		States: o.States, Rotated: o.Rotated, Announce: o.Announce, MarkGaps: o.MarkGaps, Resumable: o.State != nil, MaxStreams: o.MaxStreams,
	}
}

// home is what a cluster is known by in the state's file, whatever its name is: the context and where that leads. Gateways
// tell their clusters apart by the name in TLS.
func (c *Cluster) home() string {
	server := c.Config.Host
	if u, err := url.Parse(server); err == nil {
		u.User = nil // the file holds no secrets
		server = u.String()
	}
	if name := c.Config.ServerName; name != "" {
		server += "#" + name
	}
	return c.Context + "@" + server
}

// Run follows the logs of the selected containers in all clusters. It returns when ctx has ended, the output has failed or
// all clusters refuse the selection, without Follow also when everything was read; no goroutine of it is left then, and everything that was
// read has been handed to out. It returns what happened in each cluster, in the order of clusters.
func Run(ctx context.Context, clusters []Cluster, o Options, out *emit.Output) []report.Summary {
	ctx, cancel := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	defer watcher.Wait()
	defer cancel()
	watcher.Go(func() { // a failed output ends the run: nobody would read on
		select {
		case <-out.Failed():
			cancel()
		case <-ctx.Done():
		}
	})

	if o.Jitter == nil {
		o.Jitter = rand.N[time.Duration]
	}
	homes := make(map[string]string, len(clusters))
	for _, c := range clusters {
		homes[c.Name] = c.home()
	}
	o.State.SetClusters(homes)
	shared := newCommon(&o, out, len(clusters))
	all := make([]*cluster, len(clusters))
	for i, c := range clusters { // one after another: see Plugins.connect
		all[i] = newCluster(c, shared)
	}
	following := all
	if o.Choose != nil && !shared.choose(ctx, all) {
		following = nil
	}
	if o.State != nil {
		watcher.Go(func() { o.State.Run(ctx, out.Sync) })
	}
	if o.Follow && !o.Until.IsZero() {
		watcher.Go(func() {
			if awaitEnd(ctx, o.Until, all) {
				cancel()
			}
		})
	}
	var wg sync.WaitGroup
	for _, c := range following {
		wg.Go(func() { c.run(ctx) })
	}
	wg.Wait()
	summaries := make([]report.Summary, len(all))
	for i, c := range all {
		if c.kube != nil {
			c.kube.Close()
		}
		summaries[i] = c.summary()
	}
	return summaries
}

// awaitEnd returns true when it is later than until and no stream brings lines any more. Those that bring later ones end
// by themselves.
func awaitEnd(ctx context.Context, until time.Time, all []*cluster) bool {
	timer := time.NewTimer(time.Until(until) + position.Slack)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
		}
		busy := slices.ContainsFunc(all, func(c *cluster) bool {
			return slices.ContainsFunc(c.followers(), (*follow.Follower).Busy)
		})
		if !busy {
			return true
		}
		timer.Reset(position.Slack / 2)
	}
}
