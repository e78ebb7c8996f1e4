package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// source is a file of a package, with its mutants.
type source struct {
	path    string // absolute
	text    []byte
	mutants []mutant
}

// chooser is the name of the variable that chooses a mutant, from an environment variable.
const chooser = "chosenMutant"

const chooserVariable = "MKTAIL_MUTANT"

const chooserFile = `package %s

import (
	"os"
	"strconv"
)

var ` + chooser + `, _ = strconv.Atoi(os.Getenv("` + chooserVariable + `"))
`

// schema returns a file that holds all mutants of its functions at once, each as a closure that runs in place of the
// body when its number is chosen: so the package is built once instead of once per mutant. Numbers start at first.
// owners has for each line of the file the number of the mutant that it belongs to, or 0.
func (s source) schema(first int, invalid map[int]bool) (text string, owners []int) {
	var b strings.Builder
	line := func(owner int, text string) {
		b.WriteString(text + "\n")
		for range 1 + strings.Count(text, "\n") {
			owners = append(owners, owner)
		}
	}
	done := 0
	for i := 0; i < len(s.mutants); {
		fn := s.mutants[i].body
		if fn == nil {
			i++
			continue
		}
		line(0, string(s.text[done:fn.start+1]))
		done = fn.start + 1
		line(0, "switch "+chooser+" {")
		for ; i < len(s.mutants) && s.mutants[i].body == fn; i++ {
			if invalid[first+i] {
				continue
			}
			m := s.mutants[i]
			call := "func() " + fn.results + " " + string(s.text[fn.start:m.start]) + m.text + string(s.text[m.end:fn.end]) + "()"
			if fn.results == "" {
				call += "; return"
			} else {
				call = "return " + call
			}
			line(first+i, "case "+strconv.Itoa(first+i)+": "+call)
		}
		line(0, "}")
	}
	line(0, string(s.text[done:]))
	return b.String(), owners
}

var compileError = regexp.MustCompile(`(?m)^(\S+\.go):(\d+):\d+: `)

// owned returns the numbers of the mutants that the compiler's errors are about; ok is false if one is about none.
func owned(output string, owners map[string][]int) (numbers []int, ok bool) {
	for _, m := range compileError.FindAllStringSubmatch(output, -1) {
		lines := owners[filepath.Base(m[1])]
		n, err := strconv.Atoi(m[2])
		if err != nil || n > len(lines) || lines[n-1] == 0 {
			return nil, false
		}
		numbers = append(numbers, lines[n-1])
	}
	return numbers, len(numbers) > 0
}

// buildSchema builds the test program with all mutants inside functions and notes those that do not compile.
func (s *subject) buildSchema() error {
	for {
		replace := map[string]string{}
		owners := map[string][]int{}
		first := 1
		for _, src := range s.sources {
			text, lines := src.schema(first, s.invalid)
			owners[filepath.Base(src.path)] = lines
			replace[src.path] = text
			first += len(src.mutants)
		}
		replace[filepath.Join(s.Dir, "chosen_mutant.go")] = fmt.Sprintf(chooserFile, s.Name)
		err := s.build(s.schema(), replace, "-gcflags=-e")
		if err == nil {
			return nil
		}
		numbers, ok := owned(err.Error(), owners)
		if !ok {
			return err
		}
		for _, n := range numbers {
			s.invalid[n] = true
		}
	}
}
