package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// status writes a table: for each component "answers", "silent" (it runs but does not answer) or "stopped".
func status(ctx context.Context, o options, w io.Writer) error {
	all, err := list(o.root)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "CLUSTER\tSERVER\tCONTEXT\tNODE\tNETWORK\t%s\n", strings.ToUpper(strings.Join(componentNames(), "\t")))
	for _, c := range all {
		network := c.net().state(ctx)
		if !c.net().ownedBy(c.dir) {
			network = "gone" // up begins it again
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s", c.name, c.server(), c.Context, c.nodeName(), network)
		for _, k := range components() {
			fmt.Fprintf(t, "\t%s", c.state(ctx, k))
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

func (c *cluster) state(ctx context.Context, k component) string {
	if c.pid(k) == 0 {
		return "stopped"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if k.answers(ctx, c) != nil {
		return "silent"
	}
	return "answers"
}
