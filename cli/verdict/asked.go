package verdict

import (
	"fmt"
	"slices"
)

// asked is what is known of anything that is waited for by the KIND/NAME of a query: a Job, or a pod in its place, or the rollout of a
// workload.
type asked struct {
	cluster  string
	name     string
	owners   []string // see report.Event
	failures []string
}

func (a *asked) of() *asked { return a }

// queries are those by which Jobs or rollouts are waited for. Each must be there in as many clusters as --require wants: who requires a
// cluster expects it there.
type queries struct {
	all      []string // as KIND/NAME
	required int      // see Options.Required
}

// askedOf returns what is asked of all of them.
func askedOf[E interface{ of() *asked }](all map[string]E) (list []*asked) {
	for _, e := range all {
		list = append(list, e.of())
	}
	return list
}

// missingOf says which of the queries have nothing of all in enough clusters.
func missingOf(q queries, all []*asked) (messages []string) {
	for _, query := range q.all {
		in := make(map[string]bool)
		for _, a := range all {
			if slices.Contains(a.owners, query) {
				in[a.cluster] = true
			}
		}
		switch {
		case len(in) >= max(1, q.required):
		case len(in) == 0:
			messages = append(messages, query+" was not there")
		default:
			messages = append(messages, fmt.Sprintf("%s was in %s, and must be in %d (--require)", query, plural(len(in), "cluster"), q.required))
		}
	}
	return messages
}

// failuresOf returns what failed in all of them, each with its name, sorted.
func failuresOf(all []*asked) (messages []string) {
	for _, a := range all {
		for _, failure := range a.failures {
			messages = append(messages, a.name+": "+failure)
		}
	}
	slices.Sort(messages)
	return messages
}
