package sim_test

import (
	"testing"

	"mktail/testdata/behaviour"
	"mktail/testdata/sim"
)

// TestBehaviour runs the suite that real clusters pass too. A client's own choice is protobuf.
func TestBehaviour(t *testing.T) {
	c := start(t, sim.Options{MaxLog: 1 << 20})
	behaviour.Suite(t, c.RESTConfig(), "node-1")
}

func TestBehaviourInJSON(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 s")
	}
	c := start(t, sim.Options{HTTP1: true, MaxLog: 1 << 20})
	cfg := c.RESTConfig()
	cfg.ContentType, cfg.AcceptContentTypes = "application/json", "application/json"
	behaviour.Suite(t, cfg, "node-1")
}
