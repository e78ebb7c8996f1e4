package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"sigs.k8s.io/yaml"

	"mktail/testdata/sim"
)

func TestMain(m *testing.M) {
	if os.Getenv(asMktail) != "" {
		os.Exit(Main())
	}
	if !strings.HasPrefix(filepath.Base(os.Args[0]), "mktail") { // else testscript runs it as mktail
		for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} {
			if signal.Ignored(sig) { // as under nohup: then mktail would ignore it, too
				signal.Notify(make(chan os.Signal, 1), sig)
			}
		}
		for _, system := range ciSystems { // on which the tests may run
			os.Unsetenv(system.variable)
		}
	}
	testscript.Main(m, map[string]func(){"mktail": func() { os.Exit(Main()) }})
}

// TestTools tests that the programs in MKTAIL_TOOLS are installed. CI names there what tests use if they find it, so that none
// of them is skipped there.
func TestTools(t *testing.T) {
	for _, tool := range strings.Fields(os.Getenv("MKTAIL_TOOLS")) {
		if _, err := exec.LookPath(tool); err != nil {
			t.Error(err)
		}
	}
}

// TestScripts runs testdata/scripts: mktail's command line on simulated clusters. They have these commands:
//
//	cluster NAME [-context C] [-namespace N] [-token T] [-reads NS,…] [-nologs] [-file F] [-plugin P [-mode M] [-first SH]]
//	        [-oidc] [-down] [-expired] [-mute]
//	                                     starts a cluster; its kubeconfig is F, or HOME/.kube/NAME, where one that is there
//	                                     gets another context; with -plugin its user is a credential plugin, the new script P
//	                                     of interactiveMode M, which runs SH first; with -oidc
//	                                     it is an auth-provider with an id-token of that hour;
//	                                     with -reads it may but read pods and logs in these namespaces, with -nologs but
//	                                     pods; a mute one answers no list
//	object CLUSTER KIND NS/NAME [-owner KIND/NAME] [YAML]
//	                                     makes an object of a kind that Kubernetes has, or replaces it: its labels, spec and
//	                                     status; the script plays the controllers. The owner is in its namespace
//	remove CLUSTER KIND NS/NAME          deletes such an object
//	pod CLUSTER NS/POD [-owner KIND/NAME] [-label K=V] [-policy P] [-init C] [-code N] [-ephemeral C] [-begin LINE] [-waits REASON] [CONTAINER…]
//	                                     makes a pod; the init container writes its name and ends with that code, or 0; the
//	                                     others begin with LINE, or wait for REASON
//	log CLUSTER NS/POD/CONTAINER LINE…                                       writes lines; Go's escapes count
//	past CLUSTER NS/POD/CONTAINER AGO LINE…                                  writes lines that are so old
//	requests CLUSTER [PATTERN]           waits until a request matches; stdout is all requests then
//	end CLUSTER NS/POD/CONTAINER CODE    ends a container
//	delete CLUSTER NS/POD                deletes a pod
//	down CLUSTER, up CLUSTER             stops and starts a cluster's API server
//	renew CLUSTER TOKEN                  makes its token unknown, ends its streams and writes a kubeconfig with another one
//	exits CODE ARGS…                     runs mktail to its end and compares the exit code; stdout and stderr are its own then
//	run ARGS…                            starts mktail in the background
//	see PATTERN, say PATTERN             waits until its stdout, or its stderr, matches
//	unread                               closes the reading end of its stdout
//	signal NAME                          sends it HUP, INT or TERM
//	ends CODE                            waits for its end and compares the exit code; stdout and stderr are its own then
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("..", "testdata", "scripts"),
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, "home")
			env.Setenv("HOME", home)
			env.Setenv("USERPROFILE", home)
			w := &world{clusters: make(map[string]*sim.Cluster), objects: make(map[string]*metav1.OwnerReference)}
			env.Values[worldKey{}] = w
			env.Defer(w.close)
			return os.MkdirAll(filepath.Join(home, ".kube"), 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"cluster":  command((*world).startCluster),
			"object":   command((*world).addObject),
			"remove":   command((*world).removeObject),
			"pod":      command((*world).addPod),
			"log":      command((*world).writeLog),
			"past":     command((*world).writePast),
			"end":      command((*world).endContainer),
			"rotate":   command((*world).rotate),
			"requests": command((*world).requests),
			"delete":   command((*world).deletePod),
			"down":     command((*world).down),
			"up":       command((*world).up),
			"renew":    command((*world).renew),
			"run":      command((*world).run),
			"exits":    command((*world).exits),
			"see":      command((*world).see),
			"say":      command((*world).say),
			"unread":   command((*world).unread),
			"signal":   command((*world).signal),
			"ends":     command((*world).ends),
		},
		RequireExplicitExec: true,
	})
}

