package tail

import (
	"sync/atomic"

	"mktail/tail/kube"
)

// Summary is what happened in one cluster during a run.
type Summary struct {
	Cluster    string
	Containers int64  // that were read
	Lines      int64  // handed to the output
	Bytes      int64  // of those lines' text
	Reconnects int64  // streams that were opened again
	Gaps       int64  // places where lines may be missing
	Errors     int64  // streams and requests that failed
	Failed     string // why the cluster, or a part of it, can't be read now; empty: it can
}

// stats counts for a Summary. Many goroutines add to it.
type stats struct {
	containers, lines, bytes, reconnects, gaps, errors atomic.Int64
}

func (c *cluster) summary() Summary {
	s := Summary{
		Cluster: c.name, Containers: c.stats.containers.Load(), Lines: c.stats.lines.Load(), Bytes: c.stats.bytes.Load(),
		Reconnects: c.stats.reconnects.Load(), Gaps: c.stats.gaps.Load(), Errors: c.stats.errors.Load(), Failed: c.health.failed(),
	}
	if c.err != nil {
		s.Failed = kube.Describe(c.err)
	}
	return s
}
