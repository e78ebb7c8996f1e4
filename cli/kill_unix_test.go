//go:build unix

package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// kills is how many runs are killed beside each reader.
const kills = 20

// A run may be killed at any moment, beside a reader that is slow, has stopped or dies: what the next runs write has all that no
// reader has taken. What a pipe holds when its reader dies counts as written, so that it needs --state-commit success. Lines that are
// held to be joined do not count as written.
func TestKilledWithState(t *testing.T) {
	for _, reader := range []string{"slow", "stopped", "dying", "slow, of joined lines"} {
		t.Run(reader, func(t *testing.T) {
			t.Parallel() // the runs wait more than they work
			first, app, _ := commandOn(t, 10, "--tail", "0", "-o", "raw", "--state-every", "10ms", "--state", filepath.Join(t.TempDir(), "state"))
			text := func(n int) string { return fmt.Sprintf("new %d %0200d", n, 0) }
			if reader == "slow, of joined lines" {
				first.Args = append(first.Args, "--multiline")
				text = func(n int) string { return fmt.Sprintf("%.*snew %d %0200d", min(n%4, 1), " ", n, 0) }
			}
			if reader == "dying" {
				first.Args = append(first.Args, "--state-commit", "success")
			}
			random := rand.New(rand.NewPCG(1, 2))
			taken := make(map[string]bool)
			n := 0
			add := func(lines int) {
				for range lines {
					if err := app.Write(text(n)); err != nil {
						t.Fatal(err)
					}
					n++
				}
			}
			for round := range kills + 1 { // the last one is read to the end
				cmd := exec.Command(first.Path, first.Args[1:]...)
				cmd.Env = first.Env
				stdout, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				ready, told, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				cmd.Args, cmd.ExtraFiles = append(cmd.Args, "--status-fd", "3"), []*os.File{told}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				told.Close()
				for events := bufio.NewReader(ready); ; {
					event, err := events.ReadBytes('\n')
					if err != nil {
						t.Fatal(err)
					}
					if bytes.Contains(event, []byte(`"ready"`)) {
						break
					}
				}
				go io.Copy(io.Discard, ready)
				lines := bufio.NewReader(stdout)
				take := func() {
					line, err := lines.ReadString('\n')
					if err != nil {
						t.Fatal(err)
					}
					taken[line[:len(line)-1]] = true
				}
				if round == kills {
					add(1)
					for last := text(n - 1); !taken[last]; {
						take()
					}
				} else {
					add(500 + random.IntN(2000))
					for range random.IntN(400) { // what a pipe and its reader hold is the consumer's when it is taken
						if reader == "stopped" {
							break
						}
						take()
					}
					if reader == "dying" {
						stdout.Close()
					}
					time.Sleep(time.Duration(random.IntN(int(30 * time.Millisecond)))) // the file is written every 10 ms
				}
				cmd.Process.Kill()
				if reader != "dying" || round == kills {
					for { // what the pipe holds is taken by the reader yet
						line, err := lines.ReadString('\n')
						if err != nil {
							break
						}
						taken[line[:len(line)-1]] = true
					}
				}
				cmd.Wait()
				ready.Close()
			}
			lost := 0
			for i := range n {
				if !taken[text(i)] {
					lost++
				}
			}
			if lost > 0 {
				t.Errorf("%d of %d lines were lost", lost, n)
			}
		})
	}
}
