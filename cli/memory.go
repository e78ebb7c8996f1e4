package cli

import (
	"runtime/debug"
	"sync/atomic"

	"mktail/tail/report"
)

const (
	// manyStreams is from how many on the streams' own memory is most of what there is.
	manyStreams = 1000
	// thrift is the growth, in percent, after which garbage is collected then. Lines leave none, so that it costs little;
	// with few streams Go's own 100 serve jq programs, which leave much.
	thrift = 40
)

// memory makes a run with very many streams collect its garbage sooner.
type memory struct{ open atomic.Int64 }

func (m *memory) happened(e report.Event) {
	if e.Kind == report.ContainerOpen && m.open.Add(1) == manyStreams {
		debug.SetGCPercent(thrift)
	}
}
