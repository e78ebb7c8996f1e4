package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// createPod makes a pod (NAMESPACE/NAME) on the cluster's node, and its namespace if there is none. Its container app
// runs loggen with the flags.
func (c *cluster) createPod(ctx context.Context, path, restart string, flags []string) error {
	ns, name, ok := strings.Cut(path, "/")
	if !ok {
		return fmt.Errorf("%q is no NAMESPACE/NAME", path)
	}
	if err := c.get(ctx, c.server()+"/api/v1/namespaces/"+ns); err != nil {
		if err := c.create(ctx, "/api/v1/namespaces", map[string]any{"metadata": map[string]any{"name": ns}}); err != nil {
			return err
		}
	}
	return c.create(ctx, "/api/v1/namespaces/"+ns+"/pods", map[string]any{
		"metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"nodeName": c.nodeName(), "hostNetwork": true, "restartPolicy": restart, "terminationGracePeriodSeconds": 2,
			"containers": []any{map[string]any{
				"name": "app", "image": loggenImage, "imagePullPolicy": "Never", "command": []string{"/loggen"}, "args": flags,
			}},
		},
	})
}

func (c *cluster) deletePod(ctx context.Context, path string) error {
	ns, name, ok := strings.Cut(path, "/")
	if !ok {
		return fmt.Errorf("%q is no NAMESPACE/NAME", path)
	}
	return c.ask(ctx, http.MethodDelete, c.server()+"/api/v1/namespaces/"+ns+"/pods/"+name, nil)
}

func (c *cluster) create(ctx context.Context, path string, object map[string]any) error {
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	return c.ask(ctx, http.MethodPost, c.server()+path, text)
}
