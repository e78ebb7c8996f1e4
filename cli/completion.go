package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"mktail/cli/verdict"
	"mktail/discover"
)

// completionFlag prints a script with which a shell completes command lines. With "contexts" it prints the names of contexts, for
// these scripts.
type completionFlag string

// BeforeReset is called by kong when it finds the flag.
func (completionFlag) BeforeReset(app *kong.Kong, trace *kong.Path, line *kong.Context) error {
	script := ""
	switch shell := fmt.Sprint(line.FlagValue(trace.Flag)); shell {
	case "bash":
		script = bashCompletion(completions(app.Model.Flags))
	case "zsh":
		script = zshCompletion(completions(app.Model.Flags))
	case "fish":
		script = fishCompletion(completions(app.Model.Flags))
	case "contexts":
		script = contextNames()
	default:
		return usagef(nil, "give bash, zsh or fish", "--completion=%s is no shell that is known", shell)
	}
	fmt.Fprint(app.Stdout, script)
	app.Exit(verdict.ExitOK)
	return nil
}

// contextNames returns the contexts that --context may choose, a line each.
func contextNames() string {
	home, _ := os.UserHomeDir()
	found, _ := discover.Clusters(discover.Options{ // errors do not matter: what cannot be read has no names
		Env: os.Getenv("KUBECONFIG"), Home: home, AllContexts: true, Multiple: true, Log: zerolog.Nop(),
	})
	var lines []string
	for _, c := range found {
		lines = append(lines, discover.Pattern(c.Context)+"\n")
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "")
}

const listContexts = "mktail --completion=contexts 2>/dev/null"

// completed is what a shell must know of a flag.
type completed struct {
	names []string // with dashes
	value string   // what completes its value: none, any, files, contexts, or words to choose from
	about string   // one sentence
}

// completions returns what shells must know of the flags that --help shows, and of their negations.
func completions(flags []*kong.Flag) (all []completed) {
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		c := completed{names: []string{"--" + f.Name}, value: "any"}
		c.about, _, _ = strings.Cut(f.Help, " Example:")
		c.about, _, _ = strings.Cut(strings.TrimSuffix(c.about, "."), ". ")
		if f.Short != 0 {
			c.names = append(c.names, "-"+string(f.Short))
		}
		switch {
		case f.IsBool():
			c.value = "none"
		case f.Enum != "":
			c.value = strings.TrimSpace(strings.Join(f.EnumSlice(), " "))
		case f.Name == "completion":
			c.value = "bash zsh fish"
		case f.Name == "context":
			c.value = "contexts"
		case slices.Contains([]string{"FILE", "PATH", "DIR"}, f.PlaceHolder), f.Name == "kubeconfig":
			c.value = "files"
		}
		all = append(all, c)
		if f.Tag.Negatable != "" {
			all = append(all, completed{[]string{"--no-" + f.Name}, "none", "As --" + f.Name + "=false"})
		}
	}
	return all
}

func bashCompletion(all []completed) string {
	var names []string
	var cases strings.Builder
	for _, c := range all {
		names = append(names, c.names[0])
		reply := map[string]string{
			"none": "", "any": ":",
			"files":    `compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur"))`,
			"contexts": `COMPREPLY=($(compgen -W "$(` + listContexts + `)" -- "$cur"))`,
		}
		how, ok := reply[c.value]
		if !ok {
			how = fmt.Sprintf(`COMPREPLY=($(compgen -W "%s" -- "$cur"))`, c.value)
		}
		if how != "" {
			fmt.Fprintf(&cases, "  %s) %s ;;\n", strings.Join(c.names, "|"), how)
		}
	}
	return `# source <(mktail --completion=bash)
_mktail() {
  local cur=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD-1]}
  [[ $cur == = ]] && cur= # --flag=value is three words
  [[ $flag == = ]] && flag=${COMP_WORDS[COMP_CWORD-2]}
  COMPREPLY=()
  local i
  for ((i = 1; i < COMP_CWORD; i++)); do # a command follows --
    [[ ${COMP_WORDS[i]} == -- ]] || continue
    compopt -o filenames 2>/dev/null
    ((i == COMP_CWORD - 1)) && COMPREPLY=($(compgen -c -f -- "$cur")) || COMPREPLY=($(compgen -f -- "$cur"))
    return
  done
  case $flag in
` + cases.String() + `  *) [[ $cur != -* ]] || COMPREPLY=($(compgen -W "` + strings.Join(names, " ") + `" -- "$cur")) ;;
  esac
}
complete -F _mktail mktail
`
}

func zshCompletion(all []completed) string {
	quote := strings.NewReplacer(`'`, `'\''`, `\`, `\\`, `[`, `\[`, `]`, `\]`)
	actions := map[string]string{
		"none": "", "any": ":value: ", "files": ":file:_files",
		"contexts": `:context:{compadd -- ${(f)"$(` + listContexts + `)"}}`,
	}
	var specs strings.Builder
	for _, c := range all {
		action, ok := actions[c.value]
		if !ok {
			action = ":value:(" + c.value + ")"
		}
		for _, name := range c.names {
			switch {
			case action == "":
			case strings.HasPrefix(name, "--"):
				name += "="
			default:
				name += "+"
			}
			fmt.Fprintf(&specs, "    '*%s[%s]%s' \\\n", name, quote.Replace(c.about), action)
		}
	}
	return `#compdef mktail
# source <(mktail --completion=zsh), or keep it as a file _mktail in $fpath
_mktail() {
  _arguments -s \
` + specs.String() + `    '*:query: '
}
if [ "$funcstack[1]" = _mktail ]; then _mktail "$@"; else compdef _mktail mktail; fi
`
}

func fishCompletion(all []completed) string {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	values := map[string]string{"none": "", "any": " -x", "files": " -r -F", "contexts": " -x -a '(" + listContexts + ")'"}
	var lines strings.Builder
	lines.WriteString("# mktail --completion=fish | source\ncomplete -c mktail -f\n")
	for _, c := range all {
		value, ok := values[c.value]
		if !ok {
			value = " -x -a '" + c.value + "'"
		}
		lines.WriteString("complete -c mktail -l " + c.names[0][2:])
		if len(c.names) > 1 {
			lines.WriteString(" -s " + c.names[1][1:])
		}
		fmt.Fprintf(&lines, "%s -d '%s'\n", value, quote.Replace(c.about))
	}
	return lines.String()
}
