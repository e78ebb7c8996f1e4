package discover

import (
	"regexp"
	"slices"
	"strings"

	"mktail/discover/glob"
)

// pattern selects contexts by name. It is a glob, whose * also matches slashes because context names contain them, or a
// regular expression between slashes, or a name as it stands after a =. A glob that is itself the name of a context means that one: see
// asNames. A pattern after a ! excludes contexts.
type pattern struct {
	text   string // as written
	name   string // without the ! and the =
	negate bool
	exact  bool           // a plain name, not negated
	re     *regexp.Regexp // nil: it is the name alone
	value  string         // of --context that it is from
}

// matches reports whether the pattern matches the context's name or file/context, which is the cluster's name if
// several files have a context of the same name, or is a longer name of the cluster. It ignores negate.
func (p pattern) matches(e entry) bool {
	for _, name := range []string{e.context, stem(e.file.path) + "/" + e.context} {
		if name == p.name || p.re != nil && p.re.MatchString(name) {
			return true
		}
	}
	return slices.Contains(namesOf(e.file.path, e.file.root, e.context), p.name) // no glob: folders have all kinds of names
}

// asNames has each glob that is the name of an entry be that name, and no glob.
func asNames(patterns []pattern, all []entry) {
	for i := range patterns {
		p := &patterns[i]
		if p.re == nil || isRegexp(p.name) || !glob.Is(p.name) {
			continue
		}
		literal := pattern{name: p.name}
		if slices.ContainsFunc(all, literal.matches) {
			p.re, p.exact = nil, !p.negate
		}
	}
}

// wanted reports whether patterns select a context: at least one of those that are not negated matches it, unless all
// are negated, and no negated one does.
func wanted(patterns []pattern, e entry) bool {
	adds, added := false, false
	for _, p := range patterns {
		switch {
		case !p.negate:
			adds = true
			added = added || p.matches(e)
		case p.matches(e):
			return false
		}
	}
	return added || !adds
}

// literal returns the name that a value of --context gives as it stands, after a = or !=. Commas and spaces are part of it.
func literal(value string) (name string, ok bool) {
	return strings.CutPrefix(strings.TrimPrefix(value, "!"), "=")
}

// Pattern returns a value of --context that chooses the contexts of this name.
func Pattern(context string) string {
	list := splitList(context)
	if strings.HasPrefix(context, "!") || strings.HasPrefix(context, "=") || len(list) != 1 || list[0] != context || isRegexp(context) {
		return "=" + context
	}
	return context
}

func isRegexp(text string) bool {
	return len(text) > 2 && text[0] == '/' && strings.HasSuffix(text, "/")
}

// contextPatterns parses the values of --context, each a comma-separated list, or one name after a =.
func contextPatterns(values []string) (all []pattern, err error) {
	for _, v := range values {
		if name, ok := literal(v); ok {
			if name == "" {
				return nil, usagef("write a name after the =", "reading --context %q: it names nothing", v).of("context")
			}
			negate := v[0] == '!'
			all = append(all, pattern{text: v, name: name, negate: negate, exact: !negate, value: v})
			continue
		}
		for _, text := range splitList(v) {
			p := pattern{text: text, value: v}
			p.name, p.negate = strings.CutPrefix(text, "!")
			p.name = strings.TrimSpace(p.name)
			if p.name == "" {
				return nil, usagef("write a pattern after the !", "reading --context %q: it takes nothing away", v).of("context")
			}
			expr, isRegexp := "", isRegexp(p.name)
			if isRegexp {
				expr = p.name[1 : len(p.name)-1]
			} else {
				expr = globExpr(p.name)
				p.exact = !p.negate && !glob.Is(p.name)
			}
			if p.re, err = regexp.Compile(expr); err != nil {
				hint := "give a glob, such as 'prod-*'"
				if isRegexp {
					hint = "see https://pkg.go.dev/regexp/syntax"
				}
				return nil, usagef(hint, "reading --context %q: %w", text, err).of("context")
			}
			all = append(all, p)
		}
	}
	return all, nil
}

// splitList splits a list at commas, but not within a /regexp/, which ends at a slash before a comma or at the list's
// end. It drops empty items.
func splitList(v string) (all []string) {
	for v != "" {
		var item string
		body := strings.TrimLeft(v, " !")
		skip := len(v) - len(body)
		if strings.HasPrefix(body, "/") {
			if n := strings.Index(body[1:], "/,"); n >= 0 {
				skip += n + 2
			} else if strings.HasSuffix(strings.TrimSpace(body[1:]), "/") {
				skip = len(v)
			}
		}
		if comma := strings.IndexByte(v[skip:], ','); comma >= 0 {
			item, v = v[:skip+comma], v[skip+comma+1:]
		} else {
			item, v = v, ""
		}
		if item = strings.TrimSpace(item); item != "" {
			all = append(all, item)
		}
	}
	return all
}

// globExpr turns a glob with *, ? and [classes] into a regular expression.
func globExpr(pattern string) string {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for rest := pattern; rest != ""; {
		switch i := strings.IndexAny(rest, glob.Chars); {
		case i < 0:
			b.WriteString(regexp.QuoteMeta(rest))
			rest = ""
		case i > 0:
			b.WriteString(regexp.QuoteMeta(rest[:i]))
			rest = rest[i:]
		case rest[0] == '*':
			b.WriteString(".*")
			rest = rest[1:]
		case rest[0] == '?':
			b.WriteByte('.')
			rest = rest[1:]
		default:
			class, after, ok := strings.Cut(rest[1:], "]")
			if !ok || strings.Trim(class, "!^") == "" {
				b.WriteString(`\[`)
				rest = rest[1:]
				continue
			}
			not := ""
			if class[0] == '!' || class[0] == '^' {
				not, class = "^", class[1:]
			}
			b.WriteString("[" + not + strings.NewReplacer(`\`, `\\`, `[`, `\[`, `^`, `\^`).Replace(class) + "]")
			rest = after
		}
	}
	b.WriteString(`\z`)
	return b.String()
}
