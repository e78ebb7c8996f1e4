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

// variable is the name of a jq variable.
var variable = regexp.MustCompile(`^[A-Za-z_]\w*$`)

// filter compiles a jq program with what the flags of jq give it. flag is where it comes from.
func (f *flags) filter(flag, program string) (*jq.Program, error) {
	fields, err := f.fields()
	if err != nil {
		return nil, err
	}
	o := jq.Options{Variables: make(map[string]any), Environ: os.Environ, Modules: f.JQPath, Fields: fields, Parse: f.Parse, Debug: os.Stderr}
	for _, list := range []struct {
		flag string
		args []string
		json bool
	}{{"--jq-arg", f.JQArg, false}, {"--jq-argjson", f.JQArgJSON, true}} {
		for _, arg := range list.args {
			name, text, ok := strings.Cut(arg, "=")
			if !ok || !variable.MatchString(name) {
				return nil, usagef("give NAME=VALUE", "%s %q names no variable", list.flag, arg)
			}
			var value any = text
			if list.json {
				if value, err = jq.ParseJSON([]byte(text)); err != nil {
					return nil, usagef("give JSON, such as 'limit=500'", "reading %s %s: %w", list.flag, name, err)
				}
			}
			o.Variables[name] = value
		}
	}
	filter, err := jq.Compile(program, o)
	var mistake *jq.CompileError
	if errors.As(err, &mistake) && flag == "--jq-file" {
		if flag += " " + f.JQFile; mistake.Line() > 0 && mistake.Program == program {
			flag = fmt.Sprint(flag, ":", mistake.Line())
		}
	}
	if err != nil {
		return nil, usagef("see the jq manual", "reading %s: %w", flag, err)
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

// program is the flag that gives the program or template of the output.
func (f *flags) program() string {
	switch {
	case f.JQFile != "":
		return "--jq-file"
	case f.JQ != nil:
		return "--jq"
	case f.TemplateFile != "":
		return "--template-file"
	}
	return "--template"
}

// unwanted tells of which sources a filter lets nothing through; nil where their lines are wanted anyway, for verdicts or to
// remember them.
func (f *flags) unwanted(filter *jq.Program, c *verdict.Conditions) func(emit.Source) bool {
	if filter == nil || c.SeesEveryLine() || f.State != "" {
		return nil
	}
	return filter.Never
}

// shape says how the outputs of --jq look.
func (f *flags) shape() jq.Shape {
	s := jq.Shape{Raw: f.RawOutput, Sort: f.SortKeys, Seq: f.Seq, Indent: strings.Repeat(" ", f.Indent)}
	if f.Tab {
		s.Indent = "\t"
	}
	return s
}

// readJQFile takes the program of --jq-file for that of --jq.
func (f *flags) readJQFile() error {
	if f.JQFile == "" {
		return nil
	}
	data, err := os.ReadFile(f.JQFile)
	if err != nil {
		return usagef("it holds a jq program", "reading --jq-file: %w", err)
	}
	program := string(data)
	f.JQ = &program
	return nil
}
