package cli

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
)

// paged reports whether the program of --pager shows the output. The terminal is the command's, if there is one.
func (f *flags) paged(terminal bool) bool { return f.Pager != "" && terminal && f.Command == nil }

// stdout returns where to write the output. close is called when everything is written, and returns when the pager has ended.
func (f *flags) stdout(terminal bool, signals *signals) (to io.Writer, close func()) {
	if !f.paged(terminal) {
		to = &onNewLine{file: os.Stdout, to: patient{os.Stdout}}
		if f.LineBuffered {
			to = atomicLines{to}
		}
		return to, func() {}
	}
	p := &pager{command: f.Pager, signals: signals, ended: make(chan struct{})}
	return p, p.close
}

// pager is a program that shows what is written to it. It is started by the first write, as questions may be asked on the
// terminal before. When it ends, the run ends.
type pager struct {
	command string
	signals *signals

	begin sync.Once
	stdin *os.File
	err   error // of starting the program
	ended chan struct{}
}

// Write starts the program if it is not running, and writes to it.
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
	for name, value := range map[string]string{"LESS": "FRX", "LV": "-c"} { // let colours pass, as git and stern do
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
		cmd.Wait() // its error does not matter
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
