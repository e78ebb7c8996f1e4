package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
)

// NodeFiles reads the log files on a cluster's nodes through the node proxy of its API server, by way of the kubelet's
// own file server of /var/log. That needs the right to get nodes/proxy. Many goroutines may use it.
type NodeFiles struct {
	c *Client

	mu       sync.Mutex
	nodes    map[string]nodeDir
	reported map[metav1.StatusReason]bool // why nodes refuse, as far as it was logged as a warning
}

// nodeDir is what is known of a node's log files.
type nodeDir struct {
	path    string    // of the folder of pods' logs, as the kubelet's server calls it; empty: not known yet
	maxSize int64     // size in bytes at which the kubelet rotates a log file; 0: unknown
	refused time.Time // when the node refused to give its files; zero: it did not
}

// NodeRetryDelay is how long a node that has refused its files is not asked again: rights and settings may change.
const NodeRetryDelay = 5 * time.Minute

// ErrNoFiles says that the files of a node can't be read for now, because of rights or of how the node is set up. Why was
// logged.
var ErrNoFiles = errors.New("the node's log files can't be read")

// outsideError says that a node keeps the logs of its pods where the kubelet's file server doesn't reach.
type outsideError struct{ node, dir string }

// Error returns the message.
func (e outsideError) Error() string {
	return fmt.Sprintf("podLogsDir of node %s is %s, which is not below /var/log", e.node, e.dir)
}

// get opens a file or folder of the kubelet's server. The caller closes it.
func (n *NodeFiles) get(ctx context.Context, node, file string, header http.Header) (io.ReadCloser, error) {
	if err := n.c.opening.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	release := sync.OnceFunc(func() { n.c.opening.Release(1) }) // when the request is on its way: a node may take for ever to answer
	defer release()
	r, _, _, err := n.c.send(ctx, n.c.ways(true), wantFile, func(client *core.CoreV1Client) *rest.Request {
		r := client.RESTClient().Get().AbsPath("/api/v1/nodes/" + node + "/proxy/" + file)
		r.SetHeader("Accept", "*/*") // the kubelet refuses to be asked for Kubernetes' own forms alone
		for name := range header {
			r.SetHeader(name, header.Get(name))
		}
		return r
	}, release)
	return r, err
}

// dir returns the folder of pods' logs on a node, for which it asks the node's kubelet once.
func (n *NodeFiles) dir(ctx context.Context, node string) (nodeDir, error) {
	n.mu.Lock()
	dir := n.nodes[node]
	n.mu.Unlock()
	switch {
	case !dir.refused.IsZero() && time.Since(dir.refused) < NodeRetryDelay:
		return nodeDir{}, ErrNoFiles
	case dir.path != "":
		return dir, nil
	}
	r, err := n.get(ctx, node, "configz", nil)
	if err != nil {
		return nodeDir{}, n.refusal(node, err)
	}
	defer r.Close()
	var answer struct {
		Config struct {
			Dir     string            `json:"podLogsDir"`
			MaxSize resource.Quantity `json:"containerLogMaxSize"`
		} `json:"kubeletconfig"`
	}
	if err := json.NewDecoder(io.LimitReader(r, 4<<20)).Decode(&answer); err != nil {
		return nodeDir{}, fmt.Errorf("reading the kubelet's configuration: %w", err)
	}
	// Kubelets before 1.32 have no such setting.
	below, ok := strings.CutPrefix(path.Clean(cmp.Or(answer.Config.Dir, "/var/log/pods")), "/var/log/")
	if !ok {
		return nodeDir{}, n.refusal(node, outsideError{node, answer.Config.Dir})
	}
	dir = nodeDir{path: "logs/" + below, maxSize: answer.Config.MaxSize.Value()}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.set(node, dir)
	return dir, nil
}

// set notes what is known of a node. The caller holds mu.
func (n *NodeFiles) set(node string, dir nodeDir) {
	if n.nodes == nil {
		n.nodes = make(map[string]nodeDir)
	}
	n.nodes[node] = dir
}

// refusal returns ErrNoFiles, and has the node not asked again for NodeRetryDelay, if err says that it gives no files: it is
// forbidden, the kubelet's server is switched off (405), or the files are not in its reach. Any other err it returns as it
// is. The first node that refuses for a reason is logged as a warning, all further ones at debug level.
func (n *NodeFiles) refusal(node string, err error) error {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		if !apierrors.IsForbidden(err) && !apierrors.IsMethodNotSupported(err) {
			return err
		}
	} else if !errors.As(err, new(outsideError)) {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	why := apierrors.ReasonForError(err)
	if !n.reported[why] {
		n.c.log.Warn().Msgf("%s: --rotated: %s; going on with what the log API gives", n.c.name, Describe(err))
	} else {
		n.c.log.Debug().Msgf("%s: node %s: %s", n.c.name, node, Describe(err))
	}
	if n.reported == nil {
		n.reported = make(map[metav1.StatusReason]bool)
	}
	n.reported[why] = true
	n.set(node, nodeDir{refused: time.Now()})
	return ErrNoFiles
}
