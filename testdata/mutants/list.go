package main

import (
	"fmt"
	"strings"
)

// listed is what the list says of a mutant that survives.
type listed struct {
	kind   string // equivalent: nothing that a caller sees differs; speed: only time or memory does; hole: a test is missing
	reason string
}

// counted reports whether the mutant counts among those that tests should kill.
func (l listed) counted() bool { return l.kind == "hole" }

// parseList reads the list: a mutant's key, and below it, indented, its kind and the reason. Lines with # are comments.
func parseList(text string) (map[string]listed, error) {
	all := make(map[string]listed)
	key := ""
	for i, line := range strings.Split(text, "\n") {
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case !strings.HasPrefix(line, " "):
			if key != "" {
				return nil, fmt.Errorf("line %d: %s has no reason", i+1, key)
			}
			if key = line; all[key] != (listed{}) {
				return nil, fmt.Errorf("line %d: %s is listed twice", i+1, key)
			}
		default:
			kind, reason, _ := strings.Cut(strings.TrimSpace(line), ": ")
			switch {
			case key == "":
				return nil, fmt.Errorf("line %d: a reason without a mutant", i+1)
			case kind != "equivalent" && kind != "speed" && kind != "hole" || reason == "":
				return nil, fmt.Errorf("line %d: write equivalent, speed or hole, a colon and the reason", i+1)
			}
			all[key], key = listed{kind, reason}, ""
		}
	}
	if key != "" {
		return nil, fmt.Errorf("%s has no reason", key)
	}
	return all, nil
}
