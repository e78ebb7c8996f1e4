package cli

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"mktail/cli/verdict"
	"mktail/emit"
	"mktail/emit/jq"
)

// variable is the form of the name of a jq variable.
var variable = regexp.MustCompile(`^[A-Za-z_]\w*$`)

// filter compiles the jq program that a flag gives, with what the flags for jq programs add.
func (f *flags) filter(flag, program string) (*jq.Program, error) {
	fields, err := f.fields()
	if err != nil {
		return nil, err
	}
	o := jq.Options{Variables: make(map[string]any), Environ: os.Environ, Modules: f.JQPath, Fields: fields, Parse: f.Parse, Debug: inertWriter{messages}}
	for _, list := range []struct {
		flag string
		args []string
		json bool
	}{{"jq-arg", f.JQArg, false}, {"jq-argjson", f.JQArgJSON, true}} {
		for _, arg := range list.args {
			name, text, ok := strings.Cut(arg, "=")
			if !ok || !variable.MatchString(name) {
				return nil, usagef(on{list.flag}, "give NAME=VALUE", "--%s %q names no variable", list.flag, arg)
			}
			var value any = text
			if list.json {
				if value, err = jq.ParseJSON([]byte(text)); err != nil {
					return nil, usagef(on{list.flag}, "give JSON, such as 'limit=500'", "reading --%s %s: %w", list.flag, name, err)
				}
			}
			o.Variables[name] = value
		}
	}
	filter, err := jq.Compile(program, o)
	var mistake *jq.CompileError
	place := "--" + flag
	if errors.As(err, &mistake) && flag == "jq-file" {
		if place += " " + f.JQFile; mistake.Line() > 0 && mistake.Program == program {
			place = fmt.Sprint(place, ":", mistake.Line())
		}
	}
	if err != nil {
		return nil, usagef(on{flag}, "see the jq manual", "reading %s: %w", place, err)
	}
	return filter, nil
}

// jq compiles the program of --jq; nil if there is none.
func (f *flags) jq() (*jq.Program, error) {
	if f.JQ == nil {
		return nil, nil
	}
	return f.filter(f.program(), *f.JQ)
}

// program returns the flag that gives the program or template of the output, by its name without dashes.
func (f *flags) program() string {
	switch {
	case f.JQFile != "":
		return "jq-file"
	case f.JQ != nil:
		return "jq"
	case f.TemplateFile != "":
		return "template-file"
	}
	return "template"
}

// unwanted reports of a source whether the filter lets nothing of it through; nil if all lines are read anyway, for conditions,
// for --state or for --artifacts.
func (f *flags) unwanted(filter *jq.Program, c *verdict.Conditions) func(emit.Source) bool {
	if filter == nil || c.SeesEveryLine() || f.State != "" || f.Artifacts != "" {
		return nil
	}
	return filter.Never
}

// shape returns how the outputs of --jq look.
func (f *flags) shape() jq.Shape {
	s := jq.Shape{Raw: f.RawOutput, Sort: f.SortKeys, Seq: f.Seq, Indent: strings.Repeat(" ", f.Indent)}
	if f.Tab {
		s.Indent = "\t"
	}
	return s
}

// readJQFile reads the program of --jq-file, as if --jq gave it.
func (f *flags) readJQFile() error {
	if f.JQFile == "" {
		return nil
	}
	data, _, err := readNamed(f.JQFile)
	if err != nil {
		return usagef(on{"jq-file"}, "it holds a jq program", "reading --jq-file: %w", err)
	}
	program := string(data)
	f.JQ = &program
	return nil
}
