package discover

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestOnlyMerged tests that files which only work merged are named, with the way to merge them, and that this way works.
func TestOnlyMerged(t *testing.T) {
	const (
		contexts = "{kind: Config, apiVersion: v1, contexts: [{name: prod, context: {cluster: c, user: u}}, {name: test, context: {cluster: gone, user: u}}], current-context: prod}"
		clusters = `{kind: Config, apiVersion: v1, clusters: [{name: c, cluster: {server: "https://c.example.com"}}]}`
		users    = "{kind: Config, apiVersion: v1, users: [{name: u, user: {token: SECRET}}]}"
		both     = `{kind: Config, apiVersion: v1, clusters: [{name: c, cluster: {server: "https://c.example.com"}}], users: [{name: u, user: {token: SECRET}}]}`
	)
	const lacks, hint = `reading context "prod" of A: the file has no cluster "c": it works only merged with `, "--no-multiple (-m=false) merges the files of $KUBECONFIG, as kubectl does"
	for _, test := range []struct {
		name        string
		files       map[string]string
		o           Options // Env is a list of names
		fails, hint string
		said        string
	}{
		{"list", map[string]string{"A": contexts, "B": both}, Options{Env: "A B"}, lacks + "B", hint, ""},
		{"list, by name", map[string]string{"A": contexts, "B": both}, Options{Env: "A B", Contexts: []string{"prod"}}, lacks + "B", hint, ""},
		{"list, by glob", map[string]string{"A": contexts, "B": both}, Options{Env: "A B", Contexts: []string{"p*"}}, lacks + "B", hint, ""},
		{"list of three", map[string]string{"A": contexts, "B": users, "C": clusters}, Options{Env: "A B C"}, lacks + "B, C", hint, ""},
		{"user alone", map[string]string{"A": strings.Replace(contexts, "contexts:", `clusters: [{name: c, cluster: {server: "https://c.example.com"}}], contexts:`, 1), "B": users}, Options{Env: "A B"},
			`reading context "prod" of A: the file has no user "u": it works only merged with B`, hint, ""},
		{"other contexts beside them", map[string]string{"A": contexts, "B": strings.Replace(both, "users:", "contexts: [{name: v, context: {cluster: c}}, {name: w, context: {cluster: c}}], users:", 1)}, Options{Env: "A B"},
			lacks + "B", hint, ""},
		{"flag", map[string]string{"A": contexts, "B": both}, Options{Kubeconfig: []string{"A", "B"}}, lacks + "B", hint + ": KUBECONFIG=A" + string(filepath.ListSeparator) + "B mktail -m=false", ""},
		{"home", map[string]string{".kube/A": contexts, ".kube/B": both}, Options{Home: "."}, `reading context "prod" of .kube/A: the file has no cluster "c": it works only merged with .kube/B`,
			hint + ": KUBECONFIG=.kube/A" + string(filepath.ListSeparator) + ".kube/B mktail -m=false", ""},
		{"beside one that works", map[string]string{".kube/A": contexts, ".kube/B": both, ".kube/C": config("https://x.example.com", "SECRET", "x")}, Options{Home: "."}, "", "",
			`warn: reading context "prod" of .kube/A: the file has no cluster "c"; passed over: it works only merged with .kube/B`},
		{"current elsewhere", map[string]string{"A": "{kind: Config, apiVersion: v1, current-context: prod}", "B": strings.Replace(both, "users:", "contexts: [{name: prod, context: {cluster: c, user: u}}, {name: test, context: {cluster: c}}], users:", 1)}, Options{Env: "A B"},
			"no context is current in B", `choose with --context or --all-contexts: there is prod, test; "prod" is current in A: ` + hint, ""},
		{"not even merged", map[string]string{"A": contexts, "B": users}, Options{Env: "A B"}, `reading context "prod" of A: the file has no cluster "c"`, "fix the file, or choose another context", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Chdir(tree(t, test.files))
			o := test.o
			o.Env, o.Multiple = strings.Join(strings.Fields(o.Env), string(filepath.ListSeparator)), true
			found, log, err := find(t, o)
			if test.fails == "" {
				if err != nil || len(found) != 1 || !said(log, filepath.FromSlash(test.said)) {
					t.Errorf("%v, %v, %q", clusterNames(found), err, log)
				}
				return
			}
			fails(t, err, filepath.FromSlash(test.fails), filepath.FromSlash(test.hint))
			if strings.HasPrefix(test.hint, hint) {
				fails(t, err, "", "; or choose another context with --context: there is prod, test")
			}
			if !strings.Contains(test.hint, hint) {
				return
			}
			if _, list, ok := strings.Cut(test.hint, "KUBECONFIG="); ok {
				o.Env, _, _ = strings.Cut(list, " ")
			}
			found, _, err = find(t, Options{Env: o.Env})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "merged", table(found), []string{"prod | default | https://c.example.com"})
		})
	}
}
