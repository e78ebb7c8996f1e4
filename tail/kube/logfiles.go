package kube

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// ContainerLog names the folder of a container's logs on its node.
type ContainerLog struct {
	Node, Namespace, Pod, Container string
	UID                             string // of the pod in the folder's name; see pods.Pod.LogUID
}

// LogFiles are the files of the log of a container's instance on its node, as they were when they were listed. One goroutine
// uses it at a time.
type LogFiles struct {
	Rotated  []string // the oldest first, as far as their names show it; without .gz, whether or not a file has been compressed
	Current  string   // the file that is written now; empty: there is none
	Restarts int      // of the container, before the instance
	MaxSize  int64    // size in bytes at which the node's kubelet rotates a file; 0: unknown

	n          *NodeFiles
	node       string
	folder     string
	compressed map[string]bool
}

// All returns the names of all files, the current one last, if there is one.
func (l *LogFiles) All() []string {
	if l.Current == "" {
		return l.Rotated
	}
	return append(l.Rotated[:len(l.Rotated):len(l.Rotated)], l.Current)
}

// logFileName matches the names in a listing of net/http's file server: 0.log, 0.log.20260102-150405 and
// 0.log.20260102-150405.gz, by the number of restarts before the instance.
var logFileName = regexp.MustCompile(`href="((\d+)\.log(\.\d{8}-\d{6})?)(\.gz)?"`)

// List returns the files of the instance of a container that has this many restarts before it. It returns ErrNoFiles if the
// node gives none for now; that there are none is another error, since a kubelet that has just started finds none either. It
// ends after Options.RequestTimeout.
func (n *NodeFiles) List(ctx context.Context, of ContainerLog, restarts int) (*LogFiles, error) {
	ctx, cancel := n.c.limit(ctx)
	defer cancel()
	dir, err := n.dir(ctx, of.Node)
	if err != nil {
		return nil, err
	}
	l := &LogFiles{n: n, node: of.Node, Restarts: restarts, compressed: make(map[string]bool), MaxSize: dir.maxSize}
	l.folder = dir.path + "/" + of.Namespace + "_" + of.Pod + "_" + of.UID + "/" + of.Container + "/"
	r, err := n.get(ctx, of.Node, l.folder, nil)
	if err != nil {
		return nil, n.refusal(of.Node, err)
	}
	defer r.Close()
	page, err := io.ReadAll(io.LimitReader(r, 4<<20))
	if err != nil {
		return nil, err
	}
	if !strings.Contains(string(page), "</pre>") {
		return nil, fmt.Errorf("the list of %s ends early", l.folder)
	}
	plain := make(map[string]int) // 1: it lies there uncompressed, too
	for _, m := range logFileName.FindAllStringSubmatch(string(page), -1) {
		switch {
		case m[2] != fmt.Sprint(restarts):
		case m[3] == "":
			l.Current = m[1]
		default:
			l.Rotated = append(l.Rotated, m[1])
			if m[4] != "" {
				l.compressed[m[1]] = true
			} else {
				plain[m[1]] = 1
			}
		}
	}
	if l.Current == "" && len(l.Rotated) == 0 {
		return nil, fmt.Errorf("%s has no file of %d.log", l.folder, restarts)
	}
	slices.Sort(l.Rotated)
	l.Rotated = slices.Compact(l.Rotated) // while it is being compressed a file is there twice
	// Each rotation first compresses the files of those before (rotateLog in the kubelet's container_log_manager.go): where the node's
	// clock was set back, the one that is not compressed is the newest all the same.
	slices.SortStableFunc(l.Rotated, func(x, y string) int { return plain[x] - plain[y] })
	return l, nil
}

// Newest returns the file that was rotated last; empty: none was.
func (l *LogFiles) Newest() string {
	if len(l.Rotated) == 0 {
		return ""
	}
	return l.Rotated[len(l.Rotated)-1]
}

// Open opens the file of this name, one of Rotated or Current, and returns its text as it was before it was compressed. The
// read ends when ctx does. The caller closes it.
func (l *LogFiles) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if !l.compressed[name] {
		r, err := l.n.get(ctx, l.node, l.folder+name, nil)
		if !apierrors.IsNotFound(err) || name == l.Current {
			return r, err
		}
		l.compressed[name] = true // it may have been compressed since it was listed
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
	return &compressedFile{z, r}, nil
}

// compressedFile is the text of a compressed file. Closing it closes the file, too.
type compressedFile struct {
	*gzip.Reader
	file io.Closer
}

// Close closes both.
func (z *compressedFile) Close() error { return errors.Join(z.Reader.Close(), z.file.Close()) }

// Longer reports whether the file of this name now has more than size bytes: the runtime goes on writing to a log for a moment
// after the kubelet has renamed it. Of a file that was compressed or removed the answer is no, since a newer one has been
// rotated then, after which nobody writes to it. It ends after Options.RequestTimeout.
func (l *LogFiles) Longer(ctx context.Context, name string, size int64) (bool, error) {
	ctx, cancel := l.n.c.limit(ctx)
	defer cancel()
	if l.compressed[name] {
		return false, nil
	}
	r, err := l.n.get(ctx, l.node, l.folder+name, http.Header{"Range": {fmt.Sprintf("bytes=%d-", size)}})
	var status apierrors.APIStatus
	switch {
	case errors.As(err, &status) && status.Status().Code == http.StatusRequestedRangeNotSatisfiable, apierrors.IsNotFound(err):
		return false, nil
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
