package behaviour_test

import (
	"flag"
	"testing"

	"k8s.io/client-go/tools/clientcmd"

	"mktail/testdata/behaviour"
)

var (
	kubeconfig = flag.String("kubeconfig", "", "of an administrator of the cluster to test")
	node       = flag.String("node", "", "the node of that cluster that has the image mktail.test/loggen:1")
)

// TestCluster runs the suite against any cluster:
//
//	go test ./testdata/behaviour -parallel 8 -kubeconfig FILE -node NAME
func TestCluster(t *testing.T) {
	if *kubeconfig == "" {
		t.Skip("no -kubeconfig; testdata/sim runs the suite against the simulation")
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	behaviour.Suite(t, cfg, *node)
}
