package emit

import (
	"hash/fnv"
	"strconv"
)

const colorReset = "\x1b[0m"

// palette has colours of the 256-colour cube, a byte each, of medium brightness: their contrast is at least 3:1 on black and on
// white. Red is left out, as it looks like an error.
const palette = "\x1a\x1c\x1e\x1f\x20\x21\x3d\x40\x43\x44\x5e\x61\x63\x64\x68\x80\x84\x86\x88\x89\xa2\xa4\xa8\xaa"

// Palette has the colours that names are shown in, as the numbers of SGR sequences such as "91" or "38;5;120". An empty list
// means the default palette.
type Palette struct {
	Clusters, Pods []string
	Containers     []string // chosen by the pod's name
	Diff           bool     // chosen by the container's own name
}

// containers returns the colours of containers that are chosen by the pod's name: those of pods, unless there are others.
func (p Palette) containers() []string {
	if len(p.Containers) > 0 {
		return p.Containers
	}
	return p.Pods
}

// ofPod chooses the colours of a source's pod and container.
func (p Palette) ofPod(src Source) (pod, container string) {
	if p.Diff {
		return colorOf(src.Pod, p.Pods), colorOf(src.Container, p.Containers)
	}
	return colorOf(src.Pod, p.Pods), colorOf(src.Pod, p.containers())
}

// colorOf chooses a colour by a name, the same one in every run.
func colorOf(name string, among []string) string {
	h := fnv.New32a()
	h.Write([]byte(name))
	if len(among) > 0 {
		return among[h.Sum32()%uint32(len(among))]
	}
	return "38;5;" + strconv.Itoa(int(palette[h.Sum32()%uint32(len(palette))]))
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
