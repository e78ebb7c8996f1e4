package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"mktail/cli/verdict"
)

const (
	// killAfter is how long a command that is told to end may take, and what it has started.
	killAfter = 10 * time.Second
	// lookEvery is how often it is looked whether that has ended.
	lookEvery = 50 * time.Millisecond
)

// child is the process of the command after "--". It is started when the run is ready, with mktail's stdin and in its process
// group, so that a terminal's signals reach it. The run ends a while after it. Many goroutines may use it; a nil child is none.
type child struct {
	cmd    *exec.Cmd
	family *family // of its process
	name   string  // as it was typed
	grace  time.Duration
	log    zerolog.Logger
	ctx    context.Context // of the run
	cancel func()          // ends the run
	events *status         // gets events of it; may be nil

	mu       sync.Mutex
	state    commandState
	cut      bool          // the end of the run ended it
	finished bool          // its end and the grace after it ended the run
	code     int           // the exit code of a command that has ended or cannot be started
	how      string        // how it ended; empty: well
	ended    chan struct{} // closed when the command has ended
	cleared  chan struct{} // closed when, after cut, what it has started has ended, too
}

type commandState int

const (
	commandWaits commandState = iota // for the run to be ready
	commandRuns
	commandEnded
	commandRefused // it could not be started, and why was reported
	commandNever   // the run ended before it was ready
)

// commandError is why a command cannot be run. code is what a shell returns then.
type commandError struct {
	code int
	err  error
}

func (e *commandError) Error() string { return e.err.Error() }
func (e *commandError) Unwrap() error { return e.err }

// The exit codes of a shell for a command that cannot be run.
const (
	exitCannotRun = 126
	exitNotFound  = 127
)

// command finds the command after "--"; nil if there is none. cancel ends the run whose context is ctx.
func (f *flags) command(ctx context.Context, cancel func(), log zerolog.Logger) (*child, error) {
	if len(f.Command) == 0 {
		return nil, nil
	}
	path, err := findCommand(f.Command[0])
	if err != nil {
		return nil, err
	}
	c := &child{name: f.Command[0], grace: time.Duration(f.Grace), log: log, ctx: ctx, cancel: cancel, ended: make(chan struct{}), cleared: make(chan struct{})}
	c.cmd = &exec.Cmd{Path: path, Args: f.Command, Stdin: os.Stdin, Stdout: os.Stderr, Stderr: os.Stderr}
	if f.CommandOutput == "stdout" {
		c.cmd.Stdout = os.Stdout
	}
	c.family = familyOf(c.cmd)
	return c, nil
}

// findCommand returns the path of a command, as a shell finds it.
func findCommand(name string) (path string, err error) {
	path, err = exec.LookPath(name)
	switch {
	case err == nil:
		return path, nil
	case errors.Is(err, exec.ErrDot):
		return "", &commandError{exitNotFound, fmt.Errorf("command %s: it is in this directory only; write .%c%[1]s", name, filepath.Separator)}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EISDIR), errors.Is(err, exec.ErrNotFound) && inPath(name):
		return "", &commandError{exitCannotRun, fmt.Errorf("command %s: it is not executable", name)}
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return "", &commandError{exitNotFound, fmt.Errorf("command %s: not found", name)}
	}
	return "", &commandError{exitCannotRun, fmt.Errorf("command %s: %w", name, err)}
}

// inPath reports whether a folder of $PATH has a file of that name. It is called for what is not executable there.
func inPath(name string) bool {
	if runtime.GOOS == "windows" || strings.ContainsRune(name, filepath.Separator) {
		return false
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && !info.IsDir() {
			return true
		}
	}
	return false
}

// start starts the command, unless the run is ending.
func (c *child) start() error {
	if c == nil {
		return nil
	}
	started, err := c.tryStart()
	if started {
		c.events.commandStarted()
		context.AfterFunc(c.ctx, c.end)
		go c.await()
	}
	return err
}

