// Command cluster brings real Kubernetes clusters up and down on one Linux machine, and breaks them as tests need. It needs
// root, Go, and Debian's containerd, runc and iproute2; no Docker engine, no registry, no kubectl. Each cluster is etcd,
// kube-apiserver, containerd and kubelet, built by Go from this module's versions, in a network namespace of its own.
//
// No scheduler, no controller manager and no network plugin runs. So a pod must name its node, NAME-node, and use hostNetwork;
// its namespace once deleted stays Terminating. The node has two images, which pods use with imagePullPolicy Never:
// mktail.test/loggen:1, whose /loggen takes the flags of package loggen, and mktail.test/pause:1, which only waits.
//
// Users log in by token: admin (NAME-admin, of system:masters), viewer (NAME-viewer) and nobody (NAME-nobody). The last two
// may do nothing until RBAC rules say otherwise.
//
// A container's log is rotated when it exceeds containerLogMaxSize (up -log-max), which the kubelet looks at every 3 s, or
// by the command rotate at once. The kubelet's files are in /var/log, so that its API serves them: podLogsDir of its configz.
//
// The kubelet runs the static pods whose manifests are in the folder manifests of the cluster's own.
//
// The kubelet sets some sysctls of the machine (vm.overcommit_memory, kernel.panic, kernel.panic_on_oops), which stay.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const usage = `usage: cluster [FLAGS] COMMAND [FLAGS] [NAME...]

  up NAME...                 begin clusters, or complete those that are begun; prints their kubeconfig files
  down [NAME...]             end clusters (all, if none is named) and remove all that is theirs
  status                     clusters, their components, and whether they answer
  kubeconfig NAME            print the kubeconfig (-user admin, viewer or nobody)
  stop NAME COMPONENT        end a component (etcd, apiserver, containerd or kubelet) with SIGTERM, and SIGKILL after -grace
  kill NAME COMPONENT        end it with SIGKILL
  start NAME COMPONENT       begin it again, and wait until it answers
  restart NAME COMPONENT     stop and start
  net NAME down|up           cut the link to the cluster, which neither side is told, or mend it
  rotate NAME [NS/POD...]    rotate the logs of running containers (all, if no pod is named)
  pod NAME NS/POD -- FLAGS   make a pod whose container app runs loggen with these flags (-restart Always, OnFailure or Never)
  delete NAME NS/POD         delete a pod
  logs NAME COMPONENT        print what a component has logged

`

// options are all flags of all commands.
type options struct {
	root    string
	context string
	logMax  string
	user    string
	grace   time.Duration
	restart string
	program []string // what follows --
	timeout time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Non-login shells often lack the folders of ip and runc.
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/local/sbin:/usr/sbin:/sbin")
	o, args, err := parse(os.Args[1:])
	if err == nil {
		err = run(ctx, o, args)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "cluster: "+strings.ReplaceAll(err.Error(), "\n", "\ncluster: "))
		os.Exit(1)
	}
}

// parse takes flags anywhere among the arguments.
func parse(args []string) (o options, words []string, err error) {
	root := os.Getenv("MKTAIL_CLUSTERS")
	if root == "" {
		root = filepath.Join(os.TempDir(), "mktail-clusters")
	}
	fs := flag.NewFlagSet("cluster", flag.ContinueOnError)
	fs.Usage = func() {
		fmt.Fprint(os.Stderr, usage)
		fs.PrintDefaults()
	}
	fs.StringVar(&o.root, "root", root, "`folder` of the clusters' files, also $MKTAIL_CLUSTERS")
	fs.StringVar(&o.context, "context", "", "up, kubeconfig: `name` of the kubeconfig's context (default the cluster's name)")
	fs.StringVar(&o.logMax, "log-max", "10Mi", "up: `size` at which a container's log is rotated")
	fs.StringVar(&o.user, "user", "admin", "kubeconfig: `who` logs in")
	fs.DurationVar(&o.grace, "grace", 5*time.Second, "stop, restart: how `long` a component has to end; an API server would wait a minute for open watches")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Minute, "how long to wait for a cluster, builds aside")
	fs.StringVar(&o.restart, "restart", "Always", "pod: the restart `policy`")
	if i := slices.Index(args, "--"); i >= 0 {
		args, o.program = args[:i], args[i+1:]
	}
	for {
		if err := fs.Parse(args); err != nil {
			return o, nil, err
		}
		if fs.NArg() == 0 {
			break
		}
		words, args = append(words, fs.Arg(0)), fs.Args()[1:]
	}
	if len(words) == 0 {
		fs.Usage()
		return o, nil, errors.New("no command")
	}
	o.root, err = filepath.Abs(o.root)
	return o, words, err
}

func run(ctx context.Context, o options, args []string) error {
	command, args := args[0], args[1:]
	switch command {
	case "up":
		if len(args) == 0 {
			return errors.New("up: which clusters? up a b")
		}
		return up(ctx, o, args)
	case "down":
		return down(ctx, o, args)
	case "status":
		return status(ctx, o, os.Stdout)
	}
	if len(args) == 0 {
		return fmt.Errorf("%s: which cluster?", command)
	}
	c, err := load(o.root, args[0])
	if err != nil {
		return err
	}
	args = args[1:]
	if command == "kubeconfig" {
		if o.context != "" {
			c.Context = o.context
		}
		return c.printKubeconfig(os.Stdout, o.user)
	}
	if command != "logs" {
		unlock, err := c.lock()
		if err != nil {
			return err
		}
		defer unlock()
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	switch command {
	case "net":
		if len(args) != 1 || !slices.Contains([]string{"up", "down"}, args[0]) {
			return errors.New("net: up or down?")
		}
		return c.net().set(ctx, args[0])
	case "rotate":
		return c.rotate(ctx, args)
	case "pod", "delete":
		if len(args) != 1 {
			return fmt.Errorf("%s: which pod? NAMESPACE/NAME", command)
		}
		if command == "delete" {
			return c.deletePod(ctx, args[0])
		}
		return c.createPod(ctx, args[0], o.restart, o.program)
	}
	if len(args) != 1 {
		return fmt.Errorf("%s: which component? %s", command, strings.Join(componentNames(), ", "))
	}
	k, err := findComponent(args[0])
	if err != nil {
		return err
	}
	switch command {
	case "logs":
		return c.printLog(os.Stdout, k)
	case "stop":
		return c.end(ctx, k, o.grace)
	case "kill":
		return c.end(ctx, k, 0)
	case "start":
		return c.begin(ctx, k)
	case "restart":
		if err := c.end(ctx, k, o.grace); err != nil && !errors.Is(err, errNotRunning) {
			return err
		}
		return c.begin(ctx, k)
	}
	return fmt.Errorf("no command %q; -h lists them", command)
}
