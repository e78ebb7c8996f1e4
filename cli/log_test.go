package cli

import (
	"context"
	"strings"
	"testing"

	"k8s.io/klog/v2"
)

// TestKlog tests that messages of client-go are logged with verbose only: a read that ended with its run is not an error.
func TestKlog(t *testing.T) {
	for _, test := range []struct {
		verbose bool
		want    string
	}{
		{false, ""},
		{true, "mktail: error: reading error=\"context canceled\"\n"},
	} {
		var said strings.Builder
		captureKlog(newLogger(&said, test.verbose), test.verbose)
		klog.Background().Error(context.Canceled, "reading")
		if got := said.String(); got != test.want {
			t.Errorf("verbose %v: %q", test.verbose, got)
		}
	}
}
