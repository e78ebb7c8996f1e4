package checkpoint_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/rs/zerolog"

	"mktail/tail/checkpoint"
	"mktail/tail/position"
)

// state is a file that keeps places, as it is written.
type state struct {
	Version int
	Clean   bool
	Saved   time.Time
	Sum     string
	Content struct {
		Seen   map[string]time.Time
		Places []checkpoint.Place
	}
}

// read returns what a file holds.
func read(t *testing.T, path string) (s state) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// write writes a file as a run of the version before that ended at the time has left it, and returns its path.
func write(t *testing.T, saved time.Time, clean bool, seen map[string]time.Time, places ...checkpoint.Place) (path string) {
	t.Helper()
	content, err := json.Marshal(map[string]any{"seen": seen, "places": places})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(map[string]any{"version": 2, "clean": clean, "saved": saved, "sum": fmt.Sprintf("%016x", xxhash.Sum64(content)), "content": json.RawMessage(content)})
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// place is a place in the log of a container of cluster/namespace/pod/uid/container.
func place(name string) checkpoint.Place {
	p := strings.Split(name, "/")
	return checkpoint.Place{Cluster: p[0], Namespace: p[1], Pod: p[2], UID: p[3], Container: p[4]}
}

func key(name string) checkpoint.Key {
	p := place(name)
	return checkpoint.Key{Cluster: p.Cluster, Pod: p.UID, Container: p.Container}
}

// claim claims the place of an ordinary pod's container.
func claim(s *checkpoint.Store, name string) (checkpoint.Place, bool) {
	return s.Claim(key(name), key(name).Pod)
}

// at returns a function that tells a place.
func at(p checkpoint.Place) func() (checkpoint.Place, bool) {
	return func() (checkpoint.Place, bool) { return p, true }
}

// names are the places of a file, in its order, with "left" and the day where they are not today's.
func names(s state) (all []string) {
	today := time.Now().UTC().Truncate(24 * time.Hour)
	for _, p := range s.Content.Places {
		name := strings.Join([]string{p.Cluster, p.Namespace, p.Pod, p.UID, p.Container}, "/")
		if p.Left {
			name += " left"
		}
		if !p.Met.Equal(today) {
			name += p.Met.Format(" 2006-01-02")
		}
		all = append(all, name)
	}
	return all
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What is tracked is in the file at the end, in order, and is the next run's to claim, once.
func TestTrackAndClaim(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s := open(t, path)
	s.SetClusters(map[string]string{"a": "home-a", "b": "home-b"})
	all := []string{"a/m/p/5/x", "a/n/o/4/x", "a/n/p/1/x", "a/n/p/1/y", "a/n/p/2/a", "b/a/a/0/a"}
	for _, i := range []int{3, 0, 5, 2, 4, 1} {
		p := place(all[i])
		p.Saved = position.Saved{First: int64(i)}
		s.Track(key(all[i]), at(p))
	}
	if err := s.Close(true); err != nil {
		t.Fatal(err)
	}
	got := read(t, path)
	same(t, "places", names(got), all)
	for i, p := range got.Content.Places {
		if p.First != int64(i) || p.Home != "home-"+p.Cluster {
			t.Errorf("%s: first %d, home %s", all[i], p.First, p.Home)
		}
	}
	if age := time.Since(got.Saved); !got.Clean || got.Version != 3 || age < 0 || age > time.Hour {
		t.Errorf("version %d, clean %v, saved %s", got.Version, got.Clean, got.Saved)
	}

	s = open(t, path)
	if now := read(t, path); now.Clean || !now.Saved.Equal(got.Saved) || !reflect.DeepEqual(now.Content, got.Content) {
		t.Errorf("while the next run lasts the file is %+v, was %+v", now, got)
	}
	s.SetClusters(map[string]string{"a": "home-a", "b": "home-b"})
	if p, ok := claim(s, all[4]); !ok || p.First != 4 || p.UID != "2" {
		t.Errorf("claimed %+v, %v", p, ok)
	}
	for _, name := range []string{all[4], "a/n/p/3/x", "a/n/p/1/z", "b/n/p/1/x"} {
		if p, ok := claim(s, name); ok {
			t.Errorf("claimed %s: %+v", name, p)
		}
	}
	claim(s, all[0])
	s.Track(key(all[0]), func() (checkpoint.Place, bool) { return checkpoint.Place{}, false }) // nothing new yet
	s.Track(key("b/new/p/3/x"), func() (checkpoint.Place, bool) { return checkpoint.Place{}, false })
	claim(s, all[1])
	s.Drop(key(all[1]))
	claim(s, all[2])
	s.Leave(key(all[2]))
	s.Track(key(all[3]), at(place(all[3])))
	claim(s, all[3])
	s.Leave(key("b/new/p/4/x")) // unknown
	if err := s.Close(true); err != nil {
		t.Fatal(err)
	}
	want := []string{all[0], all[2] + " left", all[3], all[4], all[5]}
	same(t, "places of the next run", names(read(t, path)), want)
}

// Two clusters may have reached the same container; each claims its own place.
func TestClaimOneOfSeveral(t *testing.T) {
	var places []checkpoint.Place
	homes := make(map[string]string)
	var want []string
	for _, cluster := range []string{"a", "b", "c"} {
		p := place(cluster + "/n/p/1/x")
		p.Home, p.Met = cluster, time.Now().UTC().Truncate(24*time.Hour)
		places, homes[cluster] = append(places, p), cluster
		want = append(want, cluster+"/n/p/1/x")
	}
	path := write(t, time.Now().UTC(), true, nil, places...)
	for _, cluster := range []string{"b", "a", "c"} {
		s := open(t, path)
		s.SetClusters(homes)
		for _, claimed := range []string{"b", cluster} { // the same one a second time has none
			if p, ok := s.Claim(checkpoint.Key{Cluster: claimed, Pod: "1", Container: "x"}, "1"); ok && p.Cluster != claimed || !ok && (claimed != "b" || cluster != "b") {
				t.Errorf("%s claims %+v, %v", claimed, p, ok)
			}
		}
		if err := s.Close(true); err != nil {
			t.Fatal(err)
		}
		same(t, "places", names(read(t, path)), want)
	}
}

// A snapshot that has nothing new leaves the one before; a pod that is selected again is no longer left.
func TestSnapshots(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	const name = "a/n/p/1/x"
	tick := open(t, path)
	tick.SetClusters(map[string]string{"a": "home"})
	first, n := place(name), 0
	first.Restarts = 7
	tick.Track(key(name), func() (checkpoint.Place, bool) {
		n++
		return first, n == 1
	})
	tick.Leave(key(name))
	saw := func(want string, restarts int) {
		t.Helper()
		s := read(t, path)
		same(t, "places", names(s), []string{want})
		if got := s.Content.Places[0].Restarts; got != restarts {
			t.Errorf("restarts %d, want %d", got, restarts)
		}
	}
	rounds(t, tick, func(int) {}, func(int) { saw(name+" left", 7) }, func(int) {
		second := place(name)
		second.Restarts = 8
		tick.Track(key(name), at(second))
	}, func(int) {}, func(int) { saw(name, 8) })
	if n < 3 {
		t.Errorf("the snapshot was taken %d times", n)
	}
	if err := tick.Close(false); err != nil {
		t.Fatal(err)
	}
	saw(name, 8)
}

// rounds runs a store until all steps are done, each while the store waits for the output.
func rounds(t *testing.T, s *checkpoint.Store, steps ...func(int)) {
	t.Helper()
	n := 0
	s.Run(t.Context(), func(context.Context) error {
		if n == len(steps) {
			return errors.New("it ends here")
		}
		steps[n](n)
		n++
		return nil
	})
	if n != len(steps) {
		t.Fatalf("%d of %d steps", n, len(steps))
	}
}

// opened opens a file with a short interval, and gives what is logged.
func opened(t *testing.T, path string) (*checkpoint.Store, *bytes.Buffer) {
	t.Helper()
	log := new(bytes.Buffer)
	s, err := checkpoint.Open(path, time.Millisecond, zerolog.New(log))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(false) })
	return s, log
}

