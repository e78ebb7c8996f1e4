package follow

import (
	"sync"
	"time"

	"mktail/tail/kube"
	"mktail/tail/pods"
)

// unread is what is known of an instance whose log can't be read to its end. Many goroutines may use it. The zero value is none.
type unread struct {
	mu      sync.Mutex
	of      pods.ContainerID
	why     string
	changed chan struct{} // closed with the next change; nil: nobody waits for one
}

// set notes that the log of an instance can't be read to its end; an empty why, that it can.
func (u *unread) set(of pods.ContainerID, why string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.replace(of, why)
}

// add notes that the log of an instance can't be read to its end, unless it is known why.
func (u *unread) add(of pods.ContainerID, why string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.of != of || u.why == "" {
		u.replace(of, why)
	}
}

// replace is called with the lock.
func (u *unread) replace(of pods.ContainerID, why string) {
	u.of, u.why = of, why
	if u.changed != nil {
		close(u.changed)
		u.changed = nil
	}
}

// get returns why the log of an instance can't be read to its end; empty: it can. changed is closed when that may have changed.
func (u *unread) get(of pods.ContainerID) (why string, changed <-chan struct{}) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.of == of {
		why = u.why
	}
	if u.changed == nil {
		u.changed = make(chan struct{})
	}
	return why, u.changed
}

// AwaitEnd waits until nothing more is read, or the log of this instance, which has ended, could not be read for so long that it may never
// be: then it is still tried. It returns why the log was not read to its end; empty: it was.
func (f *Follower) AwaitEnd(of pods.ContainerID) (why string) {
	for {
		why, changed := f.unread.get(of)
		if why != "" {
			return why
		}
		select {
		case <-f.life.ended:
			why, _ = f.unread.get(of)
			return why
		case <-changed:
		}
	}
}

// noteUnread notes how a read of an instance has ended: since when the log of one that has ended can't be read. What is wrong with the whole
// cluster, such as that it is away, does not count.
func (f *Follower) noteUnread(in pods.Instance, res result, err error) {
	since := &f.reads.unreadSince
	switch {
	case in.Running || in.Previous || err == nil || res.fresh:
		if !since.IsZero() {
			*since = time.Time{}
			f.unread.set(in.ID, "")
		}
		return
	case since.IsZero() || f.c.Health.Down():
		*since = time.Now()
	}
	if time.Since(*since) >= f.maxRefusal(in) {
		f.unread.set(in.ID, kube.Describe(err))
	}
}