// world is what a script has made.
type world struct {
	clusters map[string]*sim.Cluster
	objects  map[string]*metav1.OwnerReference // how their pods name them, by CLUSTER/NS/KIND/NAME
	mktail   *exec.Cmd
	stdout   *capture
	stderr   *capture
	reader   *os.File
	reading  sync.WaitGroup
}

type worldKey struct{}

func command(f func(*world, *testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("unsupported: !")
		}
		f(ts.Value(worldKey{}).(*world), ts, args)
	}
}

func (w *world) close() {
	if w.mktail != nil {
		w.mktail.Process.Kill()
		w.reader.Close()
		w.mktail.Wait()
		w.reading.Wait()
	}
	for _, c := range w.clusters {
		c.Close()
	}
}

func (w *world) startCluster(ts *testscript.TestScript, args []string) {
	fs := flag.NewFlagSet("cluster", flag.ContinueOnError)
	name := args[0]
	contextName := fs.String("context", name, "")
	namespace := fs.String("namespace", "", "")
	token := fs.String("token", "", "")
	reads := fs.String("reads", "", "")
	file := fs.String("file", filepath.Join(ts.Getenv("HOME"), ".kube", name), "")
	plugin := fs.String("plugin", "", "")
	mode := fs.String("mode", string(clientcmdapi.IfAvailableExecInteractiveMode), "")
	first := fs.String("first", "", "")
	oidc := fs.Bool("oidc", false, "")
	down := fs.Bool("down", false, "")
	expired := fs.Bool("expired", false, "")
	noLogs := fs.Bool("nologs", false, "")
	mute := fs.Bool("mute", false, "")
	ts.Check(fs.Parse(args[1:]))
	o := sim.Options{Name: name, Down: *down}
	if *expired {
		o.NotAfter = time.Now().Add(-time.Hour)
	}
	c, err := sim.Start(o)
	ts.Check(err)
	if *mute {
		c.Inject(sim.Fault{Verb: "list", Delay: time.Hour})
	}
	w.clusters[name] = c
	if *reads != "" {
		*token = "reader"
		c.AddToken(*token, sim.Reader("ann", strings.Split(*reads, ",")...))
	}
	if *noLogs {
		*token = "no-logs"
		c.AddToken(*token, sim.User{Name: "dev", Rules: []sim.Rule{{Verbs: []string{"get", "list", "watch"}, Resources: []string{"pods"}}}})
	}
	cfg, err := clientcmd.Load(c.KubeconfigFor(sim.Access{Context: *contextName, User: *contextName, Namespace: *namespace, Token: *token}))
	ts.Check(err)
	if *plugin != "" {
		ts.Check(writePlugin(ts.MkAbs(*plugin), *first, c.AdminToken()))
		cfg.AuthInfos[*contextName] = &clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{Command: ts.MkAbs(*plugin),
			APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.ExecInteractiveMode(*mode)}}
	}
	if *oidc {
		part := base64.RawURLEncoding.EncodeToString
		token := "e30." + part(fmt.Appendf(nil, `{"exp":%d}`, time.Now().Add(time.Hour).Unix())) + ".x"
		c.AddToken(token, sim.Admin("ann"))
		cfg.AuthInfos[*contextName] = &clientcmdapi.AuthInfo{AuthProvider: &clientcmdapi.AuthProviderConfig{Name: "oidc", Config: map[string]string{
			"idp-issuer-url": "https://idp.example.com", "client-id": "kubernetes", "id-token": token}}}
	}
	path := ts.MkAbs(*file)
	if there, err := clientcmd.LoadFromFile(path); err == nil {
		maps.Copy(there.Clusters, cfg.Clusters)
		maps.Copy(there.AuthInfos, cfg.AuthInfos)
		maps.Copy(there.Contexts, cfg.Contexts)
		cfg = there
	}
	ts.Check(clientcmd.WriteToFile(*cfg, path))
}

// writePlugin writes a credential plugin that does something first, and gives a token.
func writePlugin(path, first, token string) error {
	text := `#!/bin/sh
` + first + `
echo '` + sim.ExecCredential(token) + `'
`
	return os.WriteFile(path, []byte(text), 0o755)
}

