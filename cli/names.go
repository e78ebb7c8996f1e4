package cli

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"

	"github.com/rs/zerolog"
)

// names is what may stand in names of Kubernetes, as ranges of characters.
type names []rune

var (
	podNames       = names("-.09az") // from - to ., from 0 to 9, from a to z
	containerNames = names("--09az")
)

// meets reports whether a name may have a character of the ranges.
func (n names) meets(ranges []rune) bool {
	for r := range slices.Chunk(ranges, 2) {
		for of := range slices.Chunk(n, 2) {
			if r[0] <= of[1] && of[0] <= r[1] {
				return true
			}
		}
	}
	return false
}

// canMatch reports whether a regular expression may match a name, as far as its characters tell.
func (n names) canMatch(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpNoMatch:
		return false
	case syntax.OpLiteral:
		return !slices.ContainsFunc(re.Rune, func(r rune) bool {
			for folded := r; !n.meets([]rune{folded, folded}); {
				if folded = unicode.SimpleFold(folded); re.Flags&syntax.FoldCase == 0 || folded == r {
					return true
				}
			}
			return false
		})
	case syntax.OpCharClass:
		return n.meets(re.Rune)
	case syntax.OpCapture, syntax.OpPlus:
		return n.canMatch(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min == 0 || n.canMatch(re.Sub[0])
	case syntax.OpConcat:
		return !slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return !n.canMatch(sub) })
	case syntax.OpAlternate:
		return slices.ContainsFunc(re.Sub, n.canMatch)
	}
	return true
}

// matchable reports whether a text is a regular expression that may match a name.
func (n names) matchable(pattern string) bool {
	re, err := syntax.Parse(pattern, syntax.Perl)
	return err == nil && n.canMatch(re)
}

// checkNames refuses patterns that no name can match: flag is the one that has them, or empty for QUERY. They must be valid.
func checkNames(flag string, patterns []string) error {
	of, kind, given, blamed, command := podNames, "pod", "QUERY", on(nil), "mktail"
	if flag != "" {
		given, blamed, command = "--"+flag, on{flag}, "--"+flag
	}
	if flag == "container" || flag == "exclude-container" {
		of, kind = containerNames, "container"
	}
	for _, p := range patterns {
		if !of.matchable(p) {
			return usagef(blamed, of.suggest(command, p, kind), "%s %q cannot match any %s, as names of %ss have no such characters", given, p, kind, kind)
		}
	}
	return nil
}

// suggest returns a hint of what was meant by a pattern that no name can match.
func (n names) suggest(command, pattern, kind string) string {
	if command == "mktail" && labelSelector.MatchString(pattern) {
		return "labels are selected by -l " + quoted(pattern)
	}
	parts := strings.FieldsFunc(pattern, func(r rune) bool { return r == ',' || r == ' ' })
	var whys []string
	for i, part := range parts {
		fixed, why := n.fix(part)
		if fixed == "" {
			parts = nil
			break
		}
		if parts[i] = fixed; why != "" && !slices.Contains(whys, why) {
			whys = append(whys, why)
		}
	}
	why := ""
	if len(whys) > 0 {
		why = "names of " + kind + "s " + strings.Join(whys, " and ") + ": "
	}
	switch list := strings.Join(parts, "|"); {
	case len(parts) > 1 && command == "mktail":
		return fmt.Sprintf("%suse mktail %s, or mktail %s", why, quoted(list), quoted(parts...))
	case len(parts) > 0:
		return why + "use " + command + " " + quoted(list)
	case kind == "container":
		return "names of containers have a-z, 0-9 and -"
	}
	return "names of pods have a-z, 0-9, - and ."
}

// fix returns what was meant by a part of a pattern, and why it is that; empty: it isn't known.
func (n names) fix(part string) (fixed, why string) {
	if n.matchable(part) {
		return part, ""
	}
	if strings.Contains(part, `\`) { // where \S is not \s
		return "", ""
	}
	if part = strings.ToLower(part); n.matchable(part) {
		return part, "are in lower case"
	}
	if part = strings.ReplaceAll(part, "_", "-"); n.matchable(part) {
		return part, "have no underscores"
	}
	return "", ""
}

var (
	labelSelector = regexp.MustCompile(`^[\w./-]+!?==?[\w.-]*(,[\w./-]+!?==?[\w.-]*)*$`)
	// plainWord needs no quotes in a shell.
	plainWord = regexp.MustCompile(`^[\w.,:=@%/+-]+$`)
)

// quoted returns arguments as they are typed in a shell.
func quoted(args ...string) string {
	var all []string
	for _, arg := range args {
		if !plainWord.MatchString(arg) {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		all = append(all, arg)
	}
	return strings.Join(all, " ")
}

// globLike is a pattern that was perhaps meant as a glob: as a regular expression, its last letter before an asterisk may be missing.
var globLike = regexp.MustCompile(`^[a-z0-9.-]*([a-z0-9-]|^)[*][a-z0-9.*-]*$`)

// hintGlobs logs how to give what looks like a glob, of patterns of QUERY.
func hintGlobs(log zerolog.Logger, patterns []*regexp.Regexp) {
	for _, re := range patterns {
		if p := re.String(); globLike.MatchString(p) {
			log.Info().Msgf("hint: QUERY %q is a regular expression that matches anywhere in names; as a glob, it is %s", p, quoted("pod/"+p))
		}
	}
}
