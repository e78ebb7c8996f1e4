package cli

import (
	"fmt"
	"time"

	"github.com/alecthomas/kong"

	"mktail/emit"
)

// stampForm is the value of --timestamps; "default" if the flag has none.
type stampForm string

// Decode is called by kong. It reads the value, if there is one after an equals sign.
func (s *stampForm) Decode(ctx *kong.DecodeContext) error {
	*s = "default"
	if ctx.Scan.Peek().Type == kong.FlagValueToken {
		*s = stampForm(fmt.Sprint(ctx.Scan.Pop().Value))
	}
	return nil
}

// IsBool is called by kong. It reports that the flag needs no value.
func (s *stampForm) IsBool() bool { return true }

// stamps reads --timestamps and --timezone. Templates always have times, so that --timezone may be given alone.
func (f *flags) stamps() (emit.Timestamps, error) {
	form := string(f.Timestamps)
	switch {
	case form == "true", !f.stamped() && f.Timezone != "":
		form = "default"
	case !f.stamped():
		return emit.Timestamps{}, nil
	}
	zone, err := time.LoadLocation(f.Timezone) // empty: UTC
	if err != nil {
		return emit.Timestamps{}, usagef(on{"timezone"}, "give a name such as Europe/Berlin, UTC or Local", "reading --timezone %q: %w", f.Timezone, err)
	}
	stamps, ok := emit.NewTimestamps(form, zone)
	if !ok {
		return stamps, usagef(on{"timestamps"}, "give default, short, unix, RFC3339, or another name or layout of https://pkg.go.dev/time such as 15:04:05", "--timestamps=%s is no form of a time", form)
	}
	return stamps, nil
}

// stamped reports whether --timestamps asks for timestamps.
func (f *flags) stamped() bool { return f.Timestamps != "" && f.Timestamps != "false" }
