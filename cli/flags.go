package cli

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"mktail/discover"
	"mktail/emit"
	"mktail/tail"
)

// flags is the command line. The order of fields is that of --help.
type flags struct {
	Query []string `arg:"" optional:"" help:"Go regular expressions on pod names; a pod that matches any of them is followed. None: every pod. Example: mktail '^web-' worker"`

	Kubeconfig  []string `group:"clusters" sep:"none" placeholder:"GLOB" help:"Read these kubeconfigs only (repeatable; ~, * and ** are expanded). Example: --kubeconfig '~/clusters/**/*.yaml'"`
	Context     []string `group:"clusters" sep:"none" placeholder:"PATTERN" help:"Follow the contexts of all files that match (repeatable, comma list, glob, /regexp/, ! negates) instead of each file's current one. Example: --context 'prod-*,!prod-old'"`
	AllContexts bool     `group:"clusters" help:"Follow all contexts of all files. Example: mktail --all-contexts -A"`
	Multiple    bool     `group:"clusters" short:"m" default:"true" negatable:"" help:"Read every kubeconfig that is found (default); --no-multiple or -m=false follows one cluster by kubectl's rules, and --context is one exact name. Example: mktail -m=false --context staging"`
	ExecPlugins string   `group:"clusters" default:"allow" placeholder:"allow|deny|NAME,…" help:"Which credential plugins kubeconfigs may run: all, none, or these commands. Example: --exec-plugins aws,kubelogin"`

	Namespace        []string `group:"pods" short:"n" sep:"none" placeholder:"NAME,…" help:"Namespaces to follow (repeatable, comma list); default: that of each context. Example: -n shop,billing"`
	AllNamespaces    bool     `group:"pods" short:"A" help:"Follow all namespaces; where that is forbidden, the context's. Example: mktail -A -l app=web"`
	Selector         *string  `group:"pods" short:"l" placeholder:"LABELS" help:"Label selector. Example: -l app=web,release!=canary"`
	ExcludePod       []string `group:"pods" sep:"none" placeholder:"REGEXP" help:"Leave pods out whose name matches (repeatable). Example: --exclude-pod '-debug$$'"`
	Container        []string `group:"pods" short:"c" sep:"none" placeholder:"REGEXP" help:"Follow only containers whose name matches (repeatable). Example: -c '^app$$'"`
	ExcludeContainer []string `group:"pods" short:"E" sep:"none" placeholder:"REGEXP" help:"Leave containers out whose name matches (repeatable). Example: -E istio-proxy"`

	Since      time.Duration `group:"lines" short:"s" default:"48h" placeholder:"48h" help:"How far to look back in containers that already run, such as 30s, 15m or 48h; 0: all. Example: --since 15m"`
	Tail       int64         `group:"lines" default:"-1" placeholder:"N" help:"Begin with the last N lines of containers that already run; -1: all. Example: --tail 20"`
	Follow     bool          `group:"lines" short:"f" default:"true" negatable:"" help:"Go on for ever (default); --no-follow prints what there is and ends. Example: mktail --no-follow --since 1h"`
	MaxStreams int           `group:"lines" default:"1000" placeholder:"N" help:"Streams of a cluster that are open at once; more containers wait their turn. Example: --max-streams 200"`
	MaxLine    int           `group:"lines" default:"1048576" placeholder:"BYTES" help:"Cut longer lines, and say so in the record. Example: --max-line 16384"`

	Rotated    bool          `group:"lines" help:"Read rotated files of containers, too: all that is on the node's disk. Needs get on nodes/proxy. Example: mktail --rotated --since 0 --no-follow"`
	State      string        `group:"lines" type:"path" placeholder:"FILE" help:"Keep in this file what was read, and go on there when started again: nothing is lost or repeated between runs. Example: --state /var/lib/mktail/state"`
	StateEvery time.Duration `group:"lines" default:"5s" placeholder:"5s" help:"How often --state is written while running; after a crash so much may come again. Example: --state-every 1s"`
	MarkGaps   bool          `group:"lines" help:"Where lines may be missing, put a record with the key gap among the others; stderr says it anyway. Example: mktail --mark-gaps --jq 'select(.gap)'"`

	Output       string   `group:"output" short:"o" enum:"auto,text,json,extjson,ppextjson,raw,template" default:"auto" placeholder:"FORMAT" help:"text: coloured, for people; json: one record a line; extjson: likewise, but a line that is JSON stands as it is, no string; ppextjson: the same indented; raw: the line alone; template: see --template. Default: text on a terminal, else json. Example: -o raw"`
	JSON         bool     `group:"output" name:"json" help:"Same as -o json. Example: mktail --json | jq"`
	JQ           *string  `group:"output" name:"jq" placeholder:"PROGRAM" help:"Run each record through a jq program. Example: --jq 'select(.ns==\"shop\")'"`
	Fields       []string `group:"output" sep:"none" placeholder:"NAME,…" help:"Add keys to JSON records, and to what --jq sees: node, uid, labels, annotations, restarts, context, image. Example: --fields node,restarts"`
	Schema       string   `group:"output" enum:"mktail,otel,ecs,vector,fluentbit,loki" default:"mktail" placeholder:"NAME" help:"Call the keys of JSON records as others do: otel, ecs, vector, fluentbit or loki. Example: --schema otel"`
	RawOutput    bool     `group:"output" short:"r" help:"With --jq: print strings without quotes. Example: --jq .line -r"`
	Template     *string  `group:"output" placeholder:"TEXT" help:"Write each record by a Go template with stern's fields and functions, and .Cluster; a newline is added where its output lacks one. Example: --template '{{.PodName}} {{.Message}}'"`
	TemplateFile string   `group:"output" short:"T" type:"path" placeholder:"FILE" help:"Like --template, from a file. Example: -T ~/.stern.tpl"`
	Pretty       bool     `group:"output" help:"In text, show the JSON lines of loggers as time, level, message and key=value. Example: mktail -o text --pretty"`
	Color        string   `group:"output" enum:"auto,always,never" default:"auto" placeholder:"auto|always|never" help:"Colour in text; auto: on a terminal, unless NO_COLOR is set. Example: --color always"`
	Summary      *bool    `group:"output" negatable:"" help:"At the end, say on stderr what came from each cluster; by default on a terminal only. Example: mktail --no-follow --summary"`
	Verbose      bool     `group:"output" short:"v" help:"Say more on stderr: files passed over, streams reopened. Example: mktail -v --no-follow"`

	Version kong.VersionFlag `group:"output" help:"Print the version and exit. Example: mktail --version"`
}

