package sim

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// ContainerSpec describes a container of a scripted pod. With neither Run nor Lines it writes what Write and its kin say
// and runs until Exit.
type ContainerSpec struct {
	Name  string
	Image string // only its name in the API; mktail.test/loggen:1 unless set
	Init  bool   // an init container; they run one after the other before the rest

	Run   Run                        // its process
	Lines func(i int) (string, bool) // writes line i to stdout until false, then exits with Code
	Rate  float64                    // lines of Lines a second; as fast as can be, unless set
	Code  int                        // exit code after Lines
	Fill  *Block                     // is in the first instance's log from the start
	Hold  string                     // stays waiting for this reason (ErrImagePull) until Release
}

// Container is a container of a pod on the simulated node.
type Container struct {
	spec ContainerSpec
	kind containerKind
	pod  *Pod

	// guarded by pod.mu
	state    containerState
	reason   string // of waiting
	cur      *instance
	prev     *instance
	logs     []*logFile // of every instance so far
	restarts int
	done     bool // never runs again
	forced   bool // is started again whatever the policy says
	released chan struct{}
}

type containerKind int

const (
	appContainer containerKind = iota
	initContainer
	ephemeralContainer
)

type containerState int

const (
	waiting containerState = iota
	running
	terminated
)

// instance is one life of a container.
type instance struct {
	id      string
	number  int // restarts before it
	log     *logFile
	started time.Time
	cancel  context.CancelFunc // SIGTERM
	code    chan int           // the first value in it ends the instance
	lost    atomic.Bool        // the runtime does not find its log

	finished time.Time     // guarded by pod.mu
	exit     int           // guarded by pod.mu
	settled  chan struct{} // closed when its end is in the API's status

	mu       sync.Mutex
	out, err lineBuffer
}

var errNotRunning = errors.New("sim: the container is not running")

// lineBuffer is what a stream of a container has written of its present line.
type lineBuffer []byte

// write is a process's write to stdout or stderr: whole lines become records, stamped now; a line that is too long is
// split in partial ones.
func (in *instance) write(now func() time.Time, stderr bool, p []byte) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	buf := &in.out
	if stderr {
		buf = &in.err
	}
	*buf = append(*buf, p...)
	var rs []Record
	stamp := now()
	rest := []byte(*buf)
	for {
		i := bytes.IndexByte(rest, '\n')
		n := i
		if i < 0 {
			n = len(rest)
		}
		for ; n > maxPartial; n, i = n-maxPartial, i-maxPartial {
			rs = append(rs, Record{Stamp: stamp, Stderr: stderr, Partial: true, Text: string(rest[:maxPartial])})
			rest = rest[maxPartial:]
		}
		if i < 0 {
			break
		}
		rs = append(rs, Record{Stamp: stamp, Stderr: stderr, Text: string(rest[:n])})
		rest = rest[n+1:]
	}
	*buf = append((*buf)[:0], rest...)
	if len(rs) > 0 && !in.log.append(rs...) {
		return errNotRunning
	}
	return nil
}

// flush writes what is left of unterminated lines, as partial records.
func (in *instance) flush(now time.Time) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.out) > 0 {
		in.log.append(Record{Stamp: now, Partial: true, Text: string(in.out)})
	}
	if len(in.err) > 0 {
		in.log.append(Record{Stamp: now, Stderr: true, Partial: true, Text: string(in.err)})
	}
	in.out, in.err = nil, nil
}

type stream struct {
	in     *instance
	now    func() time.Time
	stderr bool
}

