package cli

import (
	"errors"
	"os"
	"strings"

	"k8s.io/client-go/rest"
)

const serviceAccountNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// inCluster returns a function for the configuration of the pod that mktail runs in; nil if it does not run in a pod.
func inCluster() func() (*rest.Config, string, error) {
	if os.Getenv("KUBERNETES_SERVICE_HOST") == "" {
		return nil
	}
	return func() (*rest.Config, string, error) {
		cfg, err := rest.InClusterConfig()
		if err != nil {
			return nil, "", err
		}
		ns, err := os.ReadFile(serviceAccountNamespace)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, "", err
		}
		return cfg, strings.TrimSpace(string(ns)), nil
	}
}