var groups = []kong.Group{
	{Key: "clusters", Title: "Clusters:"},
	{Key: "pods", Title: "Pods and containers:"},
	{Key: "lines", Title: "Lines:"},
	{Key: "output", Title: "Output:"},
}

// shortValue is a short flag with its value by an equals sign, as kubectl takes it: -m=false, -n=shop.
var shortValue = regexp.MustCompile(`^-([A-Za-z])=`)

// longForm rewrites short flags with an equals sign to their long form, which is the only one that kong reads.
func longForm(args []string, flags []*kong.Flag) []string {
	args = slices.Clone(args)
	for i, arg := range args {
		if arg == "--" {
			break
		}
		m := shortValue.FindStringSubmatch(arg)
		if m == nil {
			continue
		}
		for _, f := range flags {
			if string(f.Short) == m[1] {
				args[i] = "--" + f.Name + "=" + arg[len(m[0]):]
			}
		}
	}
	return args
}

// check refuses flags that contradict each other or have values that mean nothing.
func (f *flags) check() error {
	output := f.Output
	if f.JSON {
		if output != "auto" && output != "json" {
			return usagef("leave one of them out", "--json contradicts -o %s", output)
		}
		output = "json"
	}
	template := "--template"
	if f.TemplateFile != "" {
		template = "--template-file"
	}
	templates := f.Template != nil || f.TemplateFile != ""
	switch {
	case f.Template != nil && f.TemplateFile != "":
		return usagef("leave one of them out", "--template contradicts --template-file")
	case f.Template != nil && *f.Template == "":
		return usagef("such as --template '{{.PodName}} {{.Message}}'", "--template needs a template")
	case templates && f.JQ != nil:
		return usagef("leave one of them out", "--jq contradicts %s", template)
	case templates && output != "auto" && output != "template":
		return usagef("leave one of them out", "%s contradicts -o %s", template, output)
	case output == "template" && !templates:
		return usagef("give one with --template or --template-file", "-o template needs a template")
	case templates:
		output = "template"
	}
	switch {
	case f.JQ != nil && strings.TrimSpace(*f.JQ) == "":
		return usagef("such as --jq 'select(.ns==\"shop\")'", "--jq needs a program")
	case f.JQ != nil && output != "auto" && output != "json":
		return usagef("its output is JSON; with -r, strings stand as they are", "--jq contradicts -o %s", output)
	case f.JQ != nil && f.Schema != "mktail":
		return usagef("the program can name its keys as it likes", "--jq contradicts --schema %s", f.Schema)
	case f.Pretty && f.JQ != nil:
		return usagef("it is for text", "--pretty contradicts --jq")
	case f.RawOutput && f.JQ == nil:
		return usagef("for the lines alone use -o raw", "-r needs --jq")
	case f.Color == "always" && (output == "json" || output == "extjson" || output == "ppextjson" || f.JQ != nil):
		return usagef("JSON is never coloured; use -o text", "--color=always contradicts JSON output")
	case f.Selector != nil && strings.TrimSpace(*f.Selector) == "":
		return usagef("such as -l app=web; without it, labels don't count", "-l needs a label selector")
	case slices.Contains(f.Context, ""):
		return usagef("such as --context 'prod-*'", "--context needs a pattern")
	case f.AllContexts && len(f.Context) > 0:
		return usagef("leave one of them out", "--all-contexts contradicts --context")
	case f.AllNamespaces && len(f.Namespace) > 0:
		return usagef("leave one of them out", "-A contradicts -n")
	case !f.Multiple && f.AllContexts:
		return usagef("it follows one context", "--no-multiple contradicts --all-contexts")
	case f.Since < 0:
		return usagef("give a time to look back, such as --since 15m; 0 is all", "--since %s lies in the future", f.Since)
	case f.Tail < -1:
		return usagef("give a number of lines; -1 is all", "--tail %d is no number of lines", f.Tail)
	case f.MaxStreams < 1:
		return usagef("give at least 1", "--max-streams %d lets nothing through", f.MaxStreams)
	case f.MaxLine < 1:
		return usagef("give a number of bytes", "--max-line %d lets nothing through", f.MaxLine)
	case f.StateEvery <= 0:
		return usagef("give a time such as 5s", "--state-every %s is no interval", f.StateEvery)
	case f.MarkGaps && (output == "raw" || output == "template"):
		return usagef("it has no form for a gap; stderr tells of them", "--mark-gaps contradicts -o %s", output)
	}
	f.Output = output
	return nil
}

