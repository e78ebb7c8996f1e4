// Package cli is mktail's command line: it reads flags and environment, finds the clusters, follows them, and answers
// with an exit code. It is the only package that sees all the others, and the only one that touches the process.
package cli

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kong"
	"github.com/mattn/go-isatty"

	"mktail/cli/verdict"
	"mktail/discover"
	"mktail/discover/glob"
	"mktail/emit"
	"mktail/tail"
	"mktail/tail/checkpoint"
	"mktail/tail/kube"
	"mktail/tail/pods"
	"mktail/tail/report"
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

// run follows logs until they end, the user ends it, or nobody reads on.
func run(ctx context.Context, signals *signals, f *flags) (code int) {
	log := newLogger(os.Stderr, f.Verbose)
	captureKlog(log, f.Verbose)
	selection, err := f.selection()
	if err != nil {
		return f.complain(log, err)
	}
	stdinTerminal := isatty.IsTerminal(os.Stdin.Fd())
	if f.Prompt && !stdinTerminal {
		return f.complain(log, usagef(on{"prompt"}, "choose by a flag, such as -l "+instanceLabel+"=shop", "--prompt asks on a terminal, and stdin is none"))
	}
	now := time.Now()
	sinceTime, untilTime, err := f.times(now)
	if err != nil {
		return f.complain(log, err)
	}
	policy, err := f.pluginPolicy()
	if err != nil {
		return f.complain(log, err)
	}
	answerLimit, err := f.Hidden.answerLimit()
	if err != nil {
		return f.complain(log, err)
	}
	stdoutTerminal := isatty.IsTerminal(os.Stdout.Fd())
	stderrTerminal := isatty.IsTerminal(os.Stderr.Fd())
	ends, err := f.conditions(log, signals.cancel)
	if err != nil {
		return f.complain(log, err)
	}
	filter, err := f.jq()
	if err != nil {
		return f.complain(log, err)
	}
	layout, err := f.layout(ctx, stdoutTerminal, os.Getenv, filter)
	if err != nil {
		return f.complain(log, err)
	}
	if f.Stdin {
		conditions := verdict.New(ends)
		whole := conditions.Format(ctx, func(j *verdict.Judge) emit.Format { return layout(true, j) })
		return f.filterStdin(ctx, signals, log, stdoutTerminal, conditions, whole)
	}
	home, _ := os.UserHomeDir() // without one, the places under it are not looked at
	found, err := discover.Clusters(discover.Options{
		Kubeconfig: f.Kubeconfig, Env: os.Getenv("KUBECONFIG"), Home: home,
		Contexts: f.Context, AllContexts: f.AllContexts, Multiple: f.Multiple,
		InCluster: inCluster(), Log: log,
	})
	if err != nil {
		return f.complain(log, discoverError(err))
	}
	if err := f.require(&ends, len(found)); err != nil {
		return f.complain(log, err)
	}
	clusters := make([]tail.Cluster, len(found))
	for i, c := range found {
		log.Debug().Msgf("%s: context %s of %s, server %s, namespace %s", c.Name, c.Context, c.File, c.Server, c.Namespace)
		c.Config.Impersonate = f.Hidden.impersonate(c.Config.Impersonate)
		clusters[i] = tail.Cluster{Name: c.Name, Namespace: c.Namespace, Context: c.Context, Config: c.Config, Reread: c.Reread}
	}

	var state *checkpoint.Store
	if f.State != "" {
		if state, err = checkpoint.Open(f.State, f.StateEvery, log); err != nil {
			return f.complain(log, usagef(nil, "see --state in mktail --help; a damaged file can be moved away, which begins anew", "%w", err))
		}
	}
	if err := f.prepareReadyFile(); err != nil {
		return f.complain(log, err)
	}
	status, err := f.openStatus(ctx, log)
	if err != nil {
		return f.complain(log, err)
	}
	ends.OnMatch = status.match
	conditions := verdict.New(ends)
	pluginsAtOnce := 4
	if stderrTerminal { // they may ask the user
		pluginsAtOnce = 1
	}
	stdout, closeStdout := f.stdout(stdoutTerminal, signals)
	namespaces := severalNamespaces(selection, found)
	out := conditions.Output(stdout, conditions.Format(ctx, func(j *verdict.Judge) emit.Format { return layout(namespaces, j) }))
	conditions.Watch(ctx)
	go func() { // a reader that goes away ends the run, even if no line comes that could not be written
		if readerGone(ctx, os.Stdout) {
			signals.cancel()
		}
	}()
	prompt := &prompt{in: bufio.NewReader(os.Stdin), out: os.Stderr}
	var choose func(context.Context, []tail.Choice) []string
	if f.Prompt {
		choose = prompt.choose
	}
	memory := new(memory)
	var saving sync.WaitGroup
	saving.Go(func() { saveProcessors(ctx) })
	finished := make(chan struct{})
	context.AfterFunc(ctx, func() { // whoever reads stdout may have stopped, and then the end has to wait
		select {
		case <-finished:
		case <-time.After(time.Second):
			if !out.Behind() {
				return
			}
			log.Info().Msg("waiting for the reader of stdout; interrupt again to end at once")
		}
	})
	summaries := tail.Run(ctx, clusters, tail.Options{
		Selection: selection,
		Announce:  stderrTerminal && !f.paged(stdoutTerminal) && !f.OnlyLogLines || f.given("only-log-lines") && !f.OnlyLogLines,
		Follow:    f.Follow && !f.Previous && (untilTime.IsZero() || untilTime.After(now)),
		Since:     time.Duration(f.Since), SinceTime: sinceTime, Until: untilTime, Tail: f.Tail,
		Previous: f.Previous, LimitBytes: f.LimitBytes, Patience: time.Duration(f.PodRunning),
		MaxStreams: f.maxStreams(), MaxLine: f.MaxLine, MarkGaps: f.MarkGaps, Metadata: f.metadata(), AnswerIn: answerLimit,
		Rotated: f.Rotated, State: state, OwnStreams: f.ownStreams(),
		Choose: choose, ChooseBy: instanceLabel,
		Unwanted: f.unwanted(filter, conditions),
		Notify: func(e report.Event) {
			memory.happened(e)
			conditions.Happened(e)
			status.happened(e) // last: it may have to wait for a reader
		},
		UserAgent: "mktail/" + version(),
		Plugins:   kube.Plugins{Policy: policy, AtOnce: pluginsAtOnce, Stdin: stdinTerminal},
		Log:       log,
	}, out)
	gone := ctx.Err() != nil // the reader of stdout; or a signal came
	written := out.Close()
	if state != nil {
		late := filter != nil && filter.Late()
		if late {
			log.Warn().Msgf("%s: not all that was read was written: it comes again", f.State)
		}
		if err := state.Close(written == nil && !late); err != nil {
			log.Error().Msg(err.Error())
			defer func() { code = max(code, verdict.ExitFailure) }()
		}
	}
	close(finished)
	closeStdout()
	signals.cancel()
	saving.Wait()
	conditions.ReportFailures()
	if prompt.err != nil {
		code = complain(log, prompt.err)
		status.end(summaries, code)
		return code
	}
	if f.Summary == nil && stderrTerminal || f.Summary != nil && *f.Summary {
		summarize(log, summaries)
	}
	code = conditions.ExitCode(endingOf(written, gone, nil, signals, summaries))
	status.end(summaries, code)
	return code
}

// severalNamespaces tells whether records may come from more than one namespace.
func severalNamespaces(s pods.Selection, clusters []discover.Cluster) bool {
	if s.AllNamespaces || len(s.Namespaces) > 0 {
		return s.AllNamespaces || len(s.Namespaces) > 1 || glob.Is(s.Namespaces[0]) || strings.HasPrefix(s.Namespaces[0], "!")
	}
	for _, c := range clusters {
		if c.Namespace != clusters[0].Namespace {
			return true
		}
	}
	return false
}
