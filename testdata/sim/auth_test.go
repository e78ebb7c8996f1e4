package sim_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	corev1 "k8s.io/api/core/v1"

	"mktail/testdata/sim"
)

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }

func restHTTP(cfg *rest.Config) (*http.Client, error) { return rest.HTTPClientFor(cfg) }

func TestTokens(t *testing.T) {
	c := start(t, sim.Options{})
	c.AddPod(sim.PodSpec{Namespace: "shop", Name: "web"})
	c.AddToken("t", sim.Reader("ann", "shop"))
	cs := client(t, c.RESTConfigFor("t"))
	list := func(ns string) error {
		_, err := cs.CoreV1().Pods(ns).List(limit(t), metav1.ListOptions{})
		return err
	}
	if err := list("shop"); err != nil {
		t.Error(err)
	}
	for _, test := range []struct {
		got  error
		want string
	}{
		{list(""), `pods is forbidden: User "ann" cannot list resource "pods" in API group "" at the cluster scope`},
		{list("other"), `pods is forbidden: User "ann" cannot list resource "pods" in API group "" in the namespace "other"`},
		{func() error {
			_, err := cs.CoreV1().Pods("other").GetLogs("x", &corev1.PodLogOptions{}).Stream(limit(t))
			return err
		}(), `pods "x" is forbidden: User "ann" cannot get resource "pods/log" in API group "" in the namespace "other"`},
		{cs.CoreV1().Pods("shop").Delete(limit(t), "web", metav1.DeleteOptions{}),
			`pods "web" is forbidden: User "ann" cannot delete resource "pods" in API group "" in the namespace "shop"`},
		{func() error {
			_, err := cs.CoreV1().Namespaces().List(limit(t), metav1.ListOptions{})
			return err
		}(), `namespaces is forbidden: User "ann" cannot list resource "namespaces" in API group "" at the cluster scope`},
		{func() error {
			_, err := client(t, c.RESTConfigFor("")).CoreV1().Pods("shop").List(limit(t), metav1.ListOptions{})
			return err
		}(), `pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "shop"`},
	} {
		if !apierrors.IsForbidden(test.got) || test.got.Error() != test.want {
			t.Errorf("got  %v\nwant %v", test.got, test.want)
		}
	}
	if v, err := cs.Discovery().ServerVersion(); err != nil || v.GitVersion != "v1.35.4" {
		t.Errorf("version: %v, %v", v, err)
	}

	c.RevokeToken("t")
	if err := list("shop"); !apierrors.IsUnauthorized(err) {
		t.Errorf("with a revoked token: %v", err)
	}
	c.AddToken("t", sim.Admin("ann"))
	if err := list(""); err != nil {
		t.Error(err)
	}
}

// TestResourceNames tests rules about objects of certain names, as RBAC has them: a list or a watch needs a selector of the name.
func TestResourceNames(t *testing.T) {
	c := start(t, sim.Options{})
	c.AddToken("t", sim.User{Name: "ann", Rules: []sim.Rule{{Verbs: []string{"get", "list", "watch"}, Resources: []string{"pods"}, Namespaces: []string{"shop"}, ResourceNames: []string{"web", "db"}}}})
	c.AddPod(sim.PodSpec{Namespace: "shop", Name: "web"})
	c.AddPod(sim.PodSpec{Namespace: "shop", Name: "other"})
	pods := client(t, c.RESTConfigFor("t")).CoreV1().Pods("shop")
	get := func(name string) error {
		_, err := pods.Get(limit(t), name, metav1.GetOptions{})
		return err
	}
	list := func(selector string) error {
		_, err := pods.List(limit(t), metav1.ListOptions{FieldSelector: selector})
		return err
	}
	watch := func(selector string) error {
		w, err := pods.Watch(limit(t), metav1.ListOptions{FieldSelector: selector})
		if err == nil {
			w.Stop()
		}
		return err
	}
	for _, err := range []error{get("web"), list("metadata.name=web"), list("spec.nodeName=x,metadata.name=web"), watch("metadata.name=web")} {
		if err != nil {
			t.Error(err)
		}
	}
	for _, test := range []struct {
		got  error
		want string
	}{
		{get("other"), `pods "other" is forbidden: User "ann" cannot get resource`},
		{list(""), `pods is forbidden: User "ann" cannot list resource`},
		{list("metadata.name!=web"), `pods is forbidden: User "ann" cannot list resource`},
		{list("metadata.name=other"), `pods "other" is forbidden: User "ann" cannot list resource`},
		{watch("metadata.namespace=shop"), `pods is forbidden: User "ann" cannot watch resource`},
	} {
		if !apierrors.IsForbidden(test.got) || !strings.HasPrefix(test.got.Error(), test.want) {
			t.Errorf("got  %v\nwant %v", test.got, test.want)
		}
	}
	if err := get("db"); !apierrors.IsNotFound(err) {
		t.Errorf("what may be got and is not there: %v", err)
	}
}

func TestCertificates(t *testing.T) {
	c := start(t, sim.Options{})
	try := func(kubeconfig []byte) error {
		cfg, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
		if err != nil {
			return err
		}
		_, err = client(t, cfg).CoreV1().Pods("").List(limit(t), metav1.ListOptions{})
		return err
	}
	access := func(user string, end time.Time) sim.Access {
		cert, key := c.ClientCert(user, end)
		return sim.Access{Context: "x", ClientCert: cert, ClientKey: key}
	}
	if err := try(c.Kubeconfig("x")); err != nil {
		t.Error(err)
	}
	if err := try(c.KubeconfigFor(access("kubernetes-admin", time.Time{}))); err != nil {
		t.Error(err)
	}
	if err := try(c.KubeconfigFor(access("kubernetes-admin", time.Now().Add(-time.Hour)))); !apierrors.IsUnauthorized(err) {
		t.Errorf("with an expired certificate: %v", err)
	}
	if err := try(c.KubeconfigFor(access("bob", time.Time{}))); !apierrors.IsForbidden(err) {
		t.Errorf("with a user without rights: %v", err)
	}
	c.GrantCert(sim.Reader("bob"))
	if err := try(c.KubeconfigFor(access("bob", time.Time{}))); err != nil {
		t.Error(err)
	}
	if err := try(c.KubeconfigFor(sim.Access{Context: "x", TLSServerName: "elsewhere"})); err == nil || !strings.Contains(err.Error(), "x509") {
		t.Errorf("with a wrong server name: %v", err)
	}
	old := start(t, sim.Options{NotAfter: time.Now().Add(-time.Hour)})
	if err := try(old.Kubeconfig("x")); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("a server with an expired certificate: %v", err)
	}
}
