package discover

import (
	"fmt"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// successors says what to use in place of the auth-providers that client-go had once.
var successors = map[string]string{
	"gcp": "use the credential plugin gke-gcloud-auth-plugin: run gcloud container clusters get-credentials, " +
		"see https://cloud.google.com/blog/products/containers-kubernetes/kubectl-auth-changes-in-gke",
	"azure": "use the credential plugin kubelogin: run kubelogin convert-kubeconfig, see https://github.com/Azure/kubelogin",
	"openstack": "use the credential plugin client-keystone-auth, " +
		"see https://github.com/kubernetes/cloud-provider-openstack/blob/master/docs/keystone-auth/using-client-keystone-auth.md",
}

// checkAuthProvider returns an error for an auth-provider that client-go does not have, or no longer.
func checkAuthProvider(user *clientcmdapi.AuthInfo) error {
	if user == nil || user.AuthProvider == nil {
		return nil
	}
	name := user.AuthProvider.Name
	switch successor := successors[name]; {
	case name == "oidc":
		return nil
	case successor != "":
		return fmt.Errorf("the auth-provider %s was removed from Kubernetes clients; %s", name, successor)
	}
	return fmt.Errorf("unknown auth-provider %q: use oidc or a credential plugin, see "+
		"https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins", brief(printable(name)))
}
