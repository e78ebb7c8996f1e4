package kube_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"mktail/tail/kube"
	"mktail/testdata/sim"
)

// several makes a client of a cluster with several users.
func several(t *testing.T, first kube.User, others ...kube.User) (*kube.Client, *messages) {
	t.Helper()
	log := new(messages)
	client, err := kube.New("eu", first, kube.NewShared(kube.Options{Log: zerolog.New(log)}, 1), others...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client, log
}

// withTokens are users with tokens of their names.
func withTokens(c *sim.Cluster, names ...string) (all []kube.User) {
	for _, name := range names {
		all = append(all, kube.User{Name: name, Config: c.RESTConfigFor(name)})
	}
	return all
}

// sentAs returns whom requests of a verb were sent as, and with what success.
func sentAs(c *sim.Cluster, verb string) string {
	var all []string
	for _, q := range c.Requests() {
		if q.Verb == verb {
			all = append(all, fmt.Sprint(q.User, " ", q.Status))
		}
	}
	return strings.Join(all, ", ")
}

// A user who is refused gives way to the next one, and the last to the first. When all are, others than the current one are asked for
// again only after a while.
func TestRefusedUsers(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := start(t, sim.Options{})
		c.AddPod(sim.PodSpec{Name: "web"})
		grant := func(name string) { c.AddToken(name, sim.Admin(name)) }
		names := []string{"a", "b", "c"}
		users := withTokens(c, names...)
		client, log := several(t, users[0], users[1:]...)
		for _, step := range []struct {
			may   string // who are known
			after time.Duration
			works bool
			log   string
		}{
			{may: "abc", works: true},
			{may: "bc", works: true, log: "info: eu: the credentials of a were refused; using those of b"},
			{may: "abc", works: true},
			{may: "a", works: true, log: "info: eu: the credentials of b were refused; using those of a"},
			{may: ""},
			{may: "c"},
			{may: "a", works: true},
			{may: "c"},
			{may: "c", after: 5 * time.Minute, works: true, log: "info: eu: the credentials of a were refused; using those of c"},
		} {
			before := log.String()
			for _, name := range names {
				if c.RevokeToken(name); strings.Contains(step.may, name) {
					grant(name)
				}
			}
			time.Sleep(step.after)
			_, err := client.GetPod(t.Context(), "default", "web")
			if step.works && err != nil || !step.works && !apierrors.IsUnauthorized(err) {
				t.Errorf("known: %q: %v", step.may, err)
			}
			if got := strings.TrimPrefix(strings.TrimPrefix(log.String(), before), "\n"); got != step.log {
				t.Errorf("known: %q: log: %s", step.may, got)
			}
		}
	})
}

// A user who is refused is not asked for anything more, nor is one who may not do something asked for that again. There may be many users,
// of whom each has connections.
func TestAskedOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		first       sim.User // has the token of the first user; without a name nobody has it
		list, watch string
	}{
		"refused":   {sim.User{}, " 401,  401,  401,  401, f 200, f 200, f 200", "f 200, f 200"},
		"forbidden": {sim.User{Name: "a"}, "a 403,  401,  401,  401, f 200, f 200, a 403,  401,  401,  401, f 200", "a 403,  401,  401,  401, f 200, f 200"},
	} {
		bubble(t, name, func(t *testing.T) {
			c := start(t, sim.Options{})
			users := withTokens(c, "a", "b", "c", "d", "f")
			if tt.first.Name != "" {
				c.AddToken("a", tt.first)
			}
			c.AddToken("f", sim.Admin("f"))
			client, _ := several(t, users[0], users[1:]...)
			for _, ns := range []string{"shop", "shop", "dev"} {
				if _, err := client.ListPods(t.Context(), ns, metav1.ListOptions{}); err != nil {
					t.Error(err)
				}
			}
			for range 2 {
				w, err := client.WatchPods(t.Context(), "shop", metav1.ListOptions{})
				if err != nil {
					t.Fatal(err)
				}
				w.Stop()
			}
			if list, watch := sentAs(c, "list"), sentAs(c, "watch"); list != tt.list || watch != tt.watch {
				t.Errorf("lists: %s; watches: %s", list, watch)
			}
		})
	}
}

