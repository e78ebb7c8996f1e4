package cli

import (
	"math"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"mktail/emit"
)

// flags is the command line, and what a config adds to it. The order of fields is that of --help.
type flags struct {
	Query []string `arg:"" optional:"" help:"What to follow: Go regular expressions on pod names, or KIND/NAME (kubectl's kinds, also custom ones; NAME may be a glob) for the pods that belong to that. A pod that matches any is followed. None: every pod. Example: mktail '^web-' deploy/worker"`

	Command []string `kong:"-"` // what follows --; nil: there is no --

	Kubeconfig  []string `group:"clusters" sep:"none" placeholder:"GLOB" help:"Read these kubeconfigs only (repeatable; ~, * and ** are expanded). Example: --kubeconfig '~/clusters/**/*.yaml'"`
	Context     []string `group:"clusters" sep:"none" placeholder:"PATTERN" help:"Follow the contexts of all files that match (repeatable, comma list, glob, /regexp/, ! negates, =NAME as it stands) instead of each file's current one. Example: --context 'prod-*,!prod-old'"`
	AllContexts bool     `group:"clusters" help:"Follow all contexts of all files. Example: mktail --all-contexts -A"`
	Multiple    bool     `group:"clusters" short:"m" default:"true" negatable:"" help:"Read every kubeconfig that is found (default); --no-multiple or -m=false follows one cluster by kubectl's rules, and --context is one exact name. Example: mktail -m=false --context staging"`
	ExecPlugins string   `group:"clusters" default:"allow" placeholder:"allow|deny|NAME,…" help:"Which credential plugins kubeconfigs may run: all, none, or these commands. Example: --exec-plugins aws,kubelogin"`

	Namespace        []string `group:"pods" short:"n" sep:"none" placeholder:"NAME,…" help:"Namespaces to follow (repeatable, comma list; globs, ! leaves out); default: that of each context. Example: -n 'shop-*,!shop-test'"`
	AllNamespaces    bool     `group:"pods" short:"A" help:"Follow all namespaces; where that is forbidden, each one by itself, or if they can't be listed, the context's. Example: mktail -A -l app=web"`
	Selector         *string  `group:"pods" short:"l" placeholder:"LABELS" help:"Label selector. Example: -l app=web,release!=canary"`
	FieldSelector    *string  `group:"pods" placeholder:"FIELDS" help:"Field selector of pods. Example: --field-selector status.phase=Running"`
	Revision         string   `group:"pods" enum:"all,newest" default:"all" placeholder:"all|newest" help:"Of a Deployment, StatefulSet or DaemonSet follow all pods, or only those of the newest revision, as its status tells. Example: mktail deploy/web --revision newest"`
	Node             string   `group:"pods" placeholder:"GLOB" help:"Only pods on these nodes. Example: --node 'gpu-*'"`
	Condition        string   `group:"pods" placeholder:"NAME[=VALUE]" help:"Only pods while this condition is true, or has this value. Example: --condition ready=false"`
	ExcludePod       []string `group:"pods" sep:"none" placeholder:"REGEXP" help:"Leave pods out whose name matches (repeatable). Example: --exclude-pod '-debug$$'"`
	Container        []string `group:"pods" short:"c" sep:"none" placeholder:"REGEXP" help:"Follow only containers whose name matches (repeatable). Example: -c '^app$$'"`
	ExcludeContainer []string `group:"pods" short:"E" sep:"none" placeholder:"REGEXP" help:"Leave containers out whose name matches (repeatable). Example: -E istio-proxy"`
	AllContainers    bool     `group:"pods" help:"Follow all containers of a pod: that is so anyway, but kubectl's flag is understood. Example: --all-containers"`
	DefaultContainer bool     `group:"pods" help:"Of each pod only the container that kubectl would choose: the one that its annotation names, else the first. Example: mktail --default-container web"`
	InitContainers   bool     `group:"pods" default:"true" negatable:"" help:"Follow init containers, too (default). Example: --no-init-containers"`
	Ephemeral        bool     `group:"pods" name:"ephemeral-containers" default:"true" negatable:"" help:"Follow ephemeral containers, too (default). Example: --no-ephemeral-containers"`
	ContainerState   []string `group:"pods" placeholder:"STATE" help:"Only containers that are running, waiting or terminated, or become so; default: all. Example: --container-state terminated"`
	PodRunning       duration `group:"pods" name:"pod-running-timeout" placeholder:"TIME" help:"With --no-follow: how long to wait for a container that has a log; default: 0, not at all. Example: --no-follow --pod-running-timeout 1m"`
	Prompt           bool     `group:"pods" help:"Choose on the terminal among the values of the label app.kubernetes.io/instance that the selected pods have. Example: mktail -A --prompt"`

	Since        lookback `group:"lines" short:"s" default:"48h" placeholder:"48h" help:"How far to look back in containers that already run, such as 30s, 15m, 48h, 7d, 1w or '90 minutes'; 0: all. Example: --since 15m"`
	SinceTime    string   `group:"lines" placeholder:"TIME" help:"Leave out what is older: RFC 3339; 2026-01-02 15:04, 15:04:05.5 or 'yesterday 15:04' in local time; '10m ago'; @1700000000 seconds since 1970. Example: --since-time '2026-01-02 15:04'"`
	UntilTime    string   `group:"lines" placeholder:"TIME" help:"Leave out that time and what is later, and end there. Without --since or --since-time, all that is before it comes. Example: --since-time '2h ago' --until-time '1h ago'"`
	Tail         int64    `group:"lines" default:"-1" placeholder:"N" help:"Begin with the last N lines of containers that already run; -1: all, 0: only what is new. Example: --tail 20"`
	Previous     bool     `group:"lines" short:"p" help:"What containers wrote before their last restart, and end. Example: mktail -p web"`
	LimitBytes   int64    `group:"lines" placeholder:"N" help:"At most so many bytes of lines of each container; 0: all. Example: --limit-bytes 100000"`
	Follow       bool     `group:"lines" short:"f" default:"true" negatable:"" help:"Go on for ever (default); --no-follow prints what there is and ends. Example: mktail --no-follow --since 1h"`
	MaxStreams   int      `group:"lines" default:"1000" aliases:"max-log-requests" placeholder:"N" help:"Streams of a cluster that are open at once; more containers wait their turn; -1: no limit. Example: --max-streams 200"`
	HTTP2        string   `group:"lines" name:"http2" enum:"auto,always,never" default:"auto" placeholder:"auto|always|never" help:"Which log streams share connections over HTTP/2; auto: those beyond the first 32, while those have a connection each over HTTP/1.1. Example: --http2 always"`
	MaxLine      int      `group:"lines" default:"1048576" placeholder:"BYTES" help:"Cut longer lines, and say so in the record. Example: --max-line 16384"`
	IgnoreErrors bool     `group:"lines" help:"What can't be read is reported, but the exit code is 0, unless nothing at all could be read. Example: mktail --no-follow --ignore-errors"`

	Include      []string `group:"lines" short:"i" sep:"none" placeholder:"REGEXP" help:"Only lines that match (repeatable). Example: -i 'ERROR|panic'"`
	Exclude      []string `group:"lines" short:"e" sep:"none" placeholder:"REGEXP" help:"Leave lines out that match (repeatable). Example: -e /healthz"`
	Level        string   `group:"lines" placeholder:"NAME" help:"Only lines of at least this level (trace, debug, info, warn, error or fatal), as their logger wrote it in JSON or text, with the lines that go on with them, such as stack traces. Others are not looked at for --until and --fail-on either. Example: --level warn"`
	LevelUnknown string   `group:"lines" enum:"keep,drop" default:"drop" placeholder:"keep|drop" help:"With --level: what becomes of lines without a level. Example: --level warn --level-unknown keep"`
	Before       int      `group:"lines" placeholder:"N" help:"With --include: also the N lines before each match, or gap, in its container, of which at most 8 MiB are kept. Example: -i panic --before 3"`
	After        int      `group:"lines" placeholder:"N" help:"With --include: also the N lines after it. Example: -i panic --after 20"`
	ContextLines int      `group:"lines" placeholder:"N" help:"With --include: both. Example: -i ERROR --context-lines 2"`
	Multiline    bool     `group:"lines" help:"Join consecutive lines of a container that belong together to one record, whose line has newlines: what is indented, stack traces of Java, Python, Go, .NET, Node and Ruby, and JSON over several lines. All filters see it whole; in patterns, . needs (?s) to match a newline. A line waits at most 0.3 s for the next one. Example: --multiline -i 'Exception(?s:.*)OrderService'"`
	Stdin        bool     `group:"lines" help:"Read lines, or mktail's own JSON records, from stdin in place of clusters. Example: mktail --stdin -i ERROR < last-hour.ndjson"`

	Rotated     bool     `group:"lines" help:"Read rotated files of containers, too: all that is on the node's disk. Needs get on nodes/proxy. Example: mktail --rotated --since 0 --no-follow"`
	State       string   `group:"lines" placeholder:"FILE" help:"Keep in this file what was read, and go on there when started again: nothing is lost or repeated between runs. Example: --state /var/lib/mktail/state"`
	StateEvery  duration `group:"lines" default:"5s" placeholder:"5s" help:"How often --state is written while running; after a crash so much may come again. Example: --state-every 1s"`
	StateCommit string   `group:"lines" enum:"always,success" default:"always" placeholder:"always|success" help:"When --state goes on: always, as lines are written to stdout, or if the run ends with exit code 0; else the next run brings them again. Example: --state places --state-commit success --no-follow"`
	MarkGaps    bool     `group:"lines" help:"Where lines may be missing, put a record with the key gap among the others; stderr says it anyway. Example: mktail --mark-gaps --jq 'select(.gap)'"`

	Output          string    `group:"output" short:"o" enum:"${formats}" default:"auto" placeholder:"FORMAT" help:"text (or default, stern's word): coloured, for people; json: one record a line; extjson: likewise, but a line that is JSON stands as it is, no string; ppextjson: the same indented; raw: the line alone; template: see --template. Default: text on a terminal, else json. Example: -o raw"`
	JSON            bool      `group:"output" name:"json" help:"Same as -o json. Example: mktail --json | jq"`
	JQ              *string   `group:"output" name:"jq" placeholder:"PROGRAM" help:"Run each record through a jq program. input_line_number is that of the line in its container; halt ends the run with 0, halt_error with the code that it is given, or 5. Example: --jq 'select(.ns==\"shop\")'"`
	JQFile          string    `group:"output" name:"jq-file" placeholder:"FILE" help:"Likewise, from a file. Example: --jq-file errors.jq"`
	JQArg           []string  `group:"output" name:"jq-arg" sep:"none" placeholder:"NAME=VALUE" help:"A string for jq programs (repeatable). Example: --jq-arg ns=shop --jq 'select(.ns==$$ns)'"`
	JQArgJSON       []string  `group:"output" name:"jq-argjson" sep:"none" placeholder:"NAME=JSON" help:"A value for jq programs (repeatable). Example: --jq-argjson limit=500 --jq 'select((.line|length) > $$limit)'"`
	JQPath          []string  `group:"output" name:"jq-path" sep:"none" placeholder:"DIR" help:"Where jq programs find modules, and nowhere else (repeatable). Example: --jq-path ~/.jq"`
	JQStrict        bool      `group:"output" name:"jq-strict" help:"End with 1 at the first record that a jq program fails on; else such a record is said and left out. Example: --jq-strict --jq '.line|fromjson'"`
	Indent          int       `group:"output" placeholder:"N" help:"With --jq: indent JSON by so many spaces, for people. Example: --jq . --indent 2"`
	Tab             bool      `group:"output" help:"With --jq: indent JSON by tabs. Example: --jq . --tab"`
	SortKeys        bool      `group:"output" short:"S" name:"sort-keys" help:"With --jq: sort the keys of objects; else those of records keep their order. Example: --jq . -S"`
	Seq             bool      `group:"output" help:"With --jq: write a record separator, U+001E, before each output (RFC 7464). Example: --jq .line --seq"`
	Parse           bool      `group:"output" help:"Give jq programs the line parsed, as .json, if it is a JSON object, else null, and its level, as .level: trace, debug, info, warn, error, fatal or null. These are not part of records that they let through, unless they change them or put them there. Example: --parse --jq 'select(.level==\"error\")'"`
	Fields          []string  `group:"output" sep:"none" placeholder:"NAME,…" help:"Add keys to JSON records, and to what --jq sees: node, uid, labels, annotations, restarts, context, image. Example: --fields node,restarts"`
	Schema          string    `group:"output" enum:"${schemas}" default:"mktail" placeholder:"NAME" help:"Rename the keys of JSON records to those of another tool: otel, ecs, vector, fluentbit or loki. Only names change: the records are not a request that the tool takes as it is. Example: --schema otel"`
	RawOutput       bool      `group:"output" short:"r" help:"With --jq: print strings without quotes. Example: --jq .line -r"`
	Template        *string   `group:"output" placeholder:"TEXT" help:"Write each record by a Go template with stern's fields and functions, and .Cluster; a newline is added where its output lacks one. Example: --template '{{.PodName}} {{.Message}}'"`
	TemplateFile    string    `group:"output" short:"T" placeholder:"FILE" help:"Like --template, from a file. Example: -T ~/.stern.tpl"`
	TemplateStrict  bool      `group:"output" name:"template-strict" help:"End with 1 at the first record that the template fails on; else such a record is written as [ERROR] LINE, and the error is reported. Example: --template-strict --template '{{(parseJSON .Message).msg}}'"`
	Highlight       []string  `group:"output" short:"H" sep:"none" placeholder:"REGEXP" help:"In coloured text, let what matches in lines stand out, as --include does (repeatable). Example: -H 'user=\\w+'"`
	Timestamps      stampForm `group:"output" short:"t" placeholder:"FORM" help:"In text and raw, a timestamp before each line, and the form of .Timestamp in templates (records have one anyway): default (nine digits), short, unix, or a name or layout of Go's package time, such as RFC3339 or 15:04:05. Example: --timestamps=short"`
	Timezone        string    `group:"output" placeholder:"ZONE" help:"Of --timestamps, and of .Timestamp in templates: a name such as Europe/Berlin, UTC (default) or Local. Example: -t --timezone Local"`
	Prefix          bool      `group:"output" help:"In raw, kubectl's prefix before each line; text has its own. Example: -o raw --prefix"`
	PrefixStyle     string    `group:"output" name:"prefix-style" enum:"short,full,align" default:"short" placeholder:"short|full|align" help:"In text, which names stand before each line: the pod, and those in which the lines differ (short, default); cluster, namespace, pod and container (full); or those of short in columns, so that lines begin below each other (align). Example: mktail --prefix-style align"`
	Pretty          bool      `group:"output" help:"In text, show the lines of loggers (JSON, logfmt, klog, log4j, access logs and others) as time, level, message and key=value. With --timestamps their own time is left out. Example: mktail -o text --pretty"`
	Color           string    `group:"output" enum:"auto,always,never" default:"auto" placeholder:"auto|always|never" help:"Colour in text; auto: on a terminal, unless NO_COLOR is set. Example: --color always"`
	ClusterColors   []string  `group:"output" placeholder:"SGR" help:"Colours to choose from for clusters, by their numbers in SGR sequences. Example: --cluster-colors '32,36,38;5;208'"`
	PodColors       []string  `group:"output" placeholder:"SGR" help:"Likewise for pods. Example: --pod-colors 91,92,93"`
	ContainerColors []string  `group:"output" placeholder:"SGR" help:"Likewise for containers; default: the pod's. Example: --container-colors 31,32,33"`
	LineBuffered    bool      `group:"output" help:"Write at most PIPE_BUF bytes of whole lines at a time (4096 on Linux), so that other programs can write to the same pipe and no line is broken up; longer lines may be. It takes more CPU time. Example: (mktail --line-buffered -A & ./app; wait) | logger"`
	Pager           string    `group:"output" placeholder:"COMMAND" help:"On a terminal, show the output by this command of the shell, whose end is that of the run. Example: --pager less"`
	DiffContainer   bool      `group:"output" short:"d" help:"Colour each container by its own name, not by its pod's. Example: mktail -d web"`
	OnlyLogLines    bool      `group:"output" negatable:"" help:"Don't say on stderr which containers come (+), are restarted and go (-); by default that is said on a terminal only. Example: mktail --only-log-lines"`
	Summary         *bool     `group:"output" negatable:"" help:"At the end, say on stderr what came from each cluster; by default on a terminal only. Example: mktail --no-follow --summary"`
	Verbose         bool      `group:"output" short:"v" help:"Say more on stderr: files passed over, streams reopened. Example: mktail -v --no-follow"`

	Until       []string `group:"verdicts" sep:"none" placeholder:"REGEXP" help:"End with 0 after the first line that matches (repeatable); 1 if none does before the end. It need not be among those that --include or --jq lets through. Patterns see lines without their colours; a time such as 10m is refused. Example: mktail web --until 'listening on'"`
	UntilJQ     string   `group:"verdicts" name:"until-jq" placeholder:"PROGRAM" help:"Likewise, when a jq program makes true of a record; gaps are records with the key gap, also without --mark-gaps. Example: --until-jq '.line | fromjson? | .ready'"`
	UntilCount  int64    `group:"verdicts" default:"1" placeholder:"N" help:"With --until: after N matches. Example: --until ready --until-count 3"`
	UntilEach   string   `group:"verdicts" enum:",pod,container,cluster" default:"" placeholder:"pod|container|cluster" help:"With --until: when each pod (container, cluster) that is there has matched once. Of clusters, those that can be read count. Example: mktail -l app=web,version=2 --until listening --until-each pod"`
	UntilDone   bool     `group:"verdicts" help:"End when all pods have ended, and job/NAME, or the Jobs of cronjob/NAME, by their own conditions: with 0 if all succeeded or are Complete, with 4 if any failed; with --until, 1 if that did not match before. Example: mktail job/import --until-done"`
	ExitFrom    string   `group:"verdicts" name:"exit-code-from" placeholder:"CONTAINER" help:"With --until-done: return the exit code of this container, if that is not 0. Example: mktail job/import --until-done --exit-code-from app"`
	UntilReady  bool     `group:"verdicts" help:"End with 0 when the rollouts of the Deployments, StatefulSets and DaemonSets that are asked for are complete, as kubectl rollout status has it; with --until, when that has matched, too. 4 if one fails. Example: mktail deploy/web --revision newest --until-ready --timeout 5m"`
	WaitPods    int      `group:"verdicts" placeholder:"N" help:"So many pods must be there at once before the run ends with 0; 1 if they were not by --timeout, the end or a signal. What --until, --until-each and --until-done wait for may come before. Example: --wait-pods 3 --until ready --until-each pod --timeout 5m"`
	FailOn      []string `group:"verdicts" sep:"none" placeholder:"REGEXP" help:"End with 3 after the first line that matches (repeatable). Example: --fail-on panic"`
	FailOnJQ    string   `group:"verdicts" name:"fail-on-jq" placeholder:"PROGRAM" help:"Likewise, when a jq program makes true of a record, or of a gap. Example: --fail-on-jq '.line | fromjson? | .level==\"fatal\"'"`
	Timeout     duration `group:"verdicts" placeholder:"TIME" help:"End after this time: with 124 if a match is waited for, or if --no-follow, --previous or --until-time has not read all; else with 0 if anything was read. Example: --until ready --timeout 5m"`
	IdleTimeout duration `group:"verdicts" placeholder:"TIME" help:"Likewise after so long without any line. Example: --idle-timeout 30s"`
	Require     string   `group:"verdicts" placeholder:"all|any|N" help:"So many clusters must be readable before the run ends with 0; 5 if they were not by --timeout, the end or a signal: their pods can be listed, and the logs of all read. The Jobs and rollouts that --until-done and --until-ready wait for by name must be in so many clusters, too. Others that can't are no failure then. Default: it is enough that the pods of any could be listed, and of each namespace that -n names. Example: --require all"`
	AllowEmpty  bool     `group:"verdicts" help:"Exit with 0 also if no container matches; else that is 1, whatever ends the run. Example: mktail -l app=web --no-follow --fail-on panic --allow-empty"`
	MaxCount    int64    `group:"verdicts" placeholder:"N" help:"End with 0 after N records. Example: --max-count 10"`
	Quiet       bool     `group:"verdicts" short:"q" help:"Write no records: the exit code is the answer. Example: mktail -q --until ready"`

	SinkRequired bool `group:"verdicts" help:"Exit with 1 if the reader of stdout goes away, which is reported; else that is 0. Example: mktail --sink-required | ingest"`

	Grace         duration `group:"verdicts" default:"2s" placeholder:"2s" help:"With a command after --: keep following for this time after the command has ended. Example: mktail --fail-on panic --grace 10s -- ./smoke-test"`
	CommandOutput string   `group:"verdicts" enum:"stderr,stdout" default:"stderr" placeholder:"stderr|stdout" help:"With a command after --: where its stdout goes; its stderr is mktail's. Example: mktail -q --fail-on panic --command-output stdout -- ./smoke-test"`

	Annotations string `group:"verdicts" enum:"auto,github,gitlab,azure,none" default:"auto" placeholder:"auto|github|gitlab|azure|none" help:"Show on this CI system what decided the run, which containers failed and where lines may be missing, by lines on stderr, and escape in records on stdout what would be a command to it, unless stdout is a file; auto: on the one whose variable is set (GITHUB_ACTIONS, GITLAB_CI, TF_BUILD). Example: --annotations github"`
	Artifacts   string `group:"verdicts" placeholder:"DIR" help:"If the exit code is not 0, write the last 1,000 lines of each container, and the state, restarts and waiting reasons of each pod, to files in this folder. Example: --artifacts logs"`

	Status    string `group:"verdicts" placeholder:"FILE" help:"Write what happens to a file, as NDJSON: clusters up and down, pods, containers, reconnects, gaps, matches, ready, summaries, the end. Example: --status events.ndjson"`
	StatusFD  int    `group:"verdicts" name:"status-fd" placeholder:"N" help:"Likewise, to an open file descriptor; whoever has it must read it, as the run waits for that until it ends. Example: mktail --status-fd 3 3>events.ndjson"`
	ReadyFile string `group:"verdicts" placeholder:"PATH" help:"Make this file when every cluster was tried, the first streams are open, and --require and --wait-pods hold; one that is there is removed first. Example: --ready-file /tmp/ready"`

	Hidden hiddenFlags `embed:""`

	line   *kong.Context // what kong has read
	config *config       // gives values to flags that are not on the command line; may be nil

	Config     string           `group:"output" placeholder:"FILE" help:"Read flags that the command line leaves out from a YAML file, by their long names; default: $$MKTAIL_CONFIG, or mktail/config.yaml in $$XDG_CONFIG_HOME or ~/.config, if it is there. Example: --config team.yaml"`
	Completion completionFlag   `group:"output" placeholder:"bash|zsh|fish" help:"Print a script by which this shell completes command lines, and exit. Example: source <(mktail --completion=bash)"`
	Man        manFlag          `group:"output" help:"Print the manual page and exit. Example: mktail --man | man -l -"`
	Version    kong.VersionFlag `group:"output" help:"Print the version and exit. Example: mktail --version"`
}

