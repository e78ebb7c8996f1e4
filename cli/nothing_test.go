package cli

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"mktail/testdata/sim"
)

// TestREADMENothingRead runs each cell of README's table about runs that read nothing: a row is a set of clusters and pods, a column
// the flags, and the cell the exit code.
func TestREADMENothingRead(t *testing.T) {
	rows := readmeTable(t, "what there is")
	head := rows[0][1:]
	situations := situations(t)
	if len(rows) != len(situations)+2 {
		t.Errorf("the table has %d situations, and the test %d", len(rows)-2, len(situations))
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	defer running.Wait()
	some := make(chan struct{}, 9) // at once, as each takes little but time
	for _, row := range rows[2:] {
		s, ok := situations[row[0]]
		if !ok {
			t.Errorf("what is %q?", row[0])
			continue
		}
		for i, want := range row[1:] {
			flags := strings.Fields(strings.Trim(head[i], "`"))
			running.Go(func() {
				some <- struct{}{}
				defer func() { <-some }()
				cmd := exec.Command(self, append(flags, strings.Fields(s.args)...)...)
				cmd.Env = []string{"HOME=" + s.home, "PATH=" + os.Getenv("PATH"), asMktail + "=1"}
				out, err := cmd.CombinedOutput()
				if err != nil && !errors.As(err, new(*exec.ExitError)) {
					t.Error(err)
				} else if code := cmd.ProcessState.ExitCode(); strconv.Itoa(code) != want {
					t.Errorf("%s, %s: exit code %d, want %s\n%s", row[0], head[i], code, want, out)
				}
			})
		}
	}
}

// situation is what a row of the table is about.
type situation struct {
	home string // has the kubeconfigs
	args string
}

// situations returns those of the table, by their names in it.
func situations(t *testing.T) map[string]situation {
	t.Helper()
	readable := func(c *sim.Cluster) { addWeb(t, c, "default", "") }
	shop := func(c *sim.Cluster) { addWeb(t, c, "shop", "") }
	reader := sim.Access{Token: "reader"}
	onlyShop := func(c *sim.Cluster) {
		c.AddToken(reader.Token, sim.Reader("ann", "shop"))
		shop(c)
	}
	down := func(c *sim.Cluster) { c.Down() }
	return map[string]situation{
		"no cluster that can be read":                            {makeHome(t, made{"eu", sim.Access{}, down}), ""},
		"`--require all`, and one of two clusters can't be read": {makeHome(t, made{"eu", sim.Access{}, readable}, made{"us", sim.Access{}, down}), "--require all"},
		"`-n shop,secret`, and `secret` is forbidden":            {makeHome(t, made{"eu", reader, onlyShop}), "-n shop,secret"},
		"the same beside another cluster, with `--require any`":  {makeHome(t, made{"eu", reader, onlyShop}, made{"us", sim.Access{}, shop}), "-n shop,secret --require any"},
		"no container that matches":                              {makeHome(t, made{"eu", sim.Access{}, readable}), "nothing"},
		"one that can't be started":                              {makeHome(t, made{"eu", sim.Access{}, func(c *sim.Cluster) { addWeb(t, c, "default", "ErrImagePull") }}), ""},
		"one whose log is forbidden": {makeHome(t, made{"eu", reader, func(c *sim.Cluster) {
			c.AddToken(reader.Token, sim.User{Name: "ann", Rules: []sim.Rule{{Verbs: []string{"get", "list", "watch"}, Resources: []string{"pods"}}}})
			readable(c)
		}}), ""},
		"two clusters, of which one can't be read": {makeHome(t, made{"eu", sim.Access{}, readable}, made{"us", sim.Access{}, down}), ""},
		"a log that can be read":                   {makeHome(t, made{"eu", sim.Access{}, readable}), ""},
	}
}

// made is a cluster to make.
type made struct {
	name   string
	access sim.Access
	fill   func(*sim.Cluster)
}

// makeHome makes a home with the kubeconfigs of some clusters.
func makeHome(t *testing.T, all ...made) (home string) {
	t.Helper()
	home = t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".kube"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		c, err := sim.Start(sim.Options{Name: m.name})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		m.fill(c)
		m.access.Context = m.name
		if err := os.WriteFile(filepath.Join(home, ".kube", m.name), c.KubeconfigFor(m.access), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

// addWeb adds a pod with one container, which has written a line, or waits for a reason.
func addWeb(t *testing.T, c *sim.Cluster, namespace, waits string) {
	t.Helper()
	app := c.AddPod(sim.PodSpec{Namespace: namespace, Name: "web", Containers: []sim.ContainerSpec{{Name: "app", Hold: waits}}}).Container("app")
	if waits == "" {
		if err := app.Write("one"); err != nil {
			t.Fatal(err)
		}
	}
}
