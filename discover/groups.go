package discover

import "slices"

// group is a cluster, and others that it stands for: each line would come again from each of those.
type group struct {
	cluster Cluster
	others  []Cluster // in order of precedence
}

// grouped puts clusters with equal keys into one group, except those that are apart from all clusters of groups. Of clusters in a group,
// the first one that the user has named stands for the others, or else the first one. Groups are in the order of their clusters.
func grouped(clusters []Cluster, key func(*Cluster) string, apart func(a, b *Cluster) bool) (all []group) {
	groups := make([]*group, len(clusters)) // by the index of the group's cluster
	byKey := make(map[string][]*group)
	for _, i := range namedFirst(clusters) {
		c := &clusters[i]
		same := byKey[key(c)]
		if at := slices.IndexFunc(same, func(g *group) bool { return !apart(&g.cluster, c) }); at >= 0 {
			same[at].others = append(same[at].others, *c)
			continue
		}
		groups[i] = &group{cluster: *c}
		byKey[key(c)] = append(same, groups[i])
	}
	for _, g := range groups {
		if g != nil {
			all = append(all, *g)
		}
	}
	return all
}

// namedFirst returns the indices of clusters: those that the user has named, then the rest.
func namedFirst(clusters []Cluster) (order []int) {
	for _, named := range []bool{true, false} {
		for i := range clusters {
			if clusters[i].named() == named {
				order = append(order, i)
			}
		}
	}
	return order
}

// named reports whether the user has named the cluster, and not only with a glob.
func (c *Cluster) named() bool { return len(c.byFlag) > 0 || len(c.byPattern) > 0 }

// namedBoth reports whether the user has named two contexts each by itself: their files, or their names by two patterns. The same
// name in two files names only one of them.
func namedBoth(a, b *Cluster) bool {
	return differ(a.byFlag, b.byFlag) || differ(a.byPattern, b.byPattern)
}

// differ reports whether two lists, neither of them empty, name more than one thing together.
func differ[T comparable](a, b []T) bool {
	return len(a) > 0 && len(b) > 0 && (len(a) > 1 || !slices.Equal(a, b))
}

// standFor has a cluster stand for another: what the user has named of that, and its names.
func (c *Cluster) standFor(other *Cluster) {
	c.byFlag = appendNew(c.byFlag, other.byFlag)
	c.byPattern = appendNew(c.byPattern, other.byPattern)
	c.namesOfTwins = append(append(c.namesOfTwins, other.names()...), other.namesOfTwins...)
}

// standForNamespaces has a cluster stand for the namespaces of another.
func (c *Cluster) standForNamespaces(other *Cluster) {
	for _, ns := range append([]string{other.Namespace}, other.Others...) {
		if ns != c.Namespace {
			c.Others = appendNew(c.Others, []string{ns})
		}
	}
}

// appendNew appends what a list does not have yet.
func appendNew[T comparable](list, more []T) []T {
	for _, one := range more {
		if !slices.Contains(list, one) {
			list = append(list, one)
		}
	}
	return list
}
