package discover

import (
	"errors"
	"testing"
)

func TestWithoutValues(t *testing.T) {
	const generic = "it can't be understood as YAML or JSON of a kubeconfig"
	for _, test := range []struct{ in, want string }{
		{"yaml: line 3: could not find expected ':'", "line 3: could not find expected ':'"},
		{"yaml: unknown anchor 'SECRET' referenced", "unknown anchor"},
		{"yaml: anchor 'did not find SECRET' value contains itself", "anchor contains itself"},
		{"yaml: invalid map key: map[interface {}]interface {}{\"SECRET\":1}", generic},
		{"yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `SECRET` into int", generic},
		{"error converting *[]NamedAuthInfo into *map[string]*api.AuthInfo: duplicate name \"a\" in list: [{a {SECRET}}]", "duplicate name"},
		{"Object 'Kind' is missing in '{\"token\":\"SECRET\"}'", generic},
		{"SECRET: yaml: line 3: could not find expected ':'", generic},
	} {
		if got := withoutValues(errors.New(test.in)).Error(); got != test.want {
			t.Errorf("%q becomes %q, want %q", test.in, got, test.want)
		}
	}
}

func TestShownURL(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"https://user:SECRET@a.example.com:6443/k8s?token=SECRET#SECRET", "https://a.example.com:6443/k8s"},
		{"https://SECRET@a.example.com", "https://a.example.com"},
		{"a.example.com:6443", "a.example.com:6443"},
		{"10.0.0.1:6443", "10.0.0.1:6443"},
		{"user:SECRET@a.example.com:6443", ""},
		{"https://a b:SECRET@c", ""},
		{"https://[::1]:6443", "https://[::1]:6443"},
	} {
		if got := shownURL(test.in); got != test.want {
			t.Errorf("%s is shown as %q, want %q", test.in, got, test.want)
		}
	}
}
