package cli

import (
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// hiddenFlags are flags of kubectl and stern that --help does not show.
type hiddenFlags struct {
	As             string   `hidden:"" group:"clusters" placeholder:"USER" help:"Act as this user in all clusters, as kubectl does. Example: --as alice"`
	AsGroup        []string `hidden:"" group:"clusters" sep:"none" placeholder:"GROUP" help:"With --as: in this group (repeatable). Example: --as alice --as-group admins"`
	RequestTimeout string   `hidden:"" group:"clusters" default:"0" placeholder:"1m" help:"How long a server may take to answer what is no stream, such as 30s or 30; 0: a minute. Example: --request-timeout 10s"`
	Verbosity      int      `hidden:"" group:"output" placeholder:"N" help:"Above 0 the same as --verbose. Example: --verbosity 6"`
}

// impersonate reads --as and --as-group. Without them it returns by, which is what the kubeconfig says.
func (f *hiddenFlags) impersonate(by rest.ImpersonationConfig) rest.ImpersonationConfig {
	if f.As == "" {
		return by
	}
	return rest.ImpersonationConfig{UserName: f.As, Groups: f.AsGroup}
}

// answerLimit reads --request-timeout.
func (f *hiddenFlags) answerLimit() (time.Duration, error) {
	if limit, err := clientcmd.ParseTimeout(f.RequestTimeout); err == nil && limit >= 0 { // digits alone are seconds
		return limit, nil
	}
	limit, err := parseDuration(f.RequestTimeout)
	if err != nil {
		return 0, usagef(on{"request-timeout"}, "for example --request-timeout 30s", "--request-timeout: %w", err)
	}
	return limit, nil
}