func (s stream) Write(p []byte) (int, error) {
	if err := s.in.write(s.now, s.stderr, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Name is the container's name.
func (c *Container) Name() string { return c.spec.Name }

// Pod is the pod that the container is in.
func (c *Container) Pod() *Pod { return c.pod }

// Write writes one line to stdout of the running instance, without its newline. It fails if no instance runs.
func (c *Container) Write(line string) error {
	_, err := io.WriteString(c.Stdout(), line+"\n")
	return err
}

// WriteErr is Write to stderr.
func (c *Container) WriteErr(line string) error {
	_, err := io.WriteString(c.Stderr(), line+"\n")
	return err
}

// WriteStamped writes one line to stdout with a stamp of the caller's.
func (c *Container) WriteStamped(t time.Time, line string) error {
	return c.Append(Record{Stamp: t, Text: line})
}

// Append writes records to the log file as they are. It fails if no instance runs.
func (c *Container) Append(rs ...Record) error {
	in := c.running()
	if in == nil || !in.log.append(rs...) {
		return errNotRunning
	}
	return nil
}

// Stdout is the running instance's stdout; text without a newline stays with the runtime until one comes, 16 KiB are
// there or the container ends.
func (c *Container) Stdout() io.Writer { return c.stream(false) }

// Stderr is the running instance's stderr.
func (c *Container) Stderr() io.Writer { return c.stream(true) }

func (c *Container) stream(stderr bool) io.Writer {
	in := c.running()
	if in == nil {
		return failing{}
	}
	return stream{in, c.pod.host.Now, stderr}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errNotRunning }

// Fill adds a prerendered block to the running instance's log.
func (c *Container) Fill(b *Block) error {
	in := c.running()
	if in == nil {
		return errNotRunning
	}
	in.log.fill(b)
	return nil
}

// Rotate begins a new log file, to which the last keep records of the present one are moved (0 as a real rotation does).
// Who follows reads on without loss; a later request gets the new file alone. The others stay on the node's disk, the
// newest as it is and the ones before compressed, as long as they are among Options.MaxLogFiles.
func (c *Container) Rotate(keep int) {
	if in := c.current(); in != nil {
		in.log.rotate(keep)
	}
}

// Lose makes the runtime forget the present instance's log (or the previous one's): who opens it gets
// "unable to retrieve container logs for …" with status 200, as from a real kubelet.
func (c *Container) Lose(previous bool) {
	c.pod.mu.Lock()
	in := c.cur
	if previous {
		in = c.prev
	}
	c.pod.mu.Unlock()
	if in != nil {
		in.lost.Store(true)
	}
}

// ID is the container ID of the present or last instance, empty before the first.
func (c *Container) ID() string {
	if in := c.current(); in != nil {
		return in.id
	}
	return ""
}

// Restarts is the restart count.
func (c *Container) Restarts() int {
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	return c.restarts
}

// Running reports whether an instance runs.
func (c *Container) Running() bool { return c.running() != nil }

func (c *Container) current() *instance {
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	return c.cur
}

func (c *Container) running() *instance {
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	if c.state != running {
		return nil
	}
	return c.cur
}

// CaughtUp waits until at least n followers of the present instance are there and have been sent all that it wrote.
func (c *Container) CaughtUp(ctx context.Context, n int) error {
	return c.pod.c.Wait(ctx, func(Stats) bool {
		in := c.current()
		return in != nil && in.log.caughtUp(n)
	})
}

// Release lets a held container start, and returns when it runs.
func (c *Container) Release() {
	c.pod.mu.Lock()
	if c.released != nil {
		close(c.released)
		c.released = nil
	}
	c.pod.mu.Unlock()
	c.await(func() bool { return c.state != waiting })
}

// Exit ends the running instance with that code and returns when its end is in the API's status. What the restart policy
// says follows.
func (c *Container) Exit(code int) {
	if in := c.running(); in != nil {
		in.stop(code)
		<-in.settled
	}
}

// Restart ends the running instance with code 1 and starts the next one at once, whatever the policy says. It returns when
// the next one runs; at once if the container has ended for good or the pod is gone.
func (c *Container) Restart() {
	c.pod.mu.Lock()
	in := c.cur
	if c.done {
		c.pod.mu.Unlock()
		return
	}
	c.forced = true
	c.pod.mu.Unlock()
	if in != nil {
		in.stop(1)
	}
	c.await(func() bool { return c.cur != in && c.state == running })
}

// await waits until ok (called with pod.mu held) or the pod's end.
func (c *Container) await(ok func() bool) {
	_ = c.pod.c.Wait(c.pod.life, func(Stats) bool {
		c.pod.mu.Lock()
		defer c.pod.mu.Unlock()
		return ok()
	})
}

// stop ends the instance with a code; the first code counts.
func (in *instance) stop(code int) {
	select {
	case in.code <- code:
	default:
	}
}

// process is what the container runs: nil for one that is scripted from outside.
func (s ContainerSpec) process() Run {
	if s.Run != nil || s.Lines == nil {
		return s.Run
	}
	return func(ctx context.Context, stdout, _ io.Writer) int {
		var tick <-chan time.Time
		if s.Rate > 0 {
			t := time.NewTicker(time.Duration(float64(time.Second) / s.Rate))
			defer t.Stop()
			tick = t.C
		}
		for i := 0; ; i++ {
			line, ok := s.Lines(i)
			if !ok {
				return s.Code
			}
			if _, err := io.WriteString(stdout, line+"\n"); err != nil || ctx.Err() != nil {
				return 143
			}
			if tick != nil {
				select {
				case <-tick:
				case <-ctx.Done():
					return 143
				}
			}
		}
	}
}
