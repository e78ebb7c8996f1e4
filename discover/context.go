package discover

import (
	"regexp"
	"strings"
)

// pattern chooses contexts by name: a glob, whose * crosses slashes as context names hold some, or a regular
// expression between slashes; after a ! it takes contexts away.
type pattern struct {
	text   string // as written
	name   string // without the !
	negate bool
	exact  bool // it adds, and is a plain name
	re     *regexp.Regexp
}

// matches looks at the context's name, and at its name with the file's, which is what the cluster is called by where
// contexts have equal names.
func (p pattern) matches(e entry) bool {
	for _, name := range []string{e.context, stem(e.file.path) + "/" + e.context} {
		if name == p.name || p.re.MatchString(name) {
			return true
		}
	}
	return false
}

// wanted tells whether patterns choose a context: one of those that add does, or there is none of these, and none
// takes it away.
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

// contextPatterns reads the values of --context, each a list with commas.
func contextPatterns(values []string) (all []pattern, err error) {
	for _, v := range values {
		for _, text := range splitList(v) {
			p := pattern{text: text}
			p.name, p.negate = strings.CutPrefix(text, "!")
			p.name = strings.TrimSpace(p.name)
			if p.name == "" {
				return nil, usagef("write a pattern after the !", "reading --context %q: it takes nothing away", v)
			}
			expr, isRegexp := "", len(p.name) > 2 && p.name[0] == '/' && strings.HasSuffix(p.name, "/")
			if isRegexp {
				expr = p.name[1 : len(p.name)-1]
			} else {
				expr = globExpr(p.name)
				p.exact = !p.negate && !strings.ContainsAny(p.name, "*?[")
			}
			if p.re, err = regexp.Compile(expr); err != nil {
				hint := "give a glob, such as 'prod-*'"
				if isRegexp {
					hint = "see https://pkg.go.dev/regexp/syntax"
				}
				return nil, usagef(hint, "reading --context %q: %w", text, err)
			}
			all = append(all, p)
		}
	}
	return all, nil
}

// splitList splits at commas, but not within a /regexp/, which ends at a slash before a comma or at the end. It
// leaves out what is empty.
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
func globExpr(glob string) string {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for rest := glob; rest != ""; {
		switch i := strings.IndexAny(rest, "*?["); {
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
