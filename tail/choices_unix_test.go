//go:build unix

package tail_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"mktail/emit"
	"mktail/tail"
	"mktail/tail/kube/plugin"
	"mktail/testdata/sim"
)

// logged are the messages of a log, as JSON.
type logged chan string

func (l logged) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// TestChoicesAfterPlugin tests that the user is not asked what to follow while a credential plugin asks, which has taken too long for the
// pods to be listed.
func TestChoicesAfterPlugin(t *testing.T) {
	c, err := sim.Start(sim.Options{Name: "eu"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	dir := t.TempDir()
	answer, script := filepath.Join(dir, "answer"), filepath.Join(dir, "login")
	if err := syscall.Mkfifo(answer, 0o600); err != nil {
		t.Fatal(err)
	}
	user, err := os.OpenFile(answer, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer user.Close()
	if err := os.WriteFile(script, []byte("#!/bin/sh\nread word <"+answer+"\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cfg := c.RESTConfigFor("")
	cfg.ExecProvider = &clientcmdapi.ExecConfig{Command: script, APIVersion: "client.authentication.k8s.io/v1",
		InteractiveMode: clientcmdapi.IfAvailableExecInteractiveMode}
	log, chosen, done := make(logged, 100), make(chan struct{}), make(chan struct{})
	o := tail.Options{AnswerIn: time.Second, ChooseBy: "app", Plugins: plugin.Options{Terminal: true}, Log: zerolog.New(log)}
	o.Choose = func(context.Context, []tail.Choice) []string {
		close(chosen)
		return nil
	}
	out := emit.NewOutput(io.Discard, emit.JSON)
	defer out.Close()
	go func() {
		tail.Run(t.Context(), []tail.Cluster{{Name: "eu", Namespace: "default", Users: []tail.User{{Config: cfg}}}}, o, out)
		close(done)
	}()
	for message := ""; !strings.Contains(message, `"waiting for the terminal, which credential plugin login of eu has"`); {
		select {
		case message = <-log:
		case <-chosen:
			t.Fatal("the user was asked twice at once")
		}
	}
	if _, err := user.WriteString("x\n"); err != nil {
		t.Fatal(err)
	}
	<-chosen
	<-done
}
