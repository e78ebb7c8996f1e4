// Package report collects what happens in a run beside lines: events, counters, and the problems of each cluster.
//
// A problem is logged and sent as an event when it begins and when it ends, once, however many goroutines meet it. Each
// goroutine that reads a part of a cluster has a Reporter, and says with it what stands between it and what it reads:
// Fail with each error, OK when it reads again or gives up.
package report
