package discover

import (
	"cmp"
	"slices"
)

// withoutOtherUsers keeps one of several contexts with the same cluster and namespaces to follow under different users: each line would
// come once for each of them. Its name, and the place that a state's file has for it, must not move when credentials expire, so it is the
// first whatever is known of those. It gets the users of all, those first whose credentials may work. Contexts that the user has named,
// each by itself, are all kept.
func (o Options) withoutOtherUsers(clusters []Cluster) (kept []Cluster) {
	same := "server and namespace"
	if o.AllNamespaces || o.NamedNamespaces {
		same = "server"
	}
	place := func(c *Cluster) string { return c.place + o.namespaceOf(c) }
	for _, g := range grouped(clusters, place, namedBoth) {
		c := g.cluster
		for _, other := range g.others {
			o.Log.Info().Msgf("%s: context %q passed over: the same %s as %q of %s, under another user; to follow both, give --context '%s' --context '%s'",
				shown(other.File), brief(other.Context), same, brief(c.Context), shown(c.File), Pattern(c.Name), Pattern(other.Name))
			c.standFor(&other)
			if o.AllNamespaces {
				c.standForNamespaces(&other)
			}
			c.Users = append(c.Users, slices.DeleteFunc(other.Users, actsAsAnother)...)
		}
		if len(c.Users) > 1 {
			o.sortUsers(&c)
		}
		kept = append(kept, c)
	}
	return kept
}

// actsAsAnother reports whether a user impersonates another, which may have more rights: that is not done for who has not asked for it.
func actsAsAnother(u User) bool { return u.Config.Impersonate.UserName != "" }

// sortUsers has the users of a cluster be asked for in order of what is known of their credentials.
func (o Options) sortUsers(c *Cluster) {
	own, host := c.Users[0].Name, c.Users[0].Config.Host
	for i := range c.Users {
		u := &c.Users[i]
		if p := u.Config.ExecProvider; p != nil && o.Runs != nil && !o.Runs(p.Command) {
			u.usable = unusable
		}
	}
	slices.SortStableFunc(c.Users, func(a, b User) int { return cmp.Compare(a.usable, b.usable) })
	first := c.Users[0]
	if first.Name != own {
		o.Log.Info().Msgf("%s: the credentials of context %q have expired or cannot be had; using those of %s", shown(c.File), brief(c.Context), first.Name)
	}
	first.Config.Host = host // which the state's file has: another user's may be written differently
}
