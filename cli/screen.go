package cli

import (
	"io"
	"os"

	"github.com/mattn/go-isatty"

	"mktail/emit"
)

// messages is stderr, for whatever mktail writes there. Nothing may use os.Stderr itself but for processes that get it as theirs.
var messages = onScreen(os.Stderr)

// onScreen returns what to write to a file with: if the file is a terminal, nothing that is written can steer it.
func onScreen(file *os.File) io.Writer {
	if isTerminal(file) {
		return &emit.Screen{To: patient{file}}
	}
	return file
}

func isTerminal(file *os.File) bool {
	return isatty.IsTerminal(file.Fd()) || isatty.IsCygwinTerminal(file.Fd())
}
