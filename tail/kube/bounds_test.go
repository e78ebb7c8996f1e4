package kube_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/tail/kube"
)

// hostile is a client of a server that answers what it likes, for as long as a busy machine takes.
func hostile(t *testing.T, answer http.HandlerFunc) *kube.Client {
	t.Helper()
	s := httptest.NewTLSServer(answer)
	t.Cleanup(s.Close)
	cfg := &rest.Config{Host: s.URL, BearerToken: "s3cret-t0ken", TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
	client, err := kube.New("eu", kube.User{Config: cfg}, kube.NewShared(kube.Options{RequestTimeout: time.Hour}, 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// endless writes text again and again, until nobody reads it.
func endless(w io.Writer, text string) {
	for block := []byte(strings.Repeat(text, 64<<10/len(text)+1)); ; {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// allocated returns how much memory a function has taken, garbage included.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestEndlessAnswers: no answer takes memory without bound, and each is an error that says why.
func TestEndlessAnswers(t *testing.T) {
	object := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
	}
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		watch  bool
		want   string
		most   uint64 // MiB that may be allocated
	}{
		"a list": {func(w http.ResponseWriter, _ *http.Request) { object(w); endless(w, `{"items":[`) }, false, "the answer is longer than 256 MiB", 2000},
		"a list, compressed": {func(w http.ResponseWriter, r *http.Request) {
			object(w)
			w.Header().Set("Content-Encoding", "gzip")
			var member bytes.Buffer
			z := gzip.NewWriter(&member)
			z.Write(bytes.Repeat([]byte(" "), 1<<20))
			z.Close()
			endless(w, member.String())
		}, false, "the answer is longer than 256 MiB", 2000},
		"an error": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			endless(w, "no ")
		}, false, "an error on the server", 20},
		"an error of a watch": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403); endless(w, "no ") }, true, "no no", 20},
		"an event of a watch": {func(w http.ResponseWriter, _ *http.Request) {
			object(w)
			fmt.Fprint(w, `{"type":"ADDED","object":"`)
			endless(w, "x")
		}, true, "an event of a watch is longer than 16 MiB", 200},
		"a long event of protobuf": {frames(1 << 30), true, "an event of a watch is longer than 16 MiB", 20},
		"the longest of protobuf":  {frames(1<<32 - 1), true, "an event of a watch is longer than 16 MiB", 20},
		"a redirect to another host": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://127.0.0.1:1/x", http.StatusFound)
		}, false, "it redirects to another server, https://127.0.0.1:1, which is not given the credentials", 20},
		"a redirect to http": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+r.Host+"/x", http.StatusFound)
		}, true, "it redirects to another server, http://", 20},
		"redirects without end": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) }, false, "it redirects without end", 20},
	} {
		t.Run(name, func(t *testing.T) {
			client := hostile(t, tt.answer)
			var err error
			took := allocated(func() {
				if tt.watch {
					err = firstError(t, client)
				} else {
					_, err = client.ListPods(t.Context(), "default", metav1.ListOptions{})
				}
			})
			if err == nil || !strings.Contains(kube.Describe(err), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if took > tt.most<<20 {
				t.Errorf("%d MiB are allocated, want %d at most", took>>20, tt.most)
			}
		})
	}
}

// frames answers a watch with events of protobuf: small ones, then one of this size.
func frames(size uint32) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.kubernetes.protobuf;stream=watch")
		head := binary.BigEndian.AppendUint32(nil, size)
		_, _ = w.Write(head)
		endless(w, "x")
	}
}

// firstError watches pods, and returns the error of opening the watch or the one that ends it.
func firstError(t *testing.T, client *kube.Client) error {
	t.Helper()
	w, err := client.WatchPods(t.Context(), "default", metav1.ListOptions{})
	if err != nil {
		return err
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		if e.Type == watch.Error {
			return fmt.Errorf("%+v", e.Object)
		}
	}
	return fmt.Errorf("it has ended")
}

// TestEcho: a server that repeats our credentials has them in no message, in whichever way it does.
func TestEcho(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"text": func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "you are "+r.Header.Get("Authorization"), 500)
		},
		"a status": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(403)
			fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":%q,"reason":"Forbidden","code":403}`, r.Header.Get("Authorization"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := hostile(t, answer)
			_, err := client.ListPods(t.Context(), "default", metav1.ListOptions{})
			if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "************") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestEchoBeside: nor does a server that repeats them beside the text of an error.
func TestEchoBeside(t *testing.T) {
	bearer := func(r *http.Request) string { return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") }
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		ask    func(*kube.Client) error
	}{
		"a redirect's path": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/login/"+bearer(r), http.StatusFound)
			},
			func(c *kube.Client) error {
				s := c.NewLog(t.Context())
				defer s.Close()
				return s.Open(following("web", kube.Own))
			},
		},
		"a redirect's host": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://"+bearer(r)+".example.com/", http.StatusFound)
			},
			func(c *kube.Client) error {
				_, err := c.ListPods(t.Context(), "default", metav1.ListOptions{})
				return err
			},
		},
		"the error of a watch": {
			func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprintf(w, `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","message":"no: %s","code":403}}`+"\n", bearer(r))
			},
			func(c *kube.Client) error {
				w, err := c.WatchPods(t.Context(), "default", metav1.ListOptions{})
				if err != nil {
					return err
				}
				defer w.Stop()
				return c.EventError((<-w.ResultChan()).Object)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := tt.ask(hostile(t, tt.answer))
			if err == nil {
				t.Fatal("no error")
			}
			if text := kube.Describe(err); strings.Contains(text, "s3cret") || !strings.Contains(text, "************") {
				t.Errorf("got %s", text)
			}
		})
	}
	t.Run("a warning", func(t *testing.T) {
		s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Warning", `299 - "who is `+bearer(r)+`? `+strings.Repeat("x", 100_000)+`"`)
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"kind":"PodList","apiVersion":"v1","items":[]}`)
		}))
		t.Cleanup(s.Close)
		cfg := &rest.Config{Host: s.URL, BearerToken: "s3cret-t0ken", TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
		log := new(messages)
		client, err := kube.New("eu", kube.User{Config: cfg}, kube.NewShared(kube.Options{Log: zerolog.New(log)}, 1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		if _, err := client.ListPods(t.Context(), "default", metav1.ListOptions{}); err != nil {
			t.Error(err)
		}
		if got := log.String(); !strings.HasPrefix(got, "debug: eu: the server warns: who is ************? xxx") || len(got) > 1100 {
			t.Errorf("log: %s", got)
		}
	})
}

// TestLongMessage: of what a server writes only so much is in a message.
func TestLongMessage(t *testing.T) {
	text := kube.Describe(fmt.Errorf("%s", bytes.Repeat([]byte("é "), 10_000)))
	if len(text) > 1010 || !strings.HasSuffix(text, "…") || strings.Contains(text, "\ufffd") {
		t.Errorf("%d bytes: %.20q", len(text), text)
	}
}
