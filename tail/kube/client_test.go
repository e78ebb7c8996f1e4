package kube_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"mktail/tail/kube"
)

// A configuration that can't be used is an error, before anything is sent.
func TestNewErrors(t *testing.T) {
	for name, cfg := range map[string]*rest.Config{
		"an invalid certificate":     {Host: "https://10.0.0.1", TLSClientConfig: rest.TLSClientConfig{CAData: []byte("x")}},
		"a file that isn't there":    {Host: "https://10.0.0.1", TLSClientConfig: rest.TLSClientConfig{CAFile: "/none/ca.pem"}},
		"a plugin of an old version": {Host: "https://10.0.0.1", ExecProvider: &clientcmdapi.ExecConfig{Command: "login", APIVersion: "client.authentication.k8s.io/v0"}},
	} {
		if client, err := kube.New("eu", kube.User{Config: cfg}, kube.NewShared(kube.Options{}, 1)); err == nil || client != nil {
			t.Errorf("%s: %v, %v", name, client, err)
		}
	}
}

// The configuration stays as it was, and what the server warns of is a debug message.
func TestWarnings(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Warning", `299 - "v1 Pods are old"`)
		w.Header().Add("Warning", `199 - "of another kind"`)
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"kind":"PodList","apiVersion":"v1"}`))
	}))
	defer server.Close()
	cfg := &rest.Config{Host: server.URL, QPS: 7, UserAgent: "mine"}
	client, log := connect(t, cfg, kube.Options{UserAgent: "tester"})
	if _, err := client.ListPods(t.Context(), "", metav1.ListOptions{}); err != nil {
		t.Error(err)
	}
	if got, want := log.String(), "debug: eu: the server warns: v1 Pods are old"; got != want {
		t.Errorf("log: %s", got)
	}
	if cfg.QPS != 7 || cfg.UserAgent != "mine" || cfg.WarningHandler != nil || cfg.Dial != nil || cfg.NextProtos != nil {
		t.Errorf("the configuration is now %+v", cfg)
	}
}
