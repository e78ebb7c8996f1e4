//go:build unix

package plugin_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"mktail/tail/kube/plugin"
)

var gives = "echo '" + answer(v1, `{"token":"t"}`) + "'\n"

// fifo makes a FIFO, which a plugin that reads from it waits for: nobody writes. It is held open, so that the plugin can open it.
func fifo(t *testing.T) string {
	t.Helper()
	path := t.TempDir() + "/fifo"
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return path
}

// TestHanging: plugins that hang keep no other from running, however many they are; and they end, with what they have started.
func TestHanging(t *testing.T) {
	for name, o := range map[string]plugin.Options{
		"without a terminal": {},
		"on a terminal":      {Terminal: true},
	} {
		t.Run(name, func(t *testing.T) {
			s, l, never := startServer(t), newLog(), fifo(t)
			r := plugin.NewRunner(o, zerolog.New(l))
			hanging := make([]user, 9)
			for i := range hanging {
				cfg := s.config(t, v1, "")
				script(t, cfg, "trap '' TERM\necho child $$ >&2\ncat "+never+" & cat "+never+"\n")
				hanging[i] = use(t, r, fmt.Sprint("bad-", i), cfg)
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				req, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
				if _, err := hanging[i].rt.RoundTrip(req); !errors.Is(err, context.Canceled) { // the plugin goes on
					t.Errorf("got %v", err)
				}
			}
			var asking sync.WaitGroup
			for i := range 5 {
				cfg := s.config(t, v1, "")
				script(t, cfg, gives)
				good := use(t, r, fmt.Sprint("good-", i), cfg)
				asking.Go(func() {
					if code, err := get(t, good.rt, s.URL); err != nil || code != http.StatusOK {
						t.Error(code, err)
					}
				})
			}
			asking.Wait()
			l.await(t, "bad-0: waiting for credential plugin login (5s)")
			for _, u := range hanging {
				l.await(t, u.Cluster()+": child ")
			}
			var closing sync.WaitGroup
			for _, u := range hanging {
				closing.Go(u.Close)
			}
			closing.Wait()
			if !o.Terminal || runtime.GOOS == "linux" {
				awaitEnd(t, "cat "+never)
			}
			if strings.Contains(l.String(), "good-") {
				t.Errorf("log: %s", l)
			}
		})
	}
}

// awaitEnd returns when no process has that in its command line: one that was killed may take a moment.
func awaitEnd(t *testing.T, command string) {
	t.Helper()
	for late := time.After(time.Minute); ; {
		out, _ := exec.Command("pgrep", "-f", command).Output()
		if len(out) == 0 {
			return
		}
		select {
		case <-late:
			t.Fatalf("these go on: %s", out)
		default:
		}
	}
}

