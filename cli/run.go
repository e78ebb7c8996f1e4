package cli

import (
	"bufio"
	"context"
	"os"
	"sync"
	"time"

	"mktail/cli/verdict"
	"mktail/emit"
	"mktail/tail"
	"mktail/tail/checkpoint"
	"mktail/tail/kube/plugin"
	"mktail/tail/report"
)

// run makes a plan and carries it out, until the logs end, the user ends it, or nobody reads on. It returns the exit code.
func run(ctx context.Context, signals *signals, f *flags) (code int) {
	log := newLogger(messages, f.Verbose)
	captureLogs(log, f.Verbose)
	terminal := terminals{isTerminal(os.Stdin), isTerminal(os.Stdout), isTerminal(os.Stderr)}
	if terminal.stdout && !colorsConsole(os.Stdout) {
		f.Color = "never"
	}
	p, err := f.plan(ctx, signals.cancel, log, terminal)
	switch {
	case err != nil:
		return f.complain(log, messages, err)
	case f.Stdin:
		return p.filterStdin(ctx, signals)
	}
	return p.follow(ctx, signals)
}

// follow follows the clusters of the plan.
func (p *plan) follow(ctx context.Context, signals *signals) (code int) {
	f, log := p.f, p.log
	clusters := p.tailClusters()
	state, err := p.openState()
	if err != nil {
		return f.complain(log, messages, err)
	}
	if err := f.prepareReadyFile(); err != nil {
		return f.complain(log, messages, err)
	}
	status, err := f.openStatus(ctx, log)
	if err != nil {
		return f.complain(log, messages, err)
	}
	artifacts, err := f.openArtifacts()
	if err != nil {
		return f.complain(log, messages, err)
	}
	annotations := p.annotate()
	if c := p.command; c != nil {
		c.events = status
		signals.command.Store(c)
	}
	p.conditions.OnMatch = func(flag string, src emit.Source, r *emit.Record) {
		annotations.match(flag, src, r)
		status.match(flag, src, r)
	}
	p.conditions.Ready = f.makeReadyFile
	conditions := verdict.New(p.conditions)
	p.names.prefix.Several(len(p.clusters) > 1, false)
	out, closeStdout := p.output(ctx, signals, conditions, p.severalNamespaces(), artifacts)
	prompt := &prompt{in: bufio.NewReader(os.Stdin), out: messages}
	memory := new(memory)
	var saving sync.WaitGroup
	saving.Go(func() { saveProcessors(ctx) })
	finished := make(chan struct{})
	context.AfterFunc(ctx, func() { p.waitForReader(out, finished) })

	o := p.tailOptions()
	o.PodStates = annotations != nil || artifacts != nil
	o.State, o.Unwanted = state, f.unwanted(p.program, conditions)
	if f.Prompt {
		o.Choose = prompt.choose
	}
	o.Notify = func(e report.Event) {
		memory.happened(e)
		p.names.happened(e)
		annotations.happened(e)
		artifacts.happened(e)
		ready := conditions.Happened(e)
		status.happened(e) // after what may not wait for a reader
		if ready {
			status.ready()
			if err := p.command.start(); err != nil {
				conditions.Fail(err)
			}
		}
	}
	summaries, stuck := p.tail(ctx, clusters, o, out)
	gone := ctx.Err() != nil && !p.command.endedRun() // the reader of stdout; or a signal came
	p.command.wait()
	written := out.Close()
	saved := true
	if !stuck && !f.commitsSuccess() {
		saved = p.closeState(state, written == nil)
	}
	close(finished)
	closeStdout()
	signals.cancel()
	saving.Wait()
	conditions.ReportFailures()
	if prompt.err != nil {
		code = complain(log, prompt.err)
	} else {
		if p.summarizes() {
			summarize(log, summaries)
		}
		code = p.command.exitCode(conditions.ExitCode(p.endingOf(written, gone, nil, signals, summaries, stuck)))
	}
	if !stuck && f.commitsSuccess() { // a reader that went away has not taken all that it was given
		saved = p.closeState(state, written == nil && code == verdict.ExitOK && !p.unread.Load())
	}
	if !saved {
		code = max(code, verdict.ExitFailure)
	}
	annotations.end(code)
	if err := artifacts.end(code); err != nil {
		log.Error().Msg(err.Error())
	}
	status.end(summaries, code)
	return code
}

// output starts the output of the run, which ends the run if its reader goes away. closeStdout is called when the output is
// closed, and returns when a pager's user has seen it.
func (p *plan) output(ctx context.Context, signals *signals, conditions *verdict.Conditions, namespaces bool, artifacts *artifacts) (out *emit.Output, closeStdout func()) {
	stdout, closeStdout := p.f.stdout(p.terminal.stdout, signals)
	json := p.f.format(p.terminal.stdout).keys
	if p.terminal.stdout {
		stdout = &emit.Screen{To: stdout, JSON: json, Color: !json && p.f.colored(true, os.Getenv)}
	}
	if p.inert {
		stdout = inertRecords{stdout, json}
	}
	format := p.levels(conditions.Format(ctx, func(j *verdict.Judge) emit.Format { return p.layout(namespaces, j) }))
	out = conditions.Output(stdout, artifacts.format(format))
	if p.f.Multiline {
		out.Multiline(emit.MultilineOptions{MaxBytes: p.f.MaxLine})
	}
	conditions.Watch(ctx)
	go func() { // even if no line comes that could not be written
		if readerGone(ctx, os.Stdout) {
			p.unread.Store(true)
			signals.cancel()
		}
	}()
	return out, closeStdout
}

