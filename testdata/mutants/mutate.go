package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// mutant is a source file with one small change, which replaces the bytes from start to end.
type mutant struct {
	file       string // slash-separated, relative to the module
	fn         string // the function or variable that holds the change: cut, Cursor.Add
	line       int
	start, end int
	text       string
	key        string // what the list names it by: file, function and changed line, without line number and comments
	body       *body  // the body of a function that holds the change; nil if it is outside of any
}

// body is the body of a function, from its { to its }.
type body struct {
	start, end int
	results    string // as the function declares them
}

// apply returns the changed source.
func (m mutant) apply(src []byte) []byte {
	return []byte(string(src[:m.start]) + m.text + string(src[m.end:]))
}

// mutator collects the mutants of a file.
type mutator struct {
	file string
	src  []byte
	tf   *token.File
	fn   string
	body *body
	seen map[string]int
	all  []mutant

	passedOver map[ast.Node]bool // what no caller may look at, and capacities, which are only for speed
}

// mutants returns all mutants of a file, in the order of the source. Some of them do not compile.
func mutants(file string, src []byte) ([]mutant, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	src = bytes.Clone(src)
	m := &mutator{file: file, src: src, tf: fset.File(tree.Pos()), seen: make(map[string]int), passedOver: make(map[ast.Node]bool)}
	for _, c := range tree.Comments { // so that a mutant keeps its name when one changes
		for i := m.tf.Offset(c.Pos()); i < m.tf.Offset(c.End()); i++ {
			if src[i] != '\n' {
				src[i] = ' '
			}
		}
	}
	for _, decl := range tree.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			m.fn = d.Name.Name
			if d.Recv != nil {
				m.fn = receiver(d.Recv.List[0].Type) + "." + m.fn
			}
			if d.Body != nil {
				m.body = &body{m.tf.Offset(d.Body.Pos()), m.tf.Offset(d.Body.End()), ""}
				if d.Type.Results != nil {
					m.body.results = m.source(d.Type.Results)
				}
				ast.Inspect(d.Body, m.visit)
			}
		case *ast.GenDecl:
			m.body = nil
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					m.fn = v.Names[0].Name
					ast.Inspect(v, m.visit)
				}
			}
		}
	}
	return m.all, nil
}

// receiver returns the name of a receiver's type.
func receiver(e ast.Expr) string {
	switch t := e.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.IndexListExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return "?"
}

// replace adds a mutant whose source from pos to end is another.
func (m *mutator) replace(pos, end token.Pos, text string) {
	start, stop := m.tf.Offset(pos), m.tf.Offset(end)
	from := strings.LastIndexByte(string(m.src[:start]), '\n') + 1
	to := len(m.src)
	if n := strings.IndexByte(string(m.src[stop:]), '\n'); n >= 0 {
		to = stop + n
	}
	line := string(m.src[from:start]) + text + string(m.src[stop:to])
	key := fmt.Sprintf("%s %s: %s", m.file, m.fn, strings.Join(strings.Fields(line), " "))
	m.seen[key]++
	if n := m.seen[key]; n > 1 {
		key = fmt.Sprintf("%s #%d", key, n)
	}
	m.all = append(m.all, mutant{m.file, m.fn, m.tf.Line(pos), start, stop, text, key, m.body})
}

func (m *mutator) operator(pos token.Pos, op token.Token) {
	for _, other := range swaps[op] {
		m.replace(pos, pos+token.Pos(len(op.String())), other.String())
	}
}

func (m *mutator) source(n ast.Node) string {
	return string(m.src[m.tf.Offset(n.Pos()):m.tf.Offset(n.End())])
}

func (m *mutator) visit(n ast.Node) bool {
	if m.passedOver[n] {
		return false
	}
	switch n := n.(type) {
	case *ast.BinaryExpr:
		m.operator(n.OpPos, n.Op)
		if n.Op == token.LAND || n.Op == token.LOR {
			m.negate(n.X)
			m.negate(n.Y)
		}
	case *ast.UnaryExpr:
		if n.Op == token.NOT || n.Op == token.SUB || n.Op == token.XOR {
			m.replace(n.Pos(), n.X.Pos(), "")
		}
	case *ast.AssignStmt:
		m.operator(n.TokPos, n.Tok)
	case *ast.IncDecStmt:
		m.operator(n.TokPos, n.Tok)
	case *ast.CallExpr:
		if len(n.Args) == 3 && m.source(n.Fun) == "make" {
			m.passedOver[n.Args[2]] = true
		}
	case *ast.ReturnStmt:
		m.results(n.Results)
	case *ast.BasicLit:
		m.constant(n)
	case *ast.Ident:
		switch n.Name {
		case "true":
			m.replace(n.Pos(), n.End(), "false")
		case "false":
			m.replace(n.Pos(), n.End(), "true")
		}
	case *ast.IfStmt:
		m.negate(n.Cond)
	case *ast.ForStmt:
		m.negate(n.Cond)
	case *ast.SwitchStmt:
		m.cases(n.Body, n.Tag == nil)
	case *ast.TypeSwitchStmt:
		m.cases(n.Body, false)
	case *ast.BlockStmt:
		m.remove(n.List)
	case *ast.CaseClause:
		m.remove(n.Body)
	case *ast.CommClause:
		m.remove(n.Body)
	}
	return true
}

