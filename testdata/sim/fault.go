package sim

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// End says how a fault ends an answer.
type End int

const (
	Continue End = iota // not at all
	EOF                 // cleanly, as if the log or watch were over
	Abort               // the stream is reset (HTTP/2) or its connection closed (HTTP/1.1); what was sent before arrives
	Cut                 // the whole connection is closed without a goodbye, with all its streams; what was sent before arrives
	Reset               // the whole connection is reset (RST); of what was sent before some may not arrive
	Stall               // nothing more comes on this stream, and no end
	Freeze              // nothing more comes on the whole connection, and no end
	Expire              // a watch gets the ERROR event 410 and ends
)

// Fault is a fault that strikes requests that match. Empty fields match everything. The first fault that matches a request
// strikes, one that strikes ever only if no other does; every fault counts the requests that match it by itself.
type Fault struct {
	Verb, Namespace, Pod, Container, User string // as in Request
	Path                                  string // a part of the path
	Match                                 func(*Request) bool
	Skip                                  int // leaves the first Skip matching requests alone
	Times                                 int // strikes so many times; ever, unless set

	Delay      time.Duration // before the headers
	Status     int           // instead of an answer: a Status of that code
	Message    string        // of that Status; the usual one unless set
	RetryAfter int           // its Retry-After, in seconds
	Page       string        // instead of an answer: this page, as text/html with Status (200 unless set), as of a proxy that wants a login
	HangUp     bool          // instead of an answer: the end of the connection
	Redirect   string        // instead of an answer: 302 to this address; /login is such a page
	Gzip       bool          // a proxy compresses the answer for who accepts that, and flushes nothing before its end
	Encoding   string        // the answer says that a proxy has encoded it so, whatever the client accepts
	GoAway     bool          // the server takes no more requests on the connection: GOAWAY (HTTP/2), or its end after the answer

	// In the body, once: after so many whole lines (events of a watch) and then so many bytes; or when so much time has
	// passed since the request. With none of them set, after the headers.
	Lines, Bytes int
	After        time.Duration
	Insert       string        // is sent there, as it is
	Pause        time.Duration // the answer stands still there, after Insert
	End          End           // ends the answer there, after Pause
}

// faults holds the armed ones.
type faults struct {
	mu    sync.Mutex
	armed []*Injected
}

// Injected is an armed fault.
type Injected struct {
	Fault
	c             *Cluster
	matched, hits int // guarded by c.faults.mu
}

// Inject arms a fault until it is removed.
func (c *Cluster) Inject(f Fault) *Injected {
	in := &Injected{Fault: f, c: c}
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	c.faults.armed = append(c.faults.armed, in)
	return in
}

// Remove disarms the fault; requests under way keep it.
func (in *Injected) Remove() {
	f := in.c.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = slices.DeleteFunc(f.armed, func(o *Injected) bool { return o == in })
}

// Hits is how many requests the fault was laid on so far; one whose place in the body was not reached counts too.
func (in *Injected) Hits() int {
	f := in.c.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	return in.hits
}

// match gives the fault that strikes q, or nil.
func (fs *faults) match(q *Request) *Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var found *Injected
	for _, in := range fs.armed {
		if !in.Fault.matches(q) {
			continue
		}
		in.matched++
		if in.matched > in.Skip && (in.Times == 0 || in.hits < in.Times) && (found == nil || found.Times == 0 && in.Times > 0) {
			found = in
		}
	}
	if found == nil {
		return nil
	}
	found.hits++
	return &found.Fault
}

func (f *Fault) matches(q *Request) bool {
	eq := func(want, got string) bool { return want == "" || want == got }
	return eq(f.Verb, q.Verb) && eq(f.Namespace, q.Namespace) && eq(f.Pod, q.Pod) && eq(f.Container, q.Container) &&
		eq(f.User, q.User) && strings.Contains(q.Path, f.Path) && (f.Match == nil || f.Match(q))
}

// error is the Status of a fault with one.
func (f *Fault) error(q *Request) error {
	gr := schema.GroupResource{Resource: q.Resource}
	err := apierrors.NewGenericServerResponse(f.Status, q.Method, gr, q.name, f.Message, f.RetryAfter, false)
	switch f.Status {
	case http.StatusUnauthorized:
		err = apierrors.NewUnauthorized("Unauthorized")
	case http.StatusForbidden:
		err = apierrors.NewForbidden(gr, q.name, errors.New(f.Message))
	case http.StatusNotFound:
		err = apierrors.NewNotFound(gr, q.name)
	case http.StatusGone:
		err = apierrors.NewResourceExpired("too old resource version: 1 (2)")
	case http.StatusTooManyRequests:
		err = apierrors.NewTooManyRequests("the server has received too many requests and has asked us to try again later",
			f.RetryAfter)
	case http.StatusInternalServerError:
		err = apierrors.NewInternalError(errors.New(f.Message))
	case http.StatusServiceUnavailable:
		err = apierrors.NewServiceUnavailable("the server is currently unable to handle the request")
		err.ErrStatus.Details = nil
	}
	if f.Message != "" && f.Status != http.StatusForbidden && f.Status != http.StatusInternalServerError {
		err.ErrStatus.Message = f.Message
	}
	return err
}

