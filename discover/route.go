package discover

import (
	"encoding/asn1"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// route returns what of a user's credentials tells a gateway which of its clusters is meant: the agent in a token for GitLab, or the cluster
// in one for Plural or Omni; arguments and variables of a credential plugin that name a cluster or an agent, as for Teleport; and what Teleport
// writes into certificates that need no plugin (tctl auth sign).
func route(user *clientcmdapi.AuthInfo) (all []string) {
	if cert := certificate(user.ClientCertificateData); cert != nil {
		for _, name := range cert.Subject.Names {
			if slices.ContainsFunc(routeTypes, name.Type.Equal) {
				all = append(all, fmt.Sprintf("%s=%v", name.Type, name.Value))
			}
		}
	}
	if agent := agentToken.FindString(user.Token); agent != "" {
		all = append(all, agent)
	}
	if cluster := claimsOf(user.Token).Cluster; cluster != nil {
		all = append(all, fmt.Sprint(cluster))
	}
	if user.Exec == nil || slices.Contains(noGateways, strings.TrimSuffix(filepath.Base(user.Exec.Command), ".exe")) {
		return all
	}
	for i, arg := range user.Exec.Args {
		if !routeName.MatchString(arg) {
			continue
		}
		all = append(all, arg)
		if strings.HasPrefix(arg, "-") && !strings.Contains(arg, "=") && i+1 < len(user.Exec.Args) {
			all = append(all, user.Exec.Args[i+1])
		}
	}
	for _, v := range user.Exec.Env {
		if routeName.MatchString(v.Name) {
			all = append(all, v.Name+"="+v.Value)
		}
	}
	return all
}

var (
	agentToken = regexp.MustCompile(`^(?:ci|pat|plrl):[^:]*:`)
	routeName  = regexp.MustCompile(`(?i)cluster|agent`)

	// noGateways are plugins of clouds where each cluster has its own server, so that the cluster that they are told leads nowhere else.
	noGateways = []string{"aws", "aws-iam-authenticator", "doctl", "oci"}

	// routeTypes are the parts of a certificate's subject in which Teleport has the cluster to lead to, the Kubernetes cluster there, and
	// the cluster that gave the certificate. Kubernetes itself reads only the common name and the organizations.
	routeTypes = []asn1.ObjectIdentifier{{2, 5, 4, 9}, {1, 3, 9999, 1, 3}, {1, 3, 9999, 1, 7}}
)
