package cli

import (
	"testing"

	"mktail/tail"
)

// TestRequired holds which clusters count as readable, of two.
func TestRequired(t *testing.T) {
	up, down := tail.Event{Kind: tail.ClusterUp, Cluster: "us"}, tail.Event{Kind: tail.ClusterDown, Cluster: "us"}
	logs, logsAgain := tail.Event{Kind: tail.PartDown, Cluster: "us", Part: "logs"}, tail.Event{Kind: tail.PartUp, Cluster: "us", Part: "logs"}
	pods, ready := tail.Event{Kind: tail.PartDown, Cluster: "us", Part: "pods"}, tail.Event{Kind: tail.Ready}
	const one, none = "1 of 2 clusters could be read, and 2 must be", ""
	for name, tt := range map[string]struct {
		require string
		events  []tail.Event
		want    string
	}{
		"never heard of":                {"all", nil, one},
		"up":                            {"all", []tail.Event{up}, none},
		"away":                          {"all", []tail.Event{down, ready}, one},
		"gone later":                    {"all", []tail.Event{up, ready, down}, one},
		"back again":                    {"all", []tail.Event{up, ready, down, up}, none},
		"a part of it":                  {"all", []tail.Event{up, logs, ready}, one},
		"a part of it again":            {"all", []tail.Event{up, logs, ready, logsAgain}, none},
		"one part of two again":         {"all", []tail.Event{up, logs, pods, logsAgain}, one},
		"away, but one is enough":       {"any", []tail.Event{down, ready}, none},
		"away, and nothing is required": {"", []tail.Event{down, ready}, none},
	} {
		c := newCrowd()
		if err := (&flags{Require: tt.require}).require(c, 2); err != nil {
			t.Fatal(err)
		}
		for _, e := range append([]tail.Event{{Kind: tail.ClusterUp, Cluster: "eu"}}, tt.events...) {
			c.happened(e)
		}
		if got := c.unrequired(); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// TestRequiredOfOne: if nothing is said, a cluster counts that could be read in part, or for a while.
func TestRequiredOfOne(t *testing.T) {
	for require, want := range map[string]string{"": "", "any": "0 of 1 cluster could be read, and 1 must be"} {
		c := newCrowd()
		if err := (&flags{Require: require}).require(c, 1); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []tail.EventKind{tail.ClusterUp, tail.Ready, tail.ClusterDown} {
			c.happened(tail.Event{Kind: kind, Cluster: "eu"})
		}
		if got := c.unrequired(); got != want {
			t.Errorf("--require %q: %q, want %q", require, got, want)
		}
	}
}
