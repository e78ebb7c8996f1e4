package discover

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// harmless matches the messages of parsers that may be printed; only what the groups match is. All other messages may
// quote the file, even whole lists with their tokens.
var harmless = []*regexp.Regexp{
	// The scanner and parser of go-yaml: constants, with a line.
	regexp.MustCompile(`^(?:yaml: )?((?:line \d+: )?(?:did not find|could not find|found|block sequence entries|mapping keys|mapping values|control characters|exceeded max depth|document contains) [a-zA-Z0-9 ,:'<>\[\]{}%.-]*)$`),
	regexp.MustCompile(`(unknown anchor) '`),
	regexp.MustCompile(`(anchor) '.*' value (contains itself)`),
	// The decoder of client-go: names of fields and types.
	regexp.MustCompile(`json: (cannot unmarshal \w+ into) Go (?:struct )?(?:field|value) (?:of type )?[\w*]*(\.[\w.-]+)`),
	regexp.MustCompile(`(illegal base64 data)`),
	regexp.MustCompile(`(duplicate name) "`),
	regexp.MustCompile(`(no kind) "Config" is (registered for) (version "[\w./-]{1,64}")`),
}

// withoutValues returns a parser's error as one line, without any value from the file.
func withoutValues(err error) error {
	text := err.Error()
	for _, re := range harmless {
		if m := re.FindStringSubmatch(text); m != nil {
			return errors.New(strings.Join(m[1:], " "))
		}
	}
	return errors.New("it can't be understood as YAML or JSON of a kubeconfig")
}

// oneLine returns clientcmd's error about a context as one printable line of bounded length. Such errors quote only the
// names of clusters, users and files.
func oneLine(err error) error {
	text := strings.TrimPrefix(err.Error(), "invalid configuration: ")
	return errors.New(cut(printable(strings.Join(strings.Fields(text), " ")), 1000))
}

// shownURL returns a server's URL without user, password, query and fragment, which may be secret. It is empty if server
// is not a URL.
func shownURL(server string) string {
	if hostPort.MatchString(server) {
		return server
	}
	u, err := url.Parse(server)
	if err != nil || u.Host == "" {
		return ""
	}
	u.User, u.RawQuery, u.Fragment, u.ForceQuery = nil, "", "", false
	return printable(u.String())
}

// hostPort matches a server without a scheme.
var hostPort = regexp.MustCompile(`^[\w.-]+(:\d+)?$`)
