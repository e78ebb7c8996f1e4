package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
)

// validName is of a label of DNS, short enough for the paths of sockets.
var validName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,18}[a-z0-9])?$`)

// cluster is what its folder's cluster.json holds.
type cluster struct {
	dir, name string

	Number  int    // of its network
	Context string // the name of the kubeconfig's context
	LogMax  string // size at which a container's log is rotated
}

func at(root, name string) *cluster { return &cluster{dir: filepath.Join(root, name), name: name} }

func (c *cluster) path(name string) string { return filepath.Join(c.dir, name) }
func (c *cluster) net() network            { return network(c.Number) }
func (c *cluster) server() string          { return "https://" + c.net().node() + ":6443" }
func (c *cluster) nodeName() string        { return c.name + "-node" }

// logDir holds the logs of the containers.
func (c *cluster) logDir() string { return "/var/log/" + c.net().name() }

// load finds a cluster that has begun.
func load(root, name string) (*cluster, error) {
	c := at(root, name)
	b, err := os.ReadFile(c.path("cluster.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no cluster %q in %s: up %s", name, root, name)
	}
	if err == nil {
		err = json.Unmarshal(b, c)
	}
	if err != nil {
		return nil, fmt.Errorf("reading cluster %s: %w", name, err)
	}
	return c, nil
}

// list is all clusters of root.
func list(root string) ([]*cluster, error) {
	files, err := filepath.Glob(filepath.Join(root, "*", "cluster.json"))
	if err != nil {
		return nil, err
	}
	var all []*cluster
	for _, file := range files {
		c, err := load(root, filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// save is how a cluster begins to be one.
func (c *cluster) save() error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.path("cluster.json"), b, 0o600)
}

// lock waits until no other command changes the cluster.
func (c *cluster) lock() (unlock func(), err error) {
	f, err := os.Open(c.dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("locking %s: %w", c.dir, err)
	}
	return func() { f.Close() }, nil
}

// up begins the cluster, or completes it. The log-max that it has begun with it keeps.
func (c *cluster) up(ctx context.Context, o options, image string) error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if old, err := load(o.root, c.name); err == nil && old.net().ownedBy(c.dir) {
		*c = *old
		if o.context != "" && o.context != c.Context {
			c.Context = o.context
			if err := c.save(); err != nil {
				return err
			}
		}
	} else {
		if err == nil { // of before a reboot
			if err := old.remove(ctx); err != nil {
				return err
			}
			if err := os.MkdirAll(c.dir, 0o700); err != nil {
				return err
			}
		}
		n, err := claim(ctx, c.dir)
		if err != nil {
			return fmt.Errorf("making the network: %w", err)
		}
		c.Number, c.Context, c.LogMax = int(n), o.context, o.logMax
		if c.Context == "" {
			c.Context = c.name
		}
		if err := c.save(); err != nil {
			return errors.Join(err, n.remove(ctx))
		}
	}
	for _, write := range []func() error{c.writeCerts, c.writeTokens, c.writeKubeconfig, c.writeConfigs} {
		if err := write(); err != nil {
			return err
		}
	}
	for _, dir := range []string{c.logDir() + "/pods", c.path("manifests")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := c.net().set(ctx, "up"); err != nil {
		return err
	}
	return c.beginAll(ctx, image)
}

// beginAll lets the components come up beside one another where they can.
func (c *cluster) beginAll(ctx context.Context, image string) error {
	all := components()
	kubelet := all[len(all)-1]
	before := all[:len(all)-1]
	for _, k := range before {
		if err := c.spawn(ctx, k); err != nil {
			return err
		}
	}
	for _, k := range before {
		if err := c.await(ctx, k, k.answers); err != nil {
			return err
		}
		if k.name == "containerd" {
			if err := c.importImage(ctx, image); err != nil {
				return fmt.Errorf("importing the image: %w", err)
			}
		}
	}
	if err := c.begin(ctx, kubelet); err != nil {
		return err
	}
	return c.await(ctx, kubelet, registered)
}
