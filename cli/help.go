package cli

import (
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/alecthomas/kong"
	mangokong "github.com/alecthomas/mango-kong"
	"github.com/muesli/roff"

	"mktail/cli/verdict"
)

const description = `Follow the logs of pods in many Kubernetes clusters at once, as one stream.

Reads every kubeconfig that it finds (~/.kube/*, ~/.kube/config.d/*, ~/.kube/configs/*, or $KUBECONFIG), follows the matching pods of all their clusters as they come and go, and writes records {cluster, ns, pod, container, ts, line} to stdout: coloured text on a terminal, else NDJSON.

What follows -- is a command, which runs while logs are followed: mktail returns its exit code if it failed, else its own.`

const examples = `  mktail                                      every pod in the namespace of each cluster's context
  mktail -n shop '^web-' --since 10m          pods by name, in all clusters
  mktail --context 'prod-*' -A -l app=web     some clusters, all namespaces, by label
  mktail --json | jq -r .line                 records for other programs
  mktail --no-follow --jq 'select(.line|test("ERROR"))'
  mktail -q --tail 0 --fail-on panic -- ./smoke-test`

const exitCodes = `  0    done, or the reader of stdout went away while nothing was waited for
  1    what was waited for did not come before the end; no container matches, or nothing could be read of any; with --jq-strict or --template-strict, a program or template failed; or something could not be read or written
  2    usage: a flag, filter or pattern is wrong, or there is no usable kubeconfig
  3    a line matched --fail-on
  4    a pod or Job that --until-done waited for, or a rollout that --until-ready waited for, has failed
  5    fewer clusters could be read than --require wants; unless told, at least one, and each namespace that -n names
  124    --timeout or --idle-timeout ran out before what --until, --until-each, --until-done or --until-ready waits for, or with --no-follow, --previous or --until-time before all was read
  0 to 255    what a jq program gives to halt_error; 5 unless told
  1 to 255    that of the container of --exit-code-from, if it failed
  1 to 255    the exit code of the command after --, if it failed; 128 + N if signal N ended it
  126, 127    the command after -- cannot be run, or was not found
  129, 130, 143    ended by SIGHUP, SIGINT or SIGTERM, after everything read was written, except a line that takes a pattern or program about a second; a second signal, a second or more later, ends it at once`

// help prints the flags in groups, then examples and exit codes.
func help(o kong.HelpOptions, ctx *kong.Context) error {
	o.NoAppSummary = true // it does not know of the command
	_, err := fmt.Fprintln(ctx.Stdout, "Usage: mktail [<query> ...] [flags] [-- COMMAND [ARG ...]]")
	if err != nil {
		return err
	}
	if err := kong.DefaultHelpPrinter(o, ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintf(ctx.Stdout, "\nExamples:\n%s\n\nExit codes:\n%s\n", examples, exitCodes)
	return err
}

// manFlag prints the manual page.
type manFlag bool

// BeforeReset is called by kong when it finds the flag.
func (manFlag) BeforeReset(app *kong.Kong) error {
	app.Model.Flags = slices.DeleteFunc(slices.Clone(app.Model.Flags), func(f *kong.Flag) bool { return f.Hidden })
	page := mangokong.NewManPage(1, app.Model).WithSection("Examples", examples).WithSection("Exit codes", exitCodes)
	fmt.Fprintln(app.Stdout, page.Build(roff.NewDocument()))
	app.Exit(verdict.ExitOK)
	return nil
}

// version returns the module's version from the build information: a release, or the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v, dirty := info.Main.Version, ""
	if v != "" && v != "(devel)" {
		return v
	}
	v = "devel"
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "-dirty"
			}
		}
	}
	return v + dirty
}
