package cli

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// arrange puts a command line into the form that kong reads. Flags come first, each joined to its value by an equals sign, so that
// a value may begin with a dash. Then come the arguments, which may stand anywhere, as with kubectl and stern. Short flags may
// also have an equals sign, as with kubectl: -m=false, -n=shop. What follows "--" is a command, which kong does not read; it is
// nil if there is no "--". Two dashes are a value only after an equals sign: where a variable of a shell is empty, the "--" after it
// is not its value.
func arrange(args []string, flags []*kong.Flag) (line, command []string) {
	var front, query []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			command = slices.Clone(args[i+1:])
			if command == nil {
				command = []string{}
			}
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			query = append(query, arg)
			continue
		}
		words, wanting := flagWords(arg, flags)
		switch {
		case wanting == nil:
			front = append(front, words...)
		case i+1 == len(args), args[i+1] == "--": // else the command would be a query, and not be run
			return append(front, arg), nil // alone: what follows would be taken for its value
		default:
			i++
			front = append(append(front, words...), withValue(wanting, args[i]))
		}
	}
	if len(query) > 0 {
		front = append(append(front, "--"), query...)
	}
	return front, command
}

// flagWords returns the words that kong reads for an argument that begins with a dash. If the value of its last flag is the next
// argument, that flag is wanting, and not among the words.
func flagWords(arg string, flags []*kong.Flag) (words []string, wanting *kong.Flag) {
	find := func(is func(*kong.Flag) bool) *kong.Flag {
		if i := slices.IndexFunc(flags, is); i >= 0 {
			return flags[i]
		}
		return nil // kong reports it
	}
	if long, ok := strings.CutPrefix(arg, "--"); ok {
		name, _, given := strings.Cut(long, "=")
		f := find(func(f *kong.Flag) bool { return f.Name == name || slices.Contains(f.Aliases, name) })
		if f == nil || f.IsBool() || given {
			return []string{arg}, nil
		}
		return nil, f
	}
	for at := 1; at < len(arg); at++ {
		f := find(func(f *kong.Flag) bool { return f.Short == rune(arg[at]) })
		if f == nil {
			break
		}
		if at > 1 {
			words = []string{arg[:at]}
		}
		rest := arg[at+1:]
		if value, ok := strings.CutPrefix(rest, "="); ok {
			return append(words, withValue(f, value)), nil
		}
		if f.IsBool() {
			continue
		}
		if rest == "" {
			return words, f
		}
		break
	}
	return []string{arg}, nil
}

func withValue(f *kong.Flag, value string) string { return "--" + f.Name + "=" + value }
