// Package kube talks to the API server of one cluster: requests, watches, log streams, and the log files on nodes. It knows
// nothing of mktail's other packages but those in its folder.
//
// A run makes one Shared and a Client for each cluster with New, which opens no connection. Nothing here
// retries or decides what an error means for a run: see Backoff, Describe and IsPodGone. But credentials that a server refuses are read
// again, and another user's take their place, if the cluster has several: see users. A Client may be used by many
// goroutines at once, a LogStream is read by one. Requests that return an object or a list end after Options.RequestTimeout
// with context.DeadlineExceeded; watches and log streams last until their context ends. Each call that opens a log stream, a
// file or a pod may first wait for others to be opened (64 at once for a cluster, fewer with many clusters).
//
// The connections to a server are of three kinds, so that none holds up another: that of requests, lists and watches; those
// that carry a log stream each; and those that log streams share. Where a server gives too few, log streams share what there is.
package kube

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"
	"k8s.io/client-go/discovery"

	"mktail/tail/kube/plugin"
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
	Plugins        plugin.Options // how credential plugins are run
	Log            zerolog.Logger // diagnostics; each message begins with the cluster's name
}

// Shared is what the clients of a run share: their options, and limits over all clusters. There is nothing to close.
type Shared struct {
	options    Options
	plugins    *plugin.Runner
	ownStreams *semaphore.Weighted // open log streams that have a connection each
	opens      int64               // streams that each client may be opening at once
}

// NewShared makes what this many clients share.
func NewShared(o Options, clients int) *Shared {
	o.RequestTimeout = cmp.Or(o.RequestTimeout, time.Minute)
	return &Shared{
		options:    o,
		plugins:    plugin.NewRunner(o.Plugins, o.Log),
		ownStreams: semaphore.NewWeighted(int64(max(0, o.OwnStreams))),
		opens:      int64(min(max(minOpens, maxOpensTotal/max(1, clients)), maxOpens)),
	}
}

// TakeTerminal waits until no credential plugin of the run may ask the user, and lets none until release is called. Not ok: ctx has ended
// before.
func (s *Shared) TakeTerminal(ctx context.Context) (release func(), ok bool) {
	return s.plugins.TakeTerminal(ctx)
}

// Client talks to one API server. Many goroutines may use it.
type Client struct {
	name   string // of the cluster, in messages
	shared *Shared
	log    zerolog.Logger

	clients
	discovery discovery.DiscoveryInterface
	files     NodeFiles
	users     *users
	asking    sync.WaitGroup // has each question to an auth-provider
	secrets   secrets

	room    room
	lost    chan struct{}       // see Lost
	opening *semaphore.Weighted // streams, files and pods that are being opened
}

// New makes a client of the cluster that messages call name, and whose server is the one in the configuration of first. It opens no
// connection. Requests are sent as first, and as one of others where first is refused: see users. The caller closes the client, after all
// that uses it has ended.
//
// An error says that no user's configuration can be used, because of a bad certificate for instance; to try again would not help.
func New(name string, first User, shared *Shared, others ...User) (*Client, error) {
	c := &Client{name: name, shared: shared, log: shared.options.Log, opening: semaphore.NewWeighted(shared.opens), lost: make(chan struct{}, 1)}
	c.files.c = c
	c.secrets.most = 2 * (1 + len(others))
	c.users = newUsers(c, append([]User{first}, others...))
	if err := c.connect(first.Config); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close closes the idle connections, ends the credential plugins that run, and waits for new tokens of an auth-provider to be written.
// What still runs on a connection keeps it open.
func (c *Client) Close() {
	c.closeIdle()
	c.users.close()
	c.awaitTokens()
}

// RequestTimeout returns Options.RequestTimeout, or its default.
func (c *Client) RequestTimeout() time.Duration { return c.shared.options.RequestTimeout }

// NodeFiles returns the log files on the cluster's nodes.
func (c *Client) NodeFiles() *NodeFiles { return &c.files }

// Discovery returns what tells which resources the server has. Its requests have no context, and end after Options.RequestTimeout.
func (c *Client) Discovery() discovery.DiscoveryInterface { return c.discovery }

// limit gives a request that is not a stream its time limit, and a connection before log streams have theirs. The caller calls
// the CancelFunc when the request is done.
func (c *Client) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.beforeStreams().in(ctx), c.shared.options.RequestTimeout)
}

// warnings logs the warnings of an API server, at debug level: they are about requests, not about logs.
type warnings struct{ c *Client }

// HandleWarningHeader logs one warning.
func (w warnings) HandleWarningHeader(code int, _ string, text string) {
	if code == 299 && text != "" {
		w.c.log.Debug().Msgf("%s: the server warns: %s", w.c.name, brief(w.c.blank(text)))
	}
}
