package e2e

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"mktail/testdata/loggen"
	"mktail/testdata/terminal"
)

// example is a command line that stern's users are told to type.
type example struct {
	stern string
	ours  string   // where README says that another is to be typed
	tty   bool     // on a terminal, as its looks are for one
	want  []string // patterns of lines that must come
	never string   // a pattern that may not match until then; empty: none
	typed string   // on the terminal when that has come
	then  []string // what must come after it
	ends  bool     // by itself, or by what was typed
	check func(out string) error
}

// backendLine is what the pod backend writes first.
const backendLine = `{"level":"info","ts":1767323045.5,"caller":"main.go:1","msg":"hello","message":"hello","python":{"levelname":"INFO","module":"router"}}`

// of is the pattern of a record's beginning.
func of(cluster, ns, pod, container string) string {
	return fmt.Sprintf(`^\{"cluster":"%s","ns":"%s","pod":"%s","container":"%s","ts":"[^"]+Z","line":"`, cluster, ns, pod, container)
}

// sternExamples are those of stern's README, in its order, and others for flags that they leave out. kind-control-plane and
// kube-apiserver stand for the names that these have here.
var sternExamples = []example{
	{stern: `stern . --all-namespaces`, want: []string{of("staging", "staging", "auth", "gateway"), of("staging", "kube-system", "kube-apiserver", "app")}},
	{stern: `stern . -n kube-system --tail 0`, want: []string{of("staging", "kube-system", "kube-apiserver", "app")}, never: `"ns":"staging"|seq=00000000`},
	{stern: `stern envvars --context staging --container gateway`, want: []string{of("staging", "staging", "envvars", "gateway")}, never: `istio-proxy|"pod":"auth"`},
	{stern: `stern -n staging --exclude-container istio-proxy .`,
		want: []string{of("staging", "staging", "envvars", "gateway"), of("staging", "staging", "auth", "gateway")}, never: `istio-proxy`},
	{stern: `stern -n kube-system --exclude-pod kube-apiserver .`, want: []string{of("staging", "kube-system", "kubernetes-dashboard", "app")}, never: `kube-apiserver`},
	{stern: `stern auth -t --since 15m`, want: []string{of("staging", "staging", "auth", "gateway"), of("staging", "staging", "auth", "istio-proxy")}, never: `"pod":"envvars"`},
	{stern: `stern --since=5m --no-follow --only-log-lines -A -t . | sort -k4`, ours: `stern --since=5m --no-follow --only-log-lines -A -t -o text --prefix-style full . | sort -k5`,
		want: []string{`^staging staging auth gateway \S+Z seq=`, `^staging kube-system kube-apiserver app \S+Z seq=`},
		ends: true, check: byTime},
	{stern: `stern auth -t --timezone Asia/Tokyo`, ours: `stern auth -t --timezone Asia/Tokyo -o text`,
		want: []string{`^auth gateway \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+09:00 seq=`}},
	{stern: `stern some-new-feature --context minikube`, want: []string{of("minikube", "default", "some-new-feature", "app")}, never: `"cluster":"staging"|"pod":"old-feature"`},
	{stern: `stern kubernetes-dashboard --namespace kube-system`, want: []string{of("staging", "kube-system", "kubernetes-dashboard", "app")}, never: `kube-apiserver`},
	{stern: `stern --all-namespaces -l run=nginx`, want: []string{of("staging", "staging", "nginx-1-x", "app"), of("staging", "kube-system", "kubernetes-dashboard", "app")},
		never: `"pod":"(auth|kube-apiserver)"`},
	{stern: `stern frontend --selector release=canary`, want: []string{of("staging", "staging", "frontend", "gateway")}, never: `"pod":"frontend-2"`},
	{stern: `stern --all-namespaces --field-selector spec.nodeName=a-node`,
		want: []string{of("staging", "staging", "auth", "gateway"), of("staging", "kube-system", "kube-apiserver", "app")}},
	{stern: `stern deployment/nginx`, want: []string{of("staging", "staging", "nginx-1-x", "app")}, never: `"pod":"(auth|nginx-alike)"`},
	{stern: `stern backend -o json | jq .`, want: []string{`^  "pod": "backend",$`, `^  "line": "\{\\"level\\":\\"info\\"`}},
	{stern: `stern backend -o raw`, want: []string{`^` + regexp.QuoteMeta(backendLine) + `$`, `^seq=00000000$`}},
	{stern: `stern --template '{{printf "%s (%s/%s/%s/%s)\n" .Message .NodeName .Namespace .PodName .ContainerName}}' backend`,
		want: []string{`^seq=00000000 \(a-node/staging/backend/gateway\)$`}},
	{stern: `stern --template '{{.Message}} ({{.Namespace}}/{{color .PodColor .PodName}}/{{color .ContainerColor .ContainerName}}){{"\n"}}' backend`, tty: true,
		want: []string{`^seq=00000000 \(staging/\x1b\[[0-9;]+mbackend\x1b\[0m/\x1b\[[0-9;]+mgateway\x1b\[0m\)`}},
	{stern: `stern --template='{{.PodName}}/{{.ContainerName}} {{with $d := .Message | parseJSON}}[{{$d.level}}] {{$d.message}}{{end}}{{"\n"}}' backend`,
		want: []string{`^backend/gateway \[info\] hello$`}},
	{stern: `stern --template='{{.PodName}}/{{.ContainerName}} {{ with $msg := .Message | tryParseJSON }}[{{ colorGreen (toRFC3339Nano $msg.ts) }}] {{ levelColor $msg.level }} ({{ colorCyan $msg.caller }}) {{ $msg.msg }}{{ else }} {{ .Message }} {{ end }}{{"\n"}}' backend`,
		want: []string{`^backend/gateway \[2026-01-02T03:04:05\.5Z\] info \(main\.go:1\) hello$`, `^backend/gateway  seq=00000000 $`}},
	{stern: `stern --template='{{ .Message | prettyJSON }}{{"\n"}}' backend`, want: []string{`^\s+"caller": "main\.go:1",$`, `^seq=00000000$`}},
	{stern: `stern --template='{{ with $msg := .Message | tryParseJSON }}{{ prettyJSON $msg }}{{"\n"}}{{end}}' backend`,
		want: []string{`^\s+"caller": "main\.go:1",$`}, never: `seq=`},
	{stern: `stern --template='{{ levelColor (extractJSONParts .Message "python.levelname") }} {{ extractJSONParts .Message "python.module" }}{{"\n"}}' backend`,
		want: []string{`^INFO router$`}},
	{stern: `stern --template-file=~/.stern.tpl backend`, want: []string{`^backend: hello$`}},
	{stern: `stern -p`, ours: `stern --prompt`, tty: true, want: []string{`^    1  auth +1 pod in 1 cluster\r?$`, `Follow which`}, typed: "1\n",
		then: []string{`\x1b\[[0-9;]+mauth\x1b\[0m .*seq=`}},
	{stern: `stern . --only-log-lines`, tty: true, want: []string{`mauth\x1b\[0m .* seq=`, `mbackend\x1b\[0m .* seq=`}, never: `\+ staging: `},
	{stern: `stern --stdin < service.log`, want: []string{`"line":"a line"\}$`}, ends: true},
	{stern: `stern . --condition=ready=false --tail=0`, want: []string{of("staging", "staging", "broken", "app")}, never: `"pod":"(auth|backend)"`},

	{stern: `stern --pager less backend`, tty: true, want: []string{`mbackend\x1b\[0m \x1b\[[0-9;]+m\S+\x1b\[0m .*seq=0000000`}, typed: "q", ends: true},
	{stern: `podColors="38;2;255;97;136,38;2;169;220;118,38;2;255;216;102,38;2;120;220;232,38;2;171;157;242"
stern --pod-colors "$podColors" deploy/nginx`, tty: true, want: []string{`\x1b\[38;2;\d+;\d+;\d+mnginx-1-x\x1b\[0m seq=`}},

	{stern: `stern .`, want: []string{of("staging", "staging", "auth", "gateway"), of("staging", "staging", "backend", "istio-proxy")}, never: `"ns":"kube-system"`},
	{stern: `stern auth backend`, want: []string{of("staging", "staging", "auth", "gateway")}, never: `"pod":"envvars"`},
	{stern: `stern pod/backend`, want: []string{of("staging", "staging", "backend", "gateway")}, never: `"pod":"auth"`},
	{stern: `stern backend -o extjson`, want: []string{`"pod":"backend",.*"line":\{"level":"info",`, `"line":"seq=00000000"`}},
	{stern: `stern backend -o ppextjson`, want: []string{`^\s+"level": "info",$`}},
	{stern: `stern . --exclude-pod auth --exclude 'seq=.*0$' --include seq`, want: []string{`"pod":"backend".*"line":"seq=00000001"`}, never: `"pod":"auth"|seq=\d*0"|hello`},
	{stern: `stern auth -t=short --timezone Asia/Tokyo -o default`, want: []string{`^auth gateway \d\d-\d\d \d\d:\d\d:\d\d seq=`}},
	{stern: `stern . --pod-colors "91,92,93,94,95,96"`, tty: true, want: []string{`\x1b\[9[1-6]mauth\x1b\[0m \x1b\[9[1-6]mgateway\x1b\[0m `}},
	{stern: `stern . --pod-colors 91 --container-colors "38;2;255;97;136"`, tty: true, want: []string{`\x1b\[91mauth\x1b\[0m \x1b\[38;2;255;97;136mgateway\x1b\[0m `}},
	{stern: `stern --diff-container backend`, tty: true, want: []string{`mgateway\x1b\[0m`, `mistio-proxy\x1b\[0m`}, check: twoColors},
	{stern: `stern backend --highlight 'seq=0+1\b' -o default --color always`, want: []string{`\x1b\[1;31mseq=00000001\x1b`}},
	{stern: `stern . --container-state running --init-containers=false --ephemeral-containers=false`, want: []string{of("staging", "staging", "auth", "gateway")}},
	{stern: `stern . --max-log-requests 100 --tail 1`, want: []string{of("staging", "staging", "auth", "gateway")}, never: `"(proxy )?seq=00000000`},
	{stern: `stern --node a-node backend`, want: []string{of("staging", "staging", "backend", "gateway")}},
	{stern: `stern --config stern.yaml backend`, want: []string{`^\d\d-\d\d \d\d:\d\d:\d\d seq=\d+$`}, never: `hello|^\{`},
}

