package kube

import (
	"testing"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

func TestAuthorization(t *testing.T) {
	for name, test := range map[string]struct {
		cfg  rest.Config
		want string
	}{
		"token":             {rest.Config{BearerToken: "t"}, "Bearer t"},
		"name and password": {rest.Config{Username: "ann", Password: "x"}, "Basic YW5uOng="},
		"token of a file":   {rest.Config{BearerToken: "t", BearerTokenFile: "f"}, ""},
		"plugin":            {rest.Config{BearerToken: "t", ExecProvider: new(clientcmdapi.ExecConfig)}, ""},
		"none":              {rest.Config{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := authorization(&test.cfg); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