var (
	errEnded  = errors.New("sim: a fault ended the answer")
	errExpire = errors.New("sim: a fault expires the watch")
)

// body writes an answer and lets its fault strike in the right place.
type body struct {
	x     *exchange
	fault *Fault
	timer <-chan time.Time // fires when the fault strikes by time
	unit  bool             // each Write is one whole line, whatever it holds

	armed       bool
	lines, more int // still to come before the fault strikes; more counts from the last of lines

	headed        bool  // the headers are on their way
	conn          *conn // set while a fault is armed
	base, pending int64 // bytes of conn before what is not flushed, and how many these are
}

func (b *body) arm() {
	f := b.fault
	b.armed = f.Insert != "" || f.Pause > 0 || f.End != Continue
	b.lines, b.more = f.Lines, f.Bytes
	b.conn = connOf(b.x.r.Context())
	if f.After > 0 && b.armed {
		b.timer = time.After(f.After)
	}
}

// flush sends what was written. Before a fault it returns when that is on its way, so that the fault cannot overtake it.
func (b *body) flush() {
	if b.conn != nil {
		b.head()
	}
	_ = http.NewResponseController(b.x.w).Flush()
	if b.pending > 0 {
		b.conn.await(b.x.r.Context(), b.base+b.pending)
	}
	b.pending = 0
}

// head sends the headers by themselves, so that flush does not take them for what was written.
func (b *body) head() {
	if b.headed {
		return
	}
	b.headed = true
	before := b.conn.sent()
	if http.NewResponseController(b.x.w).Flush() == nil {
		b.conn.await(b.x.r.Context(), before+1)
	}
}

// write writes p without looking for the fault's place.
func (b *body) write(p []byte) (int, error) {
	if b.conn != nil && len(p) > 0 {
		b.head()
		if b.pending == 0 {
			b.base = b.conn.sent()
		}
		b.pending += int64(len(p))
	}
	return b.x.w.Write(p)
}

// Write sends p, or what of it comes before the fault's end; then the error says that the answer is over.
func (b *body) Write(p []byte) (int, error) {
	if !b.armed || b.timer != nil {
		return b.write(p)
	}
	k := b.place(p)
	if k < 0 {
		return b.write(p)
	}
	if n, err := b.write(p[:k]); err != nil {
		return n, err
	}
	if err := b.strike(); err != nil {
		return k, err
	}
	n, err := b.write(p[k:])
	return k + n, err
}

// place says after how many bytes of p the fault strikes, or -1 for later than p.
func (b *body) place(p []byte) int {
	k := 0
	for ; b.lines > 0; b.lines-- {
		i := len(p) - 1 - k
		if !b.unit {
			i = bytes.IndexByte(p[k:], '\n')
		}
		if i < 0 {
			return -1
		}
		k += i + 1
	}
	if k+b.more > len(p) {
		b.more -= len(p) - k
		return -1
	}
	return k + b.more
}

// strike does what the fault does; the error is nil if the answer goes on.
func (b *body) strike() error {
	f := b.fault
	b.armed, b.timer = false, nil
	b.x.c.stats.add(func(s *Stats) { s.Faults++ })
	if f.Insert != "" {
		if _, err := b.write([]byte(f.Insert)); err != nil {
			return err
		}
	}
	b.flush()
	done := b.x.r.Context().Done()
	if f.Pause > 0 {
		select {
		case <-time.After(f.Pause):
		case <-done:
			return errEnded
		}
	}
	switch f.End {
	case EOF:
		return errEnded
	case Abort:
		panic(http.ErrAbortHandler)
	case Cut, Reset:
		b.conn.cut(f.End == Reset)
		return errEnded
	case Stall:
		<-done
		return errEnded
	case Freeze:
		b.conn.freeze(true)
		<-done
		return errEnded
	case Expire:
		return errExpire
	}
	return nil
}

// begun lets a fault strike whose place is before the first byte; called when the headers are out.
func (b *body) begun() error {
	if b.armed && b.timer == nil && b.lines == 0 && b.more == 0 {
		return b.strike()
	}
	return nil
}

// finish is called when the answer is complete: a fault whose place was never reached does not strike.
func (b *body) finish() {
	b.armed, b.timer = false, nil
	if z, ok := b.x.w.(*gzipped); ok {
		_ = z.z.Close() // an error is the client's going away
	}
}

// gzipped is an answer that a proxy compresses. It can't be flushed.
type gzipped struct {
	http.ResponseWriter
	z *gzip.Writer
}

func newGzipped(w http.ResponseWriter) *gzipped {
	w.Header().Set("Content-Encoding", "gzip")
	return &gzipped{w, gzip.NewWriter(w)}
}

func (g *gzipped) Write(p []byte) (int, error) { return g.z.Write(p) }

// String names the end in a test's output.
func (e End) String() string {
	names := []string{"Continue", "EOF", "Abort", "Cut", "Reset", "Stall", "Freeze", "Expire"}
	if int(e) < 0 || int(e) >= len(names) {
		return fmt.Sprintf("End(%d)", int(e))
	}
	return names[e]
}