// What is written at an interval is what there was before the output was asked to write; if that is as it was, nothing is.
func TestRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s, log := opened(t, path)
	s.SetClusters(map[string]string{"a": "home"})
	restarts := 0
	s.Track(key("a/n/p/1/x"), func() (checkpoint.Place, bool) {
		p := place("a/n/p/1/x")
		p.Restarts = restarts
		return p, true
	})
	files := []os.FileInfo{}
	stat := func() {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, info)
	}
	written := func(want int) {
		t.Helper()
		s := read(t, path)
		if s.Clean {
			t.Error("clean before the end")
		}
		same(t, "places", names(s), []string{"a/n/p/1/x"})
		if got := s.Content.Places[0].Restarts; got != want {
			t.Errorf("restarts %d, want %d", got, want)
		}
	}
	begun := time.Now()
	rounds(t, s,
		func(int) { restarts = 1 },
		func(int) {
			written(0)
		},
		func(int) {
			stat()
			written(1)
			if at := read(t, path).Saved; at.Before(begun) || at.After(time.Now()) {
				t.Errorf("saved at %s", at)
			}
		},
		func(int) {
			stat()
			restarts = 2
		},
		func(int) { stat(); written(1) },
		func(int) { stat(); written(2) })
	if !os.SameFile(files[0], files[1]) || !os.SameFile(files[1], files[2]) || os.SameFile(files[2], files[3]) {
		t.Error("the file is written when nothing has changed, or not when it has")
	}
	if log.Len() > 0 {
		t.Errorf("log: %s", log)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.Run(ctx, func(context.Context) error { t.Error("it runs after its end"); return errors.New("end") })
}

