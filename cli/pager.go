package cli

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
)

// paged tells whether the output is shown by the program that --pager names.
func (f *flags) paged(terminal bool) bool { return f.Pager != "" && terminal }

// stdout is what to write to. close is to be called when all is written, and returns when a pager's user has seen it.
func (f *flags) stdout(terminal bool, signals *signals) (to io.Writer, close func()) {
	if !f.paged(terminal) {
		return patient{os.Stdout}, func() {}
	}
	p := &pager{command: f.Pager, signals: signals, ended: make(chan struct{})}
	return p, p.close
}

// pager is a program that shows what is written to it. It starts with that, so that it doesn't have the terminal before: it
// may be asked for something there. Its end is that of the run.
type pager struct {
	command string
	signals *signals

	begin sync.Once
	stdin *os.File
	err   error // of starting it
	ended chan struct{}
}

func (p *pager) Write(b []byte) (int, error) {
	p.begin.Do(func() { p.err = p.start() })
	if p.err != nil {
		return 0, fmt.Errorf("starting --pager: %w", p.err)
	}
	return p.stdin.Write(b)
}

func (p *pager) start() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	shell := []string{"sh", "-c", p.command}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/c", p.command}
	}
	cmd := exec.Command(shell[0], shell[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r, os.Stdout, os.Stderr
	cmd.Env = os.Environ()
	for name, value := range map[string]string{"LESS": "FRX", "LV": "-c"} { // colours pass, as with git and stern
		if _, ok := os.LookupEnv(name); !ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	p.signals.leaveInterrupts()
	if err := cmd.Start(); err != nil {
		w.Close()
		return err
	}
	p.stdin = w
	go func() {
		cmd.Wait() // however it ends
		close(p.ended)
		p.signals.cancel()
	}()
	return nil
}

func (p *pager) close() {
	if p.stdin != nil {
		p.stdin.Close()
		<-p.ended
	}
}
