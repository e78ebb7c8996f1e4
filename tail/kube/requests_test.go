package kube_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"mktail/tail/kube"
	"mktail/testdata/sim"
)

var (
	replicaSets = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
	jobs        = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}
)

// requests are those that have a time limit. Each returns a name from the answer.
var requests = map[string]func(context.Context, *kube.Client) (string, error){
	"pods": func(ctx context.Context, c *kube.Client) (string, error) {
		list, err := c.ListPods(ctx, "shop", metav1.ListOptions{})
		if err != nil || len(list.Items) != 1 {
			return "", err
		}
		return list.Items[0].Name, nil
	},
	"pods of all namespaces": func(ctx context.Context, c *kube.Client) (string, error) {
		list, err := c.ListPods(ctx, "", metav1.ListOptions{})
		if err != nil {
			return "", err
		}
		return fmt.Sprint(len(list.Items)), nil
	},
	"pods by label": func(ctx context.Context, c *kube.Client) (string, error) {
		list, err := c.ListPods(ctx, "", metav1.ListOptions{LabelSelector: "app=db"})
		if err != nil || len(list.Items) != 1 {
			return "", err
		}
		return list.Items[0].Name, nil
	},
	"a pod": func(ctx context.Context, c *kube.Client) (string, error) {
		p, err := c.GetPod(ctx, "shop", "web")
		if err != nil {
			return "", err
		}
		return p.Name, nil
	},
	"namespaces": func(ctx context.Context, c *kube.Client) (string, error) {
		list, err := c.ListNamespaces(ctx)
		if err != nil {
			return "", err
		}
		return fmt.Sprint(len(list.Items)), nil
	},
	"services": func(ctx context.Context, c *kube.Client) (string, error) {
		list, err := c.ListServices(ctx, "shop")
		if err != nil || len(list.Items) != 1 {
			return "", err
		}
		return list.Items[0].Name, nil
	},
	"services of all namespaces": func(ctx context.Context, c *kube.Client) (string, error) {
		list, err := c.ListServices(ctx, "")
		if err != nil {
			return "", err
		}
		return fmt.Sprint(len(list.Items)), nil
	},
	"metadata": func(ctx context.Context, c *kube.Client) (string, error) {
		object, err := c.GetMetadata(ctx, replicaSets, "shop", "web-1")
		if err != nil {
			return "", err
		}
		return object.Name, nil
	},
	"objects": func(ctx context.Context, c *kube.Client) (string, error) {
		list := new(batchv1.JobList)
		if err := c.ListObjects(ctx, jobs, "shop", metav1.ListOptions{FieldSelector: "metadata.name=import"}, list); err != nil || len(list.Items) != 1 {
			return "", err
		}
		return list.Items[0].Name, nil
	},
	"objects of all namespaces": func(ctx context.Context, c *kube.Client) (string, error) {
		list := new(batchv1.JobList)
		if err := c.ListObjects(ctx, jobs, "", metav1.ListOptions{LabelSelector: "app=db"}, list); err != nil || len(list.Items) != 1 {
			return "", err
		}
		return list.Items[0].Name, nil
	},
	"an object": func(ctx context.Context, c *kube.Client) (string, error) {
		job := new(batchv1.Job)
		if err := c.GetObject(ctx, jobs, "shop", "import", job); err != nil {
			return "", err
		}
		return job.Name, nil
	},
}

// world is a cluster with pods in two of its four namespaces, services, and what owns a pod.
func world(t *testing.T) *sim.Cluster {
	c := start(t, sim.Options{})
	c.AddPod(sim.PodSpec{Namespace: "shop", Name: "web"})
	c.AddPod(sim.PodSpec{Namespace: "data", Name: "db", Labels: map[string]string{"app": "db"}})
	c.AddObject(sim.Object{Kind: "Service", Namespace: "shop", Name: "front"})
	c.AddObject(sim.Object{Kind: "Service", Namespace: "data", Name: "back"})
	c.AddObject(sim.Object{Group: "apps", Kind: "ReplicaSet", Namespace: "shop", Name: "web-1"})
	c.AddObject(sim.Object{Group: "batch", Kind: "Job", Namespace: "shop", Name: "import"})
	c.AddObject(sim.Object{Group: "batch", Kind: "Job", Namespace: "shop", Name: "export"})
	c.AddObject(sim.Object{Group: "batch", Kind: "Job", Namespace: "data", Name: "backup", Body: &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "db"}}}})
	return c
}

