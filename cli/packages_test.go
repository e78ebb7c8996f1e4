package cli

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// needClusters are the packages whose tests run on real clusters only. They are in no list.
var needClusters = []string{"testdata/e2e"}

// TestPackageList tests that .ci/packages, which says what is tested and checked, has every package of this module.
func TestPackageList(t *testing.T) {
	list := packageList(t)
	for _, folder := range packageFolders(t) {
		if !strings.HasPrefix(folder, "testdata/") || slices.Contains(needClusters, folder) {
			continue // Go's ./... has it
		}
		if !slices.ContainsFunc(list, func(pattern string) bool {
			below, ok := strings.CutSuffix(pattern, "/...")
			return "./"+folder == below || ok && strings.HasPrefix("./"+folder, below+"/")
		}) {
			t.Errorf(".ci/packages lacks ./%s", folder)
		}
	}
}

// TestREADMETestCommand tests that README's command tests what .ci/packages lists.
func TestREADMETestCommand(t *testing.T) {
	if want := "\n    go test " + strings.Join(packageList(t), " ") + "\n"; !strings.Contains(readmeText(t), want) {
		t.Errorf("README lacks the command%s", want)
	}
}

// packageList returns the patterns of .ci/packages.
func packageList(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../.ci/packages")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// packageFolders returns the folders of this module that have Go files, relative to its root, with slashes.
func packageFolders(t *testing.T) (folders []string) {
	t.Helper()
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !entry.IsDir():
			if dir := path.Dir(name); path.Ext(name) == ".go" && !slices.Contains(folders, dir) {
				folders = append(folders, dir)
			}
		case name != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		default:
			if _, err := fs.Stat(root, path.Join(name, "go.mod")); err == nil && name != "." {
				return fs.SkipDir // a module of its own
			}
		}
		return nil
	})
	if err != nil || len(folders) < 10 {
		t.Fatalf("folders with Go files: %q, %v", folders, err)
	}
	return folders
}

// TestREADMERelease tests that README names the Go version that .ci/tools.env sets for released binaries.
func TestREADMERelease(t *testing.T) {
	text, err := os.ReadFile("../.ci/tools.env")
	if err != nil {
		t.Fatal(err)
	}
	_, version, ok := strings.Cut(string(text), "\nRELEASE_GO=")
	version, _, _ = strings.Cut(version, "\n")
	if !ok || !strings.Contains(readmeText(t), "`GOTOOLCHAIN="+version+"`") {
		t.Errorf("README does not name %q", version)
	}
}