var groups = []kong.Group{
	{Key: "clusters", Title: "Clusters:"},
	{Key: "pods", Title: "Pods and containers:"},
	{Key: "lines", Title: "Lines:"},
	{Key: "output", Title: "Output:"},
	{Key: "verdicts", Title: "Verdicts:"},
}

// defaultSchema is the value of --schema that changes nothing.
const defaultSchema = "mktail"

// given reports whether a flag is given, on the command line or in the config.
func (f *flags) given(name string) bool {
	return slices.ContainsFunc(f.line.Path, func(p *kong.Path) bool { return p.Flag != nil && p.Flag.Name == name })
}

// maxStreams reads --max-streams.
func (f *flags) maxStreams() int {
	if f.MaxStreams == -1 {
		return math.MaxInt32
	}
	return f.MaxStreams
}

// commitsSuccess reads --state-commit: whether --state goes on only if the run succeeds.
func (f *flags) commitsSuccess() bool { return f.StateCommit == "success" }

// fields reads --fields.
func (f *flags) fields() (emit.Fields, error) {
	fields, err := emit.ParseFields(f.Fields)
	if err != nil {
		return 0, usagef(on{"fields"}, "choose among "+emit.FieldNames, "reading --fields: %w", err)
	}
	return fields, nil
}

// ownStreams reads --http2.
func (f *flags) ownStreams() int {
	switch f.HTTP2 {
	case "always":
		return 0
	case "never":
		return math.MaxInt32
	}
	return 32 // with more, most have few lines, and waking up costs more than the bytes
}

// metadata reports whether the output may have what is kept of pods only on request: labels, annotations and images.
func (f *flags) metadata() bool {
	fields, _ := f.fields()
	return formatNamed(f.Output).metadata || fields.Has(emit.FieldLabels|emit.FieldAnnotations|emit.FieldImage)
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
		const give = "give allow, deny or names of commands"
		switch name = strings.TrimSpace(name); strings.ToLower(name) {
		case "":
			return policy, usagef(on{"exec-plugins"}, give, "--exec-plugins %q has an empty name", f.ExecPlugins)
		case "allow", "deny":
			return policy, usagef(on{"exec-plugins"}, give, "--exec-plugins %q: allow and deny stand alone", f.ExecPlugins)
		}
		policy.Allowlist = append(policy.Allowlist, clientcmdapi.AllowlistEntry{Command: name})
	}
	return policy, nil
}