// tryStart starts the process, unless the run is ending.
func (c *child) tryStart() (started bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != commandWaits || c.ctx.Err() != nil {
		return false, nil
	}
	if err := c.cmd.Start(); err != nil {
		c.state, c.code = commandRefused, exitCannotRun
		if errors.Is(err, fs.ErrNotExist) {
			c.code = exitNotFound
		}
		return false, fmt.Errorf("command %s: %w", c.name, err)
	}
	c.state = commandRuns
	c.family.started()
	return true, nil
}

// await waits for the end of the command, and ends the run when its last lines have had time to come.
func (c *child) await() {
	err := c.cmd.Wait()
	c.mu.Lock()
	c.state = commandEnded
	c.code, c.how = exitOf(c.cmd.ProcessState, err)
	c.mu.Unlock()
	c.events.commandEnded(c.code)
	close(c.ended)
	select {
	case <-c.ctx.Done():
	case <-time.After(c.grace):
		c.mu.Lock()
		c.finished = c.ctx.Err() == nil
		c.mu.Unlock()
		c.cancel()
	}
}

// exitOf returns the exit code of a process as a shell gives it, and how the process ended; empty: well.
func exitOf(state *os.ProcessState, err error) (code int, how string) {
	if state == nil { // it could not be waited for
		return verdict.ExitFailure, err.Error()
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return verdict.ExitSignal + int(status.Signal()), "was ended by a signal: " + status.Signal().String()
	}
	if code = state.ExitCode(); code != 0 {
		how = fmt.Sprintf("exited with %d", code)
	}
	return code, how
}

// end ends a command that runs when the run ends, with all that it has started: they are asked to, and those killed that take too long.
func (c *child) end() {
	c.mu.Lock()
	running := c.state == commandRuns
	if running {
		c.cut = true
		c.family.terminate()
	}
	c.mu.Unlock()
	if !running {
		return
	}
	defer close(c.cleared)
	late := time.After(killAfter)
	for ended := c.ended; ended != nil || c.family.left(); {
		select {
		case <-ended:
			ended = nil
		case <-time.After(lookEvery):
		case <-late:
			c.log.Warn().Msgf("%s, or what it has started, has not ended %s after it was told to: killing it", c.name, killAfter)
			c.family.kill()
			return
		}
	}
}

// signal takes the first signal that mktail gets. It reports whether the command runs: then the command's end is that of the run.
func (c *child) signal(n syscall.Signal) (runs bool) {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != commandRuns {
		return false
	}
	passOn(c.cmd.Process, n)
	return true
}

// kill ends the command at once, if it runs, with all that it has started.
func (c *child) kill() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == commandRuns || c.cut {
		c.family.kill()
	}
}

// wait waits for the end of the command, if it was started, and of what the end of the run ends with it. It is not started afterwards.
func (c *child) wait() {
	if c == nil {
		return
	}
	c.mu.Lock()
	started := c.state == commandRuns || c.state == commandEnded
	if c.state == commandWaits {
		c.state = commandNever
	}
	c.mu.Unlock()
	if !started {
		return
	}
	<-c.ended
	c.mu.Lock()
	cut := c.cut
	c.mu.Unlock()
	if cut {
		<-c.cleared
	}
}

// endedRun reports whether the end of the command was that of the run.
func (c *child) endedRun() bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.finished
}

// unmet reports what of the command a run waits for; empty: nothing.
func (c *child) unmet() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.state == commandRuns, c.cut:
		return c.name + " did not end"
	case c.state == commandWaits, c.state == commandNever:
		return "the run was not ready for " + c.name
	}
	return ""
}

// exitCode returns the exit code of the run, whose own one is given: the command's if that failed by itself.
func (c *child) exitCode(own int) int {
	if c == nil {
		return own
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.state == commandRefused:
		return c.code
	case c.state == commandNever:
		if own != verdict.ExitTimeout { // which reports it
			c.log.Error().Msgf("%s was not started", c.name)
		}
	case c.cut:
		if own == verdict.ExitOK {
			c.log.Error().Msgf("%s was ended with the run", c.name)
		}
	case c.code != 0:
		c.log.Error().Msgf("%s %s", c.name, c.how)
		return c.code
	default:
		return own
	}
	if own == verdict.ExitOK { // less was done than was asked for
		return verdict.ExitFailure
	}
	return own
}