// TestTakeTerminal: while somebody else asks the user, no plugin does: one that need not ask is run without. Who wants to ask waits for one
// that asks.
func TestTakeTerminal(t *testing.T) {
	s, l, answer := startServer(t), newLog(), fifo(t)
	r := plugin.NewRunner(plugin.Options{Terminal: true, Stdin: true}, zerolog.New(l))
	release, ok := r.TakeTerminal(t.Context())
	if !ok {
		t.Fatal("the terminal is taken")
	}
	cfg := s.config(t, v1, "")
	script(t, cfg, "echo $KUBERNETES_EXEC_INFO >&2\n"+gives)
	if _, err := get(t, use(t, r, "eu", cfg).rt, s.URL); err != nil {
		t.Error(err)
	}
	l.await(t, `\"interactive\":false`)
	release()

	cfg = s.config(t, v1, "")
	script(t, cfg, "echo $KUBERNETES_EXEC_INFO >&2\nread line <"+answer+"\n"+gives)
	u := use(t, r, "us", cfg)
	got := make(chan error)
	go func() {
		_, err := get(t, u.rt, s.URL)
		got <- err
	}()
	l.await(t, `\"interactive\":true`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := r.TakeTerminal(ctx); ok {
		t.Error("the terminal was taken from a plugin")
	}
	l.await(t, "waiting for the terminal, which credential plugin login of us has")
	if err := os.WriteFile(answer, []byte("x\n"), 0); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
	if release, ok = r.TakeTerminal(t.Context()); !ok {
		t.Error("the terminal is not given back")
	}
	release()
}

// TestNoisy: only so much of what a plugin writes to its standard error is logged, and an answer without end is none.
func TestNoisy(t *testing.T) {
	s, l := startServer(t), newLog()
	cfg := s.config(t, v1, "")
	script(t, cfg, "yes 0123456789abcdef | head -c 20000000 >&2\n"+gives)
	if _, err := get(t, use(t, plugin.NewRunner(plugin.Options{}, zerolog.New(l)), "eu", cfg).rt, s.URL); err != nil {
		t.Error(err)
	}
	l.await(t, "the rest is left out")
	if n := strings.Count(l.String(), "0123456789abcdef"); n > 64<<10/17+1 {
		t.Errorf("%d lines are logged", n)
	}
	script(t, cfg, "exec yes")
	_, err := get(t, use(t, plugin.NewRunner(plugin.Options{}, zerolog.Nop()), "eu", cfg).rt, s.URL)
	if err == nil || !strings.Contains(err.Error(), "longer than 1048576 bytes") {
		t.Errorf("got %v", err)
	}
}

// TestLeftRunning: what a plugin leaves running, with its output open, is not waited for.
func TestLeftRunning(t *testing.T) {
	s := startServer(t)
	cfg := s.config(t, v1, "")
	script(t, cfg, "cat "+fifo(t)+" &\n"+gives)
	if _, err := get(t, use(t, plugin.NewRunner(plugin.Options{}, zerolog.Nop()), "eu", cfg).rt, s.URL); err != nil {
		t.Error(err)
	}
}

// TestInstallHint: how to install a plugin is logged once.
func TestInstallHint(t *testing.T) {
	s, l := startServer(t), newLog()
	cfg := s.config(t, v1, "")
	cfg.ExecProvider.Command, cfg.ExecProvider.InstallHint = "mktail-no-such-plugin", "install it\nby hand"
	u := use(t, plugin.NewRunner(plugin.Options{}, zerolog.New(l)), "eu", cfg)
	for range 3 {
		if _, err := get(t, u.rt, s.URL); err == nil || !strings.Contains(err.Error(), "credential plugin mktail-no-such-plugin: ") {
			t.Errorf("got %v", err)
		}
	}
	if n := strings.Count(l.String(), "eu: credential plugin mktail-no-such-plugin: install it by hand"); n != 1 {
		t.Errorf("logged %d times: %s", n, l)
	}
}

// TestOneRun: all who need credentials at once wait for the same run, which goes on when one of them gives up.
func TestOneRun(t *testing.T) {
	s, l, never := startServer(t), newLog(), fifo(t)
	cfg := s.config(t, v1, "")
	script(t, cfg, "echo runs >&2\nread line <"+never+"\n"+gives)
	u := use(t, plugin.NewRunner(plugin.Options{}, zerolog.New(l)), "eu", cfg)
	answers := make(chan error)
	for range 3 {
		go func() {
			_, err := get(t, u.rt, s.URL)
			answers <- err
		}()
	}
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	go func() {
		resp, err := u.rt.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
		}
		answers <- err
	}()
	l.await(t, "eu: runs")
	cancel()
	if err := <-answers; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(never, []byte("x\n"), 0); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(l.String(), "runs"); n != 1 {
		t.Errorf("it has run %d times", n)
	}
}

