package sim

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// serveLog is the log subresource: first the API server's part, then the kubelet's.
func (c *Cluster) serveLog(x *exchange) error {
	q := x.req
	o, err := c.logOptions(q.name, q.Query)
	if err != nil {
		return err
	}
	obj, err := c.store.get(q.Namespace, q.name)
	if err != nil {
		return err
	}
	if o.Container, err = chooseContainer(obj, o.Container); err != nil {
		return err
	}
	if obj.Spec.NodeName == "" {
		x.begin(http.StatusNoContent)
		return nil
	}
	down := c.kubeletGone()
	select {
	case <-down:
		//lint:ignore ST1005 these are the real server's words
		return apierrors.NewInternalError(fmt.Errorf("Get \"https://%s:10250/containerLogs/%s/%s/%s\": dial tcp 10.0.0.1:10250: "+
			"connect: connection refused", obj.Spec.NodeName, q.Namespace, q.name, o.Container))
	default:
	}
	p := c.Pod(q.Namespace, q.name)
	if p == nil || p.apiUID() != obj.UID || c.settling() {
		return apierrors.NewGenericServerResponse(http.StatusNotFound, "", schema.GroupResource{Resource: "pods/log"}, q.name,
			"", 0, false)
	}
	kubelet := p.host.kubelet.Load()
	noInotify := o.Follow && kubelet.NoInotify
	kubelet.drop(&o)
	inst, err := p.instance(o.Container, o.Previous)
	if err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	x.w.Header().Set("Content-Type", "text/plain")
	x.begin(http.StatusOK)
	if !c.opt.LateHeaders {
		x.out.flush()
	}
	if x.out.begun() != nil {
		return nil
	}
	if inst.lost.Load() {
		fmt.Fprintf(x.out, "unable to retrieve container logs for %s", inst.id)
		return nil
	}
	if o.Follow {
		c.stats.add(func(s *Stats) { s.Followers++ })
		defer c.stats.add(func(s *Stats) { s.Followers-- })
	}
	r := logReader{x: x, o: o, chunk: c.opt.Chunk, left: -1, layout: kubelet.StampLayout, down: down}
	switch {
	case o.SinceSeconds != nil:
		r.since = p.host.Now().Add(-time.Duration(*o.SinceSeconds) * time.Second).UnixNano()
	case o.SinceTime != nil:
		r.since = o.SinceTime.UnixNano()
	}
	if o.LimitBytes != nil {
		r.left = *o.LimitBytes
	}
	r.copy(inst.log)
	if noInotify {
		_, _ = io.WriteString(x.out, "failed to create fsnotify watcher: too many open files") // an error is the client's going away
	}
	return nil
}

// logOptions reads and checks the query as the API server does.
func (c *Cluster) logOptions(pod string, query url.Values) (corev1.PodLogOptions, error) {
	var o corev1.PodLogOptions
	var bad error
	flag := func(name string) bool {
		v, ok := query[name]
		return ok && (len(v) == 0 || v[0] != "0" && !strings.EqualFold(v[0], "false"))
	}
	number := func(name string) *int64 {
		if !query.Has(name) {
			return nil
		}
		n, err := strconv.ParseInt(query.Get(name), 10, 64)
		if err != nil && bad == nil {
			bad = apierrors.NewBadRequest(err.Error())
		}
		return &n
	}
	o.Container = query.Get("container")
	o.Follow, o.Previous, o.Timestamps = flag("follow"), flag("previous"), flag("timestamps")
	o.SinceSeconds, o.TailLines, o.LimitBytes = number("sinceSeconds"), number("tailLines"), number("limitBytes")
	if s := query.Get("sinceTime"); s != "" {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil && bad == nil {
			bad = apierrors.NewBadRequest(err.Error())
		}
		at := metav1.NewTime(t.Truncate(time.Second)) // so the API server writes it to the kubelet
		o.SinceTime = &at
	}
	if s := query.Get("stream"); s != "" {
		o.Stream = &s
	}
	if bad != nil {
		return o, bad
	}
	if errs := c.checkLogOptions(&o); len(errs) > 0 {
		return o, apierrors.NewInvalid(schema.GroupKind{Kind: "PodLogOptions"}, pod, errs)
	}
	return o, nil
}

func (c *Cluster) checkLogOptions(o *corev1.PodLogOptions) (errs field.ErrorList) {
	if o.TailLines != nil && *o.TailLines < 0 {
		errs = append(errs, field.Invalid(field.NewPath("tailLines"), *o.TailLines, "must be greater than or equal to 0"))
	}
	if o.LimitBytes != nil && *o.LimitBytes < 1 {
		errs = append(errs, field.Invalid(field.NewPath("limitBytes"), *o.LimitBytes, "must be greater than 0"))
	}
	switch {
	case o.SinceSeconds != nil && o.SinceTime != nil:
		errs = append(errs, field.Forbidden(field.NewPath(""), "at most one of `sinceTime` or `sinceSeconds` may be specified"))
	case o.SinceSeconds != nil && *o.SinceSeconds < 1:
		errs = append(errs, field.Invalid(field.NewPath("sinceSeconds"), *o.SinceSeconds, "must be greater than 0"))
	}
	streams := []string{corev1.LogStreamAll, corev1.LogStreamStderr, corev1.LogStreamStdout}
	switch {
	case o.Stream == nil:
	case !c.opt.SplitStreams:
		errs = append(errs, field.Forbidden(field.NewPath("stream"), "may not be specified"))
	case !slices.Contains(streams, *o.Stream):
		errs = append(errs, field.NotSupported(field.NewPath("stream"), *o.Stream, streams))
	case *o.Stream != corev1.LogStreamAll && o.TailLines != nil:
		errs = append(errs, field.Forbidden(field.NewPath(""), "`tailLines` and specific `stream` are mutually exclusive for now"))
	}
	return errs
}

