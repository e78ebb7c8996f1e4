package cli

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mktail/testdata/sim"
)

// What a server answers, and the names that it gives, steer no terminal and begin no line, in messages, announcements and the summary.
func TestServerSteersNothing(t *testing.T) {
	const hostile = "a\nmktail: error: fake \x1b[2J\x1b]0;x\a\u202e\u009b2J\r::error::x"
	for name, fault := range map[string]sim.Fault{
		"none":          {Verb: "none"},
		"list":          {Verb: "list", Times: 1, Status: http.StatusInternalServerError, Message: hostile},
		"list forbids":  {Verb: "list", Times: 1, Status: http.StatusForbidden, Message: hostile},
		"log":           {Verb: "log", Times: 1, Status: http.StatusNotFound, Message: hostile},
		"log is busy":   {Verb: "log", Times: 1, Status: http.StatusServiceUnavailable, Message: hostile},
		"page":          {Verb: "list", Times: 1, Status: http.StatusBadGateway, Page: "<title>" + hostile + "</title>" + hostile},
		"page of a log": {Verb: "log", Times: 1, Status: http.StatusBadGateway, Page: hostile},
		"broken list":   {Verb: "list", Times: 1, Bytes: 20, Insert: hostile, End: sim.EOF},
		"broken log":    {Verb: "log", Times: 1, Lines: 1, Insert: hostile + "\n" + hostile, End: sim.Abort},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := sim.Start(sim.Options{Name: "eu"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			app := c.AddPod(sim.PodSpec{Name: "web", Namespace: "shop\x1b[8m\nmktail: error: fake", Containers: []sim.ContainerSpec{{Name: "app\u202e\nmktail: error: fake"}}}).
				Container("app\u202e\nmktail: error: fake")
			app.Write("one")
			app.Write("two")
			c.Inject(fault)
			config := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(config, c.Kubeconfig("eu"), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, to := range []string{"", ">/dev/null"} {
				got := screenOf(t, os.DevNull, to, "-A", "--no-follow", "-v", "--summary", "--kubeconfig", config)
				if fault := (&screen{colors: to == ""}).read(got); fault != "" || strings.Contains(got, "\nmktail: error: fake") || strings.Contains(got, "\n::") {
					t.Errorf("%s: %q", fault, got)
				}
				if !strings.Contains(got, `app\u202e\x0amktail: error: fake`) {
					t.Errorf("the name is missing: %q", got)
				}
			}
		})
	}
}

// A name of a cluster with a line break begins no line of stderr, also not with --verbose.
func TestNameBeginsNoLine(t *testing.T) {
	const name = "eu\nmktail: error: fake \x1b[2J"
	c, err := sim.Start(sim.Options{Name: "eu"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.AddPod(sim.PodSpec{Name: "web"}).Container("app").Write("x")
	config := filepath.Join(t.TempDir(), "a\nmktail: error: fake")
	if err := os.WriteFile(config, c.KubeconfigFor(sim.Access{Context: name}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"", ">/dev/null"} {
		got := screenOf(t, os.DevNull, to, "--no-follow", "-v", "--kubeconfig", config)
		if fault := (&screen{colors: to == ""}).read(got); fault != "" || !strings.Contains(got, `eu\x0amktail: error: fake`) {
			t.Errorf("%s: %q", fault, got)
		}
		if strings.Contains(got, "\nmktail: error: fake") {
			t.Errorf("the name begins a line: %q", got)
		}
	}
}
