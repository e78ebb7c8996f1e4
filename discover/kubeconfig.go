package discover

import (
	"bytes"
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

// mostBytes is the maximum size of a kubeconfig, and of each certificate, key and token file that it names.
const mostBytes = 4 << 20

var (
	// errNoConfig is about a valid file that is not a kubeconfig.
	errNoConfig = errors.New("it is no kubeconfig (kind: Config)")
	// errNoContext is about a kubeconfig without contexts.
	errNoContext = errors.New("it has no context")
	// errEmpty is about a file without a word: of length zero, or of spaces and comments.
	errEmpty = errors.New("it is empty")
	// errSpecial is about a directory, a FIFO, a socket or a device.
	errSpecial = errors.New("it is no regular file")
	// errLarge is about a file larger than mostBytes.
	errLarge = fmt.Errorf("it is larger than %d MiB", mostBytes>>20)
)

// file is a kubeconfig that was read, or with --no-multiple the merged ones. Its names and relative paths mean nothing in
// other files.
type file struct {
	path   string
	root   string // the folder that was searched, or the file's own
	named  bool   // by the user
	link   bool   // path is a symbolic link
	info   os.FileInfo
	config *clientcmdapi.Config  // relative paths are resolved against its folder
	again  func() (*file, error) // reads the file again
	held   int                   // bytes of all contexts that clusters were made of so far
}

// entry is a context of a file; the file may lack it, if it is only named as the current one.
type entry struct {
	file    *file
	context string
}

// there reports whether the file has the context.
func (e entry) there() bool { return e.file.config.Contexts[e.context] != nil }

// brokenError is about a file that seems to be meant as a kubeconfig but cannot be read.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

// read reads a kubeconfig. The error is a *brokenError if the file seems to be meant as a kubeconfig. If it is
// errNoContext, the file has its path, and its config if that can be read: another file may need its clusters and users.
func read(c candidate) (*file, error) {
	text, info, err := readRegular(c.path)
	switch {
	case errors.Is(err, errSpecial) || errors.Is(err, errLarge):
		return nil, err
	case err != nil && (info != nil || meantByName(c.path)): // it exists but is unreadable, or it is a dangling link
		return nil, &brokenError{err}
	case err != nil:
		return nil, err
	}
	config, err := parse(text, c.named)
	switch {
	case errors.Is(err, errNoContext):
		return &file{path: c.path, config: config}, err
	case errors.Is(err, errEmpty) || errors.Is(err, errNoConfig):
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
		path: c.path, root: c.root, named: c.named, info: info, config: config,
		link:  err == nil && link.Mode()&os.ModeSymlink != 0,
		again: func() (*file, error) { return read(c) },
	}, nil
}

// readRegular reads a regular file of up to mostBytes. It opens nothing else, since opening a FIFO could block forever.
// info is nil if there is no such file.
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
	case len(text) > mostBytes: // it has grown, or reports no size
		return nil, info, errLarge
	}
	return text, info, nil
}

// parse reads the text of a kubeconfig, YAML or JSON. The error is errEmpty, errNoConfig or errNoContext if the text is
// valid but is empty, is not a kubeconfig or has no contexts. A named file needs no kind: kubectl does not require it either.
func parse(text []byte, named bool) (*clientcmdapi.Config, error) {
	text, err := decoded(text)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(text)) == 0 { // a tab alone is an error in YAML
		return nil, errEmpty
	}
	plain, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, withoutValues(err)
	}
	if text := string(bytes.TrimSpace(plain)); text == "null" || text == "{}" {
		return nil, errEmpty
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
		config, _ := load(text)
		return config, errNoContext
	}
	return load(text)
}

// load parses a decoded text as kubectl does.
func load(text []byte) (*clientcmdapi.Config, error) {
	config, err := clientcmd.Load(text)
	if err != nil {
		return nil, withoutValues(err)
	}
	return config, nil
}

// meant reports whether a file that cannot be parsed seems to be meant as a kubeconfig, by its name or by its kind.
// Other files (keys, caches, locks, the state of other tools) are not mistakes.
func meant(path string, text []byte) bool {
	if meantByName(path) {
		return true
	}
	text, _ = decoded(text) // nil if it is not text
	return text != nil &&
		(strings.HasPrefix(strings.ToLower(filepath.Base(path)), "config") || kindConfig.Match(text))
}

// meantByName reports whether a file's name is that of a kubeconfig, or of a YAML or JSON file.
func meantByName(path string) bool {
	name := strings.ToLower(filepath.Base(path))
	switch filepath.Ext(name) {
	case ".yaml", ".yml", ".json", ".conf", ".config", ".kubeconfig":
		return true
	}
	return name == "config" || name == "kubeconfig"
}

var kindConfig = regexp.MustCompile(`(?m)(?:^|[{,])\s*"?kind"?\s*:\s*["']?Config\b`)

// entries returns the contexts of a file, sorted by name.
func (f *file) entries() (all []entry) {
	for name := range f.config.Contexts {
		all = append(all, entry{f, name})
	}
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(a.context, b.context) })
	return all
}

// current returns the context to use if the user asks for none: the current context, even if the file lacks it, or the
// only context of a file without a current one.
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

// reason returns a file system's error without the path, which the message already has.
func reason(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
