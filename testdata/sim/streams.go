package sim

import (
	"crypto/tls"
	"io"
	"net/http"
	"slices"

	"golang.org/x/net/http2"
)

// refuseStreams serves an HTTP/2 connection whose client may open no stream: SETTINGS_MAX_CONCURRENT_STREAMS is 0.
func refuseStreams(_ *http.Server, c *tls.Conn, _ http.Handler) {
	defer c.Close()
	if _, err := io.ReadFull(c, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	f := http2.NewFramer(c, c)
	err := f.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 0})
	for err == nil {
		var got http2.Frame
		if got, err = f.ReadFrame(); err != nil {
			return
		}
		switch got := got.(type) {
		case *http2.SettingsFrame:
			if !got.IsAck() {
				err = f.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !got.IsAck() {
				err = f.WritePing(true, got.Data)
			}
		case *http2.HeadersFrame:
			err = f.WriteRSTStream(got.StreamID, http2.ErrCodeRefusedStream)
		}
	}
}

// requireHTTP2 has a handshake fail whose client does not offer HTTP/2. Go's own servers let who offers HTTP/1.1 in, and hang up.
func requireHTTP2(cfg *tls.Config) func(*tls.ClientHelloInfo) (*tls.Config, error) {
	strict := cfg.Clone()
	strict.NextProtos = []string{"none"}
	return func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if len(hello.SupportedProtos) == 0 || slices.Contains(hello.SupportedProtos, "h2") {
			return nil, nil
		}
		return strict, nil
	}
}
