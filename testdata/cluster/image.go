package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// What the images are called.
const (
	loggenImage = "mktail.test/loggen:1"
	pauseImage  = "mktail.test/pause:1"
)

// buildImage writes an archive of both images, which are one, into dir and returns its path.
func buildImage(ctx context.Context, dir string) (string, error) {
	root, err := rootDir()
	if err != nil {
		return "", err
	}
	program, archive := filepath.Join(dir, "loggen"), filepath.Join(dir, "image.tar")
	build := exec.CommandContext(ctx, "go", "build", "-C="+root, "-trimpath", "-ldflags=-s -w", "-o="+program, "./testdata/loggen/cmd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if _, err := output(build); err != nil {
		return "", fmt.Errorf("building the image's program: %w", err)
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		return "", err
	}
	image, err := pack(binary)
	if err != nil {
		return "", fmt.Errorf("packing the image: %w", err)
	}
	return archive, os.WriteFile(archive, image, 0o600)
}

// pack makes an archive as `docker save` does, with one layer: /loggen, and /pause as another name of it.
func pack(program []byte) ([]byte, error) {
	layer, err := archive([]tar.Header{
		{Name: "loggen", Mode: 0o755, Size: int64(len(program))},
		{Name: "pause", Mode: 0o755, Typeflag: tar.TypeLink, Linkname: "loggen"},
		{Name: "tmp/", Mode: 0o1777, Typeflag: tar.TypeDir},
	}, program)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       map[string]any{"Entrypoint": []string{"/pause"}},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))}},
	})
	if err != nil {
		return nil, err
	}
	manifest, err := json.Marshal([]map[string]any{{
		"Config": "config.json", "RepoTags": []string{loggenImage, pauseImage}, "Layers": []string{"layer.tar"},
	}})
	if err != nil {
		return nil, err
	}
	return archive([]tar.Header{
		{Name: "config.json", Mode: 0o644, Size: int64(len(config))},
		{Name: "manifest.json", Mode: 0o644, Size: int64(len(manifest))},
		{Name: "layer.tar", Mode: 0o644, Size: int64(len(layer))},
	}, config, manifest, layer)
}

// archive makes a tar of the files; contents has those of the first headers, the others have none.
func archive(headers []tar.Header, contents ...[]byte) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := range headers {
		if err := w.WriteHeader(&headers[i]); err != nil {
			return nil, err
		}
		if i < len(contents) {
			if _, err := w.Write(contents[i]); err != nil {
				return nil, err
			}
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

// importImage gives the image to the cluster's containerd.
func (c *cluster) importImage(ctx context.Context, archive string) error {
	_, err := output(exec.CommandContext(ctx, "ctr", "--address="+c.path("containerd.sock"), "--namespace=k8s.io",
		"images", "import", "--snapshotter="+snapshotter, archive))
	return err
}