// Two users may take each other's place for the same requests.
func TestForbiddenInTurn(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := start(t, sim.Options{})
		users := withTokens(c, "a", "b")
		client, _ := several(t, users[0], users[1])
		for _, may := range []string{"b", "a", "b"} {
			c.AddToken("a", sim.User{Name: "a"})
			c.AddToken("b", sim.User{Name: "b"})
			c.AddToken(may, sim.Admin(may))
			for range 2 {
				if _, err := client.ListPods(t.Context(), "shop", metav1.ListOptions{}); err != nil {
					t.Error(err)
				}
			}
		}
		if got, want := sentAs(c, "list"), "a 403, b 200, b 200, b 403, a 200, a 200, a 403, b 200, b 200"; got != want {
			t.Errorf("sent as %s, want %s", got, want)
		}
	})
}

// A user who may not do something gives way to another who may, for that alone.
func TestForbiddenUsers(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := start(t, sim.Options{})
		c.AddToken("a", sim.Reader("a", "shop"))
		c.AddToken("b", sim.Reader("b", "dev"))
		c.AddToken("c", sim.User{Name: "c", Rules: []sim.Rule{{Verbs: []string{"watch"}, Resources: []string{"pods"}}}})
		for _, ns := range []string{"shop", "dev", "other"} {
			c.AddPod(sim.PodSpec{Namespace: ns, Name: "web"})
		}
		users := withTokens(c, "a", "b", "c")
		client, log := several(t, users[0], users[1:]...)
		for range 2 {
			for _, ns := range []string{"shop", "dev", "", "other"} {
				works := ns == "shop" || ns == "dev"
				if _, err := client.ListPods(t.Context(), ns, metav1.ListOptions{}); works && err != nil || !works && !apierrors.IsForbidden(err) {
					t.Errorf("listing in %q: %v", ns, err)
				} else if !works && !strings.Contains(err.Error(), `User "a"`) {
					t.Errorf("the error is not that of the first: %v", err)
				}
				w, err := client.WatchPods(t.Context(), ns, metav1.ListOptions{})
				if err != nil {
					t.Errorf("watching in %q: %v", ns, err)
					continue
				}
				w.Stop()
			}
		}
		s := client.NewLog(t.Context())
		defer s.Close()
		r := following("web", kube.Own)
		r.Namespace = "dev"
		if err := s.Open(r); err != nil {
			t.Error(err)
		}
		lines := strings.Split(log.String(), "\n")
		slices.Sort(lines)
		want := []string{
			"debug: eu: a may not get pods/log in namespace dev; using the credentials of b for that",
			"debug: eu: a may not watch pods in namespace dev; using the credentials of b for that",
			"debug: eu: a may not watch pods in namespace other; using the credentials of c for that",
			"info: eu: a may not list pods in namespace dev; using the credentials of b for that",
			"info: eu: a may not watch pods; using the credentials of c for that",
		}
		if !slices.Equal(lines, want) {
			t.Errorf("log: %q", lines)
		}
		if got := len(strings.Split(sentAs(c, "list"), ", ")); got != (1+2+3+3)+(1+1+1+1) {
			t.Errorf("%d lists: %s", got, sentAs(c, "list"))
		}
	})
}

// Where a server is away or has no answer, it is so for all its users.
func TestServerAway(t *testing.T) {
	for name, fail := range map[string]func(c *sim.Cluster) (repair func()){
		"down": func(c *sim.Cluster) func() { c.Down(); return func() { _ = c.Up() } },
		"connections end": func(c *sim.Cluster) func() {
			c.CutConnections()
			return c.Inject(sim.Fault{HangUp: true}).Remove
		},
		"connections of one user end": func(c *sim.Cluster) func() {
			c.CutConnections()
			return c.Inject(sim.Fault{HangUp: true, User: "ann"}).Remove
		},
		"500": func(c *sim.Cluster) func() { return c.Inject(sim.Fault{Status: 500}).Remove },
		"500 for others": func(c *sim.Cluster) func() {
			first := c.Inject(sim.Fault{User: "ann", Status: 401})
			others := c.Inject(sim.Fault{User: "bob", Status: 500})
			return func() { first.Remove(); others.Remove() }
		},
	} {
		bubble(t, name, func(t *testing.T) {
			c := start(t, sim.Options{})
			c.AddPod(sim.PodSpec{Name: "web"})
			var users []kube.User
			for _, name := range []string{"ann", "bob"} {
				c.GrantCert(sim.Admin(name))
				u := kube.User{Name: name, Config: c.RESTConfigFor("")}
				u.Config.CertData, u.Config.KeyData = c.ClientCert(name, time.Time{})
				users = append(users, u)
			}
			client, log := several(t, users[0], users[1])
			ask := func(works bool) {
				t.Helper()
				if _, err := client.ListPods(t.Context(), "default", metav1.ListOptions{}); works != (err == nil) {
					t.Error(err)
				}
			}
			ask(true)
			repair := fail(c)
			for range 3 {
				ask(false)
				time.Sleep(10 * time.Second)
			}
			repair()
			ask(true)
			if got := sentAs(c, "list"); !strings.HasSuffix(got, "ann 200") || strings.Contains(got, "bob 200") || log.String() != "" {
				t.Errorf("sent as %s; log: %s", got, log)
			}
		})
	}
}

