package tail

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"mktail/discover/glob"
	"mktail/tail/kube"
	"mktail/tail/report"
)

// objectsWait is how long the first list of objects may hold up the pods.
const objectsWait = 5 * time.Second

// objects are what a podWatch watches beside the pods of its namespace, or of all: Jobs, or workloads of a kind. They are listed once before
// the pods are, and then watched in a goroutine of their own. What that learns the podWatch's goroutine is told.
type objects struct {
	w        *podWatch
	resource schema.GroupVersionResource
	newList  func() runtime.Object
	newOne   func() runtime.Object
	part     string   // their name in messages
	names    []string // of those that are asked for, if they are given by their exact names; none: others may be meant

	early    bool                                                  // the first look counts for which pods are selected
	revision func(context.Context, runtime.Object) (string, error) // looks up the newest revision of one, in the goroutine that asks; nil: there is none
	listed   func(*objectsLook)                                    // takes a list
	seen     func(o heard, deleted bool)                           // takes an event
	denied   func(error)                                           // takes that they can't be read, by the first look; nil: that is tried again
	polled   func(error)                                           // takes that they can but be got

	watched bool            // they are watched, or are not to be
	again   chan struct{}   // has a place: they are to be listed again
	health  report.Reporter // of no namespace: that one's logs can be read
}

// objectsLook is what a look at objects has brought.
type objectsLook struct {
	at      time.Time
	all     []heard
	version string // where a watch goes on; empty: they can't be watched
	err     error
}

// heard is an object as the API has told of it.
type heard struct {
	runtime.Object
	revision string // the newest, if that was looked up
}

// exact returns names, if none is a pattern.
func exact(names []string) []string {
	for _, name := range names {
		if glob.Is(name) {
			return nil
		}
	}
	return names
}

// options are what the objects are listed and watched by: the name, if there is one. A role may be about objects of certain names.
func (o *objects) options() metav1.ListOptions {
	if len(o.names) == 1 {
		return metav1.ListOptions{FieldSelector: "metadata.name=" + o.names[0]}
	}
	return metav1.ListOptions{}
}

// first lists the objects before the pods are; nil: there is no need to.
func (o *objects) first(ctx context.Context) *objectsLook {
	if o.watched {
		return nil
	}
	var retry kube.Backoff
	for {
		limited, cancel := context.WithTimeout(ctx, objectsWait)
		look := o.list(limited)
		cancel()
		delay := retry.Delay(look.err, o.w.c.o.Jitter)
		if look.err == nil || o.w.c.o.Follow || retry.Hopeless(look.err) || !o.w.wait(ctx, delay) {
			return look
		}
	}
}

// lookedEarly takes the first look before the pods are listed, if that counts for them.
func (o *objects) lookedEarly(look *objectsLook) {
	if o.early && look != nil && look.err == nil {
		o.listed(look)
	}
}

// looked takes the first look, and has the objects watched.
func (o *objects) looked(ctx context.Context, look *objectsLook) {
	switch {
	case look == nil:
		return
	case apierrors.IsForbidden(look.err) && o.denied != nil:
		o.watched = true
		o.denied(look.err)
		return
	case look.err == nil:
		o.listed(look)
	default: // before anybody is told that this cluster was tried
		o.health.Fail(o.part, look.err)
	}
	if o.w.c.o.Follow {
		o.watched = true
		o.w.running.Go(func() { o.watch(ctx, look.version) })
	}
}

// lookAgain lists the objects once more, if that is wanted by now: pods may have come of some that were not there, or are gone. It is for runs
// that do not follow; others do so in watch.
func (o *objects) lookAgain(ctx context.Context) {
	select {
	case <-o.again:
	default:
		return
	}
	limited, cancel := context.WithTimeout(ctx, objectsWait)
	defer cancel()
	if look := o.list(limited); look.err == nil {
		o.listed(look)
	}
}

// list lists the objects. Where that is forbidden, and they are asked for by their names, it gets each.
func (o *objects) list(ctx context.Context) *objectsLook {
	c, ns := o.w.c.kube, o.w.namespace
	look, list := &objectsLook{at: time.Now()}, o.newList()
	var all []runtime.Object
	switch look.err = c.ListObjects(ctx, o.resource, ns, o.options(), list); {
	case look.err == nil:
		look.version = list.(metav1.ListInterface).GetResourceVersion()
		all, look.err = meta.ExtractList(list)
	case apierrors.IsForbidden(look.err) && ns != "" && len(o.names) > 0:
		all, look.err = o.get(ctx, look.err)
	}
	for _, object := range all {
		h, err := o.hear(ctx, object)
		if err != nil {
			return &objectsLook{at: look.at, err: err}
		}
		look.all = append(look.all, h)
	}
	return look
}

