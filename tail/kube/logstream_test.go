package kube_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/tail/kube"
	"mktail/testdata/sim"
)

// following asks for the log of a pod that has one container, in the namespace default, to be followed over a connection.
func following(pod string, over kube.Connection) kube.LogRequest {
	return kube.LogRequest{Namespace: "default", Pod: pod, Options: &corev1.PodLogOptions{Follow: true}, Over: over}
}

func write(t *testing.T, c *sim.Container, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if err := c.Write(line); err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever a stream goes over, it calls back before each wait for more and after it, and knows for how long it has waited.
func TestOnWait(t *testing.T) {
	for name, over := range map[string]kube.Connection{"own": kube.Own, "shared": kube.Auto, "lists": kube.Lists} {
		bubble(t, name, func(t *testing.T) {
			c := start(t, sim.Options{})
			app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
			client, _ := connect(t, c.RESTConfig(), kube.Options{})
			s := client.NewLog(t.Context())
			defer s.Close()
			time.Sleep(3 * time.Second)
			if idle := s.Idle(); idle != 3*time.Second {
				t.Errorf("idle for %s before it is opened", idle)
			}
			if err := s.Open(following("web", over)); err != nil {
				t.Fatal(err)
			}
			if idle := s.Idle(); idle != 0 {
				t.Errorf("idle for %s when it has just been opened", idle)
			}
			var calls strings.Builder
			s.OnWait(func() { calls.WriteByte('(') }, func() { calls.WriteByte(')') })
			lines := make(chan string)
			go func() {
				defer close(lines)
				for r := bufio.NewScanner(s); r.Scan(); {
					if inWait := strings.Count(calls.String(), "(") - strings.Count(calls.String(), ")"); inWait != 0 {
						t.Errorf("a line was read within a wait: %s", calls.String())
					}
					lines <- r.Text()
				}
			}()
			for range 3 {
				time.Sleep(time.Minute)
				if idle := s.Idle(); idle.Round(time.Second) != time.Minute {
					t.Errorf("idle for %s", idle)
				}
				synctest.Wait()
				if got := calls.String(); !strings.HasSuffix(got, "(") {
					t.Errorf("calls while it waits: %s", got)
				}
				write(t, app, "hello")
				if line := <-lines; line != "hello" {
					t.Errorf("read %q", line)
				}
			}
			s.Cancel()
			if line, ok := <-lines; ok {
				t.Errorf("read %q after it was cancelled", line)
			}
			if got := calls.String(); strings.ReplaceAll(got, "()", "") != "" {
				t.Errorf("calls %s", got)
			}
		})
	}
}

// Cancel ends what a stream waits for, and so does its context.
func TestCancel(t *testing.T) {
	for _, tt := range []struct {
		name  string
		late  bool // the answer doesn't begin before the first line
		first bool // the context ends before the stream is opened
		end   func(s *kube.LogStream, cancel context.CancelFunc)
	}{
		{"while it is read", false, false, func(s *kube.LogStream, _ context.CancelFunc) { s.Cancel() }},
		{"while it is opened", true, false, func(s *kube.LogStream, _ context.CancelFunc) { s.Cancel() }},
		{"the context, while it is read", false, false, func(_ *kube.LogStream, cancel context.CancelFunc) { cancel() }},
		{"the context, while it is opened", true, false, func(_ *kube.LogStream, cancel context.CancelFunc) { cancel() }},
		{"the context, before", false, true, func(*kube.LogStream, context.CancelFunc) {}},
	} {
		for name, over := range map[string]kube.Connection{"own": kube.Own, "shared": kube.Auto} {
			bubble(t, tt.name+", "+name, func(t *testing.T) {
				c := start(t, sim.Options{LateHeaders: tt.late})
				c.AddPod(sim.PodSpec{Name: "web"})
				client, _ := connect(t, c.RESTConfig(), kube.Options{})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.first {
					cancel()
				}
				s := client.NewLog(ctx)
				ended := make(chan error)
				go func() {
					err := s.Open(following("web", over))
					if opened := err == nil; opened == (tt.late || tt.first) {
						t.Errorf("opening: %v", err)
					} else if opened {
						_, err = s.Read(make([]byte, 100))
					}
					ended <- err
				}()
				synctest.Wait()
				tt.end(s, cancel)
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Errorf("it ended with %v", err)
				}
				s.Close()
				s.Cancel()
				synctest.Wait()
				if n := c.Stats().OpenLogs; n != 0 {
					t.Errorf("%d streams are open", n)
				}
			})
		}
	}
}