func (w *world) addPod(ts *testscript.TestScript, args []string) {
	fs := flag.NewFlagSet("pod", flag.ContinueOnError)
	labels := make(map[string]string)
	fs.Func("label", "", func(v string) error {
		key, value, _ := strings.Cut(v, "=")
		labels[key] = value
		return nil
	})
	owner := fs.String("owner", "", "")
	policy := fs.String("policy", "", "")
	initial := fs.String("init", "", "")
	code := fs.Int("code", 0, "")
	ephemeral := fs.String("ephemeral", "", "")
	begin := fs.String("begin", "", "")
	waits := fs.String("waits", "", "")
	ts.Check(fs.Parse(args[2:]))
	ns, name, _ := strings.Cut(args[1], "/")
	spec := sim.PodSpec{Namespace: ns, Name: name, Labels: labels, Policy: corev1.RestartPolicy(*policy), Owner: w.owner(ts, args[0], ns, *owner)}
	var first *sim.Block
	if *begin != "" {
		first = sim.Prerender(1, time.Now(), time.Second, func(int) string { return *begin })
	}
	if *initial != "" {
		spec.Containers = append(spec.Containers, sim.ContainerSpec{Name: *initial, Init: true, Code: *code,
			Lines: func(i int) (string, bool) { return *initial, i == 0 }})
	}
	for _, c := range fs.Args() {
		spec.Containers = append(spec.Containers, sim.ContainerSpec{Name: c, Fill: first, Hold: *waits})
	}
	pod := w.clusters[args[0]].AddPod(spec)
	if *ephemeral != "" {
		pod.AddEphemeral(sim.ContainerSpec{Name: *ephemeral, Fill: first})
	}
}

// owner returns how an object of the script is named as an owner; nil if none is meant.
func (w *world) owner(ts *testscript.TestScript, cluster, ns, name string) *metav1.OwnerReference {
	if name == "" {
		return nil
	}
	ref := w.objects[cluster+"/"+ns+"/"+name]
	if ref == nil {
		ts.Fatalf("there is no %s in %s", name, ns)
	}
	return ref
}

// kindOf returns the kind of that name that Kubernetes has.
func kindOf(ts *testscript.TestScript, name string) schema.GroupVersionKind {
	for kind := range scheme.Scheme.AllKnownTypes() {
		if kind.Kind == name && kind.Version == "v1" {
			return kind
		}
	}
	ts.Fatalf("unknown kind %s", name)
	panic("unreachable")
}

func (w *world) addObject(ts *testscript.TestScript, args []string) {
	fs := flag.NewFlagSet("object", flag.ContinueOnError)
	owner := fs.String("owner", "", "")
	ts.Check(fs.Parse(args[3:]))
	kind := kindOf(ts, args[1])
	body, err := scheme.Scheme.New(kind)
	ts.Check(err)
	for _, text := range fs.Args() {
		ts.Check(yaml.UnmarshalStrict([]byte(text), body))
	}
	ns, name, _ := strings.Cut(args[2], "/")
	w.objects[args[0]+"/"+ns+"/"+args[1]+"/"+name] = w.clusters[args[0]].AddObject(sim.Object{Group: kind.Group, Kind: kind.Kind, Namespace: ns, Name: name,
		Owner: w.owner(ts, args[0], ns, *owner), Body: body})
}

func (w *world) removeObject(ts *testscript.TestScript, args []string) {
	ns, name, _ := strings.Cut(args[2], "/")
	w.clusters[args[0]].DeleteObject(kindOf(ts, args[1]).Group, args[1], ns, name)
}

func (w *world) container(ts *testscript.TestScript, cluster, path string) *sim.Container {
	parts := strings.Split(path, "/")
	if len(parts) != 3 {
		ts.Fatalf("%q is no NS/POD/CONTAINER", path)
	}
	return w.clusters[cluster].Pod(parts[0], parts[1]).Container(parts[2])
}

func (w *world) writeLog(ts *testscript.TestScript, args []string) {
	c := w.container(ts, args[0], args[1])
	ts.Check(w.clusters[args[0]].Wait(context.Background(), func(sim.Stats) bool { return c.Running() }))
	for _, arg := range args[2:] {
		line, err := strconv.Unquote(`"` + strings.ReplaceAll(arg, `"`, `\"`) + `"`)
		ts.Check(err)
		ts.Check(c.Write(line))
	}
}

func (w *world) writePast(ts *testscript.TestScript, args []string) {
	ago, err := time.ParseDuration(args[2])
	ts.Check(err)
	c := w.container(ts, args[0], args[1])
	ts.Check(w.clusters[args[0]].Wait(context.Background(), func(sim.Stats) bool { return c.Running() }))
	for _, line := range args[3:] {
		ts.Check(c.WriteStamped(time.Now().Add(-ago), line))
	}
}

func (w *world) requests(ts *testscript.TestScript, args []string) {
	c := w.clusters[args[0]]
	text := func() string {
		var all strings.Builder
		for _, r := range c.Requests() {
			fmt.Fprintln(&all, r.Verb, r.Path, r.Query.Encode(), r.Proto, r.User, r.Groups)
		}
		return all.String()
	}
	if len(args) > 1 {
		re, err := regexp.Compile("(?m)" + args[1])
		ts.Check(err)
		ts.Check(c.Wait(context.Background(), func(sim.Stats) bool { return re.MatchString(text()) }))
	}
	io.WriteString(ts.Stdout(), text())
}

