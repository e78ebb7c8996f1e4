package cli

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"

	"mktail/emit"
)

// variable is the name of a jq variable.
var variable = regexp.MustCompile(`^[A-Za-z_]\w*$`)

// filter compiles a jq program with what the flags of jq give it. flag is where it comes from.
func (f *flags) filter(flag, program string) (*emit.Filter, error) {
	o := emit.FilterOptions{Variables: make(map[string]any), Environ: os.Environ, Modules: f.JQPath, Indent: strings.Repeat(" ", f.Indent)}
	if f.Tab {
		o.Indent = "\t"
	}
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
				if err := json.Unmarshal([]byte(text), &value); err != nil {
					return nil, usagef("give JSON, such as 'limit=500'", "reading %s %s: %w", list.flag, name, err)
				}
			}
			o.Variables[name] = value
		}
	}
	filter, err := emit.CompileFilter(program, o)
	if err != nil {
		return nil, usagef("see the jq manual", "reading %s: %w", flag, err)
	}
	return filter, nil
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