// selection reads the flags that choose pods and containers.
func (f *flags) selection() (tail.Selection, error) {
	s := tail.Selection{AllNamespaces: f.AllNamespaces}
	for _, q := range f.Query {
		if strings.Contains(q, "/") {
			return s, usagef("give a regular expression on pod names", "QUERY %q has a slash, which no pod name has", q)
		}
	}
	for _, list := range f.Namespace {
		for ns := range strings.SplitSeq(list, ",") {
			ns = strings.TrimSpace(ns)
			if problems := validation.IsDNS1123Label(ns); len(problems) > 0 {
				return s, usagef("give exact names", "-n %q is no name of a namespace", ns)
			}
			s.Namespaces = append(s.Namespaces, ns)
		}
	}
	if f.Selector != nil {
		if _, err := labels.Parse(*f.Selector); err != nil {
			return s, usagef("see kubectl's label selectors, such as app=web,release!=canary", "reading -l %q: %w", *f.Selector, err)
		}
		s.Labels = *f.Selector
	}
	for _, list := range []struct {
		name     string
		patterns []string
		into     *[]*regexp.Regexp
	}{
		{"QUERY", f.Query, &s.Pods},
		{"--exclude-pod", f.ExcludePod, &s.ExcludePods},
		{"--container", f.Container, &s.Containers},
		{"--exclude-container", f.ExcludeContainer, &s.ExcludeContainers},
	} {
		for _, p := range list.patterns {
			re, err := regexp.Compile(p)
			if err != nil {
				return s, usagef("see https://pkg.go.dev/regexp/syntax", "reading %s %q: %w", list.name, p, err)
			}
			*list.into = append(*list.into, re)
		}
	}
	return s, nil
}

// fields reads --fields.
func (f *flags) fields() (emit.Fields, error) {
	fields, err := emit.ParseFields(f.Fields)
	if err != nil {
		return 0, usagef("choose among "+emit.FieldNames, "reading --fields: %w", err)
	}
	return fields, nil
}

// metadata tells whether the output wants what is kept of pods only if asked for.
func (f *flags) metadata() bool {
	fields, _ := f.fields()
	return f.Output == "template" || fields.Has(emit.FieldLabels|emit.FieldAnnotations|emit.FieldImage)
}

// pluginPolicy reads --exec-plugins.
func (f *flags) pluginPolicy() (clientcmdapi.PluginPolicy, error) {
	switch strings.ToLower(f.ExecPlugins) {
	case "allow":
		return clientcmdapi.PluginPolicy{PolicyType: clientcmdapi.PluginPolicyAllowAll}, nil
	case "deny":
		return clientcmdapi.PluginPolicy{PolicyType: clientcmdapi.PluginPolicyDenyAll}, nil
	}
	policy := clientcmdapi.PluginPolicy{PolicyType: clientcmdapi.PluginPolicyAllowlist}
	for name := range strings.SplitSeq(f.ExecPlugins, ",") {
		if name = strings.TrimSpace(name); name == "" {
			return policy, usagef("give allow, deny or names of commands", "--exec-plugins %q has an empty name", f.ExecPlugins)
		}
		policy.Allowlist = append(policy.Allowlist, clientcmdapi.AllowlistEntry{Name: name})
	}
	return policy, nil
}

// usagef makes the error of a user's mistake, with a hint at what to do.
func usagef(hint, format string, args ...any) error {
	return &discover.UsageError{Err: fmt.Errorf(format, args...), Hint: hint}
}
