package report_test

import (
	"testing"

	"mktail/tail/report"
)

func TestSummary(t *testing.T) {
	var s report.Stats
	s.Containers.Add(1)
	s.Lines.Add(2)
	s.Bytes.Add(3)
	s.Reconnects.Add(4)
	s.Gaps.Add(5)
	s.Errors.Add(6)
	want := report.Summary{Cluster: "eu", Containers: 1, Lines: 2, Bytes: 3, Reconnects: 4, Gaps: 5, Errors: 6, Failed: "away"}
	if got := s.Summary("eu", "away"); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
