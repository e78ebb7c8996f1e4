package kube_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"mktail/tail/kube"
	"mktail/testdata/sim"
)

// A node that refuses its files is not asked again for a while. Why is a warning once; what passes is an error like any other.
func TestNoFiles(t *testing.T) {
	const forbidden = `warn: eu: --rotated: nodes "node-1" is forbidden: User "ann" cannot get resource "nodes/proxy" in API group "" at the cluster scope; going on with what the log API gives`
	for _, tt := range []struct {
		name   string
		o      sim.Options
		change func(*sim.Cluster)
		log    string
		again  int // requests of a second try
	}{
		{"forbidden", sim.Options{}, func(c *sim.Cluster) { c.AddToken("ann", sim.Reader("ann")) }, forbidden, 0},
		{"switched off", sim.Options{NoLogFiles: true}, func(*sim.Cluster) {},
			"warn: eu: --rotated: the server does not allow this method on the requested resource; going on with what the log API gives", 0},
		{"out of reach", sim.Options{PodLogsDir: "/data/pods"}, func(*sim.Cluster) {},
			"warn: eu: --rotated: podLogsDir of node node-1 is /data/pods, which is not below /var/log; going on with what the log API gives", 0},
		{"the kubelet is down", sim.Options{}, func(c *sim.Cluster) { c.KubeletDown() }, "", 1},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			c := start(t, tt.o)
			c.AddToken("ann", sim.Admin("ann"))
			p := c.AddPod(sim.PodSpec{})
			client, log := connect(t, c.RESTConfigFor("ann"), kube.Options{})
			tt.change(c)
			try := func(when string, noFiles bool, requests int) {
				t.Helper()
				before := len(c.Requests())
				if _, err := client.NodeFiles().List(t.Context(), folder(p, "app"), 0); err == nil || errors.Is(err, kube.ErrNoFiles) != noFiles {
					t.Errorf("%s: %v", when, err)
				}
				if n := len(c.Requests()) - before; n != requests && requests >= 0 {
					t.Errorf("%s: %d requests, want %d", when, n, requests)
				}
			}
			refuses := tt.again == 0
			try("at first", refuses, -1)
			try("at once", refuses, tt.again)
			time.Sleep(kube.NodeRetryDelay - time.Second)
			try("before the time is up", refuses, tt.again)
			time.Sleep(2 * time.Second)
			try("after that", refuses, -1)
			warning, others, _ := strings.Cut(log.String(), "\n")
			if warning != tt.log || strings.Contains(others, "warn: ") {
				t.Errorf("log: %s", log)
			}
		})
	}
	bubble(t, "until it may", func(t *testing.T) {
		c := start(t, sim.Options{})
		c.AddToken("ann", sim.Reader("ann"))
		p := c.AddPod(sim.PodSpec{})
		other := c.AddPod(sim.PodSpec{Name: "other", Node: "node-2"})
		client, log := connect(t, c.RESTConfigFor("ann"), kube.Options{})
		of := folder(other, "app")
		of.Node = "node-2"
		for _, one := range []kube.ContainerLog{folder(p, "app"), of} {
			if _, err := client.NodeFiles().List(t.Context(), one, 0); !errors.Is(err, kube.ErrNoFiles) {
				t.Errorf("%s: %v", one.Node, err)
			}
		}
		want := forbidden + "\n" + `debug: eu: node node-2: nodes "node-2" is forbidden: User "ann" cannot get resource "nodes/proxy" in API group "" at the cluster scope`
		if got := log.String(); got != want {
			t.Errorf("log: %s", got)
		}
		c.AddToken("ann", sim.Admin("ann"))
		time.Sleep(kube.NodeRetryDelay)
		if files := list(t, client, of, 0); files.Current != "0.log" {
			t.Errorf("files %+v", files)
		}
	})
	bubble(t, "another folder below /var/log", func(t *testing.T) {
		c := start(t, sim.Options{PodLogsDir: "/var/log/my/../mine"})
		p := c.AddPod(sim.PodSpec{})
		client, _ := connect(t, c.RESTConfig(), kube.Options{})
		client.NodeFiles().List(t.Context(), folder(p, "app"), 0)
		all := c.Requests()
		if got, want := all[len(all)-1].Path, "/api/v1/nodes/node-1/proxy/logs/mine/default_pod_"+p.UID()+"/app/"; got != want {
			t.Errorf("asked for %s, want %s", got, want)
		}
	})
}
