package jq

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/itchyny/gojq"
)

// modules loads the modules of one program, and defines jq's function for the number of a record in each. Modules and data come from
// the given directories alone: gojq would read any file that a program names.
type modules struct {
	moduleLoader
	dirs   []string
	loaded []module // so far, in this order
}

// moduleLoader is what gojq's own loader implements.
type moduleLoader interface {
	LoadInitModules() ([]*gojq.Query, error)
	LoadModuleWithMeta(name string, meta map[string]any) (*gojq.Query, error)
	LoadJSONWithMeta(name string, meta map[string]any) (any, error)
}

type module struct {
	name  string
	query *gojq.Query
}

func newModules(paths []string) *modules {
	return &modules{moduleLoader: gojq.NewModuleLoader(paths).(moduleLoader), dirs: paths}
}

// LoadInitModules is called by gojq to load the files named .jq.
func (m *modules) LoadInitModules() ([]*gojq.Query, error) {
	all, err := m.moduleLoader.LoadInitModules()
	for _, q := range all {
		m.add("~/.jq", q)
	}
	return all, err
}

// LoadModuleWithMeta is called by gojq to load a module that is imported or included.
func (m *modules) LoadModuleWithMeta(name string, meta map[string]any) (*gojq.Query, error) {
	if err := m.checkInside(name, meta); err != nil {
		return nil, err
	}
	q, err := m.moduleLoader.LoadModuleWithMeta(name, meta)
	if err == nil {
		m.add(name, q)
	}
	return q, err
}

// LoadJSONWithMeta is called by gojq to load data that is imported.
func (m *modules) LoadJSONWithMeta(name string, meta map[string]any) (any, error) {
	if err := m.checkInside(name, meta); err != nil {
		return nil, err
	}
	return m.moduleLoader.LoadJSONWithMeta(name, meta)
}

// checkInside returns an error if an import names what is outside of the directories, by its name or by where it has jq search. Links in
// the directories are the user's own, and may lead anywhere.
func (m *modules) checkInside(name string, meta map[string]any) error {
	file := filepath.FromSlash(name)
	if !filepath.IsLocal(file) || slices.Contains(strings.Split(filepath.ToSlash(file), "/"), "..") {
		return fmt.Errorf("module %q is outside of --jq-path: a path with .. or from the root is refused", name)
	}
	search, ok := meta["search"].(string)
	if !ok || slices.ContainsFunc(m.dirs, func(dir string) bool { return contains(dir, search) }) {
		return nil
	}
	return fmt.Errorf("module %q is searched for in %q, which is outside of --jq-path", name, search)
}

// contains reports whether a directory is dir, or below it.
func contains(dir, below string) bool {
	for _, gojqs := range []string{"~/", "$ORIGIN/"} { // which it replaces
		if strings.HasPrefix(below, gojqs) {
			return false
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	if below, err = filepath.Abs(below); err != nil {
		return false
	}
	path, err := filepath.Rel(dir, below)
	return err == nil && filepath.IsLocal(path)
}

func (m *modules) add(name string, q *gojq.Query) {
	m.loaded = append(m.loaded, module{name, q})
	q.FuncDefs = append(numberDefinition(), q.FuncDefs...)
}

// naming returns the name of a module that contains a name; empty: there is none. Modules that other modules load come first.
func (m *modules) naming(name string) string {
	word := regexp.MustCompile(`(^|\W)` + regexp.QuoteMeta(name) + `($|\W)`)
	for _, one := range slices.Backward(m.loaded) {
		if word.MatchString(one.query.String()) {
			return one.name
		}
	}
	return ""
}
