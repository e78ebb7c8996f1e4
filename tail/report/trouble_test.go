package report_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"mktail/tail/kube"
	"mktail/tail/report"
)

func TestTroubleOf(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want report.Trouble
	}{
		{away, report.Connecting},
		{errors.New("x509: certificate signed by unknown authority"), report.Connecting},
		{refused, report.Authenticating},
		{fmt.Errorf("listing: %w", refused), report.Authenticating},
		{forbidden, report.Forbidden},
		{failing, report.Failing},
		{apierrors.NewNotFound(pods, "web"), report.Failing},
		{apierrors.NewGenericServerResponse(http.StatusBadGateway, "get", pods, "web", "", 0, true), report.Failing},
		{kube.KubeletError("failed to try resolving symlinks"), report.Failing},
		{fmt.Errorf("reading: %w", kube.KubeletError("unable")), report.Failing},
	} {
		if got := report.TroubleOf(tt.err); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.err, got, tt.want)
		}
	}
}
