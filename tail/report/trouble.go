package report

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"syscall"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"mktail/tail/kube"
	"mktail/tail/kube/plugin"
)

// Trouble is a kind of error that keeps a cluster, or a part of it, from being read.
type Trouble string

// The kinds of trouble. The first two are the whole cluster's, whichever part has met them; the others are one part's.
const (
	Connecting     Trouble = "connecting"     // nobody answers, or not as an API server does
	Authenticating Trouble = "authenticating" // the credentials are refused
	Forbidden      Trouble = "forbidden"      // the credentials don't allow the request
	Failing        Trouble = "failing"        // the answer is another error
)

// TroubleOf returns the kind of the error of a request, which is not nil.
func TroubleOf(err error) Trouble {
	var status apierrors.APIStatus
	switch {
	case apierrors.IsUnauthorized(err):
		return Authenticating
	case apierrors.IsForbidden(err):
		return Forbidden
	case errors.As(err, &status), errors.As(err, new(kube.KubeletError)):
		return Failing
	}
	return Connecting
}

// causeOf names the kind of what has caused an error. What the network does is of one kind: a server that is restarted refuses
// connections, and breaks them off.
func causeOf(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok { // itself a net.Error, whatever it wraps
		err = u.Err
	}
	var status apierrors.APIStatus
	switch {
	case errors.As(err, &status):
		return fmt.Sprint("status ", status.Status().Code)
	case plugin.IsAlert(err):
		return "alert"
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return "certificate"
	case errors.As(err, new(*net.DNSError)):
		return "name"
	case errors.As(err, new(net.Error)), errors.As(err, new(syscall.Errno)), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "network"
	}
	return kube.Describe(err)
}

// ClusterWide reports whether trouble of this kind is the whole cluster's, whichever part has met it.
func (t Trouble) ClusterWide() bool { return t == Connecting || t == Authenticating }

// Problem is what keeps a part of a cluster from being read. The zero value is none.
type Problem struct {
	Part      string // what can't be read, as messages call it; empty if the trouble is the whole cluster's
	Trouble   Trouble
	Namespace string // where it is forbidden; empty: it is not, or not in one namespace
}

// subject is what a message about the problem begins with.
func (p Problem) subject() string {
	if p.Trouble.ClusterWide() {
		return string(p.Trouble)
	}
	return p.Part
}