// chooseContainer fills in the only container, and refuses one that the pod does not have.
func chooseContainer(p *corev1.Pod, name string) (string, error) {
	var all []string // in the order of the API server's message
	for _, c := range p.Spec.InitContainers {
		all = append(all, c.Name)
	}
	for _, c := range p.Spec.Containers {
		all = append(all, c.Name)
	}
	for _, c := range p.Spec.EphemeralContainers {
		all = append(all, c.Name)
	}
	switch {
	case name == "" && len(p.Spec.Containers) == 1:
		return p.Spec.Containers[0].Name, nil
	case name == "":
		return "", apierrors.NewBadRequest(fmt.Sprintf("a container name must be specified for pod %s, choose one of: %s", p.Name, all))
	case !slices.Contains(all, name):
		return "", apierrors.NewBadRequest(fmt.Sprintf("container %s is not valid for pod %s", name, p.Name))
	}
	return name, nil
}

// logReader is the kubelet's side of one log request.
type logReader struct {
	x     *exchange
	o     corev1.PodLogOptions
	since int64 // records stamped before are left out
	left  int64 // bytes still to send; negative for no limit
	chunk int   // bytes to a write; negative for a line each
	down  <-chan struct{}

	layout string // of stamps; empty for RFC 3339

	buf  []byte
	torn bool // the record before was partial, so that the next one is sent without a stamp
}

// copy sends the log from where the options say until it ends, as the options, the client, the kubelet's end or a fault say.
func (r *logReader) copy(l *logFile) {
	tail := int64(-1)
	if r.o.TailLines != nil {
		tail = *r.o.TailLines
	}
	c := l.open(tail, r.o.Follow)
	epoch, idle := 0, false
	if r.o.Follow {
		defer func() { l.leave(idle, epoch) }()
	}
	limited := tail >= 0 && !r.o.Follow
	for !limited || tail > 0 {
		var v view
		var wait <-chan struct{}
		v, wait, epoch = l.read(&c, r.o.Follow)
		if n := len(v.recs) - v.from; n > 0 {
			if limited && int64(n) > tail {
				v = view{*v.cut(v.from + int(tail)), v.from}
			}
			tail -= int64(n)
			if !r.send(v) {
				return
			}
			continue
		}
		if wait == nil {
			return
		}
		idle = true
		if !r.wait(wait) {
			return
		}
		idle = false
	}
}

// wait returns true when there may be more to read, false when the stream is over.
func (r *logReader) wait(more <-chan struct{}) bool {
	for {
		select {
		case <-more:
			return true
		case <-r.x.out.timer:
			if r.x.out.strike() != nil {
				return false
			}
		case <-r.down:
			return false
		case <-r.x.r.Context().Done():
			return false
		}
	}
}

// cut gives the block up to the record n.
func (b *Block) cut(n int) *Block {
	return &Block{buf: b.buf[:b.recs[n].off], recs: b.recs[:n], min: b.min, torn: b.torn}
}

// send sends the records of v that the options ask for; false when the stream is over.
func (r *logReader) send(v view) bool {
	all := r.o.Stream == nil || *r.o.Stream == corev1.LogStreamAll
	if r.layout == "" && r.o.Timestamps && r.left < 0 && r.chunk > 0 && v.min >= r.since && !v.torn && !r.torn && all {
		return r.write(v.buf[v.recs[v.from].off:])
	}
	r.buf = r.buf[:0]
	for i := v.from; i < len(v.recs); i++ {
		e := v.recs[i]
		bare := r.torn
		r.torn = e.flags&isPartial != 0
		if e.ns < r.since {
			continue
		}
		line := v.record(i)
		switch text := line[bytes.IndexByte(line, ' ')+1:]; {
		case !r.o.Timestamps || bare:
			line = text
		case r.layout != "":
			stamp := time.Unix(0, e.ns).In(r.x.c.opt.Zone).AppendFormat(nil, r.layout)
			line = append(append(stamp, ' '), text...)
		}
		if !all && (*r.o.Stream == corev1.LogStreamStderr) != (e.flags&isStderr != 0) {
			continue
		}
		if r.left >= 0 {
			line = line[:min(int64(len(line)), r.left)]
			r.left -= int64(len(line))
		}
		r.buf = append(r.buf, line...)
		if r.chunk < 0 || len(r.buf) >= r.chunk || r.left == 0 {
			if !r.write(r.buf) || r.left == 0 {
				return false
			}
			r.buf = r.buf[:0]
		}
	}
	return r.write(r.buf)
}

// write sends p in chunks; false when the stream is over.
func (r *logReader) write(p []byte) bool {
	for len(p) > 0 {
		select {
		case <-r.x.out.timer:
			if r.x.out.strike() != nil {
				return false
			}
		case <-r.down:
			return false
		default:
		}
		n := len(p)
		if r.chunk > 0 {
			n = min(n, r.chunk)
		}
		if _, err := r.x.out.Write(p[:n]); err != nil {
			return false
		}
		if r.o.Follow || r.chunk < 0 {
			r.x.out.flush()
		}
		p = p[n:]
	}
	return true
}
