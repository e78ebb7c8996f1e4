package kube

import (
	"net/http"
	"strings"
)

// scope is what a right is about, but for the names of objects.
type scope struct{ verb, api, namespace, resource string }

// String returns the scope for a message.
func (s scope) String() string {
	if s.namespace == "" {
		return s.verb + " " + s.resource
	}
	return s.verb + " " + s.resource + " in namespace " + s.namespace
}

// onNode reports whether a node answers. It may refuse the API server's own credentials, with a 401 that says nothing about a user.
func (s scope) onNode() bool { return s.resource == "pods/log" || s.resource == "nodes/proxy" }

// scope returns that of a request.
func (u *users) scope(req *http.Request) scope {
	path := strings.Trim(strings.TrimPrefix(req.URL.Path, strings.TrimRight(u.path, "/")), "/")
	parts := strings.Split(path, "/")
	api := 2 // parts that name an API and its version
	if parts[0] == "apis" {
		api = 3
	}
	if parts[0] != "api" && parts[0] != "apis" || len(parts) <= api {
		return scope{verb: "get", resource: "/" + path}
	}
	s, object := scope{verb: "get", api: strings.Join(parts[:api], "/")}, parts[api:]
	if object[0] == "namespaces" && len(object) > 2 {
		s.namespace, object = object[1], object[2:]
	}
	s.resource = object[0]
	switch {
	case len(object) > 2:
		s.resource += "/" + object[2]
	case len(object) > 1:
	case req.URL.Query().Get("watch") != "":
		s.verb = "watch"
	default:
		s.verb = "list"
	}
	return s
}
