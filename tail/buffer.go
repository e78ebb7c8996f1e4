package tail

import (
	"sync"

	"golang.org/x/sync/semaphore"
)

const (
	smallBuffer  = 1 << 10  // of a stream that has little to say
	middleBuffer = 8 << 10  // of one that fills it again and again
	largeBuffer  = 64 << 10 // of one that fills that, too
	// busyReads is how many reads in a row must fill a buffer for the stream to get a larger one: what a container has
	// written before its stream was opened may do so once.
	busyReads = 2
	// mostLarge is how many streams of a run may have a large buffer at once.
	mostLarge = 256
)

// buffers are what busy streams of a run read into. A stream that has little to say gives its buffer back.
type buffers struct {
	large sync.Pool // of *[]byte
	left  *semaphore.Weighted
}

func newBuffers() *buffers {
	b := &buffers{left: semaphore.NewWeighted(mostLarge)}
	b.large.New = func() any {
		buf := make([]byte, largeBuffer)
		return &buf
	}
	return b
}

// get gives a large buffer; nil if too many are in use.
func (b *buffers) get() *[]byte {
	if !b.left.TryAcquire(1) {
		return nil
	}
	return b.large.Get().(*[]byte)
}

// put takes back what get gave.
func (b *buffers) put(buf *[]byte) {
	b.large.Put(buf)
	b.left.Release(1)
}