// hear looks up what else is to be known of an object.
func (o *objects) hear(ctx context.Context, object runtime.Object) (h heard, err error) {
	h.Object = object
	if o.revision != nil {
		h.revision, err = o.revision(ctx, object)
	}
	return h, err
}

// get gets the objects by their names, as lists are forbidden.
func (o *objects) get(ctx context.Context, forbidden error) (all []runtime.Object, err error) {
	for _, name := range o.names {
		one := o.newOne()
		switch err := o.w.c.kube.GetObject(ctx, o.resource, o.w.namespace, name, one); {
		case apierrors.IsForbidden(err):
			return nil, fmt.Errorf("%w; getting %s/%s: %s", forbidden, strings.TrimSuffix(o.resource.Resource, "s"), name, kube.Describe(err))
		case err == nil:
			all = append(all, one)
		case !apierrors.IsNotFound(err):
			return nil, err
		}
	}
	if o.w.c.o.Follow {
		o.polled(forbidden)
	}
	return all, nil
}

// relist has the objects be listed again.
func (o *objects) relist() {
	select {
	case o.again <- struct{}{}:
	default:
	}
}

// objectWatch is the watch of objects.
type objectWatch struct {
	listWatch
	*objects
	polls bool // they can only be got
}

// watch watches the objects from a version on, until the run of the podWatch is over. Where they can only be got, it polls them.
func (o *objects) watch(ctx context.Context, version string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o.w.running.Go(func() {
		select {
		case <-o.w.over:
			cancel()
		case <-ctx.Done():
		}
	})
	c := o.w.c
	j := &objectWatch{listWatch: listWatch{c: c, watched: o.part, version: version}, objects: o}
	var retry kube.Backoff
	for {
		watched, err := j.look(ctx)
		if ctx.Err() != nil {
			break
		}
		if watched {
			retry.Reset()
			if err == nil {
				continue
			}
		}
		delay := j.delay(retry.Delay(err, c.o.Jitter))
		switch {
		case err != nil:
			c.stats.Errors.Add(1)
			o.health.Fail(o.part, err)
		case j.polls:
			retry.Reset()
			delay = getEvery
			o.health.OK()
		}
		select {
		case <-ctx.Done():
		case <-o.again:
			j.version = ""
		case <-time.After(delay):
		}
	}
	if o.w.isDeleted() {
		o.health.OK()
	}
}

// look lists the objects unless that is done, and watches them until the watch ends. watched is as judge has it.
func (j *objectWatch) look(ctx context.Context) (watched bool, err error) {
	if j.version == "" {
		if err := j.list(ctx); err != nil || j.polls {
			return false, err
		}
	}
	from := j.version
	opened, err := j.follow(ctx)
	if ctx.Err() != nil {
		return false, err
	}
	return j.judge(from, opened, err, func() error { return j.list(ctx) })
}

// list lists the objects.
func (j *objectWatch) list(ctx context.Context) error {
	look := j.objects.list(ctx)
	if look.err != nil {
		return look.err
	}
	j.listWatch.listed(look.version)
	j.polls = look.version == ""
	j.w.tell(func() { j.objects.listed(look) })
	return nil
}

// follow takes what happens to the objects until the watch ends, and returns when it was opened; zero: it was not.
func (j *objectWatch) follow(ctx context.Context) (opened time.Time, err error) {
	life := int64((watchLife + j.c.o.Jitter(watchLife)).Seconds())
	ctx, cancel := context.WithTimeout(ctx, time.Duration(life)*time.Second+j.c.kube.RequestTimeout()) // in case the server doesn't end it
	defer cancel()
	o := j.options()
	o.ResourceVersion, o.TimeoutSeconds = j.version, &life
	events, err := j.c.kube.WatchObjects(ctx, j.resource, j.w.namespace, o)
	if err != nil {
		return opened, err
	}
	defer events.Stop()
	opened = time.Now()
	lasting := time.NewTimer(shortWatch)
	defer lasting.Stop()
	for {
		select {
		case <-lasting.C:
			j.health.OK()
			j.reportWatched()
		case <-j.again:
			j.version = ""
			return opened, nil
		case event, ok := <-events.ResultChan():
			object, isObject := event.Object.(metav1.Object)
			switch {
			case !ok:
				return opened, nil
			case event.Type == watch.Error:
				return opened, j.c.kube.EventError(event.Object)
			case !isObject:
				return opened, fmt.Errorf("watching %s: unexpected %T", j.resource.Resource, event.Object)
			}
			h, err := heard{Object: event.Object}, error(nil)
			if event.Type != watch.Deleted {
				if h, err = j.hear(ctx, event.Object); err != nil {
					return opened, err
				}
			}
			j.version = object.GetResourceVersion()
			j.w.tell(func() { j.seen(h, event.Type == watch.Deleted) })
		}
	}
}
