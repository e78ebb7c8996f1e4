package kube

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"testing"

	"k8s.io/client-go/rest"
)

// TestRefused tests which failures are about the user that a request was sent as.
func TestRefused(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Err: err} }
	for _, tt := range []struct {
		code          int
		err           error
		refuses, good bool
	}{
		{code: 200, good: true},
		{code: 404, good: true},
		{code: 410, good: true},
		{code: 401, refuses: true},
		{code: 403, refuses: true},
		{code: 429},
		{code: 500},
		{code: 503},
		{err: &net.OpError{Op: "remote error", Err: errors.New("tls: expired certificate")}, refuses: true},
		{err: fmt.Errorf("getting credentials: %w", &noCredentials{errors.New("exit status 1")}), refuses: true},
		{err: dial(syscall.ECONNREFUSED)},
		{err: &net.OpError{Op: "read", Err: syscall.ECONNRESET}},
		{err: &net.OpError{Op: "write", Err: syscall.EPIPE}},
		{err: io.EOF},
	} {
		resp := &http.Response{StatusCode: tt.code}
		if tt.err != nil {
			resp = nil
		} else if got := answers(resp); got != tt.good {
			t.Errorf("%d is an answer: %t", tt.code, got)
		}
		if got := refused(resp, tt.err); got != tt.refuses {
			t.Errorf("%d, %v is a refusal: %t", tt.code, tt.err, got)
		}
	}
}

// TestScope tests which requests need the same right.
func TestScope(t *testing.T) {
	for _, tt := range []struct{ server, path, want, api, namespace string }{
		{"", "/api/v1/pods", "list pods", "api/v1", ""},
		{"", "/api/v1/pods?watch=true&resourceVersion=1", "watch pods", "api/v1", ""},
		{"", "/api/v1/namespaces", "list namespaces", "api/v1", ""},
		{"", "/api/v1/namespaces/shop", "get namespaces", "api/v1", ""},
		{"", "/api/v1/namespaces/shop/pods", "list pods in namespace shop", "api/v1", "shop"},
		{"", "/api/v1/namespaces/shop/pods/web-0", "get pods in namespace shop", "api/v1", "shop"},
		{"", "/api/v1/namespaces/shop/pods/web-0/log?follow=true", "get pods/log in namespace shop", "api/v1", "shop"},
		{"", "/api/v1/nodes/a/proxy/logs/pods/x/0.log", "get nodes/proxy", "api/v1", ""},
		{"/k8s/clusters/api/", "/k8s/clusters/api/api/v1/namespaces/shop/pods", "list pods in namespace shop", "api/v1", "shop"},
		{"", "/apis/apps/v1/namespaces/shop/replicasets/web-1", "get replicasets in namespace shop", "apis/apps/v1", "shop"},
		{"", "/apis/apps/v1", "get /apis/apps/v1", "", ""},
		{"", "/apis", "get /apis", "", ""},
		{"", "/version", "get /version", "", ""},
	} {
		u := newUsers(nil, []User{{Config: &rest.Config{Host: "https://x.example.com" + tt.server}}})
		to, err := url.Parse("https://x.example.com" + tt.path)
		if err != nil {
			t.Fatal(err)
		}
		got := u.scope(&http.Request{URL: to})
		if got.String() != tt.want || got.api != tt.api || got.namespace != tt.namespace {
			t.Errorf("%s: %+v, want %s", tt.path, got, tt.want)
		}
	}
}
