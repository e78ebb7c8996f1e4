package tail

import (
	"testing"

	"k8s.io/client-go/rest"
)

// TestHome tests what the state's file knows clusters by, without what may be secret in a server's URL.
func TestHome(t *testing.T) {
	for _, tt := range []struct{ host, serverName, want string }{
		{"https://a.example.com:6443", "", "eu@https://a.example.com:6443"},
		{"https://a.example.com/k8s/clusters/c-1/", "", "eu@https://a.example.com/k8s/clusters/c-1/"},
		{"https://a.example.com/a%2Fb", "", "eu@https://a.example.com/a%2Fb"},
		{"https://a.example.com", "b", "eu@https://a.example.com#b"},
		{"https://me:SECRET@a.example.com?token=SECRET#SECRET", "", "eu@https://a.example.com"},
		{"https://SECRET@a.example.com/?SECRET", "", "eu@https://a.example.com/"},
		{"me:SECRET@a.example.com:6443?token=SECRET", "", "eu@http://a.example.com:6443"},
		{"a.example.com?token=SECRET", "", "eu@http://a.example.com"},
		{"a b:SECRET@c", "", "eu@"},
		{"", "", "eu@http://localhost"},
	} {
		c := &Cluster{Context: "eu", Users: []User{{Config: &rest.Config{Host: tt.host, TLSClientConfig: rest.TLSClientConfig{ServerName: tt.serverName}}}}}
		if got := c.home(); got != tt.want {
			t.Errorf("%q is %q, want %q", tt.host, got, tt.want)
		}
	}
}
