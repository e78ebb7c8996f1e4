package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"mktail/cli/verdict"
	"mktail/emit"
	"mktail/tail/report"
)

// severity is what CI systems tell annotations apart by.
type severity string

const (
	severityError   severity = "error"
	severityWarning severity = "warning"
	severityNotice  severity = "notice"
)

const (
	// maxAnnotations is how many annotations of a severity are written. GitHub shows ten of each for a step.
	maxAnnotations = 10
	// maxAnnotation is how many bytes of a text an annotation has.
	maxAnnotation = 2000
)

// ciSystem is a system that shows annotations.
type ciSystem struct {
	name     string
	variable string                                           // of the environment, which is "true" in its jobs
	line     func(s severity, title, text string) string      // the line that the system reads; empty: it cannot show that
	section  func(annotations []string, now time.Time) string // puts lines together at the end of the run; nil: each is written at once
}

// ciSystems are the values of --annotations beside auto and none. GitHub and Azure look for their commands in stdout and stderr
// alike. GitLab looks for none.
var ciSystems = []ciSystem{
	{"github", "GITHUB_ACTIONS", githubLine, nil},
	{"azure", "TF_BUILD", azureLine, nil},
	{"gitlab", "GITLAB_CI", gitlabLine, gitlabSection},
}

// githubLine is a workflow command (actions/runner, ActionCommand.TryParseV2). A colon or comma would end a property.
func githubLine(s severity, title, text string) string {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	return fmt.Sprintf("::%s title=%s::%s", s, property.Replace(title), data.Replace(text))
}

// azureLine is a logging command (azure-pipelines-agent, Command.TryParse). It has no title, and there are no notices.
func azureLine(s severity, title, text string) string {
	if s == severityNotice {
		return ""
	}
	data := strings.NewReplacer("%", "%AZP25", "\r", "%0D", "\n", "%0A", ";", "%3B", "]", "%5D")
	return fmt.Sprintf("##vso[task.logissue type=%s]%s", s, data.Replace(title+": "+text))
}

func gitlabLine(s severity, title, text string) string {
	color := map[severity]string{severityError: "\x1b[31;1m", severityWarning: "\x1b[33;1m", severityNotice: "\x1b[32;1m"}[s]
	return color + title + ": " + strings.ReplaceAll(text, "\n", " ") + "\x1b[0m"
}

// gitlabSection is a section of the job's log that can be folded.
func gitlabSection(annotations []string, now time.Time) string {
	const name = "mktail_annotations"
	return fmt.Sprintf("\x1b[0Ksection_start:%d:%s\r\x1b[0Kmktail: what was found\n%s\n\x1b[0Ksection_end:%[1]d:%[2]s\r\x1b[0K",
		now.Unix(), name, strings.Join(annotations, "\n"))
}

// annotations shows on a CI system what decided a run, which containers failed, and where lines may be missing. Many goroutines may
// use it; a nil one shows nothing.
type annotations struct {
	system ciSystem
	out    io.Writer
	begin  string // before each line: a command may have written a part of a line

	mu         sync.Mutex
	count      map[severity]int
	kept       []string // for the section at the end
	errors     []string // texts that were written
	failures   []string // of containers
	failOn     bool     // a record matched --fail-on
	until      string   // the record that matched --until or --until-jq last
	untilTitle string   // of the annotation of that
}

// annotations reads --annotations; nil if there are none. They are written to out, which is stderr.
func (f *flags) annotations(env func(string) string, out io.Writer) *annotations {
	i := slices.IndexFunc(ciSystems, func(s ciSystem) bool {
		return f.Annotations == s.name || f.Annotations == "auto" && strings.EqualFold(env(s.variable), "true")
	})
	if i < 0 {
		return nil
	}
	a := &annotations{system: ciSystems[i], out: out, count: make(map[severity]int)}
	if f.Command != nil {
		a.begin = "\n"
	}
	return a
}

// write writes an annotation. Text that others wrote is escaped, so that no system finds a command in it.
func (a *annotations) write(s severity, title, text string) {
	if a.count[s]++; a.count[s] > maxAnnotations {
		return
	}
	if len(text) > maxAnnotation {
		text = emit.Cut(text, maxAnnotation) + "…"
	}
	line := a.system.line(s, title, visibleLines(text))
	switch {
	case line == "":
	case a.system.section != nil:
		a.kept = append(a.kept, line)
	default:
		io.WriteString(a.out, a.begin+line+"\n")
	}
}

// logger returns a logger whose errors are annotations, too: they say what decided the run, and what was not met.
func (a *annotations) logger(log zerolog.Logger) zerolog.Logger {
	if a == nil {
		return log
	}
	return log.Hook(zerolog.HookFunc(func(_ *zerolog.Event, level zerolog.Level, message string) {
		if level != zerolog.ErrorLevel {
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if !a.failOn { // the record has told it
			a.errors = append(a.errors, message)
			a.write(severityError, "mktail", message)
		}
	}))
}

// match takes a record that counts for a flag, see verdict.Options.
func (a *annotations) match(flag string, src emit.Source, r *emit.Record) {
	if a == nil {
		return
	}
	text := string(r.Text())
	if r.Gap != nil {
		text = "lines may be missing: " + r.Gap.Reason
	}
	if src.Pod != "" {
		text = fmt.Sprintf("%s: %s/%s/%s: %s", src.Cluster, src.Namespace, src.Pod, src.Container, text)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	title := "--" + flag + " matched"
	if strings.HasPrefix(flag, "fail-on") {
		a.write(severityError, title, text)
		a.failOn = true
	} else {
		a.until, a.untilTitle = text, title
	}
}

// happened takes an event of the run.
func (a *annotations) happened(e report.Event) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	pod := fmt.Sprintf("%s: %s/%s", e.Cluster, e.Namespace, e.Pod)
	switch e.Kind {
	case report.GapFound:
		text := fmt.Sprintf("%s/%s: %s", pod, e.Container, e.Gap.Reason)
		if e.Gap.From != "" {
			text += ", from " + e.Gap.From
		}
		if e.Gap.To != "" {
			text += ", to " + e.Gap.To
		}
		a.write(severityWarning, "lines may be missing", text)
	case report.PodState:
		for _, failure := range e.Failures {
			text := pod + ": " + failure
			if len(a.failures) < maxAnnotations && !slices.Contains(a.failures, text) { // a loop of crashes counts once
				a.failures = append(a.failures, text)
			}
		}
	}
}

// end takes the exit code of the run. Nothing is written afterwards.
func (a *annotations) end(code int) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, failure := range a.failures {
		begin, _, _ := strings.Cut(failure, " (")
		if !slices.ContainsFunc(a.errors, func(text string) bool { return strings.Contains(text, begin) }) {
			a.write(severityWarning, "container failed", failure)
		}
	}
	if code == verdict.ExitOK && a.until != "" {
		a.write(severityNotice, a.untilTitle, a.until)
	}
	if len(a.kept) > 0 {
		io.WriteString(a.out, a.begin+a.system.section(a.kept, time.Now())+"\n")
	}
}
