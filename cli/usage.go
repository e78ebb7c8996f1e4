package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/rs/zerolog"

	"mktail/cli/verdict"
	"mktail/discover"
	"mktail/emit/jq"
)

// UsageError is a mistake of the user's, in a flag, a name or a file. It ends the run with exit code 2.
type UsageError struct {
	Err   error
	Hint  string // what to do, as one line; may be empty
	Flags on     // the flags that are to blame; empty for arguments that are not flags
}

// on lists flags by their long names, without dashes.
type on []string

// Error returns the message without the hint.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *UsageError) Unwrap() error { return e.Err }

// usagef makes a UsageError. It returns an error, so that a nil one cannot be returned by mistake.
func usagef(flags on, hint, format string, args ...any) error {
	return &UsageError{Err: fmt.Errorf(format, args...), Hint: hint, Flags: flags}
}

// discoverError returns an error of package discover as one of this package.
func discoverError(err error) error {
	if usage, ok := errors.AsType[*discover.UsageError](err); ok {
		return &UsageError{Err: err, Hint: usage.Hint, Flags: usage.Flags}
	}
	return err
}

// kongFlag finds the flag at the beginning of a message of kong's, which does not name it in any other way.
var kongFlag = regexp.MustCompile(`^--([a-z][a-z0-9-]*)`)

// noValue is kong's message about a flag whose value is missing.
var noValue = regexp.MustCompile(`^(-.+?): (missing value.*|.*(EOL|<nil>|but got "").*)$`)

// parseError returns an error of kong's as one of this package.
func parseError(err error) error {
	if _, ok := errors.AsType[*UsageError](err); ok {
		return err
	}
	var flags on
	if m := kongFlag.FindStringSubmatch(err.Error()); m != nil {
		flags = on{m[1]}
	}
	if m := noValue.FindStringSubmatch(err.Error()); m != nil {
		return usagef(flags, "see mktail --help", "%s needs a value", m[1])
	}
	if len(flags) > 0 && flags[0] == "since" {
		return usagef(flags, "--since is how far to look back; 0 is all", "%w", err)
	}
	return usagef(flags, "see mktail --help", "%w", err)
}

// complain logs the error that a run ends with, and returns its exit code.
func complain(log zerolog.Logger, err error) int {
	message, event := err.Error(), log.Error()
	if _, ok := errors.AsType[*jq.CompileError](err); ok {
		var excerpt string
		if message, excerpt, ok = strings.Cut(message, "\n"); ok {
			event.Str(excerptField, excerpt)
		}
	}
	event.Msg(message)
	if command, ok := errors.AsType[*commandError](err); ok {
		return command.code
	}
	usage, ok := errors.AsType[*UsageError](err)
	if !ok {
		return verdict.ExitFailure
	}
	if usage.Hint != "" {
		log.Info().Msg("hint: " + usage.Hint)
	}
	return verdict.ExitUsage
}

// complain is like the function, and names the config if it gave a flag that is to blame. The error is an annotation, too.
func (f *flags) complain(log zerolog.Logger, stderr io.Writer, err error) (code int) {
	a := f.annotations(os.Getenv, stderr)
	code = complain(a.logger(log), f.config.blame(err))
	a.end(code)
	return code
}
