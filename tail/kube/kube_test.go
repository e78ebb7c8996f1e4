package kube_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"k8s.io/client-go/rest"

	"mktail/tail/kube"
	"mktail/testdata/sim"
)

// bubble runs a test with its own clock, which stands still until everything waits.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// start starts a cluster for a bubble.
func start(t *testing.T, o sim.Options) *sim.Cluster {
	t.Helper()
	o.Memory = true
	c, err := sim.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		time.Sleep(time.Second) // a connection that lets more come sees its end only then
	})
	return c
}

// messages is a log that can be read.
type messages struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write appends what is logged.
func (m *messages) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.buf.Write(p)
}

// String returns the messages as "level: text", one a line.
func (m *messages) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for line := range strings.Lines(m.buf.String()) {
		var one struct{ Level, Message string }
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			return err.Error()
		}
		all = append(all, fmt.Sprintf("%s: %s", one.Level, one.Message))
	}
	return strings.Join(all, "\n")
}

// connect makes a client of a cluster, with its own Shared.
func connect(t *testing.T, cfg *rest.Config, o kube.Options) (*kube.Client, *messages) {
	t.Helper()
	log := new(messages)
	o.Log = zerolog.New(log)
	client, err := kube.New("eu", kube.User{Config: cfg}, kube.NewShared(o, 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client, log
}

// since returns how long it is since begun, by the bubble's clock and rounded down to a tenth of a second.
func since(begun time.Time) time.Duration { return time.Since(begun).Truncate(100 * time.Millisecond) }
