package discover

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

var (
	errNoText  = errors.New("it is no text in UTF-8")
	errAliases = errors.New("its YAML aliases make it too large")
	errParts   = errors.New("it has too many parts")
)

// mostParts is the maximum of parts: parsers take some hundred bytes for each value. 10,000 contexts stay below it.
const mostParts = 512 << 10

// decoded returns a file's text in UTF-8 without a byte order mark. UTF-16 needs the mark, which PowerShell's > writes.
// It is an error if the file is not text, or if a YAML parser would need too much memory; then text is nil only in the
// first case.
func decoded(text []byte) ([]byte, error) {
	if rest, ok := bytes.CutPrefix(text, []byte("\ufeff")); ok {
		text = rest
	} else if bytes.HasPrefix(text, []byte{0xff, 0xfe}) {
		text = fromUTF16(text[2:], binary.LittleEndian)
	} else if bytes.HasPrefix(text, []byte{0xfe, 0xff}) {
		text = fromUTF16(text[2:], binary.BigEndian)
	}
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return nil, errNoText
	}
	if parts(text) > mostParts {
		return text, errParts
	}
	if bytes.IndexByte(text, '&') < 0 || bytes.IndexByte(text, '*') < 0 {
		return text, nil
	}
	var node yaml.Node // of the text only: aliases are not expanded here
	if err := yaml.Unmarshal(text, &node); err != nil {
		return text, withoutValues(err)
	}
	sizes := make(sizes)
	if sizes.of(&node) > mostBytes {
		return text, errAliases
	}
	return text, nil
}

// parts returns an upper estimate of the number of values in a text.
func parts(text []byte) (n int) {
	for _, c := range []byte("\n,:-?[{") {
		n += bytes.Count(text, []byte{c})
	}
	return n
}

func fromUTF16(text []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, len(text)/2)
	for i := range units {
		units[i] = order.Uint16(text[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

// sizes holds the sizes of nodes with their aliases expanded.
type sizes map[*yaml.Node]int

// of returns the approximate size of a node in bytes, at most mostBytes+1, which also means endless: a node that contains
// itself. go-yaml has its own limit, but it counts nodes, so it does not stop a few large strings.
func (s sizes) of(n *yaml.Node) int {
	const tooLarge = mostBytes + 1
	if size, ok := s[n]; ok {
		return size
	}
	s[n] = tooLarge // until it is computed: a node that is reached before contains itself
	size := len(n.Value) + 1
	if n.Alias != nil {
		size = s.of(n.Alias)
	}
	for _, child := range n.Content {
		size = min(size+s.of(child), tooLarge)
	}
	s[n] = size
	return size
}