func TestRequests(t *testing.T) {
	want := map[string]string{"pods": "web", "pods of all namespaces": "2", "pods by label": "db", "a pod": "web", "namespaces": "4",
		"services": "front", "services of all namespaces": "2", "metadata": "web-1",
		"objects": "import", "objects of all namespaces": "backup", "an object": "import"}
	bubble(t, "answers", func(t *testing.T) {
		c := world(t)
		client, _ := connect(t, c.RESTConfig(), kube.Options{UserAgent: "tester"})
		for name, request := range requests {
			if got, err := request(t.Context(), client); err != nil || got != want[name] {
				t.Errorf("%s: %q, %v, want %q", name, got, err, want[name])
			}
		}
		for _, q := range c.Requests() {
			if q.UserAgent != "tester" || q.Proto != "HTTP/2.0" {
				t.Errorf("%s: user agent %s, %s", q.Path, q.UserAgent, q.Proto)
			}
		}
		if n := c.Stats().Connections; n != 1 {
			t.Errorf("%d connections", n)
		}
	})
	for limit, o := range map[time.Duration]kube.Options{time.Minute: {}, 7 * time.Second: {RequestTimeout: 7 * time.Second}} {
		bubble(t, fmt.Sprint("end after ", limit), func(t *testing.T) {
			c := world(t)
			client, _ := connect(t, c.RESTConfig(), o)
			if got := client.RequestTimeout(); got != limit {
				t.Errorf("a time limit of %s", got)
			}
			c.Inject(sim.Fault{Delay: time.Hour})
			for name, request := range requests {
				begun, most := time.Now(), limit
				if name == "a pod" { // which is got, and then listed
					most = 2 * limit
				}
				if _, err := request(t.Context(), client); !errors.Is(err, context.DeadlineExceeded) || since(begun) != most {
					t.Errorf("%s: %v after %s", name, err, time.Since(begun))
				}
			}
		})
	}
}

// A watch lasts until its context ends, however long that is after the time limit of requests.
func TestWatches(t *testing.T) {
	for name, tt := range map[string]struct {
		list   func(context.Context, *kube.Client) (version string, err error)
		watch  func(context.Context, *kube.Client, string) (watch.Interface, error)
		change func(*sim.Cluster)
	}{
		"pods": {
			func(ctx context.Context, c *kube.Client) (string, error) {
				list, err := c.ListPods(ctx, "shop", metav1.ListOptions{})
				return list.ResourceVersion, err
			},
			func(ctx context.Context, c *kube.Client, version string) (watch.Interface, error) {
				return c.WatchPods(ctx, "shop", metav1.ListOptions{ResourceVersion: version})
			},
			func(c *sim.Cluster) { c.AddPod(sim.PodSpec{Namespace: "shop", Name: "new"}) },
		},
		"namespaces": {
			func(ctx context.Context, c *kube.Client) (string, error) {
				list, err := c.ListNamespaces(ctx)
				return list.ResourceVersion, err
			},
			func(ctx context.Context, c *kube.Client, version string) (watch.Interface, error) {
				return c.WatchNamespaces(ctx, version)
			},
			func(c *sim.Cluster) { c.AddPod(sim.PodSpec{Namespace: "new", Name: "new"}) },
		},
		"services": {
			func(ctx context.Context, c *kube.Client) (string, error) {
				list, err := c.ListServices(ctx, "shop")
				return list.ResourceVersion, err
			},
			func(ctx context.Context, c *kube.Client, version string) (watch.Interface, error) {
				return c.WatchServices(ctx, "shop", version)
			},
			func(c *sim.Cluster) {
				c.AddObject(sim.Object{Kind: "Service", Namespace: "data", Name: "other"})
				c.AddObject(sim.Object{Kind: "Service", Namespace: "shop", Name: "new"})
			},
		},
		"objects": {
			func(ctx context.Context, c *kube.Client) (string, error) {
				list := new(batchv1.JobList)
				err := c.ListObjects(ctx, jobs, "shop", metav1.ListOptions{}, list)
				return list.ResourceVersion, err
			},
			func(ctx context.Context, c *kube.Client, version string) (watch.Interface, error) {
				return c.WatchObjects(ctx, jobs, "shop", metav1.ListOptions{ResourceVersion: version, FieldSelector: "metadata.name=new"})
			},
			func(c *sim.Cluster) {
				c.AddObject(sim.Object{Group: "batch", Kind: "Job", Namespace: "shop", Name: "other"})
				c.AddObject(sim.Object{Group: "batch", Kind: "Job", Namespace: "shop", Name: "new"})
			},
		},
	} {
		bubble(t, name, func(t *testing.T) {
			c := world(t)
			client, _ := connect(t, c.RESTConfig(), kube.Options{})
			version, err := tt.list(t.Context(), client)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			w, err := tt.watch(ctx, client, version)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Stop()
			time.Sleep(10 * time.Second) // less than a bookmark takes
			tt.change(c)
			event, ok := <-w.ResultChan()
			if object, isObject := event.Object.(metav1.Object); !ok || event.Type != watch.Added || !isObject || object.GetName() != "new" {
				t.Errorf("got %+v", event)
			}
			time.Sleep(time.Hour)
			if n := c.Stats().OpenWatches; n != 1 {
				t.Errorf("%d watches are open after an hour", n)
			}
			cancel()
			for range w.ResultChan() {
			}
		})
	}
}

