package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	// endLimit is how long a plugin may take to end when it is told to, and how long what it leaves running is waited for.
	endLimit = time.Second

	maxAnswer = 1 << 20  // bytes that a plugin may answer
	maxStderr = 64 << 10 // bytes of a run's standard error that are logged
)

// manner is how a plugin is run.
type manner int

const (
	alone   manner = iota // it must not ask the user
	asking                // it may write to the terminal
	reading               // and read from it
)

// execute runs the plugin and returns the credentials that it answers.
func (p *Plugin) execute(ctx context.Context, how manner) (*credentials, error) {
	version := versions[p.config.APIVersion]
	info, err := request(version, p.info, how == reading)
	if err != nil {
		return nil, err
	}
	cmd, err := p.command(ctx)
	if err != nil {
		return nil, err
	}
	over := make(chan struct{})
	defer close(over)
	if how == alone {
		p.begins(time.Time{})
		if err := p.runner.start(ctx, over); err != nil {
			return nil, err
		}
		p.begins(time.Now())
	}
	cmd.Env = os.Environ()
	for _, e := range p.config.Env {
		cmd.Env = append(cmd.Env, e.Name+"="+e.Value)
	}
	cmd.Env = append(cmd.Env, "KUBERNETES_EXEC_INFO="+string(info))
	answer := &bounded{most: maxAnswer}
	cmd.Stdout = answer
	cmd.Stderr = &relay{p: p, left: maxStderr}
	switch how {
	case reading:
		cmd.Stdin = os.Stdin
		defer keepTerminal(os.Stdin)()
	case asking:
		defer keepTerminal(os.Stderr)()
	}
	cmd.WaitDelay = endLimit
	err = runAll(ctx, cmd, how == alone)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) { // it has left something running that holds its output open
		return nil, p.failure(err, answer)
	}
	return parse(version, answer.buf.Bytes())
}

// failure returns the error of a plugin that could not be run, or has failed.
func (p *Plugin) failure(err error, answer *bounded) error {
	if answer.over {
		return fmt.Errorf("credential plugin %s: its answer is longer than %d bytes", p.name, answer.most)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return fmt.Errorf("credential plugin %s failed: %w", p.name, exit)
	}
	if hint := p.config.InstallHint; hint != "" && errors.As(err, new(*exec.Error)) {
		p.mu.Lock()
		hinted := p.hinted
		p.hinted = true
		p.mu.Unlock()
		if !hinted {
			p.runner.log.Warn().Msgf("%s: credential plugin %s: %s", p.cluster(), p.name, strings.Join(strings.Fields(hint), " "))
		}
	}
	return fmt.Errorf("credential plugin %s: %w", p.name, err)
}

// command returns what runs the plugin, if the policy allows that.
func (p *Plugin) command(ctx context.Context) (*exec.Cmd, error) {
	cmd := exec.CommandContext(ctx, filepath.Clean(p.config.Command), p.config.Args...)
	return cmd, p.allowed(cmd)
}

// bounded is a buffer that takes no more than most bytes.
type bounded struct {
	buf  bytes.Buffer // not embedded: its ReadFrom takes all there is
	most int
	over bool // more came
}

// Write appends p, or fails.
func (b *bounded) Write(p []byte) (int, error) {
	if b.buf.Len()+len(p) > b.most {
		b.over = true
		return 0, errors.New("too long")
	}
	return b.buf.Write(p)
}

// relay logs what a plugin writes to its standard error. A prompt without a newline is logged at once.
type relay struct {
	p    *Plugin
	left int // bytes that are logged yet; less than 0: that more has come is logged, too
}

// Write logs each line of text. It never fails.
func (r *relay) Write(text []byte) (int, error) {
	all := len(text)
	if r.left < 0 {
		return all, nil
	}
	for line := range bytes.Lines(text[:min(all, r.left)]) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			r.p.runner.log.Info().Msgf("%s: %s", r.p.cluster(), line)
		}
	}
	if r.left -= all; r.left < 0 {
		r.p.runner.log.Warn().Msgf("%s: credential plugin %s writes more than %d KiB to its standard error; the rest is left out", r.p.cluster(), r.p.name, maxStderr>>10)
	}
	return all, nil
}
