package follow

import (
	"sync"
	"time"

	"github.com/rs/zerolog"

	"mktail/emit"
	"mktail/tail/checkpoint"
	"mktail/tail/kube"
	"mktail/tail/logline"
	"mktail/tail/pods"
	"mktail/tail/report"
)

// Options say what is read of a container and how. The zero value reads all that there is now.
type Options struct {
	Follow         bool                // go on until ctx ends; else read what there is
	Since          time.Duration       // how far to look back in what ran before the start; 0: all
	SinceTime      time.Time           // in place of Since; zero: none
	Until          time.Time           // lines of that time or later are left out; zero: none
	Tail           int64               // the last so many lines of what ran before the start; negative: all
	LimitBytes     int64               // of a container, then it is at its end; 0: none
	MaxLine        int                 // bytes of a line that are kept
	States         pods.ContainerState // in which a container must be for an instance of it to be begun; 0: any
	Rotated        bool                // read rotated files, too, through the nodes' proxies
	Announce       bool                // log which containers come, are restarted and go
	ShowClusters   bool                // say in messages about restarts and ends of which cluster they are
	ShowNamespaces bool                // likewise of which namespace
	MarkGaps       bool                // hand a record to the output where lines may be missing
	MaxStreams     int                 // open streams of a cluster; more wait their turn
}

// Config is what the followers of one cluster are given.
type Config struct {
	Name    string // of the cluster, in messages
	Kube    *kube.Client
	Out     *emit.Output
	Log     zerolog.Logger
	Health  *report.Health
	Stats   *report.Stats
	Notify  func(report.Event) // is called by many goroutines
	State   *checkpoint.Store  // another run goes on where this one ends; nil: none does
	Pool    *logline.Pool
	Jitter  func(time.Duration) time.Duration // see kube.Backoff
	Options Options
}

// Cluster is what the followers of one cluster share. Many goroutines may use it.
type Cluster struct {
	Config
	streams  chan struct{}  // a place for each open stream
	queue    sync.Once      // reports that followers wait for a place
	suspects chan *Follower // those that have just begun to suspect a gap
	nodes    nodes          // that may ignore options of requests

	mu   sync.Mutex
	left []string // containers that were left before all was read, by the end of the run or without Follow, as NAMESPACE/POD/CONTAINER
}

// NewCluster makes what the followers of one cluster share.
func NewCluster(c Config) *Cluster {
	return &Cluster{Config: c, streams: make(chan struct{}, c.Options.MaxStreams), suspects: make(chan *Follower, 100)}
}

// Left returns the containers that were left before all was read, by the end of the run or without Follow, as
// NAMESPACE/POD/CONTAINER. A log that is followed counts as read while its stream is open.
func (c *Cluster) Left() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left
}

// leave notes a container that is left before all was read.
func (c *Cluster) leave(t *Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = append(c.left, t.Namespace+"/"+t.Pod+"/"+t.Container)
}

// Suspects delivers followers that have begun to suspect a gap, to be compared soon. Who is not received in time is found by
// Suspect.
func (c *Cluster) Suspects() <-chan *Follower { return c.suspects }