// Where another user has no answer, as while a plugin waits for a login, the current one's comes in time, and the other is asked for again
// after a while.
func TestLateUser(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := start(t, sim.Options{})
		c.AddPod(sim.PodSpec{Name: "web"})
		c.AddToken("a", sim.User{Name: "a"})
		c.AddToken("b", sim.Admin("b"))
		waiting := c.Inject(sim.Fault{User: "b", Delay: time.Hour})
		users := withTokens(c, "a", "b")
		client, _ := several(t, users[0], users[1])
		for _, want := range []time.Duration{30 * time.Second, 0, 0} {
			begun := time.Now()
			if _, err := client.ListPods(t.Context(), "default", metav1.ListOptions{}); !apierrors.IsForbidden(err) {
				t.Error(err)
			}
			if got := since(begun); got != want {
				t.Errorf("after %v, want %v", got, want)
			}
		}
		waiting.Remove()
		time.Sleep(time.Minute)
		if _, err := client.ListPods(t.Context(), "default", metav1.ListOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// A user whom the server knows takes the place of one whom it does not, also if the first request is one that they may not send: the answer
// is that it is forbidden, so that a run can do without.
func TestKnownUser(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := start(t, sim.Options{})
		c.AddToken("c", sim.Reader("c", "shop"))
		users := withTokens(c, "a", "b", "c", "d")
		client, log := several(t, users[0], users[1:]...)
		for range 2 {
			if _, err := client.ListPods(t.Context(), "", metav1.ListOptions{}); !apierrors.IsForbidden(err) {
				t.Error(err)
			}
			if _, err := client.ListPods(t.Context(), "shop", metav1.ListOptions{}); err != nil {
				t.Error(err)
			}
		}
		if got, want := sentAs(c, "list"), " 401,  401, c 403,  401, c 200, c 403, c 200"; got != want {
			t.Errorf("sent as %s, want %s", got, want)
		}
		if got, want := log.String(), "info: eu: the credentials of a were refused; using those of c"; got != want {
			t.Errorf("log: %s", got)
		}
	})
}

// A node that refuses its API server's credentials has not refused a user's: the user is asked for logs again, and for all else.
func TestNodeRefuses(t *testing.T) {
	for name, b := range map[string]sim.User{
		"another who may not read logs":  {Name: "b", Rules: []sim.Rule{{Resources: []string{"pods"}}}},
		"another who may read them, too": sim.Reader("b"),
	} {
		bubble(t, name, func(t *testing.T) {
			c := start(t, sim.Options{})
			c.AddPod(sim.PodSpec{Name: "web"})
			c.AddToken("a", sim.Reader("a"))
			c.AddToken("b", b)
			users := withTokens(c, "a", "b")
			client, log := several(t, users[0], users[1])
			node := c.Inject(sim.Fault{Match: func(q *sim.Request) bool { return q.Verb == "log" && (q.User == "a" || len(b.Rules[0].Resources) > 1) }, Status: 401})
			open := func() error {
				s := client.NewLog(t.Context())
				defer s.Close()
				return s.Open(following("web", kube.Own))
			}
			if err := open(); !apierrors.IsUnauthorized(err) {
				t.Error(err)
			}
			node.Remove()
			if err := open(); err != nil {
				t.Error(err)
			}
			c.RevokeToken("a")
			if _, err := client.ListPods(t.Context(), "default", metav1.ListOptions{}); err != nil {
				t.Error(err)
			}
			if got := log.String(); got != "info: eu: the credentials of a were refused; using those of b" {
				t.Errorf("log: %s", got)
			}
		})
	}
}

