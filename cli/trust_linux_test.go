package cli

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestConfigInVolume tests which configs in a volume like those of pods are obeyed, by root and by others: links to files of root's that
// may be writable by all. It takes root to mount such a volume.
func TestConfigInVolume(t *testing.T) {
	const nobody = 65534
	root := t.TempDir()
	volume := filepath.Join(root, "mktail")
	path, file := filepath.Join(volume, "config.yaml"), filepath.Join(volume, "..2026_01_02", "config.yaml")
	if err := os.Mkdir(volume, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("none", volume, "tmpfs", 0, "mode=0777"); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(volume, 0); err != nil {
			t.Error(err)
		}
	})
	err := errors.Join(
		os.Chmod(filepath.Dir(root), 0o755), // nobody is to come here
		os.Mkdir(filepath.Dir(file), 0o755),
		os.WriteFile(file, []byte("output: obeyed\n"), 0o600),
		os.Symlink("..2026_01_02", filepath.Join(volume, "..data")),
		os.Symlink("..data/config.yaml", path),
		os.Lchown(path, 4711, 4711),
	)
	if err != nil {
		t.Fatal(err)
	}
	const obeyed, copied = `"obeyed"`, ": if you trust it, copy it and name the copy with --config\n"
	for _, tt := range []struct {
		name        string
		mode        os.FileMode
		owner       int
		readOnly    bool
		implicit    string // a part of stderr for root, if the file lies where it is looked for
		named       string // and if it is named
		asNobody    string // and for nobody, if it lies there
		namedNobody string
	}{
		{"as Kubernetes has it", 0o644, 0, true, obeyed, obeyed, obeyed, obeyed},
		{"writable by all", 0o777, 0, true, obeyed, obeyed, obeyed, obeyed},
		{"writable volume", 0o644, 0, false, "VOLUME can be written by others", obeyed, "VOLUME can be written by others, who could run commands as you: if you trust it, name the file with --config\n", obeyed},
		{"writable volume and file", 0o666, 0, false, "FILE can be written by others", "if you trust it, run chmod go-w FILE, or copy it", "FILE can be written by others", copied},
		{"stranger's", 0o644, 4711, true, "FILE belongs to user 4711", "if you trust it, run chown 0 FILE, or copy it and name the copy with --config\n", "FILE belongs to user 4711", copied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var flags uintptr = syscall.MS_REMOUNT
			if err := syscall.Mount("none", volume, "", flags, ""); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.Chmod(file, tt.mode), os.Chown(file, tt.owner, -1)); err != nil {
				t.Fatal(err)
			}
			if tt.readOnly {
				flags |= syscall.MS_RDONLY
			}
			if err := syscall.Mount("none", volume, "", flags, ""); err != nil {
				t.Fatal(err)
			}
			for _, run := range []struct {
				uid  uint32
				args []string
				want string
			}{{0, nil, tt.implicit}, {0, []string{"--config", path}, tt.named}, {nobody, nil, tt.asNobody}, {nobody, []string{"--config", path}, tt.namedNobody}} {
				var stderr bytes.Buffer
				cmd := exec.Command("/proc/self/exe", run.args...) // by its name nobody could not find it
				cmd.Env = []string{"XDG_CONFIG_HOME=" + root, asMktail + "=1"}
				cmd.Stderr = &stderr
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: run.uid, Gid: run.uid}}
				if err := cmd.Run(); !errors.As(err, new(*exec.ExitError)) {
					t.Fatal(err)
				}
				if want := strings.NewReplacer("FILE", path, "VOLUME", volume).Replace(run.want); !strings.Contains(stderr.String(), want) {
					t.Errorf("user %d, %v: stderr %q lacks %q", run.uid, run.args, &stderr, want)
				}
			}
		})
	}
}
