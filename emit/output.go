package emit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// batchBytes is how much a stream gathers before it hands a batch over.
	batchBytes = 32 << 10
	// pendingBytes is how much may wait for the writer before streams block. It is small enough to be in the processor's cache
	// still when it is written.
	pendingBytes = 512 << 10
	// linger is how long the writer lets more lines gather before it writes, once it had less than littleBytes to write
	// briskWrites times in a row at intervals of less than twice linger. Many streams with a line now and then would each
	// wake the writer otherwise.
	linger      = 10 * time.Millisecond
	briskWrites = 16
	littleBytes = batchBytes / 2
)

// Output writes the records of many streams to one io.Writer. While one write is under way, what streams hand over gathers for
// the next write: single lines go out at once when there are few, after linger when there are many, and in large writes when the
// writer is busy. Every write holds whole lines. A full batch is written without a copy.
// Nothing is dropped: when the writer is slow, Stream.Add and Stream.Flush block. An unended line gets its newline before
// anything that follows it, so that only the very last line of the output can be unended.
type Output struct {
	format Format
	out    io.Writer
	failed chan struct{}
	done   chan struct{}
	ended  atomic.Bool // End was called
	late   atomic.Bool // End or Taken was called: Add looks at what it does not look at before
	taken  atomic.Int64
	open   atomic.Int64 // streams that have not ended
	spares sync.Pool    // of *[]byte: empty batches

	multiline *MultilineOptions // nil: no lines are joined

	mu        sync.Mutex
	changed   sync.Cond // pending, written, closing or err changed
	pending   []*[]byte // in the order of writing
	unended   bool      // what was handed over last does not end with a newline
	committed int64     // bytes that were handed over so far
	written   int64     // bytes of these that are written
	closing   bool
	last      []byte // see End
	err       error
}

// ErrEnded is the error of adding to an output that has ended. It takes no further record.
var ErrEnded = errors.New("the output has ended")

// NewOutput starts an output that formats with f and writes to w. The caller closes the output; w is not closed.
func NewOutput(w io.Writer, f Format) *Output {
	o := &Output{format: f, out: w, failed: make(chan struct{}), done: make(chan struct{})}
	o.changed.L = &o.mu
	o.spares.New = func() any { return new([]byte) }
	go o.write()
	return o
}

// Failed returns a channel that is closed when a write has failed. Close returns the error. Nothing is written after that.
func (o *Output) Failed() <-chan struct{} { return o.failed }

// End ends the output: each stream takes at most one more record. Close writes last, which is whole lines and is copied, after
// everything that streams have taken. Only the first call has an effect. It may be called while a record is encoded.
func (o *Output) End(last []byte) {
	if o.ended.CompareAndSwap(false, true) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.last = bytes.Clone(last)
		o.late.Store(true)
	}
}

// Ended reports whether End was called.
func (o *Output) Ended() bool { return o.ended.Load() }

// Taken returns how many records streams have taken since it was first called. If that stays the same while the output is not Behind,
// either no records come, or one is being encoded, by a stream that is Open.
func (o *Output) Taken() int64 {
	o.late.Store(true)
	return o.taken.Load()
}

// Open returns how many streams have not ended.
func (o *Output) Open() int64 { return o.open.Load() }

// Behind reports whether something that was handed over is not written yet, and still may be: no write has failed.
func (o *Output) Behind() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.written < o.committed && o.err == nil
}

// Close writes what was handed over, waits for that, and returns the error of the write that failed, if one did. Streams must
// have been flushed before, and must not be used afterwards.
func (o *Output) Close() error {
	o.mu.Lock()
	if last := o.last; len(last) > 0 {
		o.append(&last)
	}
	o.last, o.closing = nil, true
	o.changed.Broadcast()
	o.mu.Unlock()
	<-o.done
	return o.err
}

