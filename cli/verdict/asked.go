package verdict

import "slices"

// asked is what is known of anything that is waited for by the KIND/NAME of a query: a Job, or the rollout of a workload.
type asked struct {
	name     string
	owners   []string // see report.Event
	failures []string
}

func (a *asked) of() *asked { return a }

// missingOf returns which of the queries none of all belongs to.
func missingOf[E interface{ of() *asked }](queries []string, all map[string]E) (names []string) {
	for _, query := range queries {
		there := false
		for _, e := range all {
			there = there || slices.Contains(e.of().owners, query)
		}
		if !there {
			names = append(names, query)
		}
	}
	return names
}

// failuresOf returns what failed in all of them, each with its name.
func failuresOf[E interface{ of() *asked }](all map[string]E) (messages []string) {
	for _, e := range all {
		for _, failure := range e.of().failures {
			messages = append(messages, e.of().name+": "+failure)
		}
	}
	return messages
}
