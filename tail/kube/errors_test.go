package kube_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"mktail/tail/kube"
)

func TestDescribe(t *testing.T) {
	asking := func(err error) error { return &url.Error{Op: "Get", URL: "https://10.0.0.1/?token=secret", Err: err} }
	for _, tt := range []struct {
		err  error
		want string
	}{
		{errors.New("no such thing"), "no such thing"},
		{errors.New(" two\nlines,\r\n\tand  spaces \n"), "two lines, and spaces"},
		{asking(io.ErrUnexpectedEOF), "unexpected EOF"},
		{fmt.Errorf("listing: %w", asking(errors.New("connection\nrefused"))), "connection refused"},
		{context.DeadlineExceeded, "no answer in time"},
		{fmt.Errorf("listing: %w", asking(context.DeadlineExceeded)), "no answer in time"},
		{asking(context.Canceled), "context canceled"},
		{kube.KubeletError("unable to retrieve container logs for containerd://1\n"), "unable to retrieve container logs for containerd://1"},
		{kube.ErrRefused, "the server refuses this selection"},
		{kube.ErrNoFiles, "the node's log files can't be read"},
	} {
		if got := kube.Describe(tt.err); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.err, got, tt.want)
		}
	}
}

func TestIsPodGone(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"nil":                {nil, false},
		"no status":          {errors.New(`pods "web" not found`), false},
		"the pod":            {apierrors.NewNotFound(pods, "web"), true},
		"the pod, wrapped":   {fmt.Errorf("asking: %w", apierrors.NewNotFound(pods, "web")), true},
		"its log":            {apierrors.NewGenericServerResponse(http.StatusNotFound, "get", schema.GroupResource{Resource: "pods/log"}, "web", "", 0, false), false},
		"something else":     {apierrors.NewNotFound(schema.GroupResource{Resource: "nodes"}, "web"), false},
		"no details":         {&apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound}}, false},
		"gone":               {apierrors.NewResourceExpired("web"), false},
		"forbidden":          {apierrors.NewForbidden(pods, "web", errors.New("x")), false},
		"404 without Status": {apierrors.NewGenericServerResponse(http.StatusNotFound, "get", pods, "web", "404 page not found", 0, true), false},
	} {
		if got := kube.IsPodGone(tt.err); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A proxy in front of an API server that is away may say of everything that it is not found.
func TestIsPodGoneBehindProxy(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	client, _ := connect(t, &rest.Config{Host: server.URL}, kube.Options{})
	_, err := client.GetPod(t.Context(), "default", "web")
	if !apierrors.IsNotFound(err) || kube.IsPodGone(err) {
		t.Errorf("%v, gone %v", err, kube.IsPodGone(err))
	}
}
