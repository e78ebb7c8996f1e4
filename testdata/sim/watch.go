package sim

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// watcher is one watch request. It reads the store's history at its own pace and falls out of it when too slow.
type watcher struct {
	forgotten bool // it began at a version from before the last Compact
	x         *exchange
	sel       selection
	bookmarks bool
	media     runtime.SerializerInfo
	rv        uint64 // seen so far
}

// serveWatch serves a watch until its time is up, the client goes or the cluster closes.
func (c *Cluster) serveWatch(x *exchange, o metav1.ListOptions) error {
	sel, err := newSelection(x.req.Namespace, o)
	if err != nil {
		return err
	}
	media, err := negotiate(x.r)
	if err != nil {
		return err
	}
	initial := o.SendInitialEvents != nil && *o.SendInitialEvents
	if err := c.checkInitialEvents(o); err != nil {
		return err
	}
	w := &watcher{x: x, sel: sel, bookmarks: o.AllowWatchBookmarks, media: media}
	s := c.store
	s.mu.Lock()
	asked := bookmarkCount(s.bookmarks)
	var first []*corev1.Pod
	w.rv = s.rv
	rv, err := strconv.ParseUint(o.ResourceVersion, 10, 64)
	switch {
	case o.ResourceVersion != "" && err != nil:
		err = badVersion(o.ResourceVersion, err)
	case initial || rv == 0 && o.SendInitialEvents == nil:
		keys, pods := s.state(s.rv)
		for _, k := range keys {
			if sel.matches(pods[k]) {
				first = append(first, pods[k])
			}
		}
		err = nil
	case rv == 0:
		err = nil
	default:
		w.rv, w.forgotten = rv, rv < s.floor // decided once: a Compact after the headers is none of this watch's business
		if w.forgotten && c.opt.GoneAsStatus {
			err = gone(rv, s.floor)
		}
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}

	contentType := media.MediaType
	if contentType != runtime.ContentTypeJSON {
		contentType += ";stream=watch"
	}
	x.w.Header().Set("Content-Type", contentType)
	x.begin(http.StatusOK)
	x.out.unit = true
	if err := w.ended(x.out.begun()); err != nil {
		return nil
	}
	for _, p := range first {
		if err := w.send(watch.Added, p); err != nil {
			return nil
		}
	}
	if initial {
		if err := w.bookmark(map[string]string{metav1.InitialEventsAnnotationKey: "true"}); err != nil {
			return nil
		}
	}
	w.run(asked, o.TimeoutSeconds)
	return nil
}

type bookmarkCount uint64

// run sends changes until something ends the watch; errors are the client's going away or a fault's doing.
func (w *watcher) run(asked bookmarkCount, seconds *int64) {
	x, s := w.x, w.x.c.store
	var timeout, tick <-chan time.Time
	if seconds != nil && *seconds > 0 {
		t := time.NewTimer(time.Duration(*seconds) * time.Second)
		defer t.Stop()
		timeout = t.C
	}
	if every := s.opt.BookmarkEvery; w.bookmarks && every > 0 {
		t := time.NewTicker(every)
		defer t.Stop()
		tick = t.C
	}
	for {
		s.mu.Lock()
		wake, marks, lost, rv := s.wake, bookmarkCount(s.bookmarks), s.lost, s.rv
		news := s.since(w.rv)
		tooOld := w.forgotten || w.rv < lost
		s.mu.Unlock()
		if tooOld {
			_ = w.expire(gone(w.rv, lost))
			return
		}
		for _, ch := range news {
			if err := w.change(ch); err != nil {
				return
			}
		}
		w.rv = max(w.rv, rv) // a version that is still to come is waited for
		if marks != asked && w.bookmarks {
			asked = marks
			if w.bookmark(nil) != nil {
				return
			}
		}
		if len(news) > 0 {
			continue
		}
		select {
		case <-wake:
		case <-tick:
			if w.bookmark(nil) != nil {
				return
			}
		case <-timeout:
			if w.bookmarks {
				_ = w.bookmark(nil)
			}
			return
		case <-x.out.timer:
			if w.ended(x.out.strike()) != nil {
				return
			}
		case <-x.r.Context().Done():
			return
		}
	}
}

// since gives the changes after rv; called with mu held. The result must not be changed.
func (s *store) since(rv uint64) []change {
	i := len(s.history)
	for i > 0 && s.history[i-1].rv > rv {
		i--
	}
	return s.history[i:len(s.history):len(s.history)]
}

// change sends what ch means to this watch: a pod that begins or ceases to match is ADDED or DELETED for it.
func (w *watcher) change(ch change) error {
	before := ch.kind != watch.Added && w.sel.matches(ch.old)
	after := ch.kind != watch.Deleted && w.sel.matches(ch.pod)
	switch {
	case before && after:
		return w.send(watch.Modified, ch.pod)
	case after:
		return w.send(watch.Added, ch.pod)
	case before && ch.kind == watch.Deleted:
		return w.send(watch.Deleted, ch.pod)
	case before:
		last := *ch.old // the last state that matched, at the version of its leaving
		last.ResourceVersion = ch.pod.ResourceVersion
		return w.send(watch.Deleted, &last)
	}
	return nil
}

func (w *watcher) bookmark(annotations map[string]string) error {
	return w.send(watch.Bookmark, &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{Kind: "Pod", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{ResourceVersion: strconv.FormatUint(w.rv, 10), Annotations: annotations},
	})
}

// expire sends the ERROR event that ends a watch which can't go on.
func (w *watcher) expire(err *apierrors.StatusError) error {
	st := err.Status()
	st.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	return w.send(watch.Error, &st)
}

func (w *watcher) send(kind watch.EventType, obj runtime.Object) error {
	if p, ok := obj.(*corev1.Pod); ok {
		obj = w.x.c.store.served(p)
	}
	var raw bytes.Buffer
	if err := w.media.Serializer.Encode(obj, &raw); err != nil {
		return err
	}
	object := raw.Bytes()
	if w.media.MediaType == runtime.ContentTypeJSON {
		object = bytes.TrimSuffix(object, []byte("\n"))
	}
	var event, frame bytes.Buffer // one Write an event, so that a fault can count them
	err := w.media.StreamSerializer.Serializer.Encode(&metav1.WatchEvent{
		Type: string(kind), Object: runtime.RawExtension{Raw: object},
	}, &event)
	if err != nil {
		return err
	}
	if _, err := w.media.StreamSerializer.Framer.NewFrameWriter(&frame).Write(event.Bytes()); err != nil {
		return err
	}
	if _, err := w.x.out.Write(frame.Bytes()); err != nil {
		return w.ended(err)
	}
	w.x.out.flush()
	return nil
}

// ended sends what a fault that expires the watch asks for, and passes err on.
func (w *watcher) ended(err error) error {
	if err == errExpire {
		_ = w.expire(gone(w.rv, w.rv+1))
	}
	return err
}

func gone(rv, floor uint64) *apierrors.StatusError {
	return apierrors.NewResourceExpired(fmt.Sprintf("too old resource version: %d (%d)", rv, floor))
}
