//go:build unix

package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"mktail/discover"
)

func init() { syscall.Umask(0o022) } // the tests' own configs are to be obeyed

// TestConfigOfOthers tests that a config to which others can write is passed over with a warning, and so is an implicit one that
// can't be read.
func TestConfigOfOthers(t *testing.T) {
	const stranger = 4711
	chown := func(path string) error { return os.Chown(path, stranger, -1) }
	mode := func(mode os.FileMode) func(string) error {
		return func(path string) error { return os.Chmod(path, mode) }
	}
	for _, tt := range []struct {
		name         string
		file, folder func(path string) error // what is done to them; may be nil
		implicit     string                  // the warning if the file lies where it is looked for; empty: it is obeyed
		named        string                  // if --config or $MKTAIL_CONFIG names it
	}{
		{name: "mine"},
		{name: "readable by all", file: mode(0o444)},
		{name: "group", file: func(path string) error { return errors.Join(os.Chown(path, -1, stranger), os.Chmod(path, 0o664)) }, implicit: "FILE can be written by others", named: "FILE can be written by others"},
		{name: "all", file: mode(0o602), implicit: "if you trust it, run chmod go-w FILE, or copy it and name the copy with --config", named: "run chmod go-w FILE"},
		{name: "stranger's", file: chown, implicit: "FILE belongs to user 4711", named: "FILE belongs to user 4711"},
		{name: "folder of all", folder: mode(0o777), implicit: "FOLDER can be written by others, who could run commands as you: if you trust it, run chmod go-w FOLDER, or name the file with --config"},
		{name: "sticky folder", folder: mode(0o777 | os.ModeSticky)},
		{name: "stranger's folder", folder: chown, implicit: "FOLDER belongs to user 4711"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			folder := filepath.Join(root, "mktail")
			path := filepath.Join(folder, "config.yaml")
			if err := os.Mkdir(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("pager: rm -rf /\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			for path, do := range map[string]func(string) error{path: tt.file, folder: tt.folder} {
				if do == nil {
					continue
				}
				if err := do(path); err != nil {
					t.Skip(err)
				}
			}
			check := func(how, want string, args ...string) {
				t.Helper()
				var stderr bytes.Buffer
				f, _, done := parse(args, io.Discard, &stderr)
				if done {
					t.Fatalf("%s: the run ended: %s", how, &stderr)
				}
				want = strings.NewReplacer("FILE", path, "FOLDER", folder).Replace(want)
				switch {
				case want == "" && (f.Pager == "" || stderr.Len() > 0):
					t.Errorf("%s: pager %q, stderr %q", how, f.Pager, &stderr)
				case want != "" && f.Pager != "":
					t.Errorf("%s: its pager would run", how)
				case !strings.Contains(stderr.String(), want):
					t.Errorf("%s: stderr %q lacks %q", how, &stderr, want)
				}
			}
			t.Setenv("MKTAIL_CONFIG", "")
			t.Setenv("XDG_CONFIG_HOME", root)
			check("implicit", tt.implicit)
			check("--config", tt.named, "--config", path)
			t.Setenv("MKTAIL_CONFIG", path)
			check("$MKTAIL_CONFIG", tt.named)
		})
	}
}

// TestPrivateGroup tests which groups count as the user's own.
func TestPrivateGroup(t *testing.T) {
	for groups, want := range map[string]bool{
		"root:x:0:\nann:x:1000:\n":      true,
		"ann:x:1000:ann\n":              true,
		"ann:x:1000:ann,www\n":          false,
		"ann:x:1000:bob\n":              false,
		"users:x:1000:\n":               false,
		"ann:x:1001:\n":                 false,
		"ann:x:1000:\nbob:x:1000:bob\n": false,
		"":                              false,
	} {
		if got := hasNoOther(groups, "1000", "ann"); got != want {
			t.Errorf("%q: %t", groups, got)
		}
	}
}

func TestUnreadableConfig(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "mktail", "config.yaml")
	if err := os.MkdirAll(path, 0o755); err != nil { // a folder: root can read every file
		t.Fatal(err)
	}
	t.Setenv("MKTAIL_CONFIG", "")
	t.Setenv("XDG_CONFIG_HOME", root)
	var stderr bytes.Buffer
	_, _, done := parse(nil, io.Discard, &stderr)
	if want := "mktail: warning: config file passed over: read " + path + ": is a directory: make it readable or remove it\n"; done || stderr.String() != want {
		t.Errorf("ended: %t, stderr %q, want %q", done, &stderr, want)
	}
	stderr.Reset()
	if _, code, done := parse([]string{"--config", path}, io.Discard, &stderr); !done || code != 2 || !strings.HasPrefix(stderr.String(), "mktail: error: reading --config: ") {
		t.Errorf("--config: ended %t with %d, stderr %q", done, code, &stderr)
	}
	t.Setenv("XDG_CONFIG_HOME", path+"/x/file.txt")
	if err := os.WriteFile(filepath.Join(path, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	stderr.Reset()
	if _, _, done := parse(nil, io.Discard, &stderr); done || stderr.Len() > 0 {
		t.Errorf("below a file: ended %t, stderr %q", done, &stderr)
	}
}

// TestKubeconfigOfOthers tests the warning about kubeconfigs that others can write to, if they start plugins.
func TestKubeconfigOfOthers(t *testing.T) {
	file := func(name string, mode os.FileMode) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	shared, mine := file("shared", 0o666), file("mine", 0o644)
	plugin := &rest.Config{ExecProvider: &clientcmdapi.ExecConfig{Command: "login"}}
	p := &plan{clusters: []discover.Cluster{
		{Users: []discover.User{{File: shared, Config: &rest.Config{}}, {File: shared, Config: plugin}}},
		{Users: []discover.User{{File: shared, Config: plugin}}}, {Users: []discover.User{{File: mine, Config: plugin}}}, {Users: []discover.User{{Config: plugin}}},
	}}
	var stderr bytes.Buffer
	p.log = newLogger(&stderr, false).Level(zerolog.InfoLevel)
	p.warnMistrusted()
	want := "mktail: warning: kubeconfig with credential plugins: " + shared + " can be written by others, who could run commands as you: if you trust it, run chmod go-w " + shared + ", or copy it and name the copy with --kubeconfig, or use --exec-plugins deny\n"
	if stderr.String() != want {
		t.Errorf("stderr %q, want %q", &stderr, want)
	}
	stderr.Reset()
	p.policy.PolicyType = clientcmdapi.PluginPolicyDenyAll
	if p.warnMistrusted(); stderr.Len() > 0 {
		t.Errorf("with --exec-plugins deny: %q", &stderr)
	}
}
