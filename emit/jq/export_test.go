package jq

import "fmt"

// PlanOf describes what is decided ahead of a program, and what is left to run.
func PlanOf(p *Program) string {
	s := fmt.Sprint(len(p.plan.tests), " tests")
	if p.plan.rest != nil {
		s += ", " + p.plan.rest.String()
	}
	if p := p.plan.proof; p != nil {
		if s += ", proof"; p.anything {
			s += " of anything"
		}
		for _, needle := range p.needles {
			s += " " + string(needle)
		}
	}
	return s
}
