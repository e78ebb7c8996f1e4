package kube

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// How much of an answer is read, in bytes after decompression. What is longer does not come from an API server: etcd holds objects of up to
// 1.5 MiB, and a page of a list has 500 pods at most. (A list that is read in one go, because it has expired between its pages, may be longer
// in a very large cluster. It fails then, and the next one is by pages again.) Logs and the files of nodes have no bound.
const (
	maxAnswer = 256 << 20
	maxFailed = 1 << 20  // of an answer that is an error; the rest is left out
	maxEvent  = 16 << 20 // of a watch
)

// minSecret is how many bytes a token has at least. What is shorter may be a part of any word.
const minSecret = 8

// tooLong is the error of reading an answer that is longer than an API server's.
func tooLong(what string, most int64) error {
	return unexpectedAnswer{fmt.Sprintf("%s is longer than %d MiB", what, most>>20), "this is no API server, or a proxy spoils its answers"}
}

// bounded returns the body of an answer, which fails when it gets too long.
func bounded(req *http.Request, resp *http.Response, want content) io.ReadCloser {
	switch {
	case resp.StatusCode >= http.StatusBadRequest:
		return &failedBody{body: resp.Body, secret: secretOf(resp)}
	case want != wantObject:
		return resp.Body
	case req.URL.Query().Get("watch") != "":
		media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		return &eventBody{ReadCloser: resp.Body, framed: strings.HasSuffix(media, "protobuf")}
	}
	return &objectBody{resp.Body, maxAnswer}
}

// secretOf returns what of the request's credentials an answer must not bring to a message; nil: nothing.
func secretOf(resp *http.Response) []byte {
	if resp == nil || resp.Request == nil {
		return nil
	}
	_, secret, _ := strings.Cut(resp.Request.Header.Get("Authorization"), " ")
	if len(secret) < minSecret {
		return nil
	}
	return []byte(secret)
}

// blank returns a text that an answer has brought, without the secret of its request.
func blank(text string, resp *http.Response) string {
	return blanked(text, secretOf(resp))
}

// blanked returns a text with stars in place of a secret. It stays as long, for lengths may stand before it.
func blanked(text string, secret []byte) string {
	if len(secret) == 0 {
		return text
	}
	return strings.ReplaceAll(text, string(secret), strings.Repeat("*", len(secret)))
}

// EventError returns the error of a watch's last event, which has the type watch.Error, without the credentials.
func (c *Client) EventError(o runtime.Object) error {
	if s, ok := o.(*metav1.Status); ok {
		s.Message = c.blank(s.Message)
	}
	return apierrors.FromObject(o)
}

// blank returns a text that the server has written, without the secrets of the last requests.
func (c *Client) blank(text string) string {
	for _, secret := range c.secrets.all() {
		text = blanked(text, secret)
	}
	return text
}

// secrets are those of the last requests of a client, each once: a watch may have begun as another user than the last request, or with what
// that user had before.
type secrets struct {
	most int // that are kept

	mu   sync.Mutex
	kept [][]byte // the last one first
}

// add notes the secret of a request.
func (s *secrets) add(secret []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	same := func(kept []byte) bool { return bytes.Equal(kept, secret) }
	if len(s.kept) > 0 && same(s.kept[0]) {
		return
	}
	kept := slices.Insert(slices.DeleteFunc(slices.Clone(s.kept), same), 0, secret) // all's stays as it is
	s.kept = kept[:min(len(kept), s.most)]
}

// all returns them.
func (s *secrets) all() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept
}

// objectBody is the body of an object or a list.
type objectBody struct {
	io.ReadCloser
	left int64
}

// Read fails if too much comes.
func (b *objectBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, tooLong("the answer", maxAnswer)
	}
	return n, err
}

// failedBody is the body of an error: its beginning, without the secret.
type failedBody struct {
	body   io.ReadCloser
	secret []byte
	text   io.Reader // nil: nothing was read yet
}

// Read reads the body, the first time all that is wanted of it.
func (b *failedBody) Read(p []byte) (int, error) {
	if b.text == nil {
		text, err := io.ReadAll(io.LimitReader(b.body, maxFailed))
		b.text = strings.NewReader(blanked(string(text), b.secret))
		if err != nil {
			b.text = io.MultiReader(b.text, failing{err})
		}
	}
	return b.text.Read(p)
}

// Close closes the body.
func (b *failedBody) Close() error { return b.body.Close() }

// failing is a reader that fails.
type failing struct{ err error }

// Read fails.
func (f failing) Read([]byte) (int, error) { return 0, f.err }

// eventBody is the body of a watch. Before each event of protobuf stands its length, in four bytes; one of JSON ends with a newline.
type eventBody struct {
	io.ReadCloser
	framed bool
	length []byte // those of the four bytes that have come
	left   int64  // of the event that is being read, if framed; else what has come of it
}

// Read fails if an event is too long, before it has come.
func (b *eventBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	see := b.seeLines
	if b.framed {
		see = b.seeFrames
	}
	if !see(p[:n]) {
		return 0, tooLong("an event of a watch", maxEvent)
	}
	return n, err
}

// seeFrames reports whether no event in p is too long.
func (b *eventBody) seeFrames(p []byte) (ok bool) {
	for len(p) > 0 {
		if b.left > 0 {
			n := min(b.left, int64(len(p)))
			b.left, p = b.left-n, p[n:]
			continue
		}
		n := min(4-len(b.length), len(p))
		b.length, p = append(b.length, p[:n]...), p[n:]
		if len(b.length) == 4 {
			b.left, b.length = int64(binary.BigEndian.Uint32(b.length)), b.length[:0]
			if b.left > maxEvent {
				return false
			}
		}
	}
	return true
}

// seeLines reports whether no event in p is too long.
func (b *eventBody) seeLines(p []byte) (ok bool) {
	for {
		n := bytes.IndexByte(p, '\n')
		if n < 0 {
			b.left += int64(len(p))
			return b.left <= maxEvent
		}
		if b.left += int64(n); b.left > maxEvent {
			return false
		}
		b.left, p = 0, p[n+1:]
	}
}

// sameServer is an http.Client's CheckRedirect. A redirect that leads to another server, or to http, is not followed: the credentials would
// be sent along. client-go follows it.
func sameServer(req *http.Request, via []*http.Request) error {
	from := via[0].URL
	switch {
	case len(via) >= 10:
		return unexpectedAnswer{"it redirects without end", answersInPlace}
	case !strings.EqualFold(req.URL.Hostname(), from.Hostname()):
	case req.URL.Scheme == from.Scheme && port(req.URL) == port(from), from.Scheme == "http" && req.URL.Scheme == "https":
		return nil
	}
	return unexpectedAnswer{"it redirects to another server, " + blank(req.URL.Scheme+"://"+req.URL.Host, req.Response) + ", which is not given the credentials", answersInPlace}
}

// port returns the port that a URL of http or https leads to.
func port(u *url.URL) string {
	return cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
}
