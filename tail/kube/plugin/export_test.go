package plugin

import (
	"net/http"
	"testing"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// Age has the plugin of a transport appear to have run long ago.
func Age(t *testing.T, rt http.RoundTripper) {
	t.Helper()
	for {
		if a, ok := rt.(*authenticating); ok {
			a.p.mu.Lock()
			defer a.p.mu.Unlock()
			a.p.ran = time.Time{}
			return
		}
		wrapped, ok := rt.(utilnet.RoundTripperWrapper)
		if !ok {
			t.Fatalf("%T has no plugin", rt)
		}
		rt = wrapped.WrappedRoundTripper()
	}
}

// Cluster is what messages call the cluster.
func (p *Plugin) Cluster() string { return p.cluster() }

// Occupy takes all places to start.
func (r *Runner) Occupy() {
	for range startedAtOnce {
		r.starts <- struct{}{}
	}
}
