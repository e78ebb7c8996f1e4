package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// component is one of a cluster's processes.
type component struct {
	name    string
	tool    string // the package of this module that it is built from; empty: a program of Debian's, of the same name
	args    func(c *cluster) []string
	answers func(ctx context.Context, c *cluster) error
}

// components are in the order in which they begin.
func components() []component {
	return []component{
		{"etcd", "go.etcd.io/etcd/server/v3", etcdArgs, etcdAnswers},
		{"containerd", "", containerdArgs, containerdAnswers},
		{"apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", apiserverArgs, apiserverAnswers},
		{"kubelet", "k8s.io/kubernetes/cmd/kubelet", kubeletArgs, kubeletAnswers},
	}
}

func componentNames() (names []string) {
	for _, k := range components() {
		names = append(names, k.name)
	}
	return names
}

func findComponent(name string) (component, error) {
	for _, k := range components() {
		if k.name == name {
			return k, nil
		}
	}
	return component{}, fmt.Errorf("no component %q; there are %s", name, strings.Join(componentNames(), ", "))
}

// program is the path or name of what to run.
func (k component) program(ctx context.Context) (string, error) {
	if k.tool == "" {
		return k.name, nil
	}
	return buildTool(ctx, k.tool)
}

func etcdArgs(c *cluster) []string {
	// Killed processes lose nothing without fsync, only machines do.
	return []string{"--name=" + c.name, "--data-dir=" + c.path("etcd"), "--unsafe-no-fsync"}
}

func etcdAnswers(ctx context.Context, c *cluster) error {
	return c.get(ctx, "http://127.0.0.1:2379/health")
}

func apiserverArgs(c *cluster) []string {
	node := c.net().node()
	return []string{
		"--etcd-servers=http://127.0.0.1:2379",
		"--bind-address=" + node, "--advertise-address=" + node, "--secure-port=6443",
		"--cert-dir=" + c.path("certs"),
		"--tls-cert-file=" + c.path("apiserver.crt"), "--tls-private-key-file=" + c.path("apiserver.key"),
		"--kubelet-certificate-authority=" + c.path("ca.crt"),
		"--kubelet-client-certificate=" + c.path("client.crt"), "--kubelet-client-key=" + c.path("client.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--token-auth-file=" + c.path("tokens.csv"), "--authorization-mode=RBAC",
		"--service-account-issuer=https://" + node,
		"--service-account-key-file=" + c.path("sa.key"), "--service-account-signing-key-file=" + c.path("sa.key"),
		"--disable-admission-plugins=ServiceAccount", // no controller makes service accounts
		"--service-cluster-ip-range=10.96.0.0/16",
		"--endpoint-reconciler-type=none",
		"--allow-privileged=true",
	}
}

func apiserverAnswers(ctx context.Context, c *cluster) error {
	// The namespace is made after the server is ready, and pods need it.
	return errors.Join(c.get(ctx, c.server()+"/readyz"), c.get(ctx, c.server()+"/api/v1/namespaces/default"))
}

func containerdArgs(c *cluster) []string { return []string{"--config=" + c.path("containerd.toml")} }

func containerdAnswers(ctx context.Context, c *cluster) error {
	return c.cri(func(cri runtimeapi.RuntimeServiceClient) error {
		_, err := cri.Version(ctx, &runtimeapi.VersionRequest{})
		return err
	})
}

func kubeletArgs(c *cluster) []string {
	return []string{
		"--config=" + c.path("kubelet.json"), "--kubeconfig=" + c.path("kubeconfig"), "--root-dir=" + c.path("kubelet"),
		"--cert-dir=" + c.path("certs"), "--hostname-override=" + c.nodeName(), "--node-ip=" + c.net().node(),
	}
}

func kubeletAnswers(ctx context.Context, c *cluster) error {
	return c.get(ctx, "https://"+c.net().node()+":10250/healthz")
}

// registered reports whether the API has the cluster's node.
func registered(ctx context.Context, c *cluster) error {
	return c.get(ctx, c.server()+"/api/v1/nodes/"+c.nodeName())
}

func (c *cluster) get(ctx context.Context, url string) error {
	return c.ask(ctx, http.MethodGet, url, nil)
}

// ask asks from within the namespace, as an administrator of both the API server and the kubelet.
func (c *cluster) ask(ctx context.Context, method, url string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	pem, err := os.ReadFile(c.path("ca.crt"))
	if err != nil {
		return err
	}
	cert, err := tls.LoadX509KeyPair(c.path("client.crt"), c.path("client.key"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := http.Client{Transport: &http.Transport{
		DialContext:       c.net().dial,
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{cert}},
	}}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.token("admin"))
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return fmt.Errorf("asking %s: %s: %s", url, resp.Status, strings.TrimSpace(string(body)))
	}
	return nil
}
