package kube

import (
	"context"
	"errors"
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
	return strings.Join(strings.Fields(err.Error()), " ")
}
