// Command server runs simulated clusters in a process of its own, for benchmarks and for trying things by hand:
//
//	go run ./testdata/sim/server -dir DIR -clusters 3 -pods 100 -lines 10000
//
// It writes one kubeconfig per cluster, DIR/sim-1.yaml with context sim-1 and so on, prints "ready" on stdout, and serves
// until its stdin ends or it is interrupted.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"

	"mktail/testdata/sim"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

func run() error {
	dir := flag.String("dir", ".", "where the kubeconfigs go")
	clusters := flag.Int("clusters", 1, "clusters")
	pods := flag.Int("pods", 10, "pods of each")
	lines := flag.Int("lines", 100_000, "lines in each pod's log from the start")
	length := flag.Int("length", 100, "bytes of a line without stamp and newline")
	rate := flag.Float64("rate", 0, "lines a second that each pod goes on writing")
	end := flag.Bool("end", false, "the pods have ended (else they run on)")
	chunk := flag.Int("chunk", 32<<10, "bytes to a write and flush; -1 for a line each")
	http1 := flag.Bool("http1", false, "HTTP/1.1 only")
	namespace := flag.String("namespace", "default", "of the pods")
	errors := flag.Int("error", 0, "every how manieth line is an error; 0: none")
	asJSON := flag.Bool("json", false, "lines are JSON")
	flag.Parse()

	pad := strings.Repeat("x", *length)
	line := func(i int) string {
		level := "info"
		if *errors > 0 && i%*errors == 0 {
			level = "error"
		}
		if *asJSON {
			text := fmt.Sprintf(`{"level":"%s","ts":%d,"msg":"line %d","pad":"`, level, i, i)
			return text + pad[:max(*length-len(text)-2, 0)] + `"}`
		}
		return fmt.Sprintf("%s %d %s", strings.ToUpper(level), i, pad)[:max(*length, 8)]
	}
	if *rate == 0 && *lines == 0 {
		*rate = 1e-9 // they live on and say nothing
	}
	fill := sim.Prerender(*lines, time.Now().Add(-time.Hour), 100*time.Microsecond, line)
	for i := range *clusters {
		c, err := sim.Start(sim.Options{Name: fmt.Sprintf("sim-%d", i+1), Chunk: *chunk, HTTP1: *http1})
		if err != nil {
			return err
		}
		defer c.Close()
		for j := range *pods {
			k := sim.ContainerSpec{Name: "app", Fill: fill}
			switch {
			case *rate > 0:
				k.Rate = *rate
				k.Lines = func(n int) (string, bool) { return line(*lines + n), true }
			case *end:
				k.Run = func(context.Context, io.Writer, io.Writer) int { return 0 }
			}
			c.AddPod(sim.PodSpec{Namespace: *namespace, Name: fmt.Sprintf("%s-pod-%d", c.Name(), j+1), Labels: map[string]string{"app": "sim"},
				Policy: corev1.RestartPolicyNever, Containers: []sim.ContainerSpec{k}})
		}
		path := filepath.Join(*dir, c.Name()+".yaml")
		if err := os.WriteFile(path, c.KubeconfigFor(sim.Access{Context: c.Name(), Namespace: *namespace}), 0o600); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	<-ctx.Done()
	return nil
}
