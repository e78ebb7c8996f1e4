package report

import "sync/atomic"

// Summary is what happened in one cluster during a run, in numbers.
type Summary struct {
	Cluster    string
	Containers int64  // that were read
	Lines      int64  // handed to the output
	Bytes      int64  // of those lines' text
	Reconnects int64  // streams that were opened again
	Gaps       int64  // places where lines may be missing
	Errors     int64  // streams and requests that failed
	Failed     string // why the cluster, or a part of it, can't be read now; empty: it can
	Unread     int64  // of Containers, those that were left before all was read
	Left       string // what was left before all was read; empty: nothing
	Ended      bool   // it came to its end by itself, before the run did: without following, or up to --until-time
}

// Stats counts what a Summary holds. Many goroutines add to it.
type Stats struct {
	Containers, Lines, Bytes, Reconnects, Gaps, Errors atomic.Int64

	Unread atomic.Int64 // containers that could not be read as far as was asked for
}

// Summary returns the present counts. failed says why the cluster, or a part of it, can't be read; empty: it can.
func (s *Stats) Summary(cluster, failed string) Summary {
	return Summary{
		Cluster: cluster, Containers: s.Containers.Load(), Lines: s.Lines.Load(), Bytes: s.Bytes.Load(),
		Reconnects: s.Reconnects.Load(), Gaps: s.Gaps.Load(), Errors: s.Errors.Load(), Failed: failed,
	}
}