// That a user's credentials are refused holds for all that is sent as them, and is reported once, also if many requests find it out
// together.
func TestRefusedForAll(t *testing.T) {
	for name, tt := range map[string]struct {
		first  sim.User
		others string // who is known first
		then   string // who is, after a while
		log    string // without who may not do something
	}{
		"first user":                     {sim.User{}, "b", "b", "info: eu: the credentials of a were refused; using those of b"},
		"who sends what another may not": {sim.User{Name: "a"}, "bc", "c", "info: eu: the credentials of b were refused; using those of c"},
	} {
		bubble(t, name, func(t *testing.T) {
			c := start(t, sim.Options{})
			if tt.first.Name != "" {
				c.AddToken("a", tt.first)
			}
			for _, other := range tt.others {
				c.AddToken(string(other), sim.Reader(string(other)))
			}
			c.Inject(sim.Fault{Delay: time.Second})
			users := withTokens(c, "a", "b", "c")
			client, log := several(t, users[0], users[1:]...)
			for range 2 {
				var asking sync.WaitGroup
				for _, ns := range []string{"shop", "dev", "test"} {
					asking.Go(func() {
						if _, err := client.ListPods(t.Context(), ns, metav1.ListOptions{}); err != nil {
							t.Error(err)
						}
					})
				}
				asking.Wait()
				if !strings.Contains(tt.then, "b") {
					c.RevokeToken("b")
				}
			}
			lines := slices.DeleteFunc(strings.Split(log.String(), "\n"), func(line string) bool { return strings.Contains(line, " may not ") })
			if got := strings.Join(lines, "\n"); got != tt.log {
				t.Errorf("log: %s", got)
			}
		})
	}
}

// Two users may be refused in turn, as where a load balancer leads to a server that knows the one and to another that knows the other. It is
// reported once in a while.
func TestRefusedInTurn(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := start(t, sim.Options{})
		users := withTokens(c, "a", "b")
		client, log := several(t, users[0], users[1])
		for i := range 2 * 60 {
			old, now := users[i%2].Name, users[(i+1)%2].Name
			c.RevokeToken(old)
			c.AddToken(now, sim.Reader(now))
			if _, err := client.ListPods(t.Context(), "shop", metav1.ListOptions{}); err != nil {
				t.Error(err)
			}
			time.Sleep(5 * time.Second)
		}
		if got := strings.Count(log.String(), "info: "); got != 2*2 {
			t.Errorf("%d messages: %s", got, log)
		}
	})
}

// Where the server knows none of the users, each is asked for once, whatever is asked. One who had no answer, as while a plugin waits for a
// login, is no refused one.
func TestAllRefused(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := start(t, sim.Options{})
		users := withTokens(c, "a", "b", "c")
		client, _ := several(t, users[0], users[1:]...)
		for _, ns := range []string{"shop", "dev", "test"} {
			if _, err := client.ListPods(t.Context(), ns, metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
				t.Error(err)
			}
		}
		if got := len(c.Requests()); got != 3+2 {
			t.Errorf("%d requests: %s", got, sentAs(c, "list"))
		}
	})
	bubble(t, "but for one", func(t *testing.T) {
		c := start(t, sim.Options{})
		c.AddToken("b", sim.Reader("b"))
		waiting := c.Inject(sim.Fault{User: "b", Delay: time.Hour})
		users := withTokens(c, "a", "b", "c")
		client, _ := several(t, users[0], users[1:]...)
		for range 2 {
			if _, err := client.ListPods(t.Context(), "shop", metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
				t.Error(err)
			}
		}
		waiting.Remove()
		time.Sleep(30 * time.Second)
		if _, err := client.ListPods(t.Context(), "shop", metav1.ListOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// A log that another user may read begins when it does: before 1.32 kubelets answer with the first line only.
func TestLateLog(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := start(t, sim.Options{LateHeaders: true})
		c.AddToken("a", sim.User{Name: "a"})
		c.AddToken("b", sim.Reader("b"))
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		users := withTokens(c, "a", "b")
		client, _ := several(t, users[0], users[1])
		time.AfterFunc(time.Hour, func() { write(t, app, "one") })
		s := client.NewLog(t.Context())
		defer s.Close()
		if err := s.Open(following("web", kube.Own)); err != nil {
			t.Error(err)
		}
	})
}

// A server that repeats a user's credentials does not get them into messages, also if another user has sent a request since.
func TestEchoToUsers(t *testing.T) {
	failed := make(chan struct{})
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); {
		case r.URL.Query().Get("watch") != "":
			w.(http.Flusher).Flush()
			<-failed
			fmt.Fprintf(w, `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","message":"no: %s","code":403}}`+"\n", token)
		case token == "s3cret-t0ken":
			w.WriteHeader(http.StatusForbidden)
		default:
			fmt.Fprint(w, `{"kind":"PodList","apiVersion":"v1","items":[]}`)
		}
	}))
	defer s.Close()
	var users []kube.User
	for _, token := range []string{"s3cret-t0ken", "an0ther-t0ken"} {
		users = append(users, kube.User{Config: &rest.Config{Host: s.URL, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}})
	}
	client, _ := several(t, users[0], users[1])
	w, err := client.WatchPods(t.Context(), "default", metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	if _, err := client.ListPods(t.Context(), "default", metav1.ListOptions{}); err != nil {
		t.Error(err)
	}
	close(failed)
	if err := client.EventError((<-w.ResultChan()).Object); !strings.Contains(err.Error(), "no: ************") {
		t.Errorf("got %v", err)
	}
}