// Waiting is called two seconds after the request was sent, whether or not the answer has begun.
func TestWaiting(t *testing.T) {
	for name, late := range map[string]bool{"late answer": true, "answer at once": false} {
		bubble(t, name, func(t *testing.T) {
			c := start(t, sim.Options{LateHeaders: late})
			app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
			client, _ := connect(t, c.RESTConfig(), kube.Options{})
			begun := time.Now()
			waited := make(chan time.Duration, 2)
			req := following("web", kube.Own)
			req.Waiting = func() { waited <- since(begun) }
			s := client.NewLog(t.Context())
			defer s.Close()
			opened := make(chan error)
			go func() { opened <- s.Open(req) }()
			time.Sleep(time.Minute)
			write(t, app, "hello")
			if err := <-opened; err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			if len(waited) != 1 {
				t.Fatalf("called %d times", len(waited))
			}
			if after := <-waited; after != 2*time.Second {
				t.Errorf("called after %s", after)
			}
		})
	}
}

// Requests that wait for their first line don't keep others from being sent; and a failure gives back what the stream took.
func TestOpensThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, sim.Options{LateHeaders: true})
		c.AddPod(sim.PodSpec{Name: "web"})
		client, _ := connect(t, c.RESTConfig(), kube.Options{OwnStreams: 1})
		c.Inject(sim.Fault{Verb: "log", Times: 1, Status: 500})
		failed := client.NewLog(t.Context())
		if err := failed.Open(following("web", kube.Auto)); err == nil {
			t.Error("opened")
		}
		if err := failed.Close(); err != nil {
			t.Error(err)
		}
		const many = 200 // more than are opened at once
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		for range many {
			go func() {
				s := client.NewLog(ctx)
				s.Open(following("web", kube.Auto))
				s.Close()
				ended <- struct{}{}
			}()
		}
		synctest.Wait()
		if n := c.Stats().OpenLogs; n != many {
			t.Errorf("%d requests are under way, want %d", n, many)
		}
		if _, err := client.GetPod(t.Context(), "default", "web"); err != nil {
			t.Error(err)
		}
		if n := len(slices.DeleteFunc(protocols(c), func(p string) bool { return p != "HTTP/1.1" })); n != 2 {
			t.Errorf("%d streams had a connection of their own, want the one that failed and one more", n)
		}
		cancel()
		for range many {
			<-ended
		}
	})
}

// What a server says in place of a log is the error of Open.
func TestOpenErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, sim.Options{})
		write(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), "hello")
		client, _ := connect(t, c.RESTConfig(), kube.Options{})
		for _, tt := range []struct {
			req  kube.LogRequest
			want string
			gone bool
		}{
			{kube.LogRequest{Namespace: "default", Pod: "none", Options: &corev1.PodLogOptions{}}, `pods "none" not found`, true},
			{kube.LogRequest{Namespace: "default", Pod: "web", Options: &corev1.PodLogOptions{Container: "none"}}, "container none is not valid for pod web", false},
			{kube.LogRequest{Namespace: "default", Pod: "web", Options: &corev1.PodLogOptions{Previous: true}}, `previous terminated container "app" in pod "web" not found`, false},
		} {
			s := client.NewLog(t.Context())
			err := s.Open(tt.req)
			s.Close()
			if err == nil || kube.Describe(err) != tt.want || kube.IsPodGone(err) != tt.gone {
				t.Errorf("%v, the pod is gone: %v; want %s", err, kube.IsPodGone(err), tt.want)
			}
		}
		stamped := following("web", kube.Auto)
		stamped.Options = &corev1.PodLogOptions{Timestamps: true, SinceTime: &metav1.Time{Time: time.Now().Add(-time.Hour)}}
		s := client.NewLog(t.Context())
		defer s.Close()
		if err := s.Open(stamped); err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(s); err != nil || !strings.HasSuffix(string(text), "Z hello\n") {
			t.Errorf("read %q, %v", text, err)
		}
	})
}

