package cli

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"mktail/cli/verdict"
	"mktail/emit/jq"
)

// conditions reads the flags that end a run, except --require. cancel is called with the first condition that is met.
func (f *flags) conditions(log zerolog.Logger, cancel func()) (o verdict.Options, err error) {
	o = verdict.Options{
		UntilCount: f.UntilCount, UntilEach: verdict.Each(f.UntilEach), UntilDone: f.UntilDone, ExitCodeFrom: f.ExitFrom,
		MaxCount: f.MaxCount, Quiet: f.Quiet, WaitPods: f.WaitPods,
		Timeout: time.Duration(f.Timeout), IdleTimeout: time.Duration(f.IdleTimeout),
		IgnoreErrors: f.IgnoreErrors, AllowEmpty: f.AllowEmpty, SinkRequired: f.SinkRequired, Previous: f.Previous,
		Output: "--" + f.program(), Halts: f.JQ != nil || f.TemplateStrict, JQStrict: f.JQStrict, TemplateStrict: f.TemplateStrict,
		Cancel: cancel, Stderr: inertWriter{messages}, Log: log,
	}
	for _, list := range []struct {
		flag     string
		patterns []string
		into     *[]*regexp.Regexp
	}{{"until", f.Until, &o.Until}, {"fail-on", f.FailOn, &o.FailOn}} {
		if slices.Contains(list.patterns, "") { // every line would match: a variable of a script that is not set
			return o, usagef(on{list.flag}, "such as --"+list.flag+" ready; any line matches ^", "--%s needs a pattern", list.flag)
		}
		for _, pattern := range list.patterns {
			if isTime(pattern) {
				return o, usagef(on{list.flag}, "a time is for --timeout, --until-time or --since; for lines that have it, give '(?:"+pattern+")'", "--%s %s is a time, and it takes a pattern", list.flag, pattern)
			}
		}
		if *list.into, err = compile(list.flag, list.patterns); err != nil {
			return o, err
		}
	}
	for _, one := range []struct {
		flag, program string
		into          **jq.Program
	}{{"until-jq", f.UntilJQ, &o.UntilJQ}, {"fail-on-jq", f.FailOnJQ, &o.FailOnJQ}} {
		switch {
		case strings.TrimSpace(one.program) != "":
			if *one.into, err = f.filter(one.flag, one.program); err != nil {
				return o, err
			}
		case f.given(one.flag): // a variable of a script that is not set
			return o, usagef(on{one.flag}, "such as --"+one.flag+" '.line == \"ready\"'", "--%s needs a program", one.flag)
		}
	}
	o.HideGaps = !f.MarkGaps && !f.Stdin && (o.UntilJQ != nil || o.FailOnJQ != nil)
	return o, nil
}

// require reads --require, of so many clusters.
func (f *flags) require(o *verdict.Options, clusters int) error {
	switch o.Clusters, o.Required, o.Strict = clusters, 1, f.Require != ""; f.Require {
	case "", "any":
	case "all":
		o.Required = clusters
	default:
		n, err := strconv.Atoi(f.Require)
		if err != nil || n < 1 {
			return usagef(on{"require"}, "give all, any or a number", "--require %s is no number of clusters", f.Require)
		}
		if n > clusters {
			return usagef(on{"require"}, "see --kubeconfig and --context", "--require %d, but there are %d clusters", n, clusters)
		}
		o.Required = n
	}
	return nil
}
