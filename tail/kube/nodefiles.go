package kube

import (
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NodeFiles reads the log files on a cluster's nodes through the node proxy of its API server, by way of the kubelet's
// own file server of /var/log. That needs get on nodes/proxy.
type NodeFiles struct {
	c *Client

	mu    sync.Mutex
	nodes map[string]nodeDir
	said  map[metav1.StatusReason]bool // why nodes refuse
}

// nodeDir is what a node's kubelet says of its logs.
type nodeDir struct {
	path    string    // of the folder of pods' logs, as the kubelet's server calls it; empty: it has not said so yet
	full    int64     // bytes of a log file from which on it is rotated; 0: unknown
	refused time.Time // when it was found that it gives none; zero: it does, as far as is known
}

// refusedFor is how long a node that gives no files is not asked again: rights and settings may change.
const RefusedFor = 5 * time.Minute

// ErrNoFiles says that files on nodes can't be read; the follower goes on without.
var ErrNoFiles = errors.New("the node's log files can't be read")

// get opens a file or folder of the kubelet's server. The caller closes it.
func (n *NodeFiles) get(ctx context.Context, node, file string, header http.Header) (io.ReadCloser, error) {
	if err := n.c.opens.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer n.c.opens.Release(1)
	r := n.c.logs.RESTClient().Get().AbsPath("/api/v1/nodes/" + node + "/proxy/" + file)
	r.SetHeader("Accept", "*/*") // the kubelet refuses to be asked for Kubernetes' own forms alone
	for name := range header {
		r.SetHeader(name, header.Get(name))
	}
	return r.Stream(ctx)
}

// dir asks a node's kubelet for its folder of pods' logs, once.
func (n *NodeFiles) dir(ctx context.Context, node string) (nodeDir, error) {
	n.mu.Lock()
	dir := n.nodes[node]
	n.mu.Unlock()
	switch {
	case !dir.refused.IsZero() && time.Since(dir.refused) < RefusedFor:
		return nodeDir{}, ErrNoFiles
	case dir.path != "":
		return dir, nil
	}
	r, err := n.get(ctx, node, "configz", nil)
	if err != nil {
		return nodeDir{}, n.refused(node, err)
	}
	defer r.Close()
	var answer struct {
		Config struct {
			Dir  string            `json:"podLogsDir"`
			Full resource.Quantity `json:"containerLogMaxSize"`
		} `json:"kubeletconfig"`
	}
	if err := json.NewDecoder(io.LimitReader(r, 4<<20)).Decode(&answer); err != nil {
		return nodeDir{}, fmt.Errorf("reading the kubelet's configuration: %w", err)
	}
	// Kubelets before 1.32 have no such setting.
	below, ok := strings.CutPrefix(path.Clean(cmp.Or(answer.Config.Dir, "/var/log/pods")), "/var/log/")
	if !ok {
		return nodeDir{}, n.refused(node, fmt.Errorf("podLogsDir of node %s is %s, which is not below /var/log", node, answer.Config.Dir))
	}
	dir = nodeDir{path: "logs/" + below, full: answer.Config.Full.Value()}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.set(node, dir)
	return dir, nil
}

// set is called with mu held.
func (n *NodeFiles) set(node string, dir nodeDir) {
	if n.nodes == nil {
		n.nodes = make(map[string]nodeDir)
	}
	n.nodes[node] = dir
}

// refused turns an error that comes for longer into ErrNoFiles. Of the nodes that refuse for the same reason it tells of the first one.
func (n *NodeFiles) refused(node string, err error) error {
	var status apierrors.APIStatus
	if errors.As(err, &status) && !apierrors.IsForbidden(err) && !apierrors.IsMethodNotSupported(err) {
		return err
	}
	if !errors.As(err, &status) && !strings.Contains(err.Error(), "podLogsDir") {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	why := apierrors.ReasonForError(err)
	if !n.said[why] {
		n.c.Log.Warn().Msgf("%s: --rotated: %s; going on with what the log API gives", n.c.name, Describe(err))
	} else {
		n.c.Log.Debug().Msgf("%s: node %s: %s", n.c.name, node, Describe(err))
	}
	if n.said == nil {
		n.said = make(map[metav1.StatusReason]bool)
	}
	n.said[why] = true
	n.set(node, nodeDir{refused: time.Now()})
	return ErrNoFiles
}

// LogFiles are the files of an instance's log on its node.
type LogFiles struct {
	n      *NodeFiles
	node   string
	folder string
	zipped map[string]bool

	Rotated  []string // by time, the oldest first; of those that have been compressed, too, the names before that
	Current  string   // the file that is written now; empty: there is none
	Restarts int      // of the container, before the instance
	Full     int64    // size in bytes from which on the node's kubelet rotates a file; 0: unknown
}

// logFileName matches the names in a listing of net/http's file server: 0.log, 0.log.20260102-150405 and
// 0.log.20260102-150405.gz, by the number of restarts before the instance.
var logFileName = regexp.MustCompile(`href="((\d+)\.log(\.\d{8}-\d{6})?)(\.gz)?"`)

// ContainerLog names the folder of a container's logs on its node.
type ContainerLog struct {
	Node, Namespace, Pod, Container string
	UID                             string // of the pod in the folder's name: of a static pod, that of its file
}

// List returns the files of the instance of a container with so many restarts before it. That there are none is an error: a
// kubelet that has just begun finds nothing either. ErrNoFiles says that the node gives none.
func (n *NodeFiles) List(ctx context.Context, of ContainerLog, restarts int) (*LogFiles, error) {
	ctx, cancel := n.c.answer(ctx)
	defer cancel()
	dir, err := n.dir(ctx, of.Node)
	if err != nil {
		return nil, err
	}
	l := &LogFiles{n: n, node: of.Node, Restarts: restarts, zipped: make(map[string]bool), Full: dir.full}
	l.folder = dir.path + "/" + of.Namespace + "_" + of.Pod + "_" + of.UID + "/" + of.Container + "/"
	r, err := n.get(ctx, of.Node, l.folder, nil)
	if err != nil {
		return nil, n.refused(of.Node, err)
	}
	defer r.Close()
	page, err := io.ReadAll(io.LimitReader(r, 4<<20))
	if err != nil {
		return nil, err
	}
	if !strings.Contains(string(page), "</pre>") {
		return nil, fmt.Errorf("the list of %s ends early", l.folder)
	}
	for _, m := range logFileName.FindAllStringSubmatch(string(page), -1) {
		switch {
		case m[2] != fmt.Sprint(restarts):
		case m[3] == "":
			l.Current = m[1]
		default:
			l.Rotated = append(l.Rotated, m[1])
			l.zipped[m[1]] = l.zipped[m[1]] || m[4] != ""
		}
	}
	if l.Current == "" && len(l.Rotated) == 0 {
		return nil, fmt.Errorf("%s has no file of %d.log", l.folder, restarts)
	}
	slices.Sort(l.Rotated)
	l.Rotated = slices.Compact(l.Rotated) // while it is being compressed a file is there twice
	return l, nil
}

// newest is the file that was rotated last; empty: none was.
func (l *LogFiles) Newest() string {
	if len(l.Rotated) == 0 {
		return ""
	}
	return l.Rotated[len(l.Rotated)-1]
}

// open opens a file. The caller closes it.
func (l *LogFiles) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if !l.zipped[name] {
		r, err := l.n.get(ctx, l.node, l.folder+name, nil)
		if !apierrors.IsNotFound(err) || name == l.Current {
			return r, err
		}
		l.zipped[name] = true // it may have been compressed meanwhile
	}
	r, err := l.n.get(ctx, l.node, l.folder+name+".gz", nil)
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("reading %s.gz: %w", name, err)
	}
	return &zipped{z, r}, nil
}

// zipped is a compressed file. Closing it closes both.
type zipped struct {
	*gzip.Reader
	file io.Closer
}

func (z *zipped) Close() error { return errors.Join(z.Reader.Close(), z.file.Close()) }

// longer tells whether a plain file has more than size bytes: the runtime goes on writing to a log for a moment after
// the kubelet has renamed it.
func (l *LogFiles) Longer(ctx context.Context, name string, size int64) (bool, error) {
	ctx, cancel := l.n.c.answer(ctx)
	defer cancel()
	if l.zipped[name] {
		return false, nil // a newer one has been rotated
	}
	r, err := l.n.get(ctx, l.node, l.folder+name, http.Header{"Range": {fmt.Sprintf("bytes=%d-", size)}})
	var status apierrors.APIStatus
	switch {
	case errors.As(err, &status) && status.Status().Code == http.StatusRequestedRangeNotSatisfiable:
		return false, nil
	case apierrors.IsNotFound(err):
		return false, nil // likewise
	case err != nil:
		return false, err
	}
	defer r.Close()
	n, err := io.CopyN(io.Discard, r, 1)
	if err == io.EOF {
		err = nil
	}
	return n > 0, err
}
