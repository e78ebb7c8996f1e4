//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// settling is how long a follower is left alone before it is measured, and watching how long it is measured.
const (
	settling = 5 * time.Second
	watching = 20 * time.Second
)

// following is the work of following containers that write at a rate, in lines a second.
func following(title string, clusters, pods int, rate float64) work {
	return func(b *binaries, s size, rounds int) error {
		stop, err := startFollowed(b, clusters, pods, rate, s.chunk)
		if err != nil {
			return err
		}
		defer stop()
		var programs []*program
		for _, p := range b.mktails() {
			programs = append(programs, follower(b, p))
		}
		if clusters <= 10 { // a stern for each
			for _, stern := range b.sterns {
				var all []string
				for i := range clusters {
					all = append(all, fmt.Sprintf("%s --kubeconfig %s . --only-log-lines -o json --max-log-requests %d &", stern.path, filepath.Join(b.dir, fmt.Sprintf("sim-%d.yaml", i+1)), 2*pods))
				}
				programs = append(programs, shell(stern.name+" -o json, one for each cluster", strings.Join(all, "\n")+"\nwait"))
			}
		}
		fmt.Printf("%s\n\n%-44s %12s %12s %12s %14s %12s\n", title, "", "CPU % of one", "CPU µs/line", "lines/s", "peak RSS MiB", "all open, s")
		for range rounds {
			for _, p := range programs {
				f, err := p.follow(clusters * pods)
				if err != nil {
					return err
				}
				perLine := "-"
				if f.lines > 0 {
					perLine = fmt.Sprintf("%.1f", f.perLine())
				}
				open := "-"
				if f.open > 0 {
					open = fmt.Sprintf("%.2f", f.open.Seconds())
				}
				fmt.Printf("%-44s %12.1f %12s %12.0f %14.1f %12s\n", p.name, 100*f.cpu.Seconds()/watching.Seconds(), perLine, float64(f.lines)/watching.Seconds(), mib(f.rss), open)
			}
		}
		fmt.Println()
		return nil
	}
}

// startFollowed starts clusters whose pods write on and on.
func startFollowed(b *binaries, clusters, pods int, rate float64, chunk int) (stop func(), err error) {
	return startServer(b, size{pods: pods, chunk: chunk}, []string{"-clusters", strconv.Itoa(clusters), "-rate", fmt.Sprint(rate), "-lines", "0"})
}

// follower is a mktail that follows all.
func follower(b *binaries, mktail peer) *program {
	return &program{name: mktail.name + " -o json", path: mktail.path, args: []string{"--kubeconfig", b.kubeconfigs(), "-o", "json", "--status-fd", "2"}}
}

// followed is what a follower took.
type followed struct {
	cpu   time.Duration // while it was watched
	lines int           // likewise
	rss   int64         // of all its processes, at the most
	open  time.Duration // until every container was open, or had said something; 0: unknown
}

// perLine is the CPU time of a line, in microseconds.
func (f followed) perLine() float64 { return float64(f.cpu.Microseconds()) / float64(f.lines) }

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// follow runs a program that follows so many containers.
func (p *program) follow(containers int) (f followed, err error) {
	cmd := exec.Command(p.path, p.args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return f, err
	}
	said, err := cmd.StderrPipe()
	if err != nil {
		return f, err
	}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return f, err
	}
	counted := newPodCounter(containers)
	go io.Copy(counted, out)
	opened := make(chan time.Time, 1)
	go func() {
		n := 0
		for lines := bufio.NewScanner(said); lines.Scan(); {
			if strings.Contains(lines.Text(), `"event":"container-open"`) {
				if n++; n == containers {
					opened <- time.Now()
				}
			}
		}
	}()
	select {
	case at := <-opened:
		f.open = at.Sub(begun)
	case at := <-counted.all:
		f.open = at.Sub(begun)
	case <-time.After(2 * time.Minute):
	}
	time.Sleep(settling)
	cpu, lines := groupCPU(cmd.Process.Pid), counted.lines()
	time.Sleep(watching)
	f.cpu, f.lines, f.rss = groupCPU(cmd.Process.Pid)-cpu, counted.lines()-lines, groupRSS(cmd.Process.Pid)
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	cmd.Wait()
	return f, nil
}

// podCounter counts lines, and the pods that they name.
type podCounter struct {
	want int
	all  chan time.Time // when the last pod was named
	ask  chan chan int
	in   chan []byte
}

func newPodCounter(want int) *podCounter {
	c := &podCounter{want: want, all: make(chan time.Time, 1), ask: make(chan chan int), in: make(chan []byte)}
	go func() {
		n, pods := 0, make(map[string]bool)
		for {
			select {
			case b := <-c.in:
				n += bytes.Count(b, []byte("\n"))
				for len(pods) < c.want {
					i := bytes.Index(b, []byte("sim-"))
					if i < 0 {
						break
					}
					b = b[i:]
					end := bytes.IndexByte(b, '"')
					if end < 0 {
						break
					}
					if name := string(b[:end]); strings.Contains(name, "-pod-") && !pods[name] {
						if pods[name] = true; len(pods) == c.want {
							c.all <- time.Now()
						}
					}
					b = b[end:]
				}
				c.in <- nil
			case answer := <-c.ask:
				answer <- n
			}
		}
	}()
	return c
}

func (c *podCounter) Write(b []byte) (int, error) {
	c.in <- b
	<-c.in
	return len(b), nil
}

func (c *podCounter) lines() int {
	answer := make(chan int)
	c.ask <- answer
	return <-answer
}

// group gives the processes of a process group.
func group(pgid int) (pids []string) {
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range all {
		if fields := statFields(path); len(fields) > 2 && fields[2] == strconv.Itoa(pgid) {
			pids = append(pids, filepath.Base(filepath.Dir(path)))
		}
	}
	return pids
}

// statFields are those of a process after its name, which may have spaces: state, parent, group, ….
func statFields(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return strings.Fields(rest)
}

// groupCPU is what the processes of a group have used.
func groupCPU(pgid int) (d time.Duration) {
	const tick = time.Second / 100 // USER_HZ
	for _, pid := range group(pgid) {
		if fields := statFields("/proc/" + pid + "/stat"); len(fields) > 12 {
			for _, field := range fields[11:13] {
				n, _ := strconv.Atoi(field)
				d += time.Duration(n) * tick
			}
		}
	}
	return d
}

// groupRSS is what the processes of a group had in memory at the most.
func groupRSS(pgid int) (bytes int64) {
	for _, pid := range group(pgid) {
		text, _ := os.ReadFile("/proc/" + pid + "/status")
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
				bytes += n << 10
			}
		}
	}
	return bytes
}
