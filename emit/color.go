package emit

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strconv"
	"sync"
)

const colorReset = "\x1b[0m"

// palette has colours of the 256-colour cube, a byte each, of medium brightness: their contrast is at least 3:1 on black and on
// white. Red is left out, as it looks like an error.
const palette = "\x1a\x1c\x1e\x1f\x20\x21\x3d\x40\x43\x44\x5e\x61\x63\x64\x68\x80\x84\x86\x88\x89\xa2\xa4\xa8\xaa"

// Palette has the colours that names are shown in, as the numbers of SGR sequences such as "91" or "38;5;120". An empty list
// means the default palette.
type Palette struct {
	Clusters, Pods []string
	Containers     []string // chosen by the pod's name; empty: the pod's colours count
	Diff           bool     // chosen by the container's own name
}

// Colors gives names their colours. A name has the same one in every run, unless another name has that already: then it gets a free one.
// As long as there are free ones no two names have the same, and pods of one name never have where others would do. Many goroutines may
// use it.
type Colors struct {
	diff                       bool
	mu                         sync.Mutex
	clusters, pods, containers *chooser // containers is nil: those of pods count
}

// NewColors makes the colours of a palette, all of which are free.
func NewColors(p Palette) *Colors {
	c := &Colors{diff: p.Diff, clusters: newChooser(p.Clusters), pods: newChooser(p.Pods)}
	if p.Diff || len(p.Containers) > 0 {
		c.containers = newChooser(p.Containers)
	}
	return c
}

func (c *Colors) cluster(src Source) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clusters.choose(src.Cluster, "", "")
}

// ofPod chooses the colours of a source's pod and container.
func (c *Colors) ofPod(src Source) (pod, container string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	where := src.Cluster + "\x00" + src.Namespace
	pod = c.pods.choose(src.Pod, where, src.UID)
	switch {
	case c.diff:
		return pod, c.containers.choose(src.Container, "", "")
	case c.containers != nil:
		return pod, c.containers.choose(src.Pod, where, src.UID)
	}
	return pod, pod
}

// Gone gives back the colours of a pod of which nothing more comes.
func (c *Colors) Gone(pod Source) {
	c.mu.Lock()
	defer c.mu.Unlock()
	where := pod.Cluster + "\x00" + pod.Namespace
	c.pods.free(pod.Pod, where, pod.UID)
	if c.containers != nil && !c.diff {
		c.containers.free(pod.Pod, where, pod.UID)
	}
}

// maxChoices is how many names a chooser keeps. Others get a colour without taking it.
const maxChoices = 1 << 14

// chooser chooses colours of a list for names.
type chooser struct {
	among  []string
	users  []int               // of each colour
	chosen map[string][]choice // by name
	kept   int                 // choices in chosen
}

// choice is the colour of one of those that have a name.
type choice struct {
	where, uid string
	color      int
}

func newChooser(among []string) *chooser {
	var distinct []string
	for _, color := range among {
		if !slices.Contains(distinct, color) {
			distinct = append(distinct, color)
		}
	}
	if len(distinct) == 0 {
		for _, color := range []byte(palette) {
			distinct = append(distinct, "38;5;"+strconv.Itoa(int(color)))
		}
	}
	return &chooser{among: distinct, users: make([]int, len(distinct)), chosen: make(map[string][]choice)}
}

// choose returns the colour of what has this name in this place; uid is its own. The hash of the name decides where to look first.
func (c *chooser) choose(name, where, uid string) string {
	namesakes := make([]int, len(c.among)) // by colour
	for i, other := range c.chosen[name] {
		if other.where == where {
			c.chosen[name][i].uid = cmp.Or(uid, other.uid)
			return c.among[other.color]
		}
		namesakes[other.color]++
	}
	h := fnv.New32a()
	h.Write([]byte(name))
	first := int(h.Sum32() % uint32(len(c.among)))
	best := first
	for i := range c.among {
		color := (first + i) % len(c.among)
		if cmp.Or(cmp.Compare(namesakes[color], namesakes[best]), cmp.Compare(c.users[color], c.users[best])) < 0 {
			best = color
		}
	}
	if c.kept < maxChoices {
		c.kept++
		c.users[best]++
		c.chosen[name] = append(c.chosen[name], choice{where, uid, best})
	}
	return c.among[best]
}

// free gives back the colour of what has this name in this place, unless something with another uid has it by now.
func (c *chooser) free(name, where, uid string) {
	all := c.chosen[name]
	i := slices.IndexFunc(all, func(o choice) bool { return o.where == where && o.uid == uid })
	if i < 0 {
		return
	}
	c.kept--
	c.users[all[i].color]--
	if c.chosen[name] = slices.Delete(all, i, i+1); len(c.chosen[name]) == 0 {
		delete(c.chosen, name)
	}
}

// colorSequence returns the length of the colour sequence (SGR: ESC [ digits ; : m) at the start of s, 0 if there is none.
func colorSequence(s []byte) int {
	if len(s) < 3 || s[0] != 0x1b || s[1] != '[' {
		return 0
	}
	for i := 2; i < len(s) && i < 64; i++ {
		switch c := s[i]; {
		case c == 'm':
			return i + 1
		case c >= '0' && c <= '9', c == ';', c == ':':
		default:
			return 0
		}
	}
	return 0
}
