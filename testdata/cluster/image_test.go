package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"testing"
)

func TestPack(t *testing.T) {
	image, err := pack([]byte("program"))
	if err != nil {
		t.Fatal(err)
	}
	files := untar(t, image)
	var manifest []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(files["manifest.json"], &manifest); err != nil || len(manifest) != 1 || len(manifest[0].RepoTags) != 2 {
		t.Fatalf("the manifest is %s, %v", files["manifest.json"], err)
	}
	layer := files[manifest[0].Layers[0]]
	var config struct {
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	want := fmt.Sprintf("sha256:%x", sha256.Sum256(layer))
	if err := json.Unmarshal(files[manifest[0].Config], &config); err != nil || len(config.RootFS.DiffIDs) != 1 || config.RootFS.DiffIDs[0] != want {
		t.Errorf("the configuration is %s, %v, want a layer %s", files[manifest[0].Config], err, want)
	}
	in := untar(t, layer)
	if _, ok := in["pause"]; !ok || string(in["loggen"]) != "program" {
		t.Errorf("the layer has %q", in)
	}
}

func untar(t *testing.T, b []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}
