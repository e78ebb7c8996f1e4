package main

import (
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

func TestMutants(t *testing.T) {
	const src = `package x
const most = 1 << 2
func (c *cut[T]) less(a, b int) bool {
	if a < b && c.ok() {
		a += '0'
		b++
		log(true) // a comment, öä
	}
	for !c.ok() { continue }
	switch {
	case a == b: return -a > 0
	default: a = b
	}
	switch a {
	case 0x10, 5:
		fallthrough
	case b: defer c.ok()
	}
	x := a
	for i := 0; i < x; i++ {}
	return (c.ok()) || (a|b) == 1
}
func both() (int, bool, error) {
	return 7, true, nil
	return 0, false, err
	return 0, false, fmt.Errorf("x")
	return 0, false
	return -1, err
	return make([]int, 1, 4), true
}
func twice() {
	f(1)
	f(1)
}
`
	want := strings.Split(`most: const most = 1 >> 2
most: const most = 2 << 2
most: const most = 0 << 2
most: const most = 1 << 3
most: const most = 1 << 1
cut.less: if a <= b && c.ok() {
cut.less: if a >= b && c.ok() {
cut.less: if a < b || c.ok() {
cut.less: if a < b && !c.ok() {
cut.less: a -= '0'
cut.less: a += ('0'+1)
cut.less: if false { a += '0' }
cut.less: b--
cut.less: if false { b++ }
cut.less: log(false)
cut.less: if false { log(true) }
cut.less: for c.ok() { continue }
cut.less: for !c.ok() { if false { continue } }
cut.less: case a != b: return -a > 0
cut.less: case false && (a == b): return -a > 0
cut.less: case a == b: return a > 0
cut.less: case a == b: return -a >= 0
cut.less: case a == b: return -a <= 0
cut.less: case a == b: return -a > 1
cut.less: case a == b: return -a > (-1)
cut.less: default: if false { a = b }
cut.less: /* default: */
cut.less: case 17, 5:
cut.less: case 15, 5:
cut.less: case 0x10, 6:
cut.less: case 0x10, 4:
cut.less: case 5:
cut.less: case 0x10:
cut.less: /* fallthrough */
cut.less: /* case b: */
cut.less: case b: if false { defer c.ok() }
cut.less: for i := 1; i < x; i++ {}
cut.less: for i := (-1); i < x; i++ {}
cut.less: for i := 0; i <= x; i++ {}
cut.less: for i := 0; i >= x; i++ {}
cut.less: for i := 0; i < x; i-- {}
cut.less: return (c.ok()) && (a|b) == 1
cut.less: return (!c.ok()) || (a|b) == 1
cut.less: return (c.ok()) || (a&b) == 1
cut.less: return (c.ok()) || (a|b) != 1
cut.less: return (c.ok()) || (a|b) == 2
cut.less: return (c.ok()) || (a|b) == 0
both: return 8, true, nil
both: return 6, true, nil
both: return 7, false, nil
both: return 0, true
both: return 1, err
both: return -2, err
both: return -0, err
both: return make([]int, 2, 4), true
both: return make([]int, 0, 4), true
both: return make([]int, 1, 4), false
twice: f(2)
twice: f(2) #2
twice: f(0)
twice: f(0) #2
twice: if false { f(1) }
twice: if false { f(1) } #2`, "\n")
	all, err := mutants("x.go", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all {
		got = append(got, strings.TrimPrefix(m.key, "x.go "))
		changed := m.apply([]byte(src))
		if string(changed) == src {
			t.Errorf("%s changes nothing", m.key)
		}
		if _, err := parser.ParseFile(token.NewFileSet(), "", changed, 0); err != nil {
			t.Errorf("%s: %v", m.key, err)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	for _, key := range want {
		if !slices.Contains(got, key) {
			t.Errorf("no mutant %q", key)
		}
	}
	for _, key := range got {
		if !slices.Contains(want, key) {
			t.Errorf("unexpected mutant %q", key)
		}
	}
}
