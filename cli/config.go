package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"
	"go.yaml.in/yaml/v3"
)

// config is a file that gives values to flags that the command line leaves out. A nil config gives none.
type config struct {
	path     string
	values   map[string]any  // by names of flags: a text, or a list of texts
	gave     map[string]bool // the flags that have their value from here
	warnings []string
}

// notInConfig are flags that a config cannot give.
var notInConfig = []string{"help", "man", "version", "completion", "config"}

// BeforeResolve is called by kong when the command line was read. It lets a config give what the command line leaves out.
func (f *flags) BeforeResolve(line *kong.Context) error {
	path, by := configPath(line)
	if path == "" {
		return nil
	}
	text, info, err := readNamed(path)
	switch missing := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR); {
	case missing && by == "":
		return nil
	case err != nil && by == "": // nobody has asked for it: it is not a reason to end
		f.config = passedOver(path, err.Error()+": make it readable or remove it")
		return nil
	case err != nil:
		return usagef(nil, hintConfig, "reading %s: %w", by, err)
	}
	if why := untrusted(path, by, text, info); why != "" {
		f.config = passedOver(path, why)
		return nil
	}
	if f.config, err = readConfig(path, text, line.Model.Flags); err != nil {
		return usagef(nil, hintConfig, "reading %s: %w", cmp.Or(by, "the config file"), err)
	}
	line.AddResolver(f.config)
	return nil
}

const hintConfig = "it has lines such as tail: 10, with the long names of flags"

// configPath returns the config to read, and which flag or variable names it, if any does; an empty path: there is none.
func configPath(line *kong.Context) (path, by string) {
	for _, p := range line.Path {
		if p.Flag != nil && p.Flag.Name == "config" {
			return expandHome(fmt.Sprint(line.FlagValue(p.Flag))), "--config"
		}
	}
	if path := os.Getenv("MKTAIL_CONFIG"); path != "" {
		return expandHome(path), "$MKTAIL_CONFIG"
	}
	folder := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(folder) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", ""
		}
		folder = filepath.Join(home, ".config")
	}
	return filepath.Join(folder, "mktail", "config.yaml"), ""
}

// copyIt is what helps against a file that others can write to, before the flag that names files.
const copyIt = "copy it and name the copy with "

// untrusted returns why a config must not be obeyed, as it can start programs (pager), and what to do; empty: it may. Of a file that
// the user names the folder is not looked at: those of a pod's volumes, for example, can be written by all.
func untrusted(path, by string, text []byte, info fs.FileInfo) string {
	if len(bytes.TrimSpace(text)) == 0 { // such as /dev/null
		return ""
	}
	why, todo := mistrust(path, info, copyIt+"--config")
	if why == "" && by == "" {
		why, todo = mistrustFolder(path)
	}
	if why == "" {
		return ""
	}
	return why + ": " + todo
}

// passedOver returns a config that gives nothing, and says why.
func passedOver(path, why string) *config {
	return &config{path: path, warnings: []string{"config file passed over: " + why}}
}

// readConfig reads the text of a config for these flags.
func readConfig(path string, text []byte, flags []*kong.Flag) (*config, error) {
	c := &config{path: path, values: make(map[string]any), gave: make(map[string]bool)}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(document.Content) == 0 {
		return c, nil
	}
	pairs := document.Content[0]
	if pairs.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: line %d: it is no list of flags and values", path, pairs.Line)
	}
	for i := 0; i < len(pairs.Content); i += 2 {
		key, node := pairs.Content[i].Value, pairs.Content[i+1]
		flag, negated := flagOf(flags, key)
		if flag == nil {
			c.warnings = append(c.warnings, fmt.Sprintf("%s: there is no flag %q", path, key))
			continue
		}
		if _, twice := c.values[flag.Name]; twice {
			return nil, fmt.Errorf("%s: line %d: %s was said before", path, node.Line, flag.Name)
		}
		value, err := valueOf(flag, negated, node)
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %s %w", path, node.Line, key, err)
		}
		c.values[flag.Name] = value
	}
	return c, nil
}

// flagOf returns the flag that a key names, perhaps by its negation; nil: none.
func flagOf(flags []*kong.Flag, key string) (flag *kong.Flag, negated bool) {
	for _, f := range flags {
		switch {
		case slices.Contains(notInConfig, f.Name):
		case f.Name == key, slices.Contains(f.Aliases, key):
			return f, false
		case f.Tag.Negatable != "" && "no-"+f.Name == key:
			return f, true
		}
	}
	return nil, false
}

// valueOf returns the value of a flag, for kong to read like one from the command line.
func valueOf(flag *kong.Flag, negated bool, node *yaml.Node) (any, error) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind == yaml.SequenceNode && flag.IsSlice() {
		all := make([]any, len(node.Content))
		for i, item := range node.Content {
			if item.Kind != yaml.ScalarNode {
				return nil, errors.New("has an item that is no text")
			}
			all[i] = item.Value
		}
		return all, nil
	}
	switch {
	case node.Kind != yaml.ScalarNode:
		return nil, errors.New("takes one value")
	case node.Tag == "!!null":
		return nil, errors.New("has no value")
	case !negated:
		return node.Value, nil
	}
	var no bool
	if err := node.Decode(&no); err != nil {
		return nil, errors.New("is true or false")
	}
	return !no, nil
}

// Validate is called by kong.
func (c *config) Validate(*kong.Application) error { return nil }

// Resolve is called by kong for each flag that the command line leaves out.
func (c *config) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value, ok := c.values[flag.Name]
	if !ok {
		return nil, nil
	}
	c.gave[flag.Name] = true
	return value, nil
}

// warn logs what is odd about the file.
func (c *config) warn(log zerolog.Logger) {
	if c == nil {
		return
	}
	for _, warning := range c.warnings {
		log.Warn().Msg(warning)
	}
}

// blame adds to a mistake of the user's the file that it stands in, if c gave one of the flags that are to blame.
func (c *config) blame(err error) error {
	usage, ok := errors.AsType[*UsageError](err)
	if c == nil || !ok {
		return err
	}
	for _, flag := range usage.Flags {
		if c.gave[flag] {
			return usagef(on{flag}, usage.Hint, "reading %s of %s: %w", flag, c.path, err)
		}
	}
	return err
}