// Lines come when they are written, though a proxy compresses what it may and flushes nothing; and compressed text is text again.
func TestCompressed(t *testing.T) {
	for name, over := range map[string]kube.Connection{"own": kube.Own, "shared": kube.Auto, "lists": kube.Lists} {
		bubble(t, name, func(t *testing.T) {
			c := start(t, sim.Options{})
			app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
			c.Inject(sim.Fault{Gzip: true})
			client, _ := connect(t, c.RESTConfig(), kube.Options{})
			s := client.NewLog(t.Context())
			defer s.Close()
			if err := s.Open(following("web", over)); err != nil {
				t.Fatal(err)
			}
			write(t, app, "hello")
			begun := time.Now()
			if line, err := bufio.NewReader(s).ReadString('\n'); line != "hello\n" || err != nil || since(begun) > time.Second {
				t.Errorf("read %q, %v after %s", line, err, time.Since(begun))
			}
		})
	}
}

// A log that is encoded as nobody asked, in another way than gzip, is an error: its bytes are no lines.
func TestEncoded(t *testing.T) {
	for _, encoding := range []string{"br", "deflate", "zstd", "gzip, br"} {
		bubble(t, encoding, func(t *testing.T) {
			c := start(t, sim.Options{})
			write(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), "hello")
			c.Inject(sim.Fault{Encoding: encoding})
			client, _ := connect(t, c.RESTConfig(), kube.Options{})
			s := client.NewLog(t.Context())
			defer s.Close()
			if err := s.Open(following("web", kube.Own)); err == nil || !kube.Lasts(err) || !strings.Contains(err.Error(), encoding) {
				t.Errorf("opening: %v", err)
			}
		})
	}
}

// A web page, or a redirect to another path, in place of a log or of a list is an error that says so.
func TestPages(t *testing.T) {
	for _, fault := range []sim.Fault{{Page: "<html>log in</html>"}, {Redirect: "/login?secret=x"}, {Redirect: "https://elsewhere:99/login?secret=x"}} {
		for name, over := range map[string]kube.Connection{"own": kube.Own, "shared": kube.Auto, "lists": kube.Lists} {
			bubble(t, fmt.Sprint(name, " ", fault.Redirect), func(t *testing.T) {
				c := start(t, sim.Options{})
				c.AddPod(sim.PodSpec{Name: "web"})
				hit := c.Inject(fault)
				client, _ := connect(t, c.RESTConfig(), kube.Options{})
				s := client.NewLog(t.Context())
				defer s.Close()
				err := s.Open(following("web", over))
				if err == nil || !kube.Lasts(err) || !strings.Contains(err.Error(), "log in") || strings.Contains(err.Error(), "secret") {
					t.Errorf("a log: %v", err)
				}
				if n := hit.Hits(); n != 1 {
					t.Errorf("sent %d times", n)
				}
				if fault.Redirect == "" {
					if _, err := client.ListPods(t.Context(), "", metav1.ListOptions{}); err == nil || !strings.Contains(err.Error(), "log in") {
						t.Errorf("a list: %v", err)
					}
				}
			})
		}
	}
	// What only moves is followed.
	bubble(t, "the same path elsewhere", func(t *testing.T) {
		c := start(t, sim.Options{})
		write(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), "hello")
		c.Inject(sim.Fault{Times: 1, Redirect: c.URL() + "/api/v1/namespaces/default/pods/web/log?follow=true"})
		client, _ := connect(t, c.RESTConfig(), kube.Options{})
		s := client.NewLog(t.Context())
		defer s.Close()
		if err := s.Open(following("web", kube.Own)); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(s).ReadString('\n'); line != "hello\n" || err != nil {
			t.Errorf("read %q, %v", line, err)
		}
	})
}
