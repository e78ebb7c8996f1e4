package e2e

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"k8s.io/client-go/tools/clientcmd"

	"mktail/testdata/loggen"
)

// TestSternExamples holds that what stern's users are told to type works with the word replaced.
func TestSternExamples(t *testing.T) {
	const ns = "staging"
	api := namespaceOf(t, "a", ns)
	home := newHome(t, "staging", map[string]string{"config": "a"})
	config := filepath.Join(home, ".kube", "config")
	cfg, err := clientcmd.LoadFromFile(config)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Contexts["staging"].Namespace = ns
	if err := clientcmd.WriteToFile(*cfg, config); err != nil {
		t.Fatal(err)
	}
	for _, pod := range []string{"envvars", "auth", "frontend", "backend", "worker"} {
		createPod(t, api, "a", ns, pod, "Always", map[string]string{"release": "canary", "run": "nginx", "app.kubernetes.io/instance": "x"},
			container{"gateway", loggen.Spec{Rate: 10, Text: `{"level":"info","ts":1767323045.5,"caller":"main.go:1","msg":"hello","message":"hello","req":{"id":"7"}}` + "\n"}},
			container{"istio-proxy", loggen.Spec{Prefix: "proxy ", Rate: 10}})
	}
	for _, pod := range []string{"envvars", "auth", "frontend", "backend", "worker"} {
		awaitPod(t, api, ns, pod, running)
	}
	template := filepath.Join(home, ".stern.tpl")
	if err := os.WriteFile(template, []byte(`{{ with $msg := .Message | tryParseJSON }}[{{ colorGreen (toRFC3339Nano $msg.ts) }}] {{ levelColor $msg.level }} {{ colorCyan $msg.caller }}: {{ $msg.msg }}{{ else }} {{ .Message }} {{ end }}{{ "\n" }}`), 0o600); err != nil {
		t.Fatal(err)
	}
	service := filepath.Join(home, "service.log")
	if err := os.WriteFile(service, []byte("a line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`stern .`,
		`stern envvars --context staging --container gateway`,
		`stern -n staging --exclude-container istio-proxy .`,
		`stern auth -t --since 15m`,
		`stern frontend --selector release=canary`,
		`stern --all-namespaces -l run=nginx`,
		`stern backend -o json`,
		`stern backend -o raw`,
		`stern backend -o extjson`,
		`stern backend -o ppextjson`,
		`stern pod/backend`,
		`stern . --field-selector spec.nodeName=a-node`,
		`stern . --exclude-pod worker --exclude worker --include seq`,
		`stern --template '{{printf "%s (%s/%s/%s/%s)\n" .Message .NodeName .Namespace .PodName .ContainerName}}' backend`,
		`stern --template='{{.PodName}}/{{.ContainerName}} {{with $d := .Message | tryParseJSON}}[{{$d.level}}] {{$d.message}}{{end}}{{"\n"}}' backend`,
		`stern --template='{{extractJSONParts .Message "level" "msg"}}{{"\n"}}' backend`,
		`stern --template-file=` + template + ` backend`,
		`stern --stdin < ` + service,
		`stern . --no-follow --only-log-lines --timestamps=default | sort -k4`,
		`stern . --timestamps=short --timezone Asia/Tokyo`,
		`stern . --pod-colors "91,92,93,94,95,96"`,
		`stern . --pod-colors "38;2;255;97;136,38;2;169;220;118" --container-colors "38;2;255;97;136,38;2;169;220;118"`,
		`stern --diff-container backend`,
		`stern -d backend --color always -o default --highlight proxy`,
		`stern . --condition=ready=true --tail=0`,
		`stern . --container-state running --init-containers=false --ephemeral-containers=false`,
		`stern . --max-log-requests 100 --tail 1`,
		`stern --node a-node .`,
	} {
		t.Run(line, func(t *testing.T) {
			cmd := exec.Command("bash", "-c", "set -o pipefail; exec "+strings.Replace(line, "stern", mktail, 1))
			if strings.Contains(line, "|") {
				cmd.Args[2] = strings.Replace(cmd.Args[2], "exec ", "", 1)
			}
			cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out := launch(t, cmd)
			if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
				t.Errorf("nothing came: %v", err)
			}
			cmd.Process.Signal(syscall.SIGINT)
			io.Copy(io.Discard, out)
			cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != 130 && code != 0 {
				t.Errorf("exit code %d\n%s", code, &stderr)
			}
		})
	}
}
