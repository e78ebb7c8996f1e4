// Package emit turns the lines of containers into output: records in a format, gathered in batches, written by one writer.
// It imports neither Kubernetes nor other packages of mktail; jq programs are in emit/jq.
//
// A Format makes an Encode for each Source, and an Encode appends the output of one record. Formats wrap each other: Grep
// chooses lines for the format that it is given. An Output makes a Stream for each source. Encoding happens in the goroutine that
// adds the record, so that sources use the processor's cores side by side. Only batches of whole lines pass to the writer.
//
// Ownership: a Record and its slices belong to the caller of Stream.Add, and are valid only during that call. An Encode that needs
// them later copies them. The buffer that an Encode appends to belongs to its caller: it may be grown, never kept. A batch that
// is handed over belongs to the writer. The maps of a Source are shared and never changed.
//
// Blocking: Stream.Add and Stream.Flush block while more than half a megabyte waits for the writer. So a reader of the output
// that stops slows down everything, and nothing is dropped. They return when the writer has caught up or has failed.
//
// Completeness: Add gathers, Flush hands over, Output.Sync waits until what was handed over is written, and Output.Close waits
// for everything. A stream is flushed whenever no further record is at hand, so that no line waits for the next one. Only after
// Sync may a caller remember a record as delivered. With Output.Multiline a stream holds lines that others may belong to: until
// Stream.Holds is false, the last lines are not handed over though the stream was flushed.
//
// Goroutines: a Stream and an Encode belong to one goroutine at a time; a stream's timer for held lines sees to that itself. A Format, an Output and a Template may be used by many.
package emit
