// Command reader reads the logs of all pods in the namespace of a kubeconfig to their ends and throws the bytes away: the
// limit of what a program can do that reads them over the same transport as mktail.
//
//	reader KUBECONFIG
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "reader:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig string) error {
	config := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(&clientcmd.ClientConfigLoadingRules{ExplicitPath: kubeconfig}, nil)
	cfg, err := config.ClientConfig()
	if err != nil {
		return err
	}
	namespace, _, err := config.Namespace()
	if err != nil {
		return err
	}
	cfg.QPS, cfg.NextProtos = -1, []string{"http/1.1"}
	api, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return err
	}
	pods, err := api.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	failed := make(chan error, len(pods.Items))
	for _, p := range pods.Items {
		wg.Go(func() {
			log, err := api.CoreV1().Pods(namespace).GetLogs(p.Name, &corev1.PodLogOptions{Timestamps: true}).Stream(ctx)
			if err == nil {
				defer log.Close()
				_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, log, make([]byte, 64<<10))
			}
			if err != nil {
				failed <- err
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}
