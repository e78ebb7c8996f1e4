package tail

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"mktail/testdata/sim"
)

// spoken runs a pod whose container writes what comes through the channel, also while the pod is deleted, and ends when
// that is closed.
func spoken(c *sim.Cluster) (*sim.Pod, chan string) {
	words := make(chan string)
	run := func(_ context.Context, out, _ io.Writer) int {
		for w := range words {
			fmt.Fprint(out, w)
		}
		return 0
	}
	return c.AddPod(sim.PodSpec{Name: "web", Containers: []sim.ContainerSpec{{Name: "app", Run: run}}}), words
}

// A pod that is deleted goes on until its grace period ends: the clean end of a stream before that is not its last.
func TestDeletedPod(t *testing.T) {
	bubble(t, "writes on without a kubelet and is forced away", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		pod, words := spoken(c)
		s := start(t, follow(), c)
		time.Sleep(time.Second)
		words <- "one\n"
		time.Sleep(time.Second)
		go pod.Delete(time.Minute)
		time.Sleep(3 * time.Second)
		words <- "two\n"
		time.Sleep(time.Second)
		c.KubeletDown()
		for range 10 {
			time.Sleep(time.Second)
			words <- "lost\n"
		}
		go pod.Delete(0)
		time.Sleep(time.Second)
		close(words)
		c.KubeletUp()
		time.Sleep(10 * time.Minute)
		summary := s.stop()[0]
		s.want("web", "app", "one", "two")
		if summary.Gaps != 1 || !strings.Contains(s.said(), logUnavailable) {
			t.Errorf("%d gaps; stderr: %s", summary.Gaps, s.said())
		}
	})
	bubble(t, "ends without a newline after the kubelet was away", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		pod, words := spoken(c)
		s := start(t, follow(), c)
		time.Sleep(time.Second)
		words <- "one\n"
		time.Sleep(time.Second)
		go pod.Delete(time.Minute)
		time.Sleep(3 * time.Second)
		c.KubeletDown()
		c.KubeletUp()
		time.Sleep(10 * time.Second)
		words <- "two\nthree"
		time.Sleep(time.Second)
		close(words)
		time.Sleep(10 * time.Minute)
		s.stop()
		s.want("web", "app", "one", "two", "three")
		if said := s.said(); said != "" {
			t.Errorf("stderr: %s", said)
		}
	})
	for _, lag := range []time.Duration{0, 500 * time.Millisecond, 3 * time.Second} {
		bubble(t, fmt.Sprint("ends with its last line, which the API knows after ", lag), func(t *testing.T) {
			c := simulated(t, sim.Options{StatusLag: lag})
			defer c.Close()
			pod, words := spoken(c)
			s := start(t, follow(), c)
			time.Sleep(time.Second)
			words <- "one\n"
			go pod.Delete(time.Minute)
			time.Sleep(1700 * time.Millisecond)
			words <- "two\nthree"
			close(words)
			time.Sleep(10 * time.Minute)
			s.stop()
			s.want("web", "app", "one", "two", "three")
			if said := s.said(); said != "" {
				t.Errorf("stderr: %s", said)
			}
		})
	}
}

// A clean end of a stream is an instance's own only if the instance had ended by then.
func TestWitness(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 300e6, time.UTC)
	ended := func(after time.Duration) status {
		return status{current: instance{id: "b", running: true}, previous: instance{id: "a", finished: at.Add(after).Unix()}}
	}
	for _, tt := range []struct {
		name   string
		now    status
		atOnce bool
		want   string
	}{
		{"the instance runs", status{current: instance{id: "a", running: true}}, true, ""},
		{"it had ended in the second before", ended(-time.Second), false, "a"},
		{"it ended in the same second, perhaps later", ended(0), false, ""},
		{"it ended nobody knows when", status{previous: instance{id: "a"}}, false, ""},
		{"it ended later", ended(2 * time.Second), false, ""},
		{"the pod is deleted", status{current: instance{id: "a", running: true}, deleting: at.Unix() - 5}, false, ""},
		{"the pod is deleted, and nothing is to be followed", status{current: instance{id: "a", running: true}, deleting: at.Unix() - 5}, true, "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &follower{now: tt.now, cleanly: at, atOnce: tt.atOnce, place: place{at: instance{id: "a"}, cursor: new(cursor)}}
			if f.witness(); f.whole != tt.want {
				t.Errorf("whole is %q, want %q", f.whole, tt.want)
			}
		})
	}
}

// News are older than what is known by their count of restarts, unless that was begun anew.
func TestLearn(t *testing.T) {
	known := instance{id: "b", restarts: 5, started: 1000}
	for _, tt := range []struct {
		name string
		told instance
		want string
	}{
		{"a later one", instance{id: "c", restarts: 6, started: 2000}, "c"},
		{"an older one", instance{id: "a", restarts: 4, started: 900}, "b"},
		{"a later one, counted anew", instance{id: "c", restarts: 0, started: 2000}, "c"},
		{"one that has not begun, counted anew", instance{}, "b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &follower{now: status{current: known}}
			if f.learn(status{current: tt.told}); f.now.current.id != tt.want {
				t.Errorf("current is %q, want %q", f.now.current.id, tt.want)
			}
		})
	}
}
