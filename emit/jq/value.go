package jq

import (
	"math/big"
	"slices"
	"strconv"

	"github.com/itchyny/gojq"

	"mktail/emit"
)

// appendValue appends an output of a program as compact JSON: keys sorted, strings quoted as in records, and everything else
// as gojq writes it. The error says that JSON has no form for v.
func appendValue(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case *big.Int:
		return v.Append(dst, 10), nil
	case string:
		return emit.AppendQuoted(dst, []byte(v)), nil
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = appendValue(dst, e); err != nil {
				return dst, err
			}
		}
		return append(dst, ']'), nil
	case map[string]any:
		return appendObject(dst, v)
	}
	b, err := gojq.Marshal(v) // numbers
	return append(dst, b...), err
}

func appendObject(dst []byte, m map[string]any) ([]byte, error) {
	var few [16]string // most objects have no more keys
	sorted := few[:0]
	for key := range m {
		sorted = append(sorted, key)
	}
	slices.Sort(sorted)
	dst = append(dst, '{')
	for i, key := range sorted {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(emit.AppendQuoted(dst, []byte(key)), ':')
		var err error
		if dst, err = appendValue(dst, m[key]); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}
