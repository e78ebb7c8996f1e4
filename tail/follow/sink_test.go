package follow

import (
	"io"
	"testing"

	"mktail/emit"
	"mktail/tail/report"
)

// Once the bytes of a container are at their limit no more are put, from whichever file or stream they come.
func TestSinkLimit(t *testing.T) {
	out := emit.NewOutput(io.Discard, emit.JSON)
	f := &Follower{c: NewCluster(Config{Stats: new(report.Stats), Options: Options{LimitBytes: 3, MaxLine: 100}}), out: out.Stream(emit.Source{})}
	for i := range 3 {
		s := sink{f: f}
		if err := s.put(int64(i+1), nil, []byte("abc"), 0); err != allRead {
			t.Errorf("line %d: %v", i, err)
		}
	}
	f.out.Flush()
	if err := out.Close(); err != nil {
		t.Error(err)
	}
}

// A stream that waits for more keeps nothing of the line that came last: it may be long.
func TestSinkKeepsNoLine(t *testing.T) {
	out := emit.NewOutput(io.Discard, emit.JSON)
	f := &Follower{c: NewCluster(Config{Stats: new(report.Stats), Options: Options{MaxLine: 100}}), out: out.Stream(emit.Source{})}
	s := sink{f: f}
	if err := s.put(1, nil, []byte("abc"), 0); err != nil {
		t.Error(err)
	}
	if err := s.settle(); err != nil || s.record.Line != nil {
		t.Errorf("%q is kept, error %v", s.record.Line, err)
	}
	if err := out.Close(); err != nil {
		t.Error(err)
	}
}
