package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// up builds what clusters consist of and begins them side by side.
func up(ctx context.Context, o options, names []string) error {
	for _, name := range names {
		if !validName.MatchString(name) {
			return fmt.Errorf("%q can't be a cluster's name: letters a to z, digits and dashes, 20 at most", name)
		}
		// A socket's path has 107 bytes.
		if socket := at(o.root, name).path("containerd.sock.ttrpc"); len(socket) > 107 {
			return fmt.Errorf("%s is too long a path for a socket: choose a shorter -root", socket)
		}
	}
	if err := requirements(); err != nil {
		return err
	}
	if err := os.MkdirAll(o.root, 0o700); err != nil {
		return err
	}
	build, err := os.MkdirTemp(o.root, "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(build)
	image, err := buildImage(ctx, build)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "building etcd, kube-apiserver and kubelet: minutes at first, seconds from Go's build cache")
	for _, k := range components() {
		if _, err := k.program(ctx); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	return each(names, func(name string) error {
		c := at(o.root, name)
		if err := c.up(ctx, o, image); err != nil {
			return err
		}
		fmt.Println(c.path("kubeconfig"))
		return nil
	})
}

// down ends clusters side by side, and with the last one removes root.
func down(ctx context.Context, o options, names []string) error {
	if err := requirements(); err != nil {
		return err
	}
	if len(names) == 0 {
		all, err := list(o.root)
		if err != nil {
			return err
		}
		for _, c := range all {
			names = append(names, c.name)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	err := each(names, func(name string) error {
		c, err := load(o.root, name)
		if err != nil {
			return err
		}
		unlock, err := c.lock()
		if err != nil {
			return err
		}
		defer unlock()
		return c.remove(ctx)
	})
	if left, _ := filepath.Glob(filepath.Join(o.root, "*")); len(left) == 0 {
		_ = os.Remove(o.root)
	}
	return err
}

// each does the same for all names at once; one's failure does not stop the others.
func each(names []string, do func(name string) error) error {
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() {
			if err := do(name); err != nil {
				errs[i] = fmt.Errorf("%s: %w", name, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