func (w *world) endContainer(ts *testscript.TestScript, args []string) {
	code, err := strconv.Atoi(args[2])
	ts.Check(err)
	w.container(ts, args[0], args[1]).Exit(code)
}

func (w *world) rotate(ts *testscript.TestScript, args []string) {
	w.container(ts, args[0], args[1]).Rotate(0)
}

func (w *world) deletePod(ts *testscript.TestScript, args []string) {
	ns, name, _ := strings.Cut(args[1], "/")
	w.clusters[args[0]].Pod(ns, name).Delete(0)
}

func (w *world) down(_ *testscript.TestScript, args []string) { w.clusters[args[0]].Down() }

func (w *world) up(ts *testscript.TestScript, args []string) { ts.Check(w.clusters[args[0]].Up()) }

func (w *world) renew(ts *testscript.TestScript, args []string) {
	c, file := w.clusters[args[0]], filepath.Join(ts.Getenv("HOME"), ".kube", args[0])
	c.AddToken(args[1], sim.Admin("renewed"))
	c.RevokeToken(c.AdminToken())
	ts.Check(os.WriteFile(file, c.KubeconfigFor(sim.Access{Context: args[0], Token: args[1]}), 0o600))
	c.CutConnections()
}

func (w *world) command(ts *testscript.TestScript, args []string) *exec.Cmd {
	path, err := exec.LookPath("mktail")
	ts.Check(err)
	cmd := exec.Command(path, args...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"HOME=" + ts.Getenv("HOME"), "PATH=" + ts.Getenv("PATH"), "KUBECONFIG=" + ts.Getenv("KUBECONFIG")}
	return cmd
}

func (w *world) exits(ts *testscript.TestScript, args []string) {
	cmd := w.command(ts, args[1:])
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	cmd.Run()
	if code := cmd.ProcessState.ExitCode(); strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func (w *world) run(ts *testscript.TestScript, args []string) {
	w.mktail = w.command(ts, args)
	w.stdout, w.stderr = newCapture(), newCapture()
	stdout, out, err := os.Pipe()
	ts.Check(err)
	stderr, said, err := os.Pipe()
	ts.Check(err)
	w.reader = stdout
	w.mktail.Stdout, w.mktail.Stderr = out, said
	ts.Check(w.mktail.Start())
	out.Close()
	said.Close()
	w.reading.Go(func() { w.stdout.read(stdout) })
	w.reading.Go(func() { w.stderr.read(stderr) })
}

func (w *world) see(ts *testscript.TestScript, args []string) { w.stdout.await(ts, args[0]) }
func (w *world) say(ts *testscript.TestScript, args []string) { w.stderr.await(ts, args[0]) }

func (w *world) unread(ts *testscript.TestScript, _ []string) { ts.Check(w.reader.Close()) }

func (w *world) signal(ts *testscript.TestScript, args []string) {
	sig, ok := map[string]os.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "TERM": syscall.SIGTERM}[args[0]]
	if !ok {
		ts.Fatalf("unknown signal %s", args[0])
	}
	ts.Check(w.mktail.Process.Signal(sig))
}

func (w *world) ends(ts *testscript.TestScript, args []string) {
	w.mktail.Wait()
	w.reading.Wait()
	w.reader.Close()
	code := w.mktail.ProcessState.ExitCode()
	w.mktail = nil
	io.WriteString(ts.Stdout(), w.stdout.String())
	io.WriteString(ts.Stderr(), w.stderr.String())
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s\nstderr: %s", code, args[0], w.stderr)
	}
}

// capture keeps what a process writes, and lets others wait for it.
type capture struct {
	mu      sync.Mutex
	changed sync.Cond
	text    bytes.Buffer
	ended   bool // nothing more comes
}

func newCapture() *capture {
	c := new(capture)
	c.changed.L = &c.mu
	return c
}

// read takes what comes from a pipe, which it closes.
func (c *capture) read(pipe *os.File) {
	io.Copy(c, pipe)
	pipe.Close()
	c.end()
}

// end notes that nothing more comes.
func (c *capture) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.changed.Broadcast()
}

func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed.Broadcast()
	return c.text.Write(p)
}

func (c *capture) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

func (c *capture) await(ts *testscript.TestScript, pattern string) {
	re, err := regexp.Compile("(?m)" + pattern)
	ts.Check(err)
	if !c.wait(re) {
		ts.Fatalf("it ended without %s:\n%s", pattern, c)
	}
}

// wait blocks until what came matches, or nothing more comes. It reports whether it matches.
func (c *capture) wait(re *regexp.Regexp) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !re.Match(c.text.Bytes()) {
		if c.ended {
			return false
		}
		c.changed.Wait()
	}
	return true
}
