package sim

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// logRoot is what a kubelet serves files from.
const logRoot = "/var/log"

// disk is what lies below logRoot on a node: the logs of its pods.
type disk struct {
	c    *Cluster
	node string
}

// entry is a file or folder.
type entry struct {
	name string
	dir  bool
	size int64
	mod  time.Time // the zero time if it is not known
}

func (e entry) Name() string       { return e.name }
func (e entry) Size() int64        { return e.size }
func (e entry) ModTime() time.Time { return e.mod }
func (e entry) IsDir() bool        { return e.dir }
func (e entry) Sys() any           { return nil }

func (e entry) Mode() fs.FileMode {
	if e.dir {
		return fs.ModeDir | 0o755
	}
	return 0o640
}

// opened is an entry that is read.
type opened struct {
	entry
	io.ReadSeeker
	list []fs.FileInfo // of a folder
}

func (o opened) Close() error                       { return nil }
func (o opened) Stat() (fs.FileInfo, error)         { return o.entry, nil }
func (o opened) Readdir(int) ([]fs.FileInfo, error) { return o.list, nil }

// Open opens what lies at name below logRoot.
func (d disk) Open(name string) (http.File, error) {
	at, pods := path.Join(logRoot, name), d.c.opt.PodLogsDir
	folder := opened{entry: entry{name: path.Base(at), dir: true}, ReadSeeker: bytes.NewReader(nil)}
	add := func(name string) { folder.list = append(folder.list, entry{name: name, dir: true}) }
	rest, below := strings.CutPrefix(at, pods+"/")
	switch {
	case at == pods:
		for _, p := range d.c.Pods() {
			if p.node == d.node {
				add(p.folder())
			}
		}
		return folder, nil
	case strings.HasPrefix(pods, at+"/"):
		next, _, _ := strings.Cut(strings.TrimPrefix(pods, at+"/"), "/")
		add(next)
		return folder, nil
	case at == logRoot:
		return folder, nil
	case !below:
		return nil, fs.ErrNotExist
	}
	part := strings.Split(rest, "/")
	id := append(strings.Split(part[0], "_"), "")
	p := d.c.Pod(id[0], id[1])
	if p == nil || p.node != d.node || p.folder() != part[0] || len(part) > 3 {
		return nil, fs.ErrNotExist
	}
	if len(part) == 1 {
		for _, k := range p.begunContainers() {
			add(k.spec.Name)
		}
		return folder, nil
	}
	k := p.find(part[1])
	if k == nil || k.current() == nil {
		return nil, fs.ErrNotExist
	}
	var asked string
	if len(part) == 3 {
		asked = part[2]
	}
	for _, in := range k.kept() {
		base := strconv.Itoa(in.number) + ".log"
		names, changed := in.log.names(base)
		for _, n := range names {
			if n.name == asked {
				return n.open(in.log), nil
			}
			folder.list = append(folder.list, entry{name: n.name})
		}
		if changed.After(folder.mod) {
			folder.mod = changed
		}
	}
	if asked != "" {
		return nil, fs.ErrNotExist
	}
	return folder, nil
}

// folder is the name of the pod's folder.
func (p *Pod) folder() string { return fmt.Sprintf("%s_%s_%s", p.namespace, p.name, p.uid) }

// begunContainers are those that have had an instance.
func (p *Pod) begunContainers() (begun []*Container) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.containers {
		if k.cur != nil {
			begun = append(begun, k)
		}
	}
	return begun
}

// kept are the instances whose files lie on the disk: the one before and the present one.
func (c *Container) kept() (kept []*instance) {
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	for _, in := range []*instance{c.prev, c.cur} {
		if in != nil && !in.lost.Load() {
			kept = append(kept, in)
		}
	}
	return kept
}

// logName is a name of a log's file.
type logName struct {
	name string
	file *file
	form form // plain, zipped, or halfZipped for a .tmp
}

// names lists the log's files on the disk, and says when one was last added.
func (l *logFile) names(base string) (names []logName, changed time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.rotated() {
		name := base + "." + f.stamp
		if f.form != zipped {
			names = append(names, logName{name, f, plain})
		}
		switch f.form {
		case halfZipped:
			names = append(names, logName{name + ".tmp", f, halfZipped})
		case doubled, zipped:
			names = append(names, logName{name + ".gz", f, zipped})
		}
	}
	return append(names, logName{base, l.file, plain}), l.turned
}

func (n logName) open(l *logFile) http.File {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := opened{entry: entry{name: n.name, mod: n.file.packed}}
	if n.form == plain {
		o.mod = n.file.written
		c := n.file.content()
		o.size, o.ReadSeeker = c.size, c
		return o
	}
	if n.file.zipped == nil {
		n.file.zip()
	}
	text := n.file.zipped
	if n.form == halfZipped {
		text = text[:len(text)/2]
	}
	o.size, o.ReadSeeker = int64(len(text)), bytes.NewReader(text)
	return o
}

// zip compresses the file as the kubelet does; called with the log's mu held.
func (f *file) zip() {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.Copy(w, f.content()) // neither can fail
	_ = w.Close()
	f.zipped = b.Bytes()
}
