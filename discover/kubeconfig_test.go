package discover

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"go.yaml.in/yaml/v3"
)

func TestParse(t *testing.T) {
	good := config("https://a.example.com", "SECRET", "a")
	kindless := strings.Replace(good, "kind: Config\n", "", 1)
	wide := func(order binary.AppendByteOrder, mark uint16) string {
		b := order.AppendUint16(nil, mark)
		for _, u := range utf16.Encode([]rune(good)) {
			b = order.AppendUint16(b, u)
		}
		return string(b)
	}
	for _, test := range []struct {
		name, text string
		named      bool
		fails      string // "" for none
	}{
		{name: "YAML", text: good},
		{name: "CRLF", text: strings.ReplaceAll(good, "\n", "\r\n")},
		{name: "mark of UTF-8", text: "\ufeff" + good},
		{name: "UTF-16, little", text: wide(binary.LittleEndian, 0xfeff)},
		{name: "UTF-16, big", text: wide(binary.BigEndian, 0xfeff)},
		{name: "several documents", text: "---\n" + good + "---\nkind: Other\n"},
		{name: "no kind", text: kindless, fails: "it is no kubeconfig (kind: Config)"},
		{name: "no kind, named", text: kindless, named: true},
		{name: "another kind, named", text: sample(t, "deployment.yaml"), named: true, fails: "it is no kubeconfig (kind: Config)"},
		{name: "empty", text: "", named: true, fails: "it is empty"},
		{name: "text", text: "kind-kind\n", fails: "it is no kubeconfig (kind: Config)"},
		{name: "a list", text: "- kind: Config\n", fails: "it is no kubeconfig (kind: Config)"},
		{name: "no context", text: sample(t, "empty.yaml"), fails: "it has no context"},
		{name: "NUL", text: good + "\x00", fails: "it is no text in UTF-8"},
		{name: "Latin-1", text: good + "# caf\xe9\n", fails: "it is no text in UTF-8"},
		{name: "broken", text: sample(t, "broken.yaml"), fails: "line 5: did not find expected ',' or '}'"},
		{name: "tab", text: "kind: Config\n\tcontexts: []\n", fails: "line 2: found a tab character that violates indentation"},
		{name: "bomb", text: sample(t, "bomb.yaml"), fails: "its YAML aliases make it too large"},
		{name: "bomb of few large strings", text: sample(t, "bigbomb.yaml"), fails: "its YAML aliases make it too large"},
		{name: "anchor in the first byte", text: "&a {kind: Config, x: *a}", fails: "its YAML aliases make it too large"},
		{name: "contains itself", text: sample(t, "self.yaml"), fails: "its YAML aliases make it too large"},
		{name: "many parts", text: "kind: Config\ncontexts: [" + strings.Repeat("0,", 1<<20) + "0]", fails: "it has too many parts"},
		{name: "deep", text: "kind: Config\ncontexts: " + strings.Repeat("[", 20000), fails: "line 2: exceeded max depth of 10000"},
		{name: "unknown anchor", text: "kind: Config\ntoken: *SECRET\n", fails: "unknown anchor"},
		{name: "a map as token", text: sample(t, "badtypes.yaml"), fails: "cannot unmarshal object into .users.user.token"},
		{name: "a user twice", text: sample(t, "twice.yaml"), fails: "duplicate name"},
		{name: "a map as key", text: "kind: Config\n? {SECRET: SECRET}\n: SECRET\n", fails: "it can't be understood as YAML or JSON of a kubeconfig"},
		{name: "contexts that are none", text: "kind: Config\ncontexts: SECRET\n", fails: "cannot unmarshal string into .contexts"},
		{name: "no base64", text: strings.Replace(good, "server:", "certificate-authority-data: '*SECRET*', server:", 1), fails: "illegal base64 data"},
		{name: "another version", text: strings.Replace(good, "apiVersion: v1", "apiVersion: v7", 1), fails: `no kind registered for version "v7"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			config, err := parse([]byte(test.text), test.named)
			switch {
			case test.fails == "" && err != nil:
				t.Error(err)
			case test.fails == "" && config.CurrentContext != "a":
				t.Errorf("read as %+v", config)
			case test.fails != "" && (err == nil || err.Error() != test.fails):
				t.Errorf("error %v, want %s", err, test.fails)
			}
		})
	}
}

func TestDecoded(t *testing.T) {
	for _, test := range []struct {
		in, want string
		err      error
	}{
		{"a", "a", nil}, {"", "", nil}, {"\ufeffa", "a", nil}, {"\xff\xfea\x00", "a", nil}, {"\xfe\xff\x00a", "a", nil},
		{"\xff\xfea", "", nil}, {"\xff\xfea\x00b", "a", nil}, // half a character is left out
		{"\x00a", "", errNoText}, {"a\x00", "", errNoText}, {"\xff", "", errNoText}, {"\xff\xfe\x00\x00", "", errNoText},
		{strings.Repeat("\n", 512<<10), strings.Repeat("\n", 512<<10), nil}, {strings.Repeat("-?", 256<<10) + ":", strings.Repeat("-?", 256<<10) + ":", errParts},
	} {
		if got, err := decoded([]byte(test.in)); string(got) != test.want || err != test.err {
			t.Errorf("%.20q becomes %.20q, %v", test.in, got, err)
		}
	}
}

// An alias counts as what it stands for, and each value and list as a byte more than its text.
func TestSizes(t *testing.T) {
	long := strings.Repeat("x", mostBytes/2-4)
	for text, want := range map[string]error{"a: &x " + long + "\nb: *x\n": nil, "a: &x " + long + "\nbb: *x\n": errAliases} {
		if _, err := decoded([]byte(text)); err != want {
			t.Errorf("%d bytes: %v, want %v", len(text), err, want)
		}
	}
	var node yaml.Node
	if err := yaml.Unmarshal([]byte("a: &x [b, cc]\nd: *x\n"), &node); err != nil {
		t.Fatal(err)
	}
	if got := make(sizes).of(&node); got != 1+1+2+(1+2+3)+2+(1+2+3) {
		t.Errorf("the size is %d", got)
	}
}

func TestMeant(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       bool
	}{
		{"config", "\x00", true},
		{"config.old", "contexts: [", true},
		{"config.gpg", "\x85\x00", false},
		{"x.yaml", "\x00", true},
		{"X.KUBECONFIG", "", true},
		{"x.yml", "\x00", true},
		{"x.json", "\x00", true},
		{"x.conf", "\x00", true},
		{"x.config", "\x00", true},
		{"kubeconfig", "\x00", true},
		{"x.txt", "\x00", false},
		{"prod", "apiVersion: v1\nkind: Config\nx: [", true},
		{"prod", `{"kind": "Config", `, true},
		{"prod", "kind: ConfigMap", false},
		{"prod", "a: [", false},
		{"id_rsa", "-----BEGIN PRIVATE KEY-----", false},
	} {
		if got := meant(filepath.Join("dir.yaml", test.name), []byte(test.text)); got != test.want {
			t.Errorf("meant(%s, %q) = %v", test.name, test.text, got)
		}
	}
}

func TestReadRegular(t *testing.T) {
	dir := tree(t, map[string]string{"large": strings.Repeat("#", mostBytes+1), "whole": strings.Repeat("#", mostBytes)})
	if text, _, err := readRegular(filepath.Join(dir, "whole")); err != nil || len(text) != mostBytes {
		t.Errorf("read %d bytes, %v", len(text), err)
	}
	if _, _, err := readRegular(filepath.Join(dir, "large")); !errors.Is(err, errLarge) {
		t.Errorf("large: %v", err)
	}
	if _, _, err := readRegular(dir); !errors.Is(err, errSpecial) {
		t.Errorf("directory: %v", err)
	}
}

// FuzzKubeconfig reads any text as a kubeconfig, and makes a cluster of each of its contexts. It must neither panic
// nor hang nor open what is no regular file. Run it with -fuzzminimizetime 20x: else most of the time goes into making
// inputs smaller.
func FuzzKubeconfig(f *testing.F) {
	entries, err := os.ReadDir(samples)
	if err != nil {
		f.Fatal(err)
	}
	const most = 4 << 10
	for _, e := range entries {
		if e.Type().IsRegular() {
			if text := sample(f, e.Name()); len(text) <= most {
				f.Add([]byte(text))
			}
		}
	}
	f.Add([]byte(secrets)) // all ways to authenticate
	for _, field := range []string{"certificate-authority: /dev/zero", "certificate-authority: .", "tls-server-name: x, insecure-skip-tls-verify: true", "proxy-url: 'socks5://SECRET@x'",
		"certificate-authority-data: '*'", "disable-compression: true, extensions: [{name: client.authentication.k8s.io/exec, extension: {a: b}}]"} {
		f.Add([]byte(strings.Replace(config("https://x.example.com", "SECRET", "x"), "server:", field+", server:", 1)))
	}
	for _, server := range []string{"x:1", "https://SECRET@[::1%25]:0/?SECRET#SECRET", "\n", "https://\u202e\x1b", "unix:///x", "//x", "https://x/%2e%2e"} {
		f.Add([]byte(config(server, "SECRET", "", "\u202e\x1b]0;x\a", "a/b", "*", strings.Repeat("x", 300))))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > most {
			return
		}
		meant("prod", text)
		config, err := parse(text, true)
		if err != nil {
			if said := err.Error(); strings.Contains(said, "\n") || strings.Contains(said, "SECRET") && !strings.Contains(said, "for version") {
				t.Errorf("error %q", err)
			}
			return
		}
		file := &file{path: "prod", config: config}
		var clusters []Cluster
		for _, e := range file.entries() {
			c, err := e.cluster()
			if err == nil {
				clusters = append(clusters, c)
			} else if said := err.Error(); printable(said) != said || len(said) > 2*most {
				t.Errorf("error %.3000q", said)
			}
		}
		giveNames(clusters)
		seen := make(map[string]bool)
		for _, c := range clusters {
			if c.Name == "" || seen[c.Name] || printable(c.Name) != c.Name || c.Users[0].Config.Host == "" {
				t.Errorf("cluster %q at %q", c.Name, c.Users[0].Config.Host)
			}
			seen[c.Name] = true
		}
	})
}