// TestCertificateRefused: a certificate that TLS refuses is asked for again, and the request is sent with the new one.
func TestCertificateRefused(t *testing.T) {
	s := startServer(t)
	var valid atomic.Value
	valid.Store("old")
	s.TLS.ClientAuth = tls.RequireAnyClientCert
	s.TLS.SessionTicketsDisabled = true
	s.TLS.VerifyPeerCertificate = func(raw [][]byte, _ [][]*x509.Certificate) error {
		c, err := x509.ParseCertificate(raw[0])
		if err == nil && c.Subject.CommonName != valid.Load() {
			err = errors.New("it is revoked")
		}
		return err
	}
	given := t.TempDir() + "/answer"
	give := func(name string) {
		cert, key := keyPair(t, name)
		if err := os.WriteFile(given, []byte(answer(v1, `{"clientCertificateData":`+cert+`,"clientKeyData":`+key+`}`)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg := s.config(t, v1, "")
	script(t, cfg, "cat "+given)
	u := use(t, plugin.NewRunner(plugin.Options{}, zerolog.Nop()), "eu", cfg)
	give("old")
	if code, err := get(t, u.rt, s.URL); err != nil || code != http.StatusOK {
		t.Fatal(code, err)
	}
	valid.Store("new")
	give("new")
	utilnet.CloseIdleConnectionsFor(u.rt)
	plugin.Age(t, u.rt)
	if code, err := get(t, u.rt, s.URL); err != nil || code != http.StatusOK {
		t.Error(code, err)
	}
	if got, want := fmt.Sprint(s.who()), "[ certificate of old  certificate of new]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestSharedClosed: a plugin that clusters have together, and two users of one of them, is closed with the last of them.
func TestSharedClosed(t *testing.T) {
	s, r := startServer(t), plugin.NewRunner(plugin.Options{}, zerolog.Nop())
	cfg := s.config(t, v1, answer(v1, `{"token":"t"}`))
	all := make([]user, 6)
	for i := range all {
		all[i] = use(t, r, fmt.Sprint("c", min(i, 4)), cfg)
	}
	if got, want := all[4].Cluster(), "c0, c1, c2 and 2 others"; got != want {
		t.Errorf("they are called %q, want %q", got, want)
	}
	for _, u := range all[1:] {
		u.Close()
	}
	if code, err := get(t, all[0].rt, s.URL); err != nil || code != http.StatusOK {
		t.Error(code, err)
	}
	all[0].Close()
	again := use(t, r, "again", cfg)
	if code, err := get(t, again.rt, s.URL); err != nil || code != http.StatusOK || again.Plugin == all[0].Plugin {
		t.Error(code, err, again.Cluster())
	}
}

// TestLate: the error of a request whose time is over says that the plugin hangs, unless that may ask the user.
func TestLate(t *testing.T) {
	for name, o := range map[string]plugin.Options{"alone": {}, "with the user": {Terminal: true}} {
		t.Run(name, func(t *testing.T) {
			s, l := startServer(t), newLog()
			cfg := s.config(t, v1, "")
			script(t, cfg, "echo runs >&2\ncat "+fifo(t))
			u := use(t, plugin.NewRunner(o, zerolog.New(l)), "eu", cfg)
			ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
			defer cancel()
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
			for range 2 { // the first time it may not run yet
				_, err := u.rt.RoundTrip(req)
				if err == nil || err.Error() != "getting credentials: credential plugin login has given none yet" {
					t.Errorf("got %v", err)
				}
				l.await(t, "runs")
			}
			if _, err := u.rt.RoundTrip(req); errors.Is(err, plugin.ErrHangs) == o.Terminal {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestNoPlace: that a plugin waits for others to start is not reported as its own.
func TestNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		r := plugin.NewRunner(plugin.Options{}, zerolog.New(l))
		r.Occupy()
		cfg := &rest.Config{Host: "https://127.0.0.1:1", Dial: new(net.Dialer).DialContext, ExecProvider: &clientcmdapi.ExecConfig{
			Command: "login", APIVersion: v1, InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
		}}
		u := use(t, r, "eu", cfg)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, cfg.Host, nil)
		if _, err := u.rt.RoundTrip(req); err == nil || l.String() != "" {
			t.Errorf("got %v, log: %s", err, l)
		}
		u.Close()
	})
}