// TestSternExamples holds that what stern's users are told to type works with the word replaced.
func TestSternExamples(t *testing.T) {
	home := sternWorld(t)
	for _, e := range sternExamples {
		t.Run(e.stern, func(t *testing.T) {
			line := e.stern
			if e.ours != "" {
				line = e.ours
			}
			cmd := exec.Command("bash", "-c", "set -o pipefail; "+strings.Replace(line, "stern ", mktail+" ", 1))
			cmd.Dir = home
			cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "TERM=xterm"}
			var stderr bytes.Buffer
			var out io.Reader
			var user io.Writer
			if e.tty {
				end, err := terminal.Start(cmd)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { end.Close() })
				out, user = end, end
			} else {
				cmd.Stderr = &stderr
				cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
				out = launch(t, cmd)
			}
			group := -cmd.Process.Pid // of bash and what it runs
			t.Cleanup(func() { syscall.Kill(group, syscall.SIGKILL) })
			all, ended := readUntil(t, out, e.want)
			if e.never != "" && regexp.MustCompile("(?m)"+e.never).MatchString(all) {
				t.Errorf("%s matches:\n%s", e.never, all)
			}
			if e.typed != "" {
				io.WriteString(user, e.typed)
				_, ended = readUntil(t, out, e.then)
			}
			ended = ended || e.ends
			if !ended {
				syscall.Kill(group, syscall.SIGINT)
			}
			rest, _ := io.ReadAll(out) // a terminal ends with an error
			cmd.Wait()
			status := cmd.ProcessState.Sys().(syscall.WaitStatus)
			interrupted := status.ExitStatus() == 130 || status.Signal() == syscall.SIGINT // that is bash with a pipe
			if !cmd.ProcessState.Success() && (ended || !interrupted) {
				t.Errorf("%s\n%s", cmd.ProcessState, &stderr)
			}
			if e.check != nil {
				if err := e.check(all + string(rest)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// readUntil reads until all patterns have matched, and gives what it has read, and whether it was the end.
func readUntil(t *testing.T, r io.Reader, want []string) (all string, ended bool) {
	t.Helper()
	var text []byte
	for buf := make([]byte, 64<<10); ; {
		want = slices.DeleteFunc(slices.Clone(want), func(pattern string) bool {
			return regexp.MustCompile("(?m)" + pattern).Match(text)
		})
		if len(want) == 0 {
			return string(text), false
		}
		n, err := r.Read(buf)
		text = append(text, buf[:n]...)
		if n == 0 && err != nil {
			t.Errorf("the output has ended without %q:\n%.2000s", want, text)
			return string(text), true
		}
	}
}

// byTime holds that lines are in the order of their fifth field.
func byTime(out string) error {
	last := ""
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 5 || fields[4] < last {
			return fmt.Errorf("%q comes after %s", line, last)
		}
		last = fields[4]
	}
	return nil
}

// twoColors holds that the containers of backend have a colour each.
func twoColors(out string) error {
	colors := make(map[string]string)
	for _, m := range regexp.MustCompile(`\x1b\[([0-9;]+)m(gateway|istio-proxy)\x1b`).FindAllStringSubmatch(out, -1) {
		colors[m[2]] = m[1]
	}
	if len(colors) != 2 || colors["gateway"] == colors["istio-proxy"] {
		return fmt.Errorf("colours %v", colors)
	}
	return nil
}

// sternWorld makes the pods that the examples speak of, and a home directory with the contexts staging, the current one, and
// minikube.
func sternWorld(t *testing.T) (home string) {
	t.Helper()
	staging, system, minikube := namespaceOf(t, "a", "staging"), namespaceOf(t, "a", "kube-system"), namespaceOf(t, "b", "default")
	steady := loggen.Spec{Rate: 10}
	add := func(api *kubernetes.Clientset, cluster, ns, name string, labels map[string]string, containers ...container) {
		if labels == nil {
			labels = make(map[string]string)
		}
		if ns == "staging" {
			labels[`app.kubernetes.io/instance`] = name
		}
		createPod(t, api, cluster, ns, name, corev1.RestartPolicyAlways, labels, containers...)
	}
	two := []container{{"gateway", steady}, {"istio-proxy", loggen.Spec{Prefix: "proxy", Rate: 10}}}
	json := slices.Clone(two)
	json[0].spec.Text = backendLine + "\n"
	nginx := map[string]string{"app": "nginx"}
	owners := deploymentOf(t, staging, "staging", "nginx", nginx)
	owned := maps.Clone(nginx)
	owned["run"] = "nginx"
	createOwned(t, staging, "a", "staging", "nginx-1-x", corev1.RestartPolicyAlways, owned, owners, container{"app", steady})
	add(staging, "a", "staging", "nginx-alike", maps.Clone(nginx), container{"app", steady})
	add(staging, "a", "staging", "envvars", nil, two...)
	add(staging, "a", "staging", "auth", nil, two...)
	add(staging, "a", "staging", "frontend", map[string]string{"release": "canary"}, two...)
	add(staging, "a", "staging", "frontend-2", map[string]string{"release": "stable"}, two...)
	add(staging, "a", "staging", "backend", nil, json...)
	add(staging, "a", "staging", "broken", nil, container{"app", steady}, container{"crash", loggen.Spec{Prefix: "crash", Lines: 1, Exit: 1}})
	add(system, "a", "kube-system", "kube-apiserver", nil, container{"app", steady})
	add(system, "a", "kube-system", "kubernetes-dashboard", map[string]string{"run": "nginx"}, container{"app", steady})
	add(minikube, "b", "default", "some-new-feature", nil, container{"app", steady})
	add(minikube, "b", "default", "old-feature", nil, container{"app", steady})
	for _, pod := range []string{"nginx-1-x", "nginx-alike", "envvars", "auth", "frontend", "frontend-2", "backend", "broken"} {
		awaitPod(t, staging, "staging", pod, running)
	}
	for _, pod := range []string{"kube-apiserver", "kubernetes-dashboard"} {
		awaitPod(t, system, "kube-system", pod, running)
	}
	awaitPod(t, minikube, "default", "some-new-feature", running)

	home = newHome(t, "staging", map[string]string{"config": "a"})
	config := filepath.Join(home, ".kube", "config")
	inNamespace(t, config, "staging", "staging")
	both, err := clientcmd.LoadFromFile(config)
	if err != nil {
		t.Fatal(err)
	}
	other, err := clientcmd.LoadFromFile(kubeconfig("b"))
	if err != nil {
		t.Fatal(err)
	}
	context := other.Contexts[contextName]
	both.Clusters["minikube"], both.AuthInfos["minikube"] = other.Clusters[context.Cluster], other.AuthInfos[context.AuthInfo]
	context.Cluster, context.AuthInfo = "minikube", "minikube"
	both.Contexts["minikube"] = context
	if err := clientcmd.WriteToFile(*both, config); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		".stern.tpl":  `{{ with $msg := .Message | tryParseJSON }}{{ $.PodName }}: {{ $msg.msg }}{{"\n"}}{{ end }}`,
		"service.log": "a line\n",
		"stern.yaml":  "tail: 10\nmax-log-requests: 999\ntimestamps: short\noutput: raw\n",
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}
