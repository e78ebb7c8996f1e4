package kube

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// exchange is what becomes of a request on its way: which connection it gets, and why it fails before there is an answer. It travels in
// the request's context from who makes the request to the transport. The zero value is one that nothing is known of.
type exchange struct {
	patience time.Duration // how long the request may wait for a connection; 0: as long as it takes
	wrote    func()        // is called when the request was sent; nil: nothing is
	want     content       // what the answer is to be
	late     func()        // is called when no connection is to be had, and each time when the request has waited for roomEvery longer for one's handshake; nil: nothing is
	first    bool          // it is a list, a watch or the like, which comes before log streams

	// mu is not held while late or anything of net/http is called: that has locks of its own, and calls trace's functions while it holds one.
	mu         sync.Mutex
	cancel     context.CancelCauseFunc
	waiting    *time.Timer // ends patience; nil: it does not run
	shaking    *time.Timer // calls late; nil: it does not run
	handshakes int         // of connections that were opened for the request
	conn       net.Conn    // that the request goes over; nil: it has none yet
	over       bool        // the answer has begun, or there is none
	err        error       // why there is no answer
}

// content is what the answer to a request is to be.
type content int

const (
	wantObject content = iota // of the API
	wantLog                   // a log, which only the path that was asked for gives
	wantFile                  // of a node, which may be a web page
)

type exchangeKey struct{}

// in returns a context for the request.
func (x *exchange) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

// failure returns why there was no answer; nil: there was one.
func (x *exchange) failure() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err
}

// refused reports whether the server did not take the request: there was no connection, or it ended without an answer, or with one
// in another protocol.
func (x *exchange) refused() bool {
	err := x.failure()
	return err != nil && !errors.As(err, new(unexpectedAnswer))
}

// connected returns the connection that the request went over; nil: it got none.
func (x *exchange) connected() net.Conn {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.conn
}

// maxHandshakes is how many connections are opened for one request. A server that allows no stream on its HTTP/2 connections, or
// closes each at once, would have net/http open one after another without a pause.
const maxHandshakes = 3

var (
	errNoStreams    = errors.New("the server accepts connections, but no request on them (HTTP/2: too few concurrent streams)")
	errNoConnection = errors.New("no connection in time; the server or a proxy may limit connections")
)

// trace returns what has the exchange told of what happens to the request. Its functions are called by many goroutines.
func (x *exchange) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) {
			x.mu.Lock()
			defer x.mu.Unlock()
			if cancel := x.cancel; x.patience > 0 && x.waiting == nil {
				x.waiting = time.AfterFunc(x.patience, func() { cancel(errNoConnection) })
			}
		},
		TLSHandshakeStart: func() {
			x.mu.Lock()
			defer x.mu.Unlock()
			if x.over { // net/http goes on opening the connection, for a later request
				return
			}
			if x.handshakes++; x.handshakes > maxHandshakes {
				x.cancel(errNoStreams)
			}
			if x.late != nil && x.shaking == nil {
				x.shaking = time.AfterFunc(roomEvery, x.isLate)
			}
		},
		GotConn: func(got httptrace.GotConnInfo) {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.conn = got.Conn
			x.stopWaiting()
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if x.wrote != nil && info.Err == nil {
				x.wrote()
			}
		},
	}
}

// again notes that the request is sent again, over connections that are to be opened.
func (x *exchange) again() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.handshakes = 0
}

// isLate calls late, and is called again if the request goes on waiting.
func (x *exchange) isLate() {
	if x.waits() {
		x.late()
	}
}

// waits reports whether the request goes on waiting for a connection, and has isLate called again if it does.
func (x *exchange) waits() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.conn != nil || x.shaking == nil {
		return false
	}
	x.shaking.Reset(roomEvery)
	return true
}

// stopWaiting is called with mu held.
func (x *exchange) stopWaiting() {
	if x.waiting != nil {
		x.waiting.Stop()
		x.waiting = nil
	}
	if x.shaking != nil {
		x.shaking.Stop()
		x.shaking = nil
	}
}

// exchanging is the transport above all others of a client: it tells each request's exchange what happens.
type exchanging struct {
	c    *Client
	next http.RoundTripper
}