// negate adds the opposite of a condition. Comparisons and what ! stands before have it already.
func (m *mutator) negate(e ast.Expr) {
	switch e := e.(type) {
	case nil, *ast.BinaryExpr:
	case *ast.ParenExpr:
		m.negate(e.X)
	case *ast.UnaryExpr:
		if e.Op != token.NOT {
			m.replace(e.Pos(), e.End(), "!("+m.source(e)+")")
		}
	default:
		m.replace(e.Pos(), e.End(), "!"+m.source(e))
	}
}

// results notes which results of a return mean nothing: those beside a false at the end, or beside an error.
func (m *mutator) results(all []ast.Expr) {
	if len(all) < 2 {
		return
	}
	last := all[len(all)-1]
	if call, ok := last.(*ast.CallExpr); ok {
		last = call.Fun
	}
	switch name := m.source(last); {
	case name == "false", strings.HasPrefix(strings.ToLower(name), "err"), name == "fmt.Errorf": // errNone, ErrNone, errors.New
		for _, e := range all[:len(all)-1] {
			switch e.(type) {
			case *ast.BasicLit, *ast.Ident:
				m.passedOver[e] = true
			}
		}
	}
}

// constant adds the neighbours of a number or character.
func (m *mutator) constant(lit *ast.BasicLit) {
	switch lit.Kind {
	case token.INT:
		n, err := strconv.ParseInt(lit.Value, 0, 64)
		if err != nil {
			return
		}
		m.replace(lit.Pos(), lit.End(), strconv.FormatInt(n+1, 10))
		less := strconv.FormatInt(n-1, 10)
		if n == 0 {
			less = "(-1)"
		}
		m.replace(lit.Pos(), lit.End(), less)
	case token.CHAR:
		m.replace(lit.Pos(), lit.End(), "("+lit.Value+"+1)")
	}
}

// remove adds, for each statement that does something, the block without it. The statement stays where nothing
// reaches it, since its variables must be used.
func (m *mutator) remove(list []ast.Stmt) {
	for _, stmt := range list {
		switch s := stmt.(type) {
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				continue
			}
		case *ast.ReturnStmt:
			if len(s.Results) > 0 {
				continue
			}
		case *ast.BranchStmt:
			if s.Tok == token.FALLTHROUGH {
				m.replace(s.Pos(), s.End(), "/* fallthrough */")
				continue
			}
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.SendStmt, *ast.DeferStmt, *ast.GoStmt:
		default:
			continue
		}
		m.replace(stmt.Pos(), stmt.End(), "if false { "+m.source(stmt)+" }")
	}
}

// cases adds the switch without each of its cases, and without each value of a case that has several.
func (m *mutator) cases(body *ast.BlockStmt, conditions bool) {
	for _, stmt := range body.List {
		clause := stmt.(*ast.CaseClause)
		for i, e := range clause.List {
			switch {
			case conditions:
				m.negate(e)
				m.replace(e.Pos(), e.End(), "false && ("+m.source(e)+")")
			case len(clause.List) == 1:
				m.drop(clause)
			case i == 0:
				m.replace(e.Pos(), clause.List[1].Pos(), "")
			default:
				m.replace(clause.List[i-1].End(), e.End(), "")
			}
		}
		if clause.List == nil && len(clause.Body) > 0 {
			m.drop(clause)
		}
	}
}

// drop adds the switch without a case, of which a comment is left.
func (m *mutator) drop(clause *ast.CaseClause) {
	head := string(m.src[m.tf.Offset(clause.Pos()) : m.tf.Offset(clause.Colon)+1])
	m.replace(clause.Pos(), clause.End(), "/* "+head+" */")
}