// Where the reading starts is in the file when Start returns, though the output is stalled; what was taken before does not replace it.
func TestStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s, _ := opened(t, path)
	s.SetClusters(map[string]string{"a": "home"})
	const x, y = "a/n/p/1/x", "a/n/p/1/y"
	with := func(name string, restarts int) checkpoint.Place {
		p := place(name)
		p.Restarts = restarts
		return p
	}
	holds := func(want ...int) {
		t.Helper()
		var got []int
		for _, p := range read(t, path).Content.Places {
			got = append(got, p.Restarts)
		}
		if !slices.Equal(got, want) {
			t.Errorf("the file holds %d, want %d", got, want)
		}
	}
	s.Start(t.Context(), key(x), with(x, 9)) // is not tracked
	s.Track(key(x), at(with(x, 1)))
	s.Track(key(y), at(with(y, 2)))
	rounds(t, s, func(int) {
		s.Start(t.Context(), key(x), with(x, 3))
		holds(3, 2)
		s.Heard("a", "n", time.Now())
		s.Start(t.Context(), key(x), with(x, 4))
		holds(4, 2)
	}, func(int) {
		holds(4, 2) // what was taken before the start is not the place any longer
	}, func(int) {
		holds(1, 2)
		s.Drop(key(x))
		s.Start(t.Context(), key(y), with(y, 5))
		holds(1, 5) // what was read of x may not be written yet
	}, func(int) {
		holds(1, 5) // it was dropped after what was written then was taken
	}, func(int) {
		holds(2)
	})
	if got := read(t, path); len(got.Content.Seen) != 1 {
		t.Errorf("seen: %v", got.Content.Seen)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s.Start(ended, key(y), with(y, 6)) // nobody writes any longer
}

// While what is reached is held back the file has the starts alone, and what is gone, too.
func TestHold(t *testing.T) {
	for _, success := range []bool{false, true} {
		t.Run(fmt.Sprint("success ", success), func(t *testing.T) {
			last, lost, gone := place("a/n/p/1/x"), place("a/n/p/2/x"), place("a/n/p/3/x")
			last.Restarts = 1
			saved := time.Now().UTC().Add(-time.Hour)
			last.Met, lost.Met, gone.Met = saved, saved, saved
			path := write(t, saved, true, nil, last, lost, gone)
			s, _ := opened(t, path)
			s.Hold()
			s.SetClusters(map[string]string{"a": ""})
			claim(s, "a/n/p/1/x")
			now := last
			now.Restarts = 2
			s.Track(key("a/n/p/1/x"), at(now))
			added := place("a/n/p/4/x")
			s.Track(key("a/n/p/4/x"), at(added))
			claim(s, "a/n/p/3/x")
			s.Drop(key("a/n/p/3/x"))
			s.Unclaimed("a", "n", func(checkpoint.Place) bool { return false })
			ctx, cancel := context.WithCancel(t.Context())
			running := make(chan struct{})
			go func() {
				defer close(running)
				s.Run(ctx, func(context.Context) error { t.Error("the output is asked to write"); return nil })
			}()
			s.Start(ctx, key("a/n/p/4/x"), added)
			cancel()
			<-running
			if err := s.Close(success); err != nil {
				t.Fatal(err)
			}
			got, restarts, want := read(t, path), 1, []string{"a/n/p/1/x", "a/n/p/2/x", "a/n/p/3/x", "a/n/p/4/x"}
			if success {
				restarts, want = 2, []string{"a/n/p/1/x", "a/n/p/4/x"}
			}
			same(t, "places", names(got), want)
			if !got.Clean || got.Saved.Equal(saved) == success || got.Content.Places[0].Restarts != restarts {
				t.Errorf("clean %v, saved %s, restarts %d", got.Clean, got.Saved, got.Content.Places[0].Restarts)
			}
		})
	}
}

