package jq

import (
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"unicode"

	"github.com/itchyny/gojq"
	"golang.org/x/text/width"
)

// CompileError is the error of a jq program that does not compile. Its message shows the place with a caret if it is known.
type CompileError struct {
	Program string // or the module that has the mistake; empty: not to be shown
	Offset  int    // of the offending byte in Program; negative: unknown
	Err     error
}

// Unwrap returns the error without the place.
func (e *CompileError) Unwrap() error { return e.Err }

// Error returns the message with the line of the program and a caret below the mistake, as far as these are known.
func (e *CompileError) Error() string {
	switch {
	case e.Program == "":
		return e.Err.Error()
	case e.Offset < 0:
		return fmt.Sprintf("%v\n    %s", e.Err, strings.ReplaceAll(e.Program, "\n", "\n    "))
	}
	before := e.Program[:e.Offset]
	start := strings.LastIndexByte(before, '\n') + 1
	line, _, _ := strings.Cut(e.Program[start:], "\n")
	return fmt.Sprintf("%v\n    %s\n    %s^", e.Err, line, blank(before[start:]))
}

// Line returns the number of the line that has the mistake, from 1; 0: unknown.
func (e *CompileError) Line() int {
	if e.Program == "" || e.Offset < 0 {
		return 0
	}
	return 1 + strings.Count(e.Program[:e.Offset], "\n")
}

// blank returns white space as wide as text is on a terminal.
func blank(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch kind := width.LookupRune(r).Kind(); {
		case r == '\t':
			b.WriteByte('\t')
		case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
			b.WriteString("  ")
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf): // no width of its own
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func parseOffset(program string, err error) int {
	var parse *gojq.ParseError
	if !errors.As(err, &parse) {
		return -1
	}
	return min(max(parse.Offset-len(parse.Token), 0), len(strings.TrimRight(program, " \t\r\n")))
}

// undefinedName finds the name in gojq's compile errors, which have no offset: "function not defined: foo/0".
var undefinedName = regexp.MustCompile(`not defined: (\$?[\w:]+)`)

// explain returns the error of a program, or of one of its modules, that does not compile.
func (c *compiler) explain(err error) *CompileError {
	if of, ok := err.(interface {
		QueryParseError() (name, text string, err error)
	}); ok {
		name, text, err := of.QueryParseError()
		e := &CompileError{Program: text, Offset: parseOffset(text, err)}
		e.Err = fmt.Errorf("%s:%d: %w", name, e.Line(), err)
		return e
	}
	m := undefinedName.FindStringSubmatch(err.Error())
	if m == nil {
		return &CompileError{c.program, -1, err}
	}
	at := c.locate(m[1], err)
	if at < 0 {
		if name := c.modules.naming(m[1]); name != "" {
			return &CompileError{"", -1, fmt.Errorf("module %q: %w", name, err)}
		}
	}
	return &CompileError{c.program, at, err}
}

// locate returns the offset in the program of the name that err says is not defined; negative: it is not there. The name may
// also stand in strings, in comments and in the scope of a definition. So locate looks for the first place of the name such
// that replacing the name at all later places leaves the error as it is.
func (c *compiler) locate(name string, err error) int {
	other := "another_name"
	if name[0] == '$' {
		other = "$" + other
	}
	var places []int
	for at := 0; ; at += len(name) {
		i := strings.Index(c.program[at:], name)
		if i < 0 {
			break
		}
		at += i
		if end := at + len(name); (at == 0 || !wordByte(c.program[at-1])) && (end == len(c.program) || !wordByte(c.program[end])) {
			places = append(places, at)
		}
	}
	found := sort.Search(len(places), func(i int) bool {
		end := places[i] + len(name)
		trial := []byte(c.program[:end])
		for _, at := range places[i+1:] {
			trial = append(append(trial, c.program[end:at]...), other...)
			end = at + len(name)
		}
		q, failed := gojq.Parse(string(append(trial, c.program[end:]...)))
		if failed == nil {
			_, failed = c.compile(q)
		}
		return failed != nil && failed.Error() == err.Error()
	})
	if found == len(places) {
		return -1
	}
	return places[found]
}

func wordByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
