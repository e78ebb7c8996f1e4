package kube

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// ErrRefused says that the server refuses to list pods because of what is selected, such as a field that it can't select by.
// To try again is of no use. Those who list pods recognize it.
var ErrRefused = errors.New("the server refuses this selection")

// KubeletError is the text that a kubelet wrote into an answer in place of the log, with status 200. Those who read the log
// recognize it.
type KubeletError string

// Error returns the kubelet's text.
func (e KubeletError) Error() string { return string(e) }

// unexpectedAnswer says what came in place of the answer of an API server.
type unexpectedAnswer struct {
	what string
	do   string // about it
}

// Error returns both.
func (e unexpectedAnswer) Error() string { return e.what + ": " + e.do }

// answersInPlace is what to do where a web page comes, or a redirect to one.
const answersInPlace = "a proxy answers in place of the API server; log in there, or check the server's address"

// Lasts reports whether err is no passing thing, so that it is to be reported the first time.
func Lasts(err error) bool {
	return errors.As(err, new(unexpectedAnswer)) || errors.Is(err, errNoStreams) || errors.Is(err, errNoConnection)
}

// IsPodGone reports whether err says that there is no such pod. A kubelet that has just started doesn't know its pods yet
// and answers 404 too, but then it is the log that is not found (kind pods/log); and a proxy in front of an API server
// that is away may answer 404 to everything, but not with a Status.
func IsPodGone(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsNotFound(err) || apierrors.IsUnexpectedServerError(err) || !errors.As(err, &status) {
		return false
	}
	d := status.Status().Details
	return d != nil && d.Kind == "pods"
}

// IsUnreachable reports whether err says that the network has brought no answer to the attempt to connect, as where a server is
// frozen or packets are lost. The time limit of a whole request is not meant.
func IsUnreachable(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout() && !errors.Is(err, context.DeadlineExceeded)
}

// maxDescribed is how many bytes a message has of what a server may have written.
const maxDescribed = 1000

// brief returns a text in one line, and only so much of it.
func brief(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxDescribed {
		text = strings.ToValidUTF8(text[:maxDescribed], "") + " …"
	}
	return text
}

// Describe returns an error's message in one line, without the request's URL, which says nothing to the reader and could
// hold secrets. err is not nil.
func Describe(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return brief(err.Error())
}
