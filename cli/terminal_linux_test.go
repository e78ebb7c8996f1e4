package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"mktail/testdata/terminal"
)

// onTerminal starts a program on a terminal, and gives the end at which its user would sit.
func onTerminal(t *testing.T, cmd *exec.Cmd) *os.File {
	t.Helper()
	user, err := terminal.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		user.Close()
	})
	return user
}

// await reads until a text comes.
func await(t *testing.T, r io.Reader, text string) {
	t.Helper()
	var all bytes.Buffer
	for buf := make([]byte, 1); !strings.Contains(all.String(), text); {
		if _, err := r.Read(buf); err != nil {
			t.Fatalf("%v after %q", err, &all)
		}
		all.Write(buf)
	}
}

const interrupt = "\x03" // what ^C sends

// A question is no obstacle to ^C.
func TestPromptInterrupted(t *testing.T) {
	cmd, app, _ := commandOn(t, 1, "--prompt")
	app.Pod().SetLabels(map[string]string{instanceLabel: "shop"})
	var stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, nil
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	user := onTerminal(t, cmd)
	await(t, said, "Follow which")
	io.WriteString(user, interrupt)
	exitsWith(t, cmd, 130, &stdout)
	if stdout.Len() > 0 {
		t.Errorf("stdout: %s", &stdout)
	}
}

// In a pager ^C is the pager's.
func TestPagerInterrupted(t *testing.T) {
	cmd, app, stderr := commandOn(t, 1, "--pager", `trap "" INT; head -9`)
	user := onTerminal(t, cmd)
	await(t, user, "line 0")
	for i := range 8 {
		io.WriteString(user, interrupt)
		await(t, user, "^C") // its echo: the signal has been sent
		app.Write(fmt.Sprint("more ", i))
		await(t, user, fmt.Sprint("more ", i))
	}
	exitsWith(t, cmd, 0, stderr)
}

// ^C reaches the command once, from the terminal. mktail waits for it, and for the grace after it, also if ^C comes again at once.
func TestCommandInterrupted(t *testing.T) {
	cmd, app, _ := commandOn(t, 1, "--fail-on", "panic", "--grace", "1h", "-q", "--status-fd", "2", "--",
		"sh", "-c", `trap "n=x\$n" INT; echo begun; read line; read line; exec 1>&2; echo "<$n>"; exit 9`)
	cmd.Stdout, cmd.Stderr = nil, nil
	user := onTerminal(t, cmd)
	await(t, user, "begun")
	io.WriteString(user, interrupt)
	await(t, user, "^C")
	io.WriteString(user, "\n\n")
	await(t, user, "<x>")
	await(t, user, `"code":9`)
	app.Write("panic")
	exitsWith(t, cmd, 9, new(bytes.Buffer))
}

// A command that ^C ends is how mktail ends.
func TestCommandEndedByInterrupt(t *testing.T) {
	cmd, _, _ := commandOn(t, 1, "--grace", "0", "-q", "--", "sh", "-c", "echo begun; read line")
	cmd.Stdout, cmd.Stderr = nil, nil
	user := onTerminal(t, cmd)
	await(t, user, "begun")
	io.WriteString(user, interrupt)
	await(t, user, "sh was ended by a signal: interrupt")
	exitsWith(t, cmd, 130, new(bytes.Buffer))
}
