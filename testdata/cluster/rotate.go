package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// cri speaks to the cluster's containerd.
func (c *cluster) cri(do func(runtimeapi.RuntimeServiceClient) error) error {
	conn, err := grpc.NewClient("unix://"+c.path("containerd.sock"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	return do(runtimeapi.NewRuntimeServiceClient(conn))
}

// rotatedName returns the name of the file that a log is to be rotated to. It waits until the name comes after those of all files that the
// kubelet has rotated, and is of a past second: the kubelet, which may rotate the log in this one, too, would put its file in the place of
// ours.
func rotatedName(ctx context.Context, log string) (string, error) {
	for {
		name := log + "." + time.Now().Add(-time.Second).Format("20060102-150405")
		rotated, err := filepath.Glob(log + ".*")
		if err != nil {
			return "", err
		}
		if !slices.ContainsFunc(rotated, func(other string) bool { return other >= name }) {
			return name, nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// rotate does for the running containers of the pods (NAMESPACE/NAME), or of all, what the kubelet does when a log is full.
func (c *cluster) rotate(ctx context.Context, pods []string) error {
	return c.cri(func(cri runtimeapi.RuntimeServiceClient) error {
		running, err := cri.ListContainers(ctx, &runtimeapi.ListContainersRequest{Filter: &runtimeapi.ContainerFilter{
			State: &runtimeapi.ContainerStateValue{State: runtimeapi.ContainerState_CONTAINER_RUNNING}}})
		if err != nil {
			return fmt.Errorf("listing containers: %w", err)
		}
		rotated := map[string]bool{}
		for _, k := range running.Containers {
			pod := k.Labels["io.kubernetes.pod.namespace"] + "/" + k.Labels["io.kubernetes.pod.name"]
			if len(pods) > 0 && !slices.Contains(pods, pod) {
				continue
			}
			rotated[pod] = true
			status, err := cri.ContainerStatus(ctx, &runtimeapi.ContainerStatusRequest{ContainerId: k.Id})
			if err != nil {
				return fmt.Errorf("looking at a container of %s: %w", pod, err)
			}
			log := status.Status.LogPath
			name, err := rotatedName(ctx, log)
			if err == nil {
				err = os.Rename(log, name)
			}
			if err != nil {
				return fmt.Errorf("rotating a log of %s: %w", pod, err)
			}
			if _, err := cri.ReopenContainerLog(ctx, &runtimeapi.ReopenContainerLogRequest{ContainerId: k.Id}); err != nil {
				return fmt.Errorf("reopening a log of %s: %w", pod, err)
			}
		}
		for _, pod := range pods {
			if !rotated[pod] {
				return fmt.Errorf("no container of %s is running", pod)
			}
		}
		return nil
	})
}
