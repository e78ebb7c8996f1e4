package logline

import (
	"sync"

	"golang.org/x/sync/semaphore"
)

const (
	smallBuffer  = 1 << 10  // of a quiet stream
	middleBuffer = 8 << 10  // of a stream that keeps filling the small buffer
	largeBuffer  = 64 << 10 // of a stream that keeps filling the middle buffer
	// busyReads is how many reads in a row must fill a buffer for the stream to get a larger one: what a container has
	// written before its stream was opened may do so once.
	busyReads = 2
	// maxLarge is how many streams of a run may have a large buffer at once.
	maxLarge = 256
)

// Pool holds the large buffers that the busy streams of a run share. A stream that has become quiet gives its buffer back.
// Many goroutines may use it.
type Pool struct {
	large sync.Pool // of *[]byte
	left  *semaphore.Weighted
}

// NewPool makes an empty pool.
func NewPool() *Pool {
	b := &Pool{left: semaphore.NewWeighted(maxLarge)}
	b.large.New = func() any {
		buf := make([]byte, largeBuffer)
		return &buf
	}
	return b
}

// get returns a large buffer; nil if too many are in use.
func (b *Pool) get() *[]byte {
	if !b.left.TryAcquire(1) {
		return nil
	}
	return b.large.Get().(*[]byte)
}

// put takes back a buffer that get returned.
func (b *Pool) put(buf *[]byte) {
	b.large.Put(buf)
	b.left.Release(1)
}
