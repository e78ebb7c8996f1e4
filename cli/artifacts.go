package cli

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"mktail/cli/verdict"
	"mktail/emit"
	"mktail/tail/report"
)

const (
	// maxGoneBytes is how many bytes are kept of pods that are gone. Beyond that, those that went first are forgotten.
	maxGoneBytes = 64 << 20
	// maxPresentBytes is how much memory the lines of pods that are there may take. Where more containers would take more, less is kept of
	// each.
	maxPresentBytes = 128 << 20
)

// artifacts keeps the last lines of each pod, and what the API says of it, and writes them to a folder if the run fails. Many
// goroutines may use it; a nil one keeps nothing.
type artifacts struct {
	dir  string
	made bool // the folder was not there

	share atomic.Int64 // of the containers, see lastLines

	mu        sync.Mutex
	pods      map[podID]*podArtifact
	present   int            // containers of pods that are not gone
	gone      []*podArtifact // of pods, in the order in which they went
	goneBytes int
}

type podID struct{ cluster, uid, namespace, name string }

// podArtifact is what is kept of a pod.
type podArtifact struct {
	id    podID
	state []string // see report.Event
	found int      // how often it was found: it may be found again before it is reported gone
	gone  bool
	bytes int                   // while it is gone: what is kept of it
	logs  map[string]*lastLines // by container
}

// openArtifacts makes the folder of --artifacts; nil if none is wanted.
func (f *flags) openArtifacts() (*artifacts, error) {
	if f.Artifacts == "" {
		return nil, nil
	}
	a := &artifacts{dir: f.Artifacts, pods: make(map[podID]*podArtifact)}
	_, err := os.Stat(a.dir)
	a.made = errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(a.dir, 0o777); err != nil {
		return nil, usagef(on{"artifacts"}, "name a folder, or a place where one can be made", "making --artifacts: %w", err)
	}
	if err := probeFolder(a.dir); err != nil {
		return nil, usagef(on{"artifacts"}, "name a folder that can be written to", "writing to --artifacts: %w", err)
	}
	return a, nil
}

// format returns f for records whose lines are kept, before f may leave them out.
func (a *artifacts) format(f emit.Format) emit.Format {
	if a == nil {
		return f
	}
	return func(src emit.Source) emit.Encode {
		encode, lines := f(src), a.lines(podID{src.Cluster, src.UID, src.Namespace, src.Pod}, src.Container)
		return func(dst []byte, r *emit.Record) []byte {
			if r.Gap == nil { // gaps come as events, whether records of them are wanted or not
				lines.addRecord(r)
			}
			return encode(dst, r)
		}
	}
}

func (a *artifacts) lines(id podID, container string) *lastLines {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.pod(id)
	l := p.logs[container]
	if l == nil {
		l = &lastLines{share: &a.share}
		if p.logs[container] = l; !p.gone {
			a.present++
			a.divide()
		}
	}
	return l
}

// divide gives each container its share of maxPresentBytes. Called with mu held.
func (a *artifacts) divide() {
	share := lastLinesBytes
	for share > minLastLinesBytes && 3*share*a.present > maxPresentBytes {
		share /= 2
	}
	if was := int(a.share.Swap(int64(share))); share == lastLinesBytes || was > 0 && share >= was {
		return
	}
	for _, p := range a.pods {
		if p.gone {
			continue
		}
		for _, l := range p.logs {
			l.trim()
		}
	}
}

// pod returns what is kept of a pod. Called with mu held.
func (a *artifacts) pod(id podID) *podArtifact {
	p := a.pods[id]
	if p == nil {
		p = &podArtifact{id: id, logs: make(map[string]*lastLines)}
		a.pods[id] = p
	}
	return p
}