// write is the goroutine of the writer.
func (o *Output) write() {
	defer close(o.done)
	var taken []*[]byte
	brisk, last := 0, time.Now() // small writes in a row, each soon after the one before; the time of the last one
	for {
		o.mu.Lock()
		for len(o.pending) == 0 && !o.closing {
			o.changed.Wait()
		}
		if len(o.pending) == 0 {
			o.mu.Unlock()
			return
		}
		if brisk >= briskWrites && time.Since(last) < 2*linger && !o.closing {
			o.mu.Unlock()
			time.Sleep(linger - time.Duration(time.Now().UnixNano())%linger) // at the same times as the readers of connections do
			o.mu.Lock()
		}
		taken, o.pending = o.pending, taken[:0]
		little, now := o.committed-o.written < littleBytes, time.Now()
		o.mu.Unlock()
		if brisk++; !little || now.Sub(last) >= 2*linger {
			brisk = 0
		}
		last = now

		for i, batch := range taken {
			_, err := o.out.Write(*batch)
			o.mu.Lock()
			was := o.committed - o.written
			if o.err = err; err == nil {
				o.written += int64(len(*batch))
			}
			// Streams that wait for room are woken only when there is much of it: all wake, and few would find any.
			if now := o.committed - o.written; err != nil || i == len(taken)-1 || now < pendingBytes/2 && was >= pendingBytes/2 {
				o.changed.Broadcast()
			}
			o.mu.Unlock()
			if err != nil {
				close(o.failed)
				return
			}
			o.spare(batch)
		}
		clear(taken)
	}
}

// spare keeps the memory of a batch to be used again.
func (o *Output) spare(batch *[]byte) {
	if cap(*batch) <= 4*batchBytes { // one giant line must not hold its memory for ever
		*batch = (*batch)[:0]
		o.spares.Put(batch)
	}
}

// commit hands a batch of lines to the writer, which owns it from then on. It blocks while too much is pending; before and after
// that it calls the stream's functions of OnWait, with mu released.
func (o *Output) commit(batch *[]byte, s *Stream) error {
	o.mu.Lock()
	if o.full() && s.waits != nil {
		o.mu.Unlock()
		s.waits()
		defer s.went()
		o.mu.Lock()
	}
	defer o.mu.Unlock()
	for o.full() {
		o.changed.Wait()
	}
	return o.take(batch)
}

// full reports whether too much is pending for more; called with mu held.
func (o *Output) full() bool { return o.committed-o.written >= pendingBytes && o.err == nil }

// take makes a batch pending, unless a write has failed; called with mu held.
func (o *Output) take(batch *[]byte) error {
	switch {
	case o.err != nil:
		return o.err
	case len(*batch) == 0:
		o.spare(batch)
		return nil
	case len(o.pending) == 0:
		o.changed.Broadcast()
	}
	o.append(batch)
	return nil
}

// append makes a batch pending. It is called with mu held.
func (o *Output) append(batch *[]byte) {
	if o.unended {
		*batch = slices.Insert(*batch, 0, '\n')
	}
	o.committed += int64(len(*batch))
	o.unended = (*batch)[len(*batch)-1] != '\n'
	if n := len(o.pending); n > 0 && len(*batch) < batchBytes/2 { // a small batch is written together with others
		if last := o.pending[n-1]; len(*last)+len(*batch) <= 2*batchBytes {
			*last = append(*last, *batch...)
			o.spare(batch)
			return
		}
	}
	o.pending = append(o.pending, batch)
}

// Sync waits until everything that was flushed before the call is written. It does not flush. Its error is that of a failed
// write, or ctx's; then some of it may not be written.
func (o *Output) Sync(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.changed.Broadcast()
	})()
	o.mu.Lock()
	defer o.mu.Unlock()
	for upTo := o.committed; o.written < upTo && o.err == nil && ctx.Err() == nil; {
		o.changed.Wait()
	}
	return cmp.Or(o.err, ctx.Err())
}
