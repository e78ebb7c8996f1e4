// Package kube talks to the API server of one cluster: requests, watches, log streams, and the log files on nodes. It knows
// nothing of mktail's other packages.
//
// A run makes one Shared and, one after another, a Client for each cluster with New, which opens no connection. Nothing here
// retries or decides what an error means for a run: see Backoff, Describe and IsPodGone. A Client may be used by many
// goroutines at once, a LogStream is read by one. Requests that return an object or a list end after Options.RequestTimeout
// with context.DeadlineExceeded; watches and log streams last until their context ends. Each call that opens a log stream, a
// file or a pod may first wait for others to be opened (64 at once for a cluster, fewer with many clusters).
//
// The connections to a server are of three kinds, so that none holds up another: that of requests, lists and watches; those
// that carry a log stream each; and those that log streams share.
package kube

import (
	"cmp"
	"context"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

// How many streams are opened at once, each of which may be a TLS handshake: over all clusters, which have equal shares of
// it, and bounds for the share of one cluster.
const (
	maxOpensTotal = 256
	maxOpens      = 64
	minOpens      = 4
)

// Options are what the clients of a run have in common.
type Options struct {
	UserAgent      string
	RequestTimeout time.Duration  // limit of a request that is not a stream or a watch; 0: a minute
	OwnStreams     int            // open log streams that may have a connection each; further ones share some
	Plugins        Plugins        // how exec credential plugins are run
	Log            zerolog.Logger // diagnostics; each message begins with the cluster's name
}

// Shared is what the clients of a run share: their options, and limits over all clusters. There is nothing to close.
type Shared struct {
	options    Options
	plugins    *execLimiter
	ownStreams *semaphore.Weighted // open log streams that have a connection each
	opens      int64               // streams that each client may be opening at once
}

// NewShared makes what this many clients share.
func NewShared(o Options, clients int) *Shared {
	o.RequestTimeout = cmp.Or(o.RequestTimeout, time.Minute)
	return &Shared{
		options:    o,
		plugins:    newExecLimiter(o.Plugins.AtOnce),
		ownStreams: semaphore.NewWeighted(int64(max(0, o.OwnStreams))),
		opens:      int64(min(max(minOpens, maxOpensTotal/max(1, clients)), maxOpens)),
	}
}

// Client talks to one API server. Many goroutines may use it.
type Client struct {
	name   string // of the cluster, in messages
	shared *Shared
	log    zerolog.Logger

	clients
	meta      metadata.Interface
	discovery discovery.DiscoveryInterface
	files     NodeFiles
	closers   []func()

	opening *semaphore.Weighted // streams, files and pods that are being opened
}

// New makes a client of the cluster that messages call name. It opens no connection, and from stays the caller's. reread
// returns the configuration as it is now; its token, or its name and password, are used from when the server refuses those
// in from. With a nil reread they stay. The caller closes the client, after all that uses it has ended.
//
// An error says that from cannot be used, because of a bad certificate for instance; to try again would not help. Clients
// are made one after another, before anything else writes to os.Stderr, which is replaced while one is made: see withPlugin.
func New(name string, from *rest.Config, reread func() (*rest.Config, error), shared *Shared) (*Client, error) {
	c := &Client{name: name, shared: shared, log: shared.options.Log, opening: semaphore.NewWeighted(shared.opens)}
	c.files.c = c
	if err := c.connect(from, reread); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close closes the idle connections and what else the client has opened. What still runs on a connection keeps it open.
// What plugins write to their stderr is not logged any more.
func (c *Client) Close() {
	c.closeIdle()
	for _, f := range c.closers {
		f()
	}
}

// RequestTimeout returns Options.RequestTimeout, or its default.
func (c *Client) RequestTimeout() time.Duration { return c.shared.options.RequestTimeout }

// NodeFiles returns the log files on the cluster's nodes.
func (c *Client) NodeFiles() *NodeFiles { return &c.files }

// Discovery returns what tells which resources the server has. Its requests have no time limit and no context.
func (c *Client) Discovery() discovery.DiscoveryInterface { return c.discovery }

// limit gives a request that is not a stream its time limit. The caller calls the CancelFunc when the request is done.
func (c *Client) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.shared.options.RequestTimeout)
}

// warnings logs the warnings of an API server, at debug level: they are about requests, not about logs.
type warnings struct{ c *Client }

// HandleWarningHeader logs one warning.
func (w warnings) HandleWarningHeader(code int, _ string, text string) {
	if code == 299 && text != "" {
		w.c.log.Debug().Msgf("%s: the server warns: %s", w.c.name, text)
	}
}
