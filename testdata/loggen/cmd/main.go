// Command loggen is the program of the test clusters' containers. Under the name pause, or without flags, it only
// waits until it is told to end.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"mktail/testdata/loggen"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if len(os.Args) == 1 || filepath.Base(os.Args[0]) == "pause" {
		<-ctx.Done()
		return
	}
	spec, err := loggen.Parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	os.Exit(spec.Run(ctx, os.Stdout, os.Stderr))
}
