package jq

import (
	"regexp"
	"slices"

	"github.com/itchyny/gojq"
)

// modules loads the modules of one program, and defines jq's function for the number of a record in each.
type modules struct {
	moduleLoader
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
	return &modules{moduleLoader: gojq.NewModuleLoader(paths).(moduleLoader)}
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
	q, err := m.moduleLoader.LoadModuleWithMeta(name, meta)
	if err == nil {
		m.add(name, q)
	}
	return q, err
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
