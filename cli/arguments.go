package cli

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// arrange puts a command line into the order and the form that kong reads: flags first, each with its value by an equals sign,
// so that a value may be anything; then what is to be followed, which kubectl and stern take wherever it stands. Short flags
// may have their values by an equals sign, too, as kubectl takes them: -m=false, -n=shop.
func arrange(args []string, flags []*kong.Flag) []string {
	var front, query []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			query = append(query, args[i+1:]...)
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
		case i+1 == len(args):
			return append(front, arg) // alone, as what follows would pass for its value
		default:
			i++
			front = append(append(front, words...), withValue(wanting, args[i]))
		}
	}
	if len(query) == 0 {
		return front
	}
	return append(append(front, "--"), query...)
}

// flagWords is an argument that begins with a dash as kong reads it, but for the last flag in it if its value is wanting: that
// is the next argument.
func flagWords(arg string, flags []*kong.Flag) (words []string, wanting *kong.Flag) {
	find := func(is func(*kong.Flag) bool) *kong.Flag {
		if i := slices.IndexFunc(flags, is); i >= 0 {
			return flags[i]
		}
		return nil // kong will say so
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
