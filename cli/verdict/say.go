package verdict

import (
	"strings"
	"time"

	"mktail/emit"
)

// maxExcerpt is how many bytes of what others wrote are quoted in a message.
const maxExcerpt = 200

// excerpt returns text as messages quote it: nothing in it can steer a terminal or begin a line, and it is cut.
func excerpt(text string) string {
	if len(text) <= maxExcerpt {
		return emit.Visible(text)
	}
	return emit.Visible(emit.Cut(text, maxExcerpt)) + "…"
}

// matchOf says which record matched what a flag gives.
func matchOf(flag string, src emit.Source, r *emit.Record) string {
	line := string(r.Text())
	if r.Gap != nil {
		line = "lines may be missing: " + r.Gap.Reason
	}
	return flag + " matched: " + excerpt(nameOf(src)) + ": " + excerpt(line)
}

// shortly returns a duration without the zeros at its end: 5m, not 5m0s.
func shortly(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// join joins those of the phrases that are not empty.
func join(phrases ...string) string {
	var all []string
	for _, p := range phrases {
		if p != "" {
			all = append(all, p)
		}
	}
	return strings.Join(all, "; ")
}
