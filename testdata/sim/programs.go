package sim

import (
	"context"
	"fmt"
	"io"

	"mktail/testdata/loggen"
)

// runLoggen is the program "/loggen".
func runLoggen(args []string) (Run, error) {
	spec, err := loggen.Parse(args)
	if err != nil {
		return nil, err
	}
	return spec.Run, nil
}

// usage is a program that was given bad arguments.
func usage(err error) Run {
	return func(_ context.Context, _, stderr io.Writer) int {
		fmt.Fprintln(stderr, err)
		return 2
	}
}
