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
	// batchBytes is how much a stream gathers before it hands over.
	batchBytes = 32 << 10
	// pendingBytes is how much may wait for the writer; beyond it, streams wait. It should be in the processor's cache still
	// when it is written.
	pendingBytes = 512 << 10
	// linger is how long the writer, when it has had less than littleBytes to write briskWrites times in a row, at intervals
	// of less than twice linger, lets more gather: many streams with a line now and then would each wake it.
	linger      = 10 * time.Millisecond
	briskWrites = 16
	littleBytes = batchBytes / 2
)

// Output writes the records of many streams to one io.Writer. While one write is under way the next one gathers:
// single lines go out at once when it is quiet, after linger where they come thick, and large writes when it is busy.
// Every write holds whole lines. A full batch is written as it is, without a copy.
// Nothing is dropped: when the writer is slow, Stream.Add and Stream.Flush wait. A line that an encoder has left without
// its newline is ended before anything that follows it, so that only the very last one stays so.
type Output struct {
	format Format
	out    io.Writer
	failed chan struct{}
	done   chan struct{}
	ended  atomic.Bool // End was called
	spares sync.Pool   // of *[]byte, batches that hold nothing

	mu        sync.Mutex
	changed   sync.Cond // pending, written, closing or err changed
	pending   []*[]byte // in this order
	unended   bool      // what was handed over last is no whole line
	committed int64     // bytes that were ever handed over
	written   int64     // of them, those that are written
	closing   bool
	last      []byte // see End
	err       error
}

// ErrEnded says that an output has ended: it wants no further record.
var ErrEnded = errors.New("the output has ended")

// NewOutput starts an output that formats with f and writes to w. The caller closes it, and w stays the caller's.
func NewOutput(w io.Writer, f Format) *Output {
	o := &Output{format: f, out: w, failed: make(chan struct{}), done: make(chan struct{})}
	o.changed.L = &o.mu
	o.spares.New = func() any { return new([]byte) }
	go o.write()
	return o
}

// Failed is closed when a write has failed; Close tells with what error. No later record is written.
func (o *Output) Failed() <-chan struct{} { return o.failed }

// End ends the output: each stream takes one more record at most. Close writes last, which is one or more lines, after all that the
// streams have taken. Only the first call counts.
func (o *Output) End(last []byte) {
	if o.ended.CompareAndSwap(false, true) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.last = bytes.Clone(last)
	}
}

// Ended tells whether End was called.
func (o *Output) Ended() bool { return o.ended.Load() }

// Behind tells whether something that was handed over is not written yet.
func (o *Output) Behind() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.written < o.committed
}

// Close writes what is pending, waits for that, and returns the error of the write that failed, if one did.
// The streams must have been flushed; they must not be used afterwards.
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

// write is the one writer.
func (o *Output) write() {
	defer close(o.done)
	var taken []*[]byte
	brisk, last := 0, time.Now() // writes in a row that had little soon after the one before; the last of them
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
			time.Sleep(linger - time.Duration(time.Now().UnixNano())%linger) // until those who read wake, too: see tail's conn
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
			// Whoever waits for room is woken when there is much of it: all wake, and few find any.
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

// spare keeps a batch to be filled again.
func (o *Output) spare(batch *[]byte) {
	if cap(*batch) <= 4*batchBytes { // one giant line must not be kept for ever
		*batch = (*batch)[:0]
		o.spares.Put(batch)
	}
}

// commit hands a batch of lines to the writer, to whom it belongs then, and waits while too much is pending.
func (o *Output) commit(batch *[]byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.committed-o.written >= pendingBytes && o.err == nil {
		o.changed.Wait()
	}
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

// append makes a batch pending; called with mu held.
func (o *Output) append(batch *[]byte) {
	if o.unended {
		*batch = slices.Insert(*batch, 0, '\n')
	}
	o.committed += int64(len(*batch))
	o.unended = (*batch)[len(*batch)-1] != '\n'
	if n := len(o.pending); n > 0 && len(*batch) < batchBytes/2 { // few lines go out together with others
		if last := o.pending[n-1]; len(*last)+len(*batch) <= 2*batchBytes {
			*last = append(*last, *batch...)
			o.spare(batch)
			return
		}
	}
	o.pending = append(o.pending, batch)
}

// Sync waits until all that was flushed before the call is written. Its error is that of a failed write, or ctx's.
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

// Stream is the way of one source's records to the output. One goroutine at a time uses it.
type Stream struct {
	out    *Output
	encode Encode
	lines  int     // that were added
	batch  *[]byte // nil while nothing is gathered, so that an idle stream holds no memory
}

// Stream makes the stream of a source. It needs no closing, but Flush after the last Add.
func (o *Output) Stream(src Source) *Stream {
	return &Stream{out: o, encode: o.format(src)}
}

// Add encodes a record into the stream's batch and hands the batch over when it is full. Its error is that of a
// failed write of the output: this record and all later ones are lost; or ErrEnded: this record was taken as any, and no later
// one is to be added.
func (s *Stream) Add(r Record) error {
	if s.batch == nil {
		s.batch = s.out.spares.Get().(*[]byte)
	}
	if r.Gap == nil {
		s.lines++
	}
	r.Number = s.lines
	n := len(*s.batch)
	*s.batch = s.encode(*s.batch, r)
	if n > 0 && n < len(*s.batch) && (*s.batch)[n-1] != '\n' {
		*s.batch = slices.Insert(*s.batch, n, '\n')
	}
	if s.out.ended.Load() {
		return cmp.Or(s.Flush(), ErrEnded)
	}
	if len(*s.batch) < batchBytes {
		return nil
	}
	return s.Flush()
}

// Flush hands over what is gathered. Call it when no further record is at hand. Its error is that of a failed write.
func (s *Stream) Flush() error {
	if s.batch == nil {
		return nil
	}
	batch := s.batch
	s.batch = nil
	return s.out.commit(batch)
}
