//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// realCluster measures on a real cluster, whose kubelet sends each line by itself: four pods of 500,000 lines. It needs root,
// and Debian's containerd, runc and iproute2.
func realCluster(b *binaries, s size, rounds int) error {
	const pods, lines = 4, 500_000
	control, kubectl, root := filepath.Join(b.dir, "cluster"), filepath.Join(b.dir, "kubectl-real"), filepath.Join(b.dir, "clusters")
	run := func(name string, args ...string) error {
		cmd := exec.Command(name, args...)
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", cmd, err)
		}
		return nil
	}
	module := filepath.Join(b.project, "testdata", "cluster")
	if err := run("go", "build", "-C", module, "-o", control, "."); err != nil {
		return err
	}
	if err := run("go", "build", "-C", module, "-o", kubectl, "k8s.io/kubernetes/cmd/kubectl"); err != nil {
		return err
	}
	defer run(control, "-root", root, "down")
	if err := run(control, "-root", root, "up", "-log-max", "1Gi", "a"); err != nil {
		return err
	}
	kubeconfig := filepath.Join(root, "a", "kubeconfig")
	var names []string
	for i := range pods {
		names = append(names, fmt.Sprintf("pod-%d", i+1))
		err := run(control, "-root", root, "pod", "a", "default/"+names[i], "--", "-lines", fmt.Sprint(lines), "-length", "100", "-wait", "-1s")
		if err != nil {
			return err
		}
	}
	for _, name := range names {
		for { // until it has written all
			out, _ := exec.Command(kubectl, "--kubeconfig", kubeconfig, "logs", name, "--tail", "1").Output()
			if strings.Contains(string(out), fmt.Sprint(lines-1)) {
				break
			}
			time.Sleep(time.Second)
		}
	}
	var kubectls []string
	for _, name := range names {
		kubectls = append(kubectls, fmt.Sprintf("%s --kubeconfig %s logs --timestamps %s &", kubectl, kubeconfig, name))
	}
	real := *b
	real.dir = root
	if err := os.Symlink(kubeconfig, real.kubeconfig()); err != nil {
		return err
	}
	own, ours, sterns := size{pods: pods}, []string{"-o", "json"}, []string{"-o", "json"}
	all, piped := besides(&real, own, ours, sterns...), besides(&real, own, ours, sterns...)
	all.programs = append(all.programs,
		shell("kubectl logs --timestamps, one for each pod", strings.Join(kubectls, "\n")+"\nwait"),
		&program{name: "bare reader", path: b.reader, args: []string{real.kubeconfig()}, silent: true})
	for i, p := range piped.programs {
		piped.programs[i] = shell(p.name+" | cat", p.path+" "+strings.Join(p.args, " ")+" | cat")
	}
	return measure(fmt.Sprintf("A real cluster: %d pods × %d lines of 100 bytes", pods, lines), []row{all, piped}, pods*lines, rounds)
}
