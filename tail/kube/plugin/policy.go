package plugin

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"

	clientauth "k8s.io/client-go/plugin/pkg/client/auth/exec"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// check returns an error if the plugin can never be run.
func (p *Plugin) check(policy clientcmdapi.PluginPolicy) error {
	if err := clientauth.ValidatePluginPolicy(policy); err != nil {
		return err
	}
	if _, ok := versions[p.config.APIVersion]; !ok {
		return fmt.Errorf("the kubeconfig asks for version %q, which is not known", p.config.APIVersion)
	}
	switch p.config.InteractiveMode {
	case clientcmdapi.NeverExecInteractiveMode, clientcmdapi.IfAvailableExecInteractiveMode, clientcmdapi.AlwaysExecInteractiveMode:
	default:
		return fmt.Errorf("the kubeconfig has interactiveMode %q, which is not known", p.config.InteractiveMode)
	}
	return p.allowed(exec.Command(filepath.Clean(p.config.Command)))
}

// errDenied says that the policy does not let the plugin run.
var errDenied = errors.New("--exec-plugins does not allow it")

// allowed returns an error if the policy does not let a command run, and has the command run what was allowed: its path, as it was
// found. An entry of the policy allows what it names as the kubeconfig does, or what it is found as.
func (p *Plugin) allowed(cmd *exec.Cmd) error {
	policy := p.runner.options.Policy
	switch policy.PolicyType {
	case clientcmdapi.PluginPolicyDenyAll:
		return errDenied
	case clientcmdapi.PluginPolicyAllowlist:
	default:
		return nil
	}
	named, found := filepath.Clean(p.config.Command), cmd.Path
	allows := func(e clientcmdapi.AllowlistEntry) bool { return e.Command == named || e.Command == found }
	if slices.ContainsFunc(policy.Allowlist, allows) {
		return nil
	}
	if found == named { // it is a path, or was not found
		path, err := exec.LookPath(named)
		if err != nil {
			return errDenied
		}
		found, cmd.Path = path, path
	} else if cmd.Err != nil {
		return errDenied
	}
	if slices.ContainsFunc(policy.Allowlist, func(e clientcmdapi.AllowlistEntry) bool {
		if e.Command == found {
			return true
		}
		path, err := exec.LookPath(e.Command)
		return err == nil && path == found
	}) {
		return nil
	}
	return errDenied
}
