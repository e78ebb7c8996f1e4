package cli

import (
	"math"
	"reflect"
	"regexp"
	"testing"
)

// The help of --output has a word on each format.
func TestOutputHelp(t *testing.T) {
	field, ok := reflect.TypeFor[flags]().FieldByName("Output")
	if !ok {
		t.Fatal("there is no flag --output")
	}
	help := field.Tag.Get("help")
	for _, f := range formats {
		if f.name != autoFormat && !regexp.MustCompile(`\b`+f.name+`\b.*:`).MatchString(help) {
			t.Errorf("the help of --output does not say what %s is", f.name)
		}
	}
}

func TestOwnStreams(t *testing.T) {
	for value, want := range map[string]int{"auto": 32, "always": 0, "never": math.MaxInt32} {
		if got := (&flags{HTTP2: value}).ownStreams(); got != want {
			t.Errorf("%s: %d streams have a connection each, want %d", value, got, want)
		}
	}
}
