// Package glob says which of the user's words are globs, and matches names with them: *, ? and [classes], as in package path.
// It imports nothing of mktail's, so that every package may use it.
package glob

import (
	"path"
	"strings"
)

// Chars are the characters that make a word a glob. A backslash alone does not: contexts may be named domain\user.
const Chars = "*?["

// Is reports whether a word is a glob, which may match several names.
func Is(word string) bool { return strings.ContainsAny(word, Chars) }

// Check returns the error of a glob that is malformed.
func Check(pattern string) error {
	_, err := path.Match(pattern, "")
	return err
}

// Match reports whether a whole name matches a glob. A malformed glob matches nothing.
func Match(pattern, name string) bool {
	ok, _ := path.Match(pattern, name)
	return ok
}
