package report_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"mktail/tail/kube"
	"mktail/tail/report"
)

var pods = schema.GroupResource{Resource: "pods"}

// Errors of each kind of trouble.
var (
	away      = io.ErrUnexpectedEOF
	refused   = apierrors.NewUnauthorized("token expired")
	forbidden = apierrors.NewForbidden(pods, "", errors.New("not you"))
	failing   = apierrors.NewInternalError(errors.New("disk full"))
)

// watched is a health whose messages and events are read.
type watched struct {
	*report.Health
	t      *testing.T
	log    bytes.Buffer
	events []string
}

func newWatched(t *testing.T) *watched {
	w := &watched{t: t}
	w.Health = report.NewHealth("eu", zerolog.New(&w.log), func(e report.Event) {
		w.events = append(w.events, strings.TrimRight(fmt.Sprintf("%s %s %s %s", e.Kind, e.Cluster, e.Part, e.Reason), " "))
	})
	return w
}

// happened checks the messages and events since the last call.
func (w *watched) happened(when string, want ...string) {
	w.t.Helper()
	var got []string
	for line := range strings.Lines(w.log.String()) {
		var m struct{ Level, Message string }
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			w.t.Fatal(err)
		}
		got = append(got, m.Level+": "+m.Message)
	}
	got = append(got, w.events...)
	w.log.Reset()
	w.events = nil
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		w.t.Errorf("%s: got %q, want %q", when, got, want)
	}
}

// failed checks what Failed returns.
func (w *watched) failed(want string) {
	w.t.Helper()
	if got := w.Failed(); got != want {
		w.t.Errorf("failed: %q, want %q", got, want)
	}
}

func TestPartProblems(t *testing.T) {
	w := newWatched(t)
	a, b := w.Reporter("shop"), w.Reporter("shop")
	a.OK()
	w.happened("nothing was wrong")
	a.Fail("namespace shop", forbidden)
	w.happened("the first", `warn: eu: namespace shop: pods is forbidden: not you, retrying`, `part-down eu namespace shop pods is forbidden: not you`)
	if !a.Failing() || !a.Forbidden() || a.ClusterWide() || b.Failing() || b.Forbidden() {
		t.Errorf("reporters %+v, %+v", a, b)
	}
	a.Fail("namespace shop", apierrors.NewForbidden(pods, "", errors.New("still not")))
	b.Fail("namespace shop", forbidden)
	w.happened("the same, by the same and by another")
	b.Fail("namespace data", failing)
	w.happened("another part", `warn: eu: namespace data: Internal error occurred: disk full, retrying`, `part-down eu namespace data Internal error occurred: disk full`)
	w.failed("namespace data: Internal error occurred: disk full; namespace shop: pods is forbidden: not you")
	a.OK()
	w.happened("the last reporter of the first problem", `info: eu: namespace shop: readable again`, `part-up eu namespace shop`)
	b.Fail("namespace data", forbidden)
	w.happened("another trouble with the same part", `warn: eu: namespace data: pods is forbidden: not you, retrying`, `info: eu: namespace data: readable again`,
		`part-down eu namespace data pods is forbidden: not you`, `part-up eu namespace data`)
	b.OK()
	b.OK()
	w.happened("the end", `info: eu: namespace data: readable again`, `part-up eu namespace data`)
	w.failed("")
	a.Enter(report.Problem{Part: "logs on node n", Trouble: report.Failing}, away)
	if !a.Failing() || a.Forbidden() || a.ClusterWide() {
		t.Errorf("reporter %+v", a)
	}
	w.happened("a given problem", `warn: eu: logs on node n: unexpected EOF, retrying`, `part-down eu logs on node n unexpected EOF`)
	b.Fail("namespace shop", fmt.Errorf("%w: %w", kube.ErrRefused, apierrors.NewBadRequest("no such field")))
	w.happened("what is not tried again", `warn: eu: namespace shop: the server refuses this selection: no such field`, `part-down eu namespace shop the server refuses this selection: no such field`)
}

// Trouble of the whole cluster is one, whichever part meets it, and the cluster is up when none of it is left.
func TestClusterProblems(t *testing.T) {
	w := newWatched(t)
	a, b := w.Reporter("shop"), w.Reporter("shop")
	w.Up()
	w.Up()
	w.happened("at first", "cluster-up eu")
	a.Fail("namespace shop", away)
	b.Fail("namespace data", away)
	w.happened("away", "warn: eu: connecting: unexpected EOF, retrying", "cluster-down eu  unexpected EOF")
	if !a.ClusterWide() || a.Forbidden() {
		t.Errorf("reporter %+v", a)
	}
	w.failed("connecting: unexpected EOF")
	w.Up()
	a.OK()
	w.happened("while one still can't connect")
	a.Fail("namespace shop", refused)
	w.happened("another trouble beside it", "warn: eu: authenticating: token expired, retrying")
	b.OK()
	w.happened("the first ends", "info: eu: connected")
	a.Fail("namespace shop", forbidden)
	w.happened("trouble of a part is left", "warn: eu: namespace shop: pods is forbidden: not you, retrying", "info: eu: connected",
		"part-down eu namespace shop pods is forbidden: not you", "cluster-up eu")
	w.Up()
	a.OK()
	w.happened("the end", "info: eu: namespace shop: readable again", "part-up eu namespace shop")
	w.failed("")
}

// A problem of the whole cluster that goes on for another cause is logged again, once for each.
func TestCauses(t *testing.T) {
	w := newWatched(t)
	a := w.Reporter("shop")
	a.Fail("namespace shop", away)
	w.happened("away", "warn: eu: connecting: unexpected EOF, retrying", "cluster-down eu  unexpected EOF")
	for _, err := range []error{syscall.ECONNREFUSED, &net.OpError{Op: "dial", Err: syscall.ETIMEDOUT}, io.EOF, context.DeadlineExceeded} {
		a.Fail("namespace shop", err)
		w.happened("still away")
	}
	untrusted := fmt.Errorf("asking: %w", &tls.CertificateVerificationError{Err: errors.New("unknown authority")})
	for range 2 {
		a.Fail("namespace shop", untrusted)
		a.Fail("namespace shop", away)
	}
	w.happened("not trusted", "warn: eu: connecting: asking: tls: failed to verify certificate: unknown authority, retrying")
	w.failed("connecting: asking: tls: failed to verify certificate: unknown authority")
	a.Fail("namespace shop", &net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")})
	w.happened("not accepted", "warn: eu: connecting: remote error: tls: bad certificate, retrying")
	for i := range 10 {
		a.Fail("namespace shop", &url.Error{Op: "Get", URL: "https://eu", Err: fmt.Errorf("reason %d", i)})
	}
	w.happened("for many reasons", "warn: eu: connecting: reason 0, retrying", "warn: eu: connecting: reason 1, retrying")
	a.OK()
	w.happened("the end", "info: eu: connected", "cluster-up eu")
}
