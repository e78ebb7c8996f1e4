package discover

import (
	"fmt"
	"slices"
	"strings"
)

// UsageError is an error that the user can fix: a flag, a name, a file.
type UsageError struct {
	Err   error
	Hint  string   // what to do, as one line; may be empty
	Flags []string // mktail's flags that are to blame, by their long names without dashes; often none
}

// Error returns the message without the hint, as one line.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *UsageError) Unwrap() error { return e.Err }

func usagef(hint, format string, args ...any) *UsageError {
	return &UsageError{Err: fmt.Errorf(format, args...), Hint: hint}
}

// of blames flags.
func (e *UsageError) of(flags ...string) *UsageError {
	e.Flags = flags
	return e
}

const hintNoKubeconfig = "give a file with --kubeconfig FILE or set KUBECONFIG"

func noKubeconfig(places []string) error {
	return usagef(hintNoKubeconfig, "no usable kubeconfig: looked at %s", strings.Join(places, ", "))
}

// noSuchContext returns an error for a pattern that stands in a value of --context.
func noSuchContext(wanted, value string, there, places []string) error {
	hint := "there is " + listed(there)
	switch {
	case slices.Contains(there, value):
		hint = "for the one context of that name give --context '=" + brief(printable(value)) + "'"
	case len(there) == 0:
		hint = "no kubeconfig with a context was found: looked at " + strings.Join(places, ", ")
	}
	return usagef(hint, "--context %q matches no context", wanted).of("context")
}

// mostListed is the maximum number of names in a hint.
const mostListed = 100

// listed joins names for a message: sorted, each once, printable, at most mostListed.
func listed(names []string) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = brief(printable(name))
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if more := len(all) - mostListed; more > 0 {
		all = append(all[:mostListed], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(all, ", ")
}
