package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/rs/zerolog"

	"mktail/emit"
	"mktail/tail/report"
)

// ciCommandOf is what a CI system understands of a line: a command with its properties and its text.
type ciCommandOf struct {
	name, title, text string
}

// readGithub reads a line as GitHub's runner does: a command begins with two colons, after space; else one may stand anywhere in
// brackets after two number signs, which is the older form.
func readGithub(line string) *ciCommandOf {
	unescape := func(s string, also ...string) string {
		for _, pair := range append(also, "%0D\r", "%0A\n", "%25%") {
			s = strings.ReplaceAll(s, pair[:3], pair[3:])
		}
		return s
	}
	if rest, ok := strings.CutPrefix(strings.TrimLeftFunc(line, unicode.IsSpace), "::"); ok {
		if info, text, ok := strings.Cut(rest, "::"); ok {
			name, properties, _ := strings.Cut(info, " ")
			c := &ciCommandOf{name: name, text: unescape(text)}
			for property := range strings.SplitSeq(properties, ",") {
				if value, ok := strings.CutPrefix(property, "title="); ok {
					c.title = unescape(value, "%3A:", "%2C,")
				}
			}
			return c
		}
	}
	if _, rest, ok := strings.Cut(line, "##["); ok {
		if name, text, ok := strings.Cut(rest, "]"); ok {
			return &ciCommandOf{name: name, text: text}
		}
	}
	return nil
}

// readAzure reads a line as Azure's agent does: a command may stand anywhere in it.
func readAzure(line string) *ciCommandOf {
	_, rest, ok := strings.Cut(line, "##vso[")
	if !ok {
		return nil
	}
	info, text, ok := strings.Cut(rest, "]")
	if !ok {
		return nil
	}
	name, properties, _ := strings.Cut(info, " ")
	for _, pair := range []string{"%3B;", "%0D\r", "%0A\n", "%5D]"} {
		text = strings.ReplaceAll(text, pair[:3], pair[3:])
	}
	return &ciCommandOf{name: name + " " + properties, text: strings.ReplaceAll(text, "%AZP25", "%")}
}

// hostile are texts that would be commands, or end one, if they were not escaped.
var hostile = []string{
	"::error::x", "a::b,c=d::e", "\n::add-mask::eu", "\r\n ::stop-commands::t", "\u00a0::warning::x", "##[add-mask]x", "##vso[task.complete result=Failed]x",
	"]x", ";type=warning]", "%0A::error::x", "%250A", "%AZP25", "%AZP250A", "%25", "\x1b[0Ksection_end:1:mktail_annotations\r\x1b[0K", "\u0085::error::x",
	"##teamcity[message]", "", "%", "a\tb", "x\r::error::x", "x\r \u0085::add-mask::eu", "\x00\u00ad::error::x", "\v\f ::group::x", "x ##[endgroup]y",
	"\x1b[0Ksection_start:1700000000:x[collapsed=true]\r\x1b[0Ky", "a::b ##c [d]", "#####[x]", "##vso[##vso[x]y",
}

// Each system reads an annotation as one command with the text that was given, whatever that is.
func TestAnnotationsEscape(t *testing.T) {
	for _, text := range hostile {
		want := visibleLines(text)
		line := githubLine(severityError, text, want)
		if c := readGithub(line); c == nil || c.name != "error" || c.text != want || c.title != text && !strings.ContainsAny(text, "\x1b\u0085") || strings.ContainsAny(line, "\r\n") {
			t.Errorf("GitHub reads %q as %+v", line, c)
		}
		line = azureLine(severityWarning, "title", want)
		if c := readAzure(line); c == nil || c.name != "task.logissue type=warning" || c.text != "title: "+want || strings.ContainsAny(line, "\r\n") {
			t.Errorf("Azure reads %q as %+v", line, c)
		}
		if line = gitlabLine(severityNotice, "title", want); strings.ContainsAny(line, "\r\n") || strings.Count(line, "\x1b") != 2 {
			t.Errorf("GitLab gets %q", line)
		}
	}
}

// No message on stderr has a command in it, whatever it quotes.
func TestMessagesAreNoCommands(t *testing.T) {
	for _, text := range hostile {
		var out strings.Builder
		log := newLogger(&out, false)
		log.Warn().Msg("eu: " + text)
		log.Info().Msg(text)
		for line := range strings.Lines(out.String()) {
			if c := readGithub(line); c != nil {
				t.Errorf("GitHub reads %q as %+v", line, c)
			}
			if c := readAzure(line); c != nil {
				t.Errorf("Azure reads %q as %+v", line, c)
			}
		}
	}
}