// RoundTrip sends the request.
func (e *exchanging) RoundTrip(req *http.Request) (*http.Response, error) {
	x, ok := req.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		x = new(exchange)
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	x.mu.Lock()
	x.cancel, x.handshakes, x.conn, x.over, x.err = cancel, 0, nil, false, nil
	x.mu.Unlock()
	resp, err := e.next.RoundTrip(req.WithContext(httptrace.WithClientTrace(ctx, x.trace())))
	if err == nil {
		if secret := secretOf(resp); secret != nil {
			e.c.secrets.add(secret)
		}
		err = x.want.check(req, resp)
		if err != nil {
			resp.Body.Close()
		}
	} else if cause := context.Cause(ctx); cause == errNoStreams || cause == errNoConnection {
		err = cause
	}
	x.end(err)
	if resp != nil && x.first {
		e.c.connected(resp.ProtoMajor == 1)
	}
	if err != nil {
		cancel(nil)
		switch {
		case resp != nil:
		case x.connected() != nil:
			e.c.noteLost(err)
		case x.late != nil && limited(err):
			x.late()
		}
		return nil, err
	}
	if x.want == wantLog && encoding(resp) == "gzip" { // although it was asked not to be
		resp.Body = &unzipping{file: resp.Body}
	}
	resp.Body = &body{bounded(req, resp, x.want), e.c, cancel}
	return resp, nil
}

// end notes that the wait for an answer is over, and why there is none; nil: there is one.
func (x *exchange) end(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.over, x.err = true, err
	x.stopWaiting()
}

// check returns an error if the answer comes from something else than an API server.
func (want content) check(req *http.Request, resp *http.Response) error {
	if to, err := resp.Location(); err == nil && want == wantLog && resp.StatusCode/100 == 3 && to.Path != req.URL.Path {
		return unexpectedAnswer{"redirected to " + blank((&url.URL{Scheme: to.Scheme, Host: to.Host, Path: to.Path}).String(), resp), answersInPlace}
	}
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media == "text/html" && want != wantFile && resp.StatusCode/100 == 2 {
		return unexpectedAnswer{"the answer is a web page", answersInPlace}
	}
	if want != wantLog || resp.StatusCode/100 != 2 {
		return nil
	}
	switch e := encoding(resp); e {
	case "", "identity", "gzip":
		return nil
	default:
		return unexpectedAnswer{fmt.Sprintf("the log is encoded (%.20q), which was not asked for", blank(resp.Header.Get("Content-Encoding"), resp)), "have the proxy leave it as it is"}
	}
}

// encoding returns how an answer is compressed; empty: it is not.
func encoding(resp *http.Response) string {
	return strings.TrimPrefix(strings.ToLower(resp.Header.Get("Content-Encoding")), "x-")
}

// unzipping is the text of a compressed answer, of which nothing may have come yet.
type unzipping struct {
	file io.ReadCloser
	text *gzip.Reader
}

// Read reads the text.
func (u *unzipping) Read(p []byte) (n int, err error) {
	if u.text == nil {
		if u.text, err = gzip.NewReader(u.file); err != nil {
			return 0, err
		}
	}
	return u.text.Read(p)
}

// Close closes the answer.
func (u *unzipping) Close() error { return u.file.Close() }

// WrappedRoundTripper lets client-go reach the transport, to close idle connections.
func (e *exchanging) WrappedRoundTripper() http.RoundTripper { return e.next }

// body is the body of an answer.
type body struct {
	io.ReadCloser
	c      *Client
	cancel context.CancelCauseFunc
}

// Read reads the answer.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.c.noteLost(err)
	}
	return n, err
}

// Close closes the body and ends the request.
func (b *body) Close() error {
	defer b.cancel(nil)
	return b.ReadCloser.Close()
}

// noteLost takes note of the error of an open connection, if that has proved dead.
func (c *Client) noteLost(err error) {
	if !utilnet.IsHTTP2ConnectionLost(err) && !errors.Is(err, syscall.ETIMEDOUT) {
		return
	}
	select {
	case c.lost <- struct{}{}:
	default: // who receives has not looked at the one before
	}
}

// Lost delivers when a connection to the server has proved dead that was open: nothing has come over it for long, and no answer to a
// question. What made it dead may have done so to others, whose turn to be asked is later, or never.
func (c *Client) Lost() <-chan struct{} { return c.lost }