// Few pods are asked for at once, however many want to know.
func TestGetPodTakesTurns(t *testing.T) {
	for clients, atOnce := range map[int]int{1: 64, 10: 25, 1000: 4} {
		bubble(t, fmt.Sprint(clients, " clients"), func(t *testing.T) {
			c := world(t)
			client, err := kube.New("eu", kube.User{Config: c.RESTConfig()}, kube.NewShared(kube.Options{}, clients))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			c.Inject(sim.Fault{Verb: "get", Delay: 10 * time.Second})
			var got atomic.Int32
			for range 2 * atOnce {
				go func() {
					if p, err := client.GetPodInTurn(t.Context(), "shop", "web"); err == nil && p.Name == "web" {
						got.Add(1)
					}
				}()
			}
			synctest.Wait()
			if n := len(c.Requests()); n != atOnce {
				t.Errorf("%d requests at once, want %d", n, atOnce)
			}
			time.Sleep(30 * time.Second)
			if n := got.Load(); int(n) != 2*atOnce {
				t.Errorf("%d answers", n)
			}
		})
	}
}

// A request is sent once, whatever the server asks for or does to the connection: its failure is the caller's to report and to retry.
func TestSentOnce(t *testing.T) {
	all := map[string]func(context.Context, *kube.Client) error{
		"watching pods": func(ctx context.Context, c *kube.Client) error {
			_, err := c.WatchPods(ctx, "shop", metav1.ListOptions{})
			return err
		},
		"watching namespaces": func(ctx context.Context, c *kube.Client) error {
			_, err := c.WatchNamespaces(ctx, "1")
			return err
		},
		"watching services": func(ctx context.Context, c *kube.Client) error {
			_, err := c.WatchServices(ctx, "shop", "1")
			return err
		},
		"watching objects": func(ctx context.Context, c *kube.Client) error {
			_, err := c.WatchObjects(ctx, jobs, "shop", metav1.ListOptions{ResourceVersion: "1"})
			return err
		},
		"discovery": func(_ context.Context, c *kube.Client) error {
			_, err := c.Discovery().ServerVersion()
			return err
		},
		"a log": func(ctx context.Context, c *kube.Client) error {
			s := c.NewLog(ctx)
			defer s.Close()
			return s.Open(kube.LogRequest{Namespace: "shop", Pod: "web", Options: &corev1.PodLogOptions{}})
		},
		"a file": func(ctx context.Context, c *kube.Client) error {
			_, err := c.NodeFiles().List(ctx, kube.ContainerLog{Node: "node-1", Namespace: "shop", Pod: "web", Container: "app"}, 0)
			return err
		},
	}
	for name, request := range requests {
		all[name] = func(ctx context.Context, c *kube.Client) error {
			_, err := request(ctx, c)
			return err
		}
	}
	for name, request := range all {
		for _, fault := range []sim.Fault{
			{Status: 429, RetryAfter: 3600}, {Status: 503, RetryAfter: 1}, {Status: 500, RetryAfter: 1}, {HangUp: true},
		} {
			bubble(t, fmt.Sprintf("%s, %+v", name, fault), func(t *testing.T) {
				c := world(t)
				client, _ := connect(t, c.RESTConfig(), kube.Options{})
				hit := c.Inject(fault)
				begun := time.Now()
				err := request(t.Context(), client)
				if err == nil || time.Since(begun) > 100*time.Millisecond {
					t.Errorf("%v after %s", err, time.Since(begun))
				}
				want := 1
				switch {
				case fault.HangUp && name == "a file": // which is asked for over a connection of its own, and then over a shared one
					want = 2
				case name == "a pod" && (fault.HangUp || fault.Status == 500): // which is got, and then listed
					want = 2
				}
				if n := hit.Hits(); n != want {
					t.Errorf("sent %d times", n)
				}
			})
		}
	}
}