// annotate makes the annotations of the run. What the conditions, the command and the state report as errors are some.
func (p *plan) annotate() *annotations {
	a := p.f.annotations(os.Getenv, messages)
	if a != nil {
		info, err := os.Stdout.Stat()
		p.inert = err != nil || !info.Mode().IsRegular() // a file is not the log of a job
	}
	p.conditions.Log = a.logger(p.conditions.Log)
	if p.command != nil {
		p.command.log = a.logger(p.command.log)
	}
	return a
}

// waitForReader reports after a second that the end of the run waits for the reader of stdout, if it does.
func (p *plan) waitForReader(out *emit.Output, finished <-chan struct{}) {
	select {
	case <-finished:
	case <-time.After(time.Second):
		if out.Behind() {
			p.log.Info().Msg("waiting for the reader of stdout; interrupt again to end at once")
		}
	}
}

// tailOptions returns the options of package tail, without those that depend on what follow opens.
func (p *plan) tailOptions() tail.Options {
	f := p.f
	return tail.Options{
		Selection:    p.selection,
		Announce:     p.announces(),
		ShowClusters: len(p.clusters) > 1, ShowNamespaces: p.severalNamespaces(),
		Jobs:     f.UntilDone,
		Rollouts: f.UntilReady,
		Follow:   f.Follow && !f.Previous && (p.until.IsZero() || p.until.After(p.now)),
		Since:    time.Duration(f.Since), SinceTime: p.since, Until: p.until, Tail: f.Tail,
		Previous: f.Previous, LimitBytes: f.LimitBytes, Patience: time.Duration(f.PodRunning),
		MaxStreams: f.maxStreams(), MaxLine: f.MaxLine, MarkGaps: f.MarkGaps || p.conditions.HideGaps, Metadata: f.metadata(), AnswerIn: p.answerIn,
		Rotated: f.Rotated, OwnStreams: f.ownStreams(), ChooseBy: instanceLabel,
		UserAgent: "mktail/" + version(),
		Plugins:   plugin.Options{Policy: p.policy, Stdin: p.terminal.stdin, Terminal: p.terminal.stderr},
		Log:       p.log,
	}
}

// openState opens the file of --state; nil if there is none.
func (p *plan) openState() (*checkpoint.Store, error) {
	if p.f.State == "" {
		return nil, nil
	}
	err := refuseDescriptor(p.f.State)
	var state *checkpoint.Store
	if err == nil {
		state, err = checkpoint.Open(p.f.State, time.Duration(p.f.StateEvery), p.log)
	}
	if err != nil {
		return nil, usagef(on{"state"}, "see --state in mktail --help; a damaged file can be moved away, and the next run begins a new one", "--state: %w", err)
	}
	if p.f.commitsSuccess() {
		state.Hold()
	}
	return state, nil
}

// closeState closes the file of --state, if there is one, and reports whether it is saved. With commit it goes on to what was read,
// which was written.
func (p *plan) closeState(state *checkpoint.Store, commit bool) (saved bool) {
	if state == nil {
		return true
	}
	if p.program != nil && p.program.Late() {
		p.log.Warn().Msgf("%s: not all that was read was written: it comes again", p.f.State)
		commit = false
	}
	err := state.Close(commit)
	if err != nil {
		p.conditions.Log.Error().Msg(err.Error()) // it decides against the run
	}
	return err == nil
}

// tail is tail.Run. Once the run is over, it leaves a record on which a pattern, program or template takes too long (stuck), with
// everything that waits for it. Then there are no summaries, and the state stays as it was saved last: what was read since comes again.
func (p *plan) tail(ctx context.Context, clusters []tail.Cluster, o tail.Options, out *emit.Output) (summaries []report.Summary, stuck bool) {
	if !p.f.weighsLines() {
		return tail.Run(ctx, clusters, o, out), false
	}
	ended := make(chan []report.Summary, 1)
	go func() { ended <- tail.Run(ctx, clusters, o, out) }()
	select {
	case summaries = <-ended:
		return summaries, false
	case <-ctx.Done():
	case <-out.Failed():
	}
	tick := time.NewTicker(patience / 10)
	defer tick.Stop()
	for idle := 0; idle < 10; idle++ {
		taken := out.Taken()
		select {
		case summaries = <-ended:
			return summaries, false
		case <-tick.C:
		}
		if out.Open() == 0 || out.Behind() || out.Taken() != taken { // something else is waited for, as the reader of stdout
			idle = -1
		}
	}
	p.log.Warn().Msg(stuckMessage)
	return nil, true
}

const stuckMessage = "a pattern, program or template takes too long on a line: that line is left out, and what was read after it"

// patience is how long the end of a run waits for one record.
const patience = 900 * time.Millisecond

// weighsLines reports whether the user gave patterns, programs or a template, which can take long on a line.
func (f *flags) weighsLines() bool {
	for _, patterns := range [][]string{f.Include, f.Exclude, f.Highlight, f.Until, f.FailOn} {
		if len(patterns) > 0 {
			return true
		}
	}
	return f.JQ != nil || f.Template != nil || f.TemplateFile != "" || f.UntilJQ != "" || f.FailOnJQ != ""
}

// endingOf returns how a run has ended: written is the error of its output, gone whether its context has ended, read the error
// of stdin.
func (p *plan) endingOf(written error, gone bool, read error, s *signals, summaries []report.Summary, stuck bool) verdict.Ending {
	unread := p.unread.Load()
	if isReaderGone(written) {
		written, gone, unread = nil, true, true
	}
	return verdict.Ending{Written: written, Read: read, Signal: s.code(), Gone: gone, Unread: unread, Summaries: summaries, Stuck: stuck}
}
