package jq_test

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/itchyny/gojq"

	"mktail/emit/jq"
)

// TestValue: values look as gojq writes them, but that a few more characters are escaped.
func TestValue(t *testing.T) {
	keys := make(map[string]any)
	for _, key := range strings.Split("zyxwvutsrqponmlkjihgfedcba", "") {
		keys[key] = key
	}
	for _, v := range []any{
		nil, true, false, 0, -17, math.MaxInt, 1.5, 1e300, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), 1e17, 3.0,
		new(big.Int).Lsh(big.NewInt(1), 100), "", "a\"\\\b\f\n\r\t\x00\x1f\x7f<>&é世", []any{}, []any{1, "x", nil, []any{true}},
		map[string]any{}, keys, map[string]any{"b": map[string]any{"\n": 1}, "a": []any{map[string]any{}}},
	} {
		want, err := gojq.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if got := output(t, "$v", jq.Options{Variables: map[string]any{"v": v}}, jq.Shape{}, record("")); got != string(want)+"\n" {
			t.Errorf("got %s; want %s", got, want)
		}
	}
	if got := output(t, "$v", jq.Options{Variables: map[string]any{"v": "\u0085\u2028\xff"}}, jq.Shape{}, record("")); got != `"\u0085\u2028\ufffd"`+"\n" {
		t.Errorf("got %s", got)
	}
}