// A file that can't be written is reported once, and again after it could be.
func TestRunFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "state")
	s, log := opened(t, path)
	n := 0
	s.Track(key("a/n/p/1/x"), func() (checkpoint.Place, bool) {
		n++
		p := place("a/n/p/1/x")
		p.Restarts = n
		return p, true
	})
	away := func(int) {
		if err := os.Rename(dir, dir+"2"); err != nil {
			t.Fatal(err)
		}
	}
	back := func(int) {
		if err := os.Rename(dir+"2", dir); err != nil {
			t.Fatal(err)
		}
	}
	nothing := func(int) {}
	rounds(t, s, nothing, away, nothing, nothing, back, nothing, away, nothing, back, nothing)
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"level":"error"`) || !strings.Contains(lines[0], "writing "+path+": ") || !strings.Contains(lines[0], ", trying again every 1ms") {
		t.Errorf("log:\n%s", log)
	}

	// What could not be written is written later though nothing has changed since.
	fixed := place("a/n/p/1/x")
	fixed.Restarts = 1000
	s.Track(key("a/n/p/1/x"), at(fixed))
	rounds(t, s, away, nothing, back, nothing)
	if got := read(t, path).Content.Places[0].Restarts; got != 1000 {
		t.Errorf("restarts %d", got)
	}
	s.Track(key("a/n/p/1/x"), func() (checkpoint.Place, bool) {
		n++
		p := place("a/n/p/1/x")
		p.Restarts = n
		return p, true
	})

	// A name that can't be taken leaves nothing behind.
	if err := errors.Join(os.Remove(path), os.MkdirAll(filepath.Join(path, "x"), 0o700)); err != nil {
		t.Fatal(err)
	}
	rounds(t, s, nothing, nothing)
	left, err := filepath.Glob(filepath.Join(dir, "*.tmp"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
}

// A cluster has other names in other runs: what a place belongs to is its home.
func TestHomes(t *testing.T) {
	at := func(name, home string) checkpoint.Place {
		p := place(name)
		p.Home, p.Met = home, time.Now().UTC()
		return p
	}
	for _, tt := range []struct {
		name, cluster string
		homes         map[string]string
		found         []string // by Unclaimed
		claimed       string   // the home of what cluster/1/x claims
	}{
		{"the same", "a", map[string]string{"a": "A", "b": "B"}, []string{"a/n/p/1/x", "a/n/p/2/x"}, "A"},
		{"the other", "b", map[string]string{"a": "A", "b": "B"}, []string{"b/n/p/1/x"}, "B"},
		{"names are exchanged", "a", map[string]string{"a": "B", "b": "A"}, []string{"b/n/p/1/x"}, "A"},
		{"another name", "c", map[string]string{"c": "A"}, []string{"a/n/p/1/x", "a/n/p/2/x"}, "A or B"},
		{"another name, and the old one is that of another cluster", "c", map[string]string{"a": "B", "c": "A"}, []string{"a/n/p/1/x", "a/n/p/2/x"}, "B"},
		{"two names of one", "c", map[string]string{"a": "A", "b": "B", "c": "A"}, nil, ""},
		{"another cluster", "d", map[string]string{"a": "A", "b": "B", "d": "D"}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, time.Now().UTC(), true, nil, at("a/n/p/1/x", "A"), at("a/n/p/2/x", "A"), at("b/n/p/1/x", "B"))
			s := open(t, path)
			defer s.Close(false)
			s.SetClusters(tt.homes)
			var found []string
			s.Unclaimed(tt.cluster, "n", func(p checkpoint.Place) bool {
				found = append(found, p.Cluster+"/n/p/"+p.UID+"/x")
				return true
			})
			slices.Sort(found)
			same(t, "found", found, tt.found)
			if p, ok := s.Claim(checkpoint.Key{Cluster: tt.cluster, Pod: "1", Container: "x"}, "1"); ok != (tt.claimed != "") || !strings.Contains(tt.claimed, p.Home) {
				t.Errorf("claimed %q, %v, want %q", p.Home, ok, tt.claimed)
			}
		})
	}
}

// A static pod's place is claimed whatever UID its mirror has, but not for another cluster, which may have the same pod. Files of earlier
// versions have it by the UID alone.
func TestClaimStatic(t *testing.T) {
	const static = "hash/n/p"
	for _, tt := range []struct {
		name, static, home, uid string // of the place, which a run claims for UID 2 of the cluster a
		claimed                 bool
	}{
		{"another mirror", static, "A", "1", true},
		{"the same mirror", static, "A", "2", true},
		{"the same mirror, by another way", static, "C", "2", true},
		{"another cluster", static, "C", "1", false},
		{"another pod", "hash/n/q", "A", "1", false},
		{"an earlier version", "", "A", "2", true},
		{"an earlier version, another mirror", "", "A", "1", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := place("a/n/p/" + tt.uid + "/x")
			p.Home, p.Static, p.Met = tt.home, tt.static, time.Now().UTC().Truncate(24*time.Hour)
			path := write(t, time.Now().UTC(), true, nil, p)
			s := open(t, path)
			s.SetClusters(map[string]string{"a": "A"})
			key := checkpoint.Key{Cluster: "a", Pod: static, Container: "x"}
			_, claimed := s.Claim(key, "2")
			if claimed != tt.claimed {
				t.Errorf("claimed: %v", claimed)
			}
			now := place("a/n/p/2/x")
			now.Static = static
			s.Track(key, at(now))
			if err := s.Close(true); err != nil {
				t.Fatal(err)
			}
			want := []string{"a/n/p/2/x"}
			if !claimed {
				want = append(want, "a/n/p/"+tt.uid+"/x")
				slices.Sort(want)
			}
			same(t, "places", names(read(t, path)), want)
		})
	}
}

// What nobody has claimed is kept, and met by a run that looks at it, unless that says otherwise.
func TestUnclaimed(t *testing.T) {
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -5)
	var places []checkpoint.Place
	for _, name := range []string{"a/m/p/1/x", "a/n/p/2/x", "a/n/p/2/y", "a/n/p/3/x", "b/n/p/4/x"} {
		p := place(name)
		p.Met = day
		p.Home = p.Cluster
		places = append(places, p)
	}
	old := day.Format(" 2006-01-02")
	for namespace, want := range map[string][]string{
		"n": {"a/m/p/1/x" + old, "a/n/p/2/y", "a/n/p/3/x", "b/n/p/4/x" + old},
		"":  {"a/m/p/1/x", "a/n/p/2/y", "a/n/p/3/x", "b/n/p/4/x" + old},
		"o": {"a/m/p/1/x" + old, "a/n/p/2/x" + old, "a/n/p/2/y" + old, "a/n/p/3/x" + old, "b/n/p/4/x" + old},
	} {
		t.Run("namespace "+namespace, func(t *testing.T) {
			path := write(t, time.Now().UTC(), true, nil, places...)
			s := open(t, path)
			s.SetClusters(map[string]string{"a": "a", "b": "b"})
			s.Unclaimed("a", namespace, func(p checkpoint.Place) bool { return p.UID != "2" || p.Container != "x" })
			if err := s.Close(true); err != nil {
				t.Fatal(err)
			}
			same(t, "places", names(read(t, path)), want)
		})
	}
}

// What no run has met for 30 days is dropped, counted to when the file was written.
func TestMaxAge(t *testing.T) {
	saved := time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)
	edge := saved.AddDate(0, 0, -30)
	kept, dropped := place("a/n/p/1/x"), place("a/n/p/2/x")
	kept.Met, dropped.Met = edge, edge.Add(-1)
	path := write(t, saved, true, map[string]time.Time{"A/kept": edge, "A/dropped": edge.Add(-1), "A/": saved}, kept, dropped)
	s := open(t, path)
	s.SetClusters(map[string]string{"a": "A", "b": "B"})
	for _, tt := range []struct {
		cluster, namespace string
		want               time.Time
	}{
		{"a", "kept", edge.Add(-10 * time.Second)}, {"a", "dropped", time.Time{}}, {"a", "", saved.Add(-10 * time.Second)}, {"b", "kept", time.Time{}},
	} {
		if got := s.Since(tt.cluster, tt.namespace); !got.Equal(tt.want) || got.IsZero() != tt.want.IsZero() {
			t.Errorf("since of %s/%s: %s, want %s", tt.cluster, tt.namespace, got, tt.want)
		}
	}
	begun := time.Now()
	s.Heard("b", "kept", time.Now())
	if got := s.Since("b", "kept").Add(10 * time.Second); got.Before(begun) || got.After(time.Now()) {
		t.Errorf("since of what was heard now: %s", got)
	}
	if err := s.Close(true); err != nil {
		t.Fatal(err)
	}
	after := read(t, path)
	same(t, "places", names(after), []string{"a/n/p/1/x 2026-03-01"})
	var seen []string
	for where := range after.Content.Seen {
		seen = append(seen, where)
	}
	slices.Sort(seen)
	same(t, "seen", seen, []string{"A/", "A/kept", "B/kept"})
}

// A run that did not end in order is reported by the next one.
func TestUnclean(t *testing.T) {
	saved := time.Date(2026, 3, 31, 12, 0, 0, 0, time.FixedZone("", 3600))
	for _, tt := range []struct {
		clean bool
		saved time.Time
		want  string
	}{
		{true, saved, ""},
		{false, saved, ": lines that it wrote after 2026-03-31T11:00:00Z may come again"},
		{false, time.Time{}, ": it had saved nothing, and what it wrote may come again"},
	} {
		path := write(t, tt.saved, tt.clean, nil)
		s, log := opened(t, path)
		clean, want := tt.clean, ""
		if tt.want != "" {
			want = `{"level":"warn","message":"` + path + `: the last run did not end in order` + tt.want + `"}` + "\n"
		}
		if log.String() != want {
			t.Errorf("clean %v: log %q, want %q", clean, log, want)
		}
		if err := s.Close(false); err != nil {
			t.Fatal(err)
		}
		if after := read(t, path); after.Clean {
			t.Error("clean though it was closed without")
		}
		path = write(t, tt.saved, tt.clean, nil)
		s, _ = opened(t, path)
		s.Hold()
		if err := s.Close(false); err != nil {
			t.Fatal(err)
		}
		if after := read(t, path); after.Clean != tt.clean || !after.Saved.Equal(tt.saved) {
			t.Errorf("held: clean %v, saved %s; want %v, %s", after.Clean, after.Saved, tt.clean, tt.saved)
		}
	}
}

// A file that can't be used is not locked after that.
func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(path, []byte("no state"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := checkpoint.Open(path, time.Second, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), path+" is damaged, or no state file of mktail: ") {
			t.Errorf("error %v", err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := checkpoint.Open(path, time.Second, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a directory: %v", err)
	}
	for version, text := range map[int]string{1: "has version 1 of the format, and this mktail knows 3", 4: "has version 4 of the format, and this mktail knows 3"} {
		path := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(path, fmt.Appendf(nil, `{"version":%d}`, version), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := checkpoint.Open(path, time.Second, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), path+" "+text) {
			t.Errorf("version %d: %v", version, err)
		}
	}
	for content, text := range map[string]string{"[]": "cannot unmarshal array", `{"places":[{"cluster":1}]}`: "cannot unmarshal number"} {
		path := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(path, fmt.Appendf(nil, `{"version":2,"sum":"%016x","content":%s}`, xxhash.Sum64String(content), content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := checkpoint.Open(path, time.Second, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("content %s: %v", content, err)
		}
	}
	if err := os.WriteFile(path+"2", []byte(`{"version":2,"sum":"0","content":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := checkpoint.Open(path+"2", time.Second, zerolog.Nop()); err == nil || !strings.HasSuffix(err.Error(), ": its sum is wrong") {
		t.Errorf("another sum: %v", err)
	}
}

// A run without a file has a nil store.
func TestNoStore(t *testing.T) {
	var s *checkpoint.Store
	s.SetClusters(map[string]string{"a": "A"})
	s.Track(key("a/n/p/1/x"), at(place("a/n/p/1/x")))
	s.Start(t.Context(), key("a/n/p/1/x"), place("a/n/p/1/x"))
	s.Leave(key("a/n/p/1/x"))
	s.Drop(key("a/n/p/1/x"))
	s.Heard("a", "", time.Now())
	s.Unclaimed("a", "", func(checkpoint.Place) bool { t.Error("a place"); return true })
	if p, ok := claim(s, "a/n/p/1/x"); ok || !s.Since("a", "").IsZero() {
		t.Errorf("claimed %+v, since %s", p, s.Since("a", ""))
	}
}
