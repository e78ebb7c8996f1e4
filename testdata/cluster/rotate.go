package main

import (
	"context"
	"fmt"
	"os"
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
			if err := os.Rename(log, log+"."+time.Now().Format("20060102-150405")); err != nil {
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
