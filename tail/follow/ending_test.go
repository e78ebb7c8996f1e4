package follow

import (
	"testing"
	"testing/synctest"
	"time"

	"mktail/tail/pods"
	"mktail/tail/position"
)

// A clean end of a stream is an instance's own if the instance ended about then, whatever its node's clock says, and no later.
func TestReadToEnd(t *testing.T) {
	running := pods.Status{Current: pods.Instance{ID: "a", Running: true}}
	deleting := running
	deleting.Deleting = 1
	// finished is the status of an instance that ended so long after the stream, by its node's clock.
	finished := func(after time.Duration) pods.Status {
		return pods.Status{Current: pods.Instance{ID: "a", Finished: pods.Seconds(time.Now().Add(after).Unix())}}
	}
	for _, tt := range []struct {
		name  string
		told  time.Duration // after the stream's end
		now   func() pods.Status
		known known
		ending
		lag  time.Duration // with which the last line came, the difference of the clocks included; 0: none did
		want bool
	}{
		{name: "the instance runs", known: known{Status: running}, ending: ending{emptyEOF: true, refused: true}},
		{name: "its end is told at once", now: func() pods.Status { return finished(0) }, want: true},
		{name: "its end is told at once, by a clock ahead", now: func() pods.Status { return finished(time.Hour) }, want: true},
		{name: "its end is told later", told: time.Minute, now: func() pods.Status { return finished(0) }},
		{name: "its end is told later, by a clock behind", told: time.Minute, now: func() pods.Status { return finished(-time.Hour) }},
		{name: "its end is told later, by a clock that is known", told: time.Minute, now: func() pods.Status { return finished(-time.Hour) }, lag: time.Hour + time.Second/2, want: true},
		{name: "it ended later, by a clock that is known", told: time.Minute, now: func() pods.Status { return finished(2*time.Second - time.Hour) }, lag: time.Hour + time.Second/2},
		{name: "another's end is told", now: func() pods.Status {
			return pods.Status{Current: running.Current, Previous: pods.Instance{ID: "z", Finished: finished(0).Current.Finished}}
		}},
		{name: "it ended nobody knows when", known: known{Status: pods.Status{Previous: pods.Instance{ID: "a"}}}},
		{name: "the pod is gone at once", known: known{Status: running, gone: true}, want: true},
		{name: "the pod is gone later", told: time.Minute, known: known{Status: running, gone: true}},
		{name: "the pod is being deleted", known: known{Status: deleting}},
		{name: "the pod is being deleted, and nothing is to be followed", told: time.Minute, known: known{Status: deleting}, ending: ending{emptyEOF: true}, want: true},
		{name: "the pod is being deleted, and there is no log any more", known: known{Status: deleting}, ending: ending{refused: true}, want: true},
		{name: "the pod is being deleted, and later there is no log any more", told: time.Minute, known: known{Status: deleting}, ending: ending{refused: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &Follower{known: tt.known, reads: reads{ending: tt.ending}, place: place{begun: true, at: pods.Instance{ID: "a"}, cursor: new(position.Cursor)}}
				if tt.now != nil {
					f.known.Status = tt.now()
				}
				f.reads.cleanEOFAt = time.Now()
				if tt.lag != 0 {
					f.place.cursor.Add(time.Now().Add(-tt.lag).UnixNano(), 1)
					f.reads.lineAt = time.Now().UnixNano()
				}
				time.Sleep(tt.told)
				if f.noteReadToEnd(); f.reads.toEnd != tt.want {
					t.Errorf("read to its end: %v, want %v", f.reads.toEnd, tt.want)
				}
			})
		})
	}
}
