package discover

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"
)

// mostBytes is the size up to which a file may be a kubeconfig, or a certificate, key or token that one names.
const mostBytes = 4 << 20

var (
	// errNoConfig says that a file is sound but no kubeconfig.
	errNoConfig = errors.New("it is no kubeconfig (kind: Config)")
	// errNoContext says that a file is a kubeconfig without contexts.
	errNoContext = errors.New("it has no context")
	// errSpecial says that a file is none that can be read through: a directory, a FIFO, a socket, a device.
	errSpecial = errors.New("it is no regular file")
	errLarge   = fmt.Errorf("it is larger than %d MiB", mostBytes>>20)
)

// file is a kubeconfig that was read: an island, whose names and relative paths mean nothing outside of it.
type file struct {
	path   string
	named  bool // by the user
	link   bool // the path is a symbolic link
	info   os.FileInfo
	config *clientcmdapi.Config   // relative paths are resolved against its folder
	access clientcmd.ConfigAccess // for clientcmd to store a token that it has refreshed, as kubectl does
	again  func() (*file, error)  // reads it anew
	held   int                    // bytes of clusters and users that contexts took so far
}

// entry is a context of a file.
type entry struct {
	file    *file
	context string
}

// brokenError is about a file that seems to be meant as a kubeconfig but can't be read.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

// read reads a kubeconfig. The error is a *brokenError if the file seems to be meant as one.
func read(c candidate) (*file, error) {
	text, info, err := readRegular(c.path)
	switch {
	case errors.Is(err, errSpecial) || errors.Is(err, errLarge):
		return nil, err
	case err != nil && (info != nil || meantByName(c.path)): // there but unreadable, or a link to nowhere
		return nil, &brokenError{err}
	case err != nil:
		return nil, err
	}
	config, err := parse(text, c.named)
	switch {
	case errors.Is(err, errNoConfig) || errors.Is(err, errNoContext):
		return nil, err
	case err != nil && meant(c.path, text):
		return nil, &brokenError{err}
	case err != nil:
		return nil, err
	}
	for _, cluster := range config.Clusters {
		cluster.LocationOfOrigin = c.path
	}
	for _, user := range config.AuthInfos {
		user.LocationOfOrigin = c.path
	}
	if err := clientcmd.ResolveLocalPaths(config); err != nil {
		return nil, &brokenError{err}
	}
	link, err := os.Lstat(c.path)
	return &file{
		path: c.path, named: c.named, info: info, config: config,
		link:   err == nil && link.Mode()&os.ModeSymlink != 0,
		access: &clientcmd.ClientConfigLoadingRules{ExplicitPath: c.path},
		again:  func() (*file, error) { return read(c) },
	}, nil
}

// readRegular reads a regular file of up to mostBytes and opens no other: opening a FIFO could wait for ever. info
// is nil if there is no such file.
func readRegular(path string) (text []byte, info os.FileInfo, err error) {
	info, err = os.Stat(path)
	switch {
	case err != nil:
		return nil, nil, reason(err)
	case !info.Mode().IsRegular():
		return nil, info, errSpecial
	case info.Size() > mostBytes:
		return nil, info, errLarge
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, info, reason(err)
	}
	defer f.Close()
	text, err = io.ReadAll(io.LimitReader(f, mostBytes+1))
	switch {
	case err != nil:
		return nil, info, reason(err)
	case len(text) > mostBytes: // it grows, or says that it has no size
		return nil, info, errLarge
	}
	return text, info, nil
}

// parse reads the text of a kubeconfig, YAML or JSON. The error is errNoConfig or errNoContext if the text is sound
// but has none. A named file need not say what kind it is, as kubectl doesn't ask.
func parse(text []byte, named bool) (*clientcmdapi.Config, error) {
	text, err := decoded(text)
	if err != nil {
		return nil, err
	}
	plain, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, withoutValues(err)
	}
	var head struct {
		Kind     string            `json:"kind"`
		Contexts []json.RawMessage `json:"contexts"`
	}
	switch err := json.Unmarshal(plain, &head); {
	case err != nil && head.Kind != "Config":
		return nil, errNoConfig
	case err != nil:
		return nil, withoutValues(err)
	case head.Kind != "Config" && (!named || head.Kind != "" || len(head.Contexts) == 0):
		return nil, errNoConfig
	case len(head.Contexts) == 0:
		return nil, errNoContext
	}
	return load(text)
}

// load reads a decoded text as kubectl does.
func load(text []byte) (*clientcmdapi.Config, error) {
	config, err := clientcmd.Load(text)
	if err != nil {
		return nil, withoutValues(err)
	}
	return config, nil
}

// meant tells whether a file that can't be read seems to be meant as a kubeconfig: by its name, or because it is text
// that says so. All else (keys, caches, locks, state of other tools) is nobody's mistake.
func meant(path string, text []byte) bool {
	if meantByName(path) {
		return true
	}
	text, _ = decoded(text) // nil if it is no text
	return text != nil &&
		(strings.HasPrefix(strings.ToLower(filepath.Base(path)), "config") || kindConfig.Match(text))
}

func meantByName(path string) bool {
	name := strings.ToLower(filepath.Base(path))
	switch filepath.Ext(name) {
	case ".yaml", ".yml", ".json", ".conf", ".config", ".kubeconfig":
		return true
	}
	return name == "config" || name == "kubeconfig"
}

var kindConfig = regexp.MustCompile(`(?m)(?:^|[{,])\s*"?kind"?\s*:\s*["']?Config\b`)

// entries gives the contexts of a file, sorted by name.
func (f *file) entries() (all []entry) {
	for name := range f.config.Contexts {
		all = append(all, entry{f, name})
	}
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(a.context, b.context) })
	return all
}

// current gives the context that is taken where none is asked for: the current one, even if the file has no such, or
// the only one of a file where none is current.
func (f *file) current() (e entry, ok bool) {
	if f.config.CurrentContext != "" {
		return entry{f, f.config.CurrentContext}, true
	}
	if all := f.entries(); len(all) == 1 {
		return all[0], true
	}
	return entry{}, false
}

func names(files []*file) (all []string) {
	for _, f := range files {
		for name := range f.config.Contexts {
			all = append(all, name)
		}
	}
	return all
}

// reason is a file system's error without the path, which the message names already.
func reason(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
