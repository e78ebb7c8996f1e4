// Package cli is mktail's command line: it reads flags, config and environment, finds the clusters, follows them, and returns an exit
// code. It is the only package that imports all others, and the only one that uses the process's arguments, environment, standard
// files and signals.
//
// A run goes through three steps: flags are read and checked (flags.check), a plan is made (flags.plan), and the plan is carried out
// (plan.follow, or plan.filterStdin).
//
// Rules of output: stdout has records and nothing else, each a whole line, in one format; only --help and the like print something
// else there. stderr has diagnostics and nothing else, through one logger: "mktail: error: …" ends the run or says what it lacks,
// "mktail: warning: …" is about a part of it, "mktail: …" is information, and "mktail: debug: …" appears with --verbose. Text that
// others wrote is escaped there. A mistake of the user's is a UsageError: one message that names the flag, one hint that says what
// to do, and exit code 2. The exit codes are those of package verdict.
package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"mktail/cli/verdict"
	"mktail/emit"
)

// Main runs mktail with the process's arguments and returns its exit code.
func Main() int {
	ctx, signals := notify(context.Background())
	var help bytes.Buffer
	f, code, done := parse(os.Args[1:], &help, messages)
	if !done {
		return run(ctx, signals, f)
	}
	if _, err := help.WriteTo(onScreen(os.Stdout)); err != nil && !isReaderGone(err) {
		return complain(newLogger(messages, false), fmt.Errorf("writing to stdout: %w", err))
	}
	return code
}

// parse reads the command line. If done, there is nothing to run: help was printed, or a mistake was reported.
func parse(args []string, stdout, stderr io.Writer) (f *flags, code int, done bool) {
	f = new(flags)
	log := newLogger(stderr, false)
	err := f.read(args, stdout, stderr, func(c int) { code, done = c, true })
	if done {
		return f, code, true
	}
	f.config.warn(log)
	if err != nil {
		return f, f.complain(log, stderr, err), true
	}
	return f, verdict.ExitOK, false
}

// read reads and checks the command line and the config. exit is called with an exit code if the command line asks for
// nothing but help or the like, which is printed to stdout.
func (f *flags) read(args []string, stdout, stderr io.Writer, exit func(code int)) error {
	exited := false
	parser, err := kong.New(f,
		kong.Name("mktail"),
		kong.Description(description),
		kong.ExplicitGroups(groups),
		kong.Help(help),
		kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: 110}),
		kong.WithHyphenPrefixedParameters(true),
		kong.Vars{"version": version(), "formats": formatNames(), "schemas": emit.SchemaNames},
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) {
			exited = true
			exit(code)
		}),
	)
	if err != nil {
		panic(err) // the struct tags are wrong
	}
	parser.Model.HelpFlag.Help = "Print this help and exit. Example: mktail --help"
	line, command := arrange(args, parser.Model.Flags)
	f.Command = command
	f.line, err = parser.Parse(line)
	switch {
	case exited:
		return nil
	case err != nil:
		f.Annotations = "auto" // kong has read no flag
		for _, word := range line {
			if value, ok := strings.CutPrefix(word, "--annotations="); ok {
				f.Annotations = value
			}
		}
		return parseError(err)
	}
	return f.check()
}
