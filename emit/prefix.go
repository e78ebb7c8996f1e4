package emit

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// PrefixStyle says which names of a source stand before its lines in text.
type PrefixStyle string

// The styles.
const (
	PrefixShort PrefixStyle = "short" // the pod, and those names in which sources differ
	PrefixFull  PrefixStyle = "full"  // all
	PrefixAlign PrefixStyle = "align" // those of PrefixShort, in columns
)

const (
	// maxColumn is how wide a column of PrefixAlign gets, in characters. A longer name moves what follows it in its own lines.
	maxColumn = 48
	// maxPrefixPods is of how many pods a Prefix knows the containers. Those of others are always shown.
	maxPrefixPods = 1 << 16
)

// Prefix decides which names stand before lines: by what is known of the sources, and by those that have come. A name that is shown once
// is shown from then on, and columns only grow. Many goroutines may use it.
type Prefix struct {
	style   PrefixStyle
	version atomic.Uint64 // is another one when prefixes change

	mu      sync.Mutex
	columns [4]column // of cluster, namespace, pod and container
	pods    map[string]*prefixPod
}

// column is what is known of one of the names of sources.
type column struct {
	name  string // that came first; empty: none did
	shown bool
	width int // of PrefixAlign
}

// prefixPod is what is known of the containers of a pod.
type prefixPod struct {
	uid     string
	first   string
	several bool
}

// is reports whether a source is of the pod, not of one that had its name before or has it now. Not all sources have UIDs.
func (p *prefixPod) is(src Source) bool { return p.uid == src.UID || p.uid == "" || src.UID == "" }

// NewPrefix makes a Prefix; an empty style is PrefixShort.
func NewPrefix(style PrefixStyle) *Prefix {
	p := &Prefix{style: style, pods: make(map[string]*prefixPod)}
	p.version.Store(1)
	for i := range p.columns {
		p.columns[i].shown = style == PrefixFull || i == podColumn
	}
	return p
}

const podColumn, containerColumn = 2, 3

// Several says that sources of several clusters may come, or of several namespaces.
func (p *Prefix) Several(clusters, namespaces bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, several := range []bool{clusters, namespaces} {
		if several && !p.columns[i].shown {
			p.columns[i].shown = true
			p.version.Add(1)
		}
	}
}

// Found says that a pod was found, and which of its containers are to come.
func (p *Prefix) Found(pod Source, containers []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pod.Container = range containers {
		p.meet(pod)
	}
}

// Gone says that nothing more comes of a pod.
func (p *Prefix) Gone(pod Source) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := podKey(pod)
	if known := p.pods[key]; known != nil && known.is(pod) { // else another one has its name
		delete(p.pods, key)
	}
}

func podKey(src Source) string {
	return strings.Join([]string{src.Cluster, src.Namespace, src.Pod}, "\x00")
}

func names(src Source) [4]string {
	return [4]string{src.Cluster, src.Namespace, src.Pod, src.Container}
}

// meet notes the names of a source. Called with mu held.
func (p *Prefix) meet(src Source) {
	if src.Pod == "" || p.style == PrefixFull { // it is not a container's, or nothing is to be decided
		return
	}
	changed := p.meetContainer(src)
	for i, name := range names(src) {
		c := &p.columns[i]
		if i < podColumn && !c.shown && name != "" {
			if c.name == "" {
				c.name = name
			}
			c.shown = c.name != name
			changed = changed || c.shown
		}
		if width := min(utf8.RuneCountInString(Visible(name)), maxColumn); p.style == PrefixAlign && width > c.width {
			c.width, changed = width, true
		}
	}
	if changed {
		p.version.Add(1)
	}
}

// meetContainer notes the container of a source, and reports whether prefixes change by it. Called with mu held.
func (p *Prefix) meetContainer(src Source) (changed bool) {
	key := podKey(src)
	known := p.pods[key]
	switch {
	case known == nil && len(p.pods) >= maxPrefixPods:
		return p.showContainers()
	case known == nil, !known.is(src): // the first, or its successor's
		p.pods[key] = &prefixPod{uid: src.UID, first: src.Container}
		return false
	}
	if known.uid = cmp.Or(known.uid, src.UID); known.several || known.first == src.Container {
		return false
	}
	known.several = true
	p.showContainers()
	return true
}

// showContainers gives containers a column, and reports whether they had none. Called with mu held.
func (p *Prefix) showContainers() (changed bool) {
	changed = !p.columns[containerColumn].shown
	p.columns[containerColumn].shown = true
	return changed
}

// shown returns the names that stand before the lines of a source now, each padded by so many blanks. An empty name without padding
// is left out.
func (p *Prefix) shown(src Source) (shown [4]string, padding [4]int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if src.Pod == "" {
		return names(src), padding
	}
	for i, name := range names(src) {
		c := p.columns[i]
		if !c.shown {
			continue
		}
		if i == containerColumn && p.style != PrefixFull {
			if known := p.pods[podKey(src)]; known != nil && known.is(src) && !known.several {
				name = ""
			}
		}
		shown[i] = Visible(name)
		if p.style == PrefixAlign {
			padding[i] = max(0, c.width-utf8.RuneCountInString(shown[i]))
		}
	}
	return shown, padding
}

// prefixOf writes the prefix of one source. One goroutine at a time uses it.
type prefixOf struct {
	prefix  *Prefix
	src     Source
	colors  [4]paint
	color   bool
	version uint64
	head    []byte
}

// of returns the prefix of a source, which counts from now on.
func (p *Prefix) of(src Source, color bool, colors *Colors) *prefixOf {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meet(src)
	h := &prefixOf{prefix: p, src: src, color: color}
	if color {
		cluster := paint(colors.cluster(src))
		pod, container := colors.ofPod(src)
		h.colors = [4]paint{cluster, cluster, paint(pod), paint(container)}
	}
	return h
}

// bytes returns the prefix as it is now, which is valid until the next call.
func (h *prefixOf) bytes() []byte {
	if now := h.prefix.version.Load(); now != h.version {
		h.version = now
		h.make()
	}
	return h.head
}

func (h *prefixOf) make() {
	shown, padding := h.prefix.shown(h.src)
	h.head = h.head[:0]
	for i, name := range shown {
		if name == "" && padding[i] == 0 {
			continue
		}
		if name != "" {
			h.head = append(h.head, h.colors[i].on(name, h.color)...)
		}
		h.head = append(h.head, slices.Repeat([]byte{' '}, padding[i]+1)...)
	}
}
