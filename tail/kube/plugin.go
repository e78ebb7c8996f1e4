package kube

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/transport"
)

// Plugins says how exec credential plugins are run.
type Plugins struct {
	Policy clientcmdapi.PluginPolicy // which may be run
	AtOnce int                       // how many may run at the same time, over all clusters; at least 1
	Stdin  bool                      // our standard input is a terminal, from which plugins may read
}

// withPlugin sets cfg up for its exec plugin, if it has one, and calls build with what to wrap around each transport.
//
// client-go gives a plugin the os.Stderr of the moment when its authenticator is made, and lets nobody choose another. So
// os.Stderr is replaced while build runs by a pipe, whose text is logged with the cluster's name. Hence clusters are
// connected one after another, before anything else runs.
func (c *Client) withPlugin(cfg *rest.Config, build func(transport.WrapperFunc) error) error {
	if cfg.ExecProvider == nil {
		return build(unwrapped)
	}
	plugins := c.shared.options.Plugins
	cfg.ExecProvider = cfg.ExecProvider.DeepCopy()
	cfg.ExecProvider.PluginPolicy = plugins.Policy
	if !plugins.Stdin {
		cfg.ExecProvider.StdinUnavailable = true
		cfg.ExecProvider.StdinUnavailableMessage = "standard input is not a terminal; log in by hand first, then run mktail again"
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	var reading sync.WaitGroup
	reading.Go(func() { c.relay(r) })
	c.closers = append(c.closers, func() { w.Close(); r.Close(); reading.Wait() })

	accepted := new(atomic.Bool)
	cfg.Wrap(func(rt http.RoundTripper) http.RoundTripper { return &afterPlugin{accepted, rt} })
	stderr := os.Stderr
	os.Stderr = w
	defer func() { os.Stderr = stderr }()
	return build(func(rt http.RoundTripper) http.RoundTripper {
		return &beforePlugin{c.shared.plugins, accepted, rt}
	})
}

// relay logs what plugins write to their stderr, until r is closed. A prompt without a newline is logged at once.
func (c *Client) relay(r io.Reader) {
	buf := make([]byte, 4<<10)
	for {
		n, err := r.Read(buf)
		for text := range bytes.Lines(buf[:n]) {
			if text = bytes.TrimRight(text, "\r\n"); len(text) > 0 {
				c.log.Info().Msgf("%s: %s", c.name, text)
			}
		}
		if err != nil {
			return
		}
	}
}
