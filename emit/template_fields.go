package emit

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"text/template/parse"
)

// fieldCheck looks for fields in a template that its data does not have, as far as that is known without running the template:
// for fields of the data itself. Templates that the template calls are not checked.
type fieldCheck struct {
	tree *parse.Tree
	data reflect.Type
}

// list returns the error of the first such field in a list. dot says whether the dot is the data there.
func (c fieldCheck) list(list *parse.ListNode, dot bool) error {
	if list == nil {
		return nil
	}
	for _, n := range list.Nodes {
		if err := c.node(n, dot); err != nil {
			return err
		}
	}
	return nil
}

func (c fieldCheck) node(n parse.Node, dot bool) error {
	switch n := n.(type) {
	case *parse.ActionNode:
		return c.node(n.Pipe, dot)
	case *parse.TemplateNode:
		if n.Pipe != nil {
			return c.node(n.Pipe, dot)
		}
	case *parse.IfNode:
		return c.branch(&n.BranchNode, dot, dot)
	case *parse.WithNode:
		return c.branch(&n.BranchNode, dot, false)
	case *parse.RangeNode:
		return c.branch(&n.BranchNode, dot, false)
	case *parse.PipeNode:
		for _, cmd := range n.Cmds {
			for _, arg := range cmd.Args {
				if err := c.node(arg, dot); err != nil {
					return err
				}
			}
		}
	case *parse.ChainNode:
		return c.node(n.Node, dot)
	case *parse.FieldNode:
		if dot {
			return c.field(n, n.Ident)
		}
	case *parse.VariableNode:
		if n.Ident[0] == "$" {
			return c.field(n, n.Ident[1:])
		}
	}
	return nil
}

// branch checks an if, with or range. within says whether the dot is the data in its body; in its else the dot is unchanged.
func (c fieldCheck) branch(b *parse.BranchNode, dot, within bool) error {
	if err := c.node(b.Pipe, dot); err != nil {
		return err
	}
	if err := c.list(b.List, within); err != nil {
		return err
	}
	return c.list(b.ElseList, dot)
}

// field returns the error of a chain of field names that begins at the data.
func (c fieldCheck) field(n parse.Node, names []string) error {
	t := c.data
	for i, name := range names {
		if t.Kind() == reflect.Map {
			t = t.Elem()
			continue
		}
		if t.Kind() == reflect.Struct {
			if f, ok := t.FieldByName(name); ok && f.IsExported() {
				t = f.Type
				continue
			}
		}
		place, _ := c.tree.ErrorContext(n)
		if i > 0 {
			return fmt.Errorf("%s: there is no field %s in %s", place, name, strings.Join(names[:i], "."))
		}
		var all []string
		for f := range t.Fields() {
			all = append(all, f.Name)
		}
		slices.Sort(all)
		return fmt.Errorf("%s: there is no field %s; there are %s", place, name, strings.Join(all, ", "))
	}
	return nil
}
