// Package cli is mktail's command line: it reads flags and environment, finds the clusters, follows them, and answers
// with an exit code. It is the only package that sees all the others, and the only one that touches the process.
package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"mktail/cli/verdict"
	"mktail/emit"
)

// Main runs mktail with the process's arguments and returns its exit code.
func Main() int {
	ctx, signals := notify(context.Background())
	var help bytes.Buffer
	f, code, done := parse(os.Args[1:], &help, os.Stderr)
	if !done {
		return run(ctx, signals, f)
	}
	if _, err := help.WriteTo(os.Stdout); err != nil && !isReaderGone(err) {
		return complain(newLogger(os.Stderr, false), fmt.Errorf("writing to stdout: %w", err))
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
		return f, f.complain(log, err), true
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
	f.line, err = parser.Parse(arrange(args, parser.Model.Flags))
	switch {
	case exited:
		return nil
	case err != nil:
		return parseError(err)
	}
	return f.check()
}