// Where a user's plugin fails, or gives nothing, another user's credentials are used. So are those of a user who acts as another.
func TestUsersWithPlugins(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the plugins are shell scripts")
	}
	c, err := sim.Start(sim.Options{Name: "eu"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.AddPod(sim.PodSpec{Name: "web"})
	c.AddToken("given", sim.Admin("bob"))
	c.AddToken("root", sim.Admin("root"))
	user := func(script string) kube.User {
		u := kube.User{Name: "a", Config: c.RESTConfigFor("")}
		u.Config.ExecProvider = &clientcmdapi.ExecConfig{Command: filepath.Join(t.TempDir(), "login"), APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.NeverExecInteractiveMode}
		if script == "" {
			return u
		}
		if err := os.WriteFile(u.Config.ExecProvider.Command, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return u
	}
	answer := func(status string) string {
		return `echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":` + status + `}'`
	}
	unknown, token, acting := withTokens(c, "unknown")[0], withTokens(c, "given")[0], withTokens(c, "given")[0]
	acting.Config.Impersonate.UserName = "root"
	badVersion := user("true")
	badVersion.Config.ExecProvider.APIVersion = "v0"
	gone := user("")
	none := func(why string) string {
		return "info: eu: the credentials of a cannot be had: " + why + "; using those of given"
	}
	const changed = "info: eu: the credentials of a were refused; using those of given"
	for _, tt := range []struct {
		name          string
		first, second kube.User
		as, log       string
	}{
		{"exits with 1", user("exit 1"), token, "bob", none("credential plugin login failed: exit status 1")},
		{"is not there", gone, token, "bob", none("credential plugin login: fork/exec " + gone.Config.ExecProvider.Command + ": no such file or directory")},
		{"invalid answer", user("echo '{}'"), token, "bob", none("the credential plugin answers in version client.authentication.k8s.io/__internal, the kubeconfig says client.authentication.k8s.io/v1")},
		{"no token", user(answer("{}")), token, "bob", none("the credential plugin has given neither a token nor a certificate")},
		{"a token that is refused", user(answer(`{"token":"unknown"}`)), token, "bob", changed},
		{"a token", user(answer(`{"token":"root"}`)), token, "root", ""},
		{"cannot be run", badVersion, token, "bob", ""},
		{"of the second", unknown, user(answer(`{"token":"root"}`)), "root", "info: eu: the credentials of unknown were refused; using those of a"},
		{"acting as another", unknown, acting, "root", "info: eu: the credentials of unknown were refused; using those of given"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client, log := several(t, tt.first, tt.second)
			for range 2 {
				if _, err := client.GetPod(t.Context(), "default", "web"); err != nil {
					t.Error(err)
				}
			}
			requests := c.Requests()
			if got := requests[len(requests)-1].User; got != tt.as || log.String() != tt.log {
				t.Errorf("sent as %s; log: %s", got, log)
			}
		})
	}
	t.Run("none can be used", func(t *testing.T) {
		if _, err := kube.New("eu", badVersion, kube.NewShared(kube.Options{}, 1), badVersion); err == nil || !strings.Contains(err.Error(), `version "v0"`) {
			t.Errorf("got %v", err)
		}
	})
}