// No record on stdout has a command in it, in any format, and JSON has the value that it had.
func TestRecordsAreNoCommands(t *testing.T) {
	section := regexp.MustCompile(`section_(start|end):\d+:`) // gitlab-org/gitlab, lib/gitlab/ci/trace/section_parser
	for _, text := range hostile {
		src := emit.Source{Pod: "web"}
		for name, format := range map[string]emit.Format{
			"raw": emit.Raw(emit.RawOptions{}), "text": emit.Text(emit.TextOptions{}), "json": emit.JSON, "ppextjson": emit.JSONOptions{Embed: true, Indent: true}.Format,
		} {
			json := strings.HasSuffix(name, "json")
			r := &emit.Record{Stamp: []byte("2026-01-02T03:04:05.000000000Z"), Line: []byte(text)}
			record := format(src)(nil, r)
			var out strings.Builder
			n, err := inertRecords{&out, json}.Write(append([]byte("one\n"), record...))
			if err != nil || n != len("one\n")+len(record) {
				t.Errorf("%s: %d, %v", name, n, err)
			}
			for line := range strings.FieldsFuncSeq(out.String(), func(r rune) bool { return r == '\n' || r == '\r' }) {
				if c := readGithub(line); c != nil {
					t.Errorf("%s: GitHub reads %q as %+v", name, line, c)
				}
				if c := readAzure(line); c != nil {
					t.Errorf("%s: Azure reads %q as %+v", name, line, c)
				}
				if section.MatchString(line) {
					t.Errorf("%s: GitLab reads %q", name, line)
				}
			}
			if got := strings.TrimPrefix(out.String(), "one\n"); json && !sameJSON(t, got, string(record)) {
				t.Errorf("%s: %s is not %s", name, got, record)
			}
		}
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var v, w any
	if err := errors.Join(json.Unmarshal([]byte(a), &v), json.Unmarshal([]byte(b), &w)); err != nil {
		t.Error(err)
	}
	return reflect.DeepEqual(v, w)
}

// A match is shown without its escape sequences, a gap that a program matches with its reason, and a container that crashes again
// and again once.
func TestAnnotationsShow(t *testing.T) {
	src := emit.Source{Cluster: "eu", Namespace: "shop", Pod: "web", Container: "app"}
	crash := report.Event{Kind: report.PodState, Cluster: "eu", Namespace: "shop", Pod: "web", Failures: []string{"app exited with 1 (Error)"}}
	for name, tt := range map[string]struct {
		take func(*annotations)
		want string
	}{
		"a red line": {func(a *annotations) { a.match("fail-on", src, &emit.Record{Line: []byte("\x1b[31mpanic\x1b[0m")}) },
			"::error title=--fail-on matched::eu: shop/web/app: panic\n"},
		"a gap": {func(a *annotations) { a.match("fail-on", src, &emit.Record{Gap: &emit.Gap{Reason: "rotated"}}) },
			"::error title=--fail-on matched::eu: shop/web/app: lines may be missing: rotated\n"},
		"a loop of crashes": {func(a *annotations) { a.happened(crash); a.happened(crash) },
			"::warning title=container failed::eu: shop/web: app exited with 1 (Error)\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			a := &annotations{system: ciSystems[0], out: &out, count: make(map[severity]int)}
			tt.take(a)
			a.end(1)
			if out.String() != tt.want {
				t.Errorf("got %q, want %q", &out, tt.want)
			}
		})
	}
}

// Annotations are few and short.
func TestAnnotationsBounded(t *testing.T) {
	var out strings.Builder
	a := &annotations{system: ciSystems[0], out: &out, count: make(map[severity]int)}
	log := a.logger(zerolog.New(io.Discard))
	for i := range 2 * maxAnnotations {
		log.Error().Msgf("%d %s", i, strings.Repeat("ä", maxAnnotation))
		log.Warn().Msg("not one")
		a.happened(report.Event{Kind: report.GapFound, Gap: &emit.Gap{Reason: "rotated"}})
		a.happened(report.Event{Kind: report.PodState, Failures: []string{fmt.Sprint("app exited with ", i)}})
	}
	a.end(1)
	for s, want := range map[string]int{"::error ": maxAnnotations, "::warning ": maxAnnotations} {
		if n := strings.Count(out.String(), s); n != want {
			t.Errorf("%d of %s", n, s)
		}
	}
	if max := 2 * maxAnnotations * (maxAnnotation + 100); out.Len() > max || strings.Contains(out.String(), "\uFFFD") {
		t.Errorf("%d bytes", out.Len())
	}
}
