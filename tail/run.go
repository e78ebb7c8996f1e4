package tail

import (
	"context"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"k8s.io/client-go/rest"

	"mktail/emit"
	"mktail/tail/checkpoint"
	"mktail/tail/follow"
	"mktail/tail/kube"
	"mktail/tail/kube/plugin"
	"mktail/tail/pods"
	"mktail/tail/report"
)

// Cluster is one cluster to follow.
type Cluster struct {
	Name      string // of the records' cluster, unique
	Namespace string // looked at when the selection names none
	Context   string // of the records' sources; may be empty
	Users     []User // at least one: the server is that of the first; another one is asked for what those before are refused

	// OtherNamespaces are followed beside Namespace where all namespaces are selected, and that is forbidden.
	OtherNamespaces []string
}

// User is a user of a cluster.
type User = kube.User

// Options of a run.
type Options struct {
	pods.Selection

	Follow         bool          // go on until ctx ends; else read what there is
	Since          time.Duration // how far to look back in what ran before the start; 0: all
	SinceTime      time.Time     // in place of Since; zero: none
	Until          time.Time     // lines of that time or later are left out; zero: none
	Tail           int64         // the last so many lines of what ran before the start; negative: all
	Previous       bool          // only the instances before the current ones
	LimitBytes     int64         // of a container, then it is at its end; 0: none
	Patience       time.Duration // without Follow, how long to wait for a container that has a log
	MaxStreams     int           // open streams of a cluster; more wait their turn
	MaxLine        int           // bytes of a line that are kept
	Rotated        bool          // read rotated files, too, through the nodes' proxies
	OwnStreams     int           // open streams that may have a connection each, over HTTP/1.1; more share some, over HTTP/2 where the server has it
	AnswerIn       time.Duration // how long a server may take to answer what is not a stream; 0: a minute
	Announce       bool          // say in the log which containers come, are restarted and go
	ShowClusters   bool          // say in messages about restarts and ends of which cluster they are
	ShowNamespaces bool          // likewise of which namespace
	MarkGaps       bool          // hand a record to the output where lines may be missing
	PodStates      bool          // send report.PodState events
	Metadata       bool          // fill the sources' image, labels and annotations, which takes memory for each pod

	// Choose is asked before anything is followed which values of the label ChooseBy are meant, among those that selected
	// pods have; without any, nothing is followed. No credential plugin asks the user meanwhile. nil: the label counts for nothing.
	Choose   func(context.Context, []Choice) []string
	ChooseBy string

	Rollouts bool // report the rollouts of workloads that are asked for: see report.Rollout

	Jobs bool // report Jobs that are asked for, and the ends of them: see report.JobFound

	State *checkpoint.Store // keeps the places between runs; nil: nothing does. It stays the caller's

	Unwanted func(emit.Source) bool // tells that the output has no use for a source, whose log is not opened then; nil: it has for all
	Notify   func(report.Event)     // is called by many goroutines, which wait for it; nil: nobody wants to know

	UserAgent string
	Plugins   plugin.Options
	Log       zerolog.Logger // diagnostics; each message begins with the cluster's name

	Jitter func(time.Duration) time.Duration // picks a time below another; nil: rand.N
}

// follow is what of the options followers need.
func (o *Options) follow() follow.Options {
	return follow.Options{
		Follow: o.Follow, Since: o.Since, SinceTime: o.SinceTime, Until: o.Until, Tail: o.Tail, LimitBytes: o.LimitBytes, MaxLine: o.MaxLine,
		States: o.States, Rotated: o.Rotated, Announce: o.Announce, ShowClusters: o.ShowClusters, ShowNamespaces: o.ShowNamespaces, MarkGaps: o.MarkGaps, MaxStreams: o.MaxStreams,
	}
}

// home is what a cluster is known by in the state's file, whatever its name is: the context and where that leads. Gateways
// tell their clusters apart by the name in TLS. The file holds no secrets: user, query and fragment are left out, of which the last two
// are never sent.
func (c *Cluster) home() string {
	server := "" // without a scheme it is no URL yet
	if u, _, err := rest.DefaultServerUrlFor(c.Users[0].Config); err == nil {
		server = (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
	}
	if name := c.Users[0].Config.ServerName; name != "" {
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
	for i, c := range clusters {
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
			if awaitUntil(ctx, o.Until, all) {
				cancel()
			}
		})
	}
	var wg sync.WaitGroup
	for _, c := range following {
		wg.Go(func() { c.run(ctx) })
	}
	wg.Wait()
	shared.startup.end()
	summaries := make([]report.Summary, len(all))
	for i, c := range all {
		wg.Go(c.close)
		summaries[i] = c.summary()
	}
	wg.Wait()
	return summaries
}
