package cli

import (
	"bytes"
	"io"
	"regexp"
	"strings"
)

// ciCommand is where a CI system may find the beginning of a command in what a job writes. GitHub's is two colons at the beginning of a
// line, after space; for .NET, which the runner is written in, a carriage return ends a line, too. Its older form and Azure's are number
// signs anywhere. GitLab's is section_start or section_end with a time.
var ciCommand = regexp.MustCompile(`(?m)(?:^|\r)[\s\p{Z}\p{C}]*::|##\w*\[|section_(?:start|end):\d`)

// ciText and ciJSON write what begins a command otherwise. JSON stays JSON of the same value: it has these within strings alone.
var (
	ciText = strings.NewReplacer("::", `\x3a:`, "##", `\x23#`, "section_", `\x73ection_`)
	ciJSON = strings.NewReplacer("::", `\u003a:`, "##", `\u0023#`, "section_", `\u0073ection_`)
)

// inert returns a text in which no CI system finds a command: a part of it may come from a log. GitHub's
// stop-commands would hold for the whole job, annotations included, and Azure and GitLab have nothing like it; escapes do for all.
func inert(text string) string { return ciCommand.ReplaceAllStringFunc(text, ciText.Replace) }

// inertRecords writes records to the log of a CI system's job, such that the system finds no command in them.
type inertRecords struct {
	to   io.Writer
	json bool // they are JSON
}

// Write writes whole lines.
func (w inertRecords) Write(p []byte) (int, error) {
	text := p
	if bytes.Contains(p, []byte("::")) || bytes.Contains(p, []byte("##")) || bytes.Contains(p, []byte("section_")) {
		escapes := ciText
		if w.json {
			escapes = ciJSON
		}
		text = ciCommand.ReplaceAllFunc(p, func(begin []byte) []byte { return []byte(escapes.Replace(string(begin))) })
	}
	if _, err := w.to.Write(text); err != nil {
		return 0, err
	}
	return len(p), nil
}
