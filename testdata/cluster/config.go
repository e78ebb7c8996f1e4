package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// snapshotter works on every file system.
const snapshotter = "native"

// writeConfigs writes containerd's and the kubelet's.
func (c *cluster) writeConfigs() error {
	containerd := fmt.Sprintf(`version = 2
root = %q
state = %q
[grpc]
  address = %q
[plugins."io.containerd.internal.v1.opt"]
  path = %q
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = %q
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = %q
  [plugins."io.containerd.grpc.v1.cri".cni]
    conf_dir = %q
`, c.path("containerd"), c.path("containerd-state"), c.path("containerd.sock"), c.path("opt"), pauseImage, snapshotter,
		c.path("runc"), c.path("cni"))
	if err := os.WriteFile(c.path("containerd.toml"), []byte(containerd), 0o600); err != nil {
		return err
	}
	kubelet, err := json.MarshalIndent(map[string]any{
		"apiVersion":        "kubelet.config.k8s.io/v1beta1",
		"kind":              "KubeletConfiguration",
		"address":           c.net().node(),
		"healthzPort":       0,
		"readOnlyPort":      0,
		"tlsCertFile":       c.path("kubelet.crt"),
		"tlsPrivateKeyFile": c.path("kubelet.key"),
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false},
			"webhook":   map[string]any{"enabled": false},
			"x509":      map[string]any{"clientCAFile": c.path("ca.crt")},
		},
		"authorization": map[string]any{"mode": "AlwaysAllow"}, // of those with a certificate: the API server

		"containerRuntimeEndpoint": "unix://" + c.path("containerd.sock"),
		"volumePluginDir":          c.path("volume-plugins"),
		"podLogsDir":               c.logDir() + "/pods", // below /var/log, all that the kubelet's API serves files from
		"staticPodPath":            c.path("manifests"),
		"resolvConf":               "",
		"makeIPTablesUtilChains":   false,

		// With no cgroups of its own the kubelet runs under cgroups of either version, whatever else is there.
		"cgroupDriver":           "cgroupfs",
		"cgroupsPerQOS":          false,
		"enforceNodeAllocatable": []string{},
		"failCgroupV1":           false,
		"failSwapOn":             false,

		// A full disk or little memory of the machine is not a reason to end pods or delete their image.
		"evictionHard": map[string]string{
			"memory.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%", "imagefs.inodesFree": "0%",
		},
		"imageGCHighThresholdPercent":   100,
		"localStorageCapacityIsolation": false,
		"maxPods":                       500,
		"containerLogMaxSize":           c.LogMax,
		"containerLogMonitorInterval":   "3s",
		"enableControllerAttachDetach":  false, // no controller runs
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.path("kubelet.json"), kubelet, 0o600)
}
