package cli

import (
	"runtime/debug"
	"sync/atomic"

	"mktail/tail/report"
)

const (
	// manyStreams is the number of streams from which on most memory is that of streams.
	manyStreams = 1000
	// thrift is the growth of memory, in percent, after which garbage is collected then. That costs little, as lines leave no
	// garbage. With few streams Go's default of 100 is better: jq programs leave much garbage.
	thrift = 40
)

// memory makes a run with many streams collect garbage sooner.
type memory struct{ open atomic.Int64 }

func (m *memory) happened(e report.Event) {
	if e.Kind == report.ContainerOpen && m.open.Add(1) == manyStreams {
		debug.SetGCPercent(thrift)
	}
}