// happened takes an event of the run.
func (a *artifacts) happened(e report.Event) {
	if a == nil || e.Pod == "" {
		return
	}
	id := podID{e.Cluster, e.UID, e.Namespace, e.Pod}
	if g := e.Gap; g != nil {
		at := cmp.Or(g.To, g.From)
		a.lines(id, e.Container).add([]byte(at), fmt.Appendf(nil, "··· lines may be missing: %s ···", g.Reason), false)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch e.Kind {
	case report.PodFound:
		p := a.pod(id)
		if p.found++; p.gone { // it is selected again
			p.gone = false
			a.present += len(p.logs)
			a.divide()
			a.goneBytes -= p.bytes
			a.gone = slices.DeleteFunc(a.gone, func(g *podArtifact) bool { return g == p })
		}
	case report.PodState:
		a.pod(id).state = e.State
	case report.PodGone:
		if p := a.pod(id); p.found > 1 {
			p.found--
		} else {
			a.leave(p)
		}
	}
}

// leave notes that a pod is gone. Called with mu held.
func (a *artifacts) leave(p *podArtifact) {
	if p.gone {
		return
	}
	p.found, p.gone, p.bytes = 0, true, 1<<10
	for _, l := range p.logs {
		p.bytes += l.trim()
	}
	a.present -= len(p.logs)
	a.divide()
	a.gone = append(a.gone, p)
	a.goneBytes += p.bytes
	for a.goneBytes > maxGoneBytes {
		first := a.gone[0]
		a.goneBytes -= first.bytes
		a.gone[0] = nil // the array may be there for long
		a.gone = a.gone[1:]
		delete(a.pods, first.id)
	}
}

// end writes the artifacts if the exit code is not 0. A folder that it has made and does not need, it removes.
func (a *artifacts) end(code int) error {
	if a == nil {
		return nil
	}
	if code == verdict.ExitOK {
		if a.made {
			os.Remove(a.dir) // unless others have put something there
		}
		return nil
	}
	if err := os.MkdirAll(a.dir, 0o777); err != nil { // a command may have removed it meanwhile
		return fmt.Errorf("making --artifacts: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	order := slices.Concat(slices.DeleteFunc(slices.Collect(maps.Values(a.pods)), func(p *podArtifact) bool { return p.gone }), a.gone)
	slices.SortStableFunc(order, func(p, q *podArtifact) int { // of pods of one name the present one comes first
		return cmp.Or(cmp.Compare(p.id.cluster, q.id.cluster), cmp.Compare(p.id.namespace, q.id.namespace), cmp.Compare(p.id.name, q.id.name))
	})
	taken := make(map[string]bool) // in lower case, as some file systems don't tell cases apart
	for _, p := range order {
		name := artifactName(p.id.cluster, p.id.namespace, p.id.name)
		for n := 2; taken[strings.ToLower(name)]; n++ {
			name = artifactName(p.id.cluster, p.id.namespace, p.id.name, fmt.Sprint(n))
		}
		taken[strings.ToLower(name)] = true
		path := filepath.Join(a.dir, name)
		err := os.WriteFile(path+".txt", p.describe(), 0o666)
		if err == nil {
			err = p.writeLog(path + ".log")
		}
		if err != nil {
			return fmt.Errorf("writing --artifacts: %w", err)
		}
	}
	return nil
}

// describe returns what is known of the pod as text.
func (p *podArtifact) describe() []byte {
	lines := []string{"cluster: " + p.id.cluster, "namespace: " + p.id.namespace, "pod: " + p.id.name, "uid: " + p.id.uid}
	if p.gone {
		lines = append(lines, "gone: it was deleted, or is no longer selected; this was its last state")
	}
	var text []byte
	for _, line := range slices.Concat(lines, p.state) {
		text = append(emit.AppendVisible(text, []byte(strings.ReplaceAll(line, "\n", " "))), '\n')
	}
	return text
}

// writeLog writes the last lines of the pod's containers, by their times, each with its time and its container before it; no file
// if there are none.
func (p *podArtifact) writeLog(path string) error {
	type lines struct {
		container string
		left      [][]byte
	}
	var all []lines
	for _, name := range slices.Sorted(maps.Keys(p.logs)) {
		if l := p.logs[name].last(); len(l) > 0 {
			all = append(all, lines{name, l})
		}
	}
	var text []byte
	for len(all) > 0 {
		// Each container's lines keep their order, though its stamps may step back.
		first := slices.IndexFunc(all, func(l lines) bool {
			return !slices.ContainsFunc(all, func(other lines) bool { return bytes.Compare(stampOf(other.left[0]), stampOf(l.left[0])) < 0 })
		})
		l := &all[first]
		stamp, line, _ := bytes.Cut(l.left[0], []byte{' '})
		text = fmt.Appendf(text, "%s %s %s", stamp, l.container, line)
		if l.left = l.left[1:]; len(l.left) == 0 {
			all = slices.Delete(all, first, first+1)
		}
	}
	if len(text) == 0 { // one that is there is of another run
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return os.WriteFile(path, text, 0o666)
}

func stampOf(line []byte) []byte {
	stamp, _, _ := bytes.Cut(line, []byte{' '})
	return stamp
}

// maxArtifactName is how long a name of a file may be without its suffix.
const maxArtifactName = 200

// artifactName returns the name of a file for parts, in which whatever could be special to a file system or a shell is written as
// %HH. Different parts have different names. A long one ends with a hash in place of the rest.
func artifactName(parts ...string) string {
	var name []byte
	for i, part := range parts {
		if i > 0 {
			name = append(name, '_')
		}
		for j := range len(part) {
			switch c := part[j]; {
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.' && j > 0:
				name = append(name, c)
			default:
				name = fmt.Appendf(name, "%%%02X", c)
			}
		}
	}
	if len(name) > maxArtifactName {
		name = fmt.Appendf(name[:maxArtifactName-17], "~%x", sha256.Sum256(name))[:maxArtifactName]
	}
	return string(name)
}
