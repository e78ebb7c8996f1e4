// Package report collects what happens in a run beside lines: events, counters, and the problems of each cluster.
//
// A problem is logged and sent as an event when it begins and when it ends, once, however many goroutines meet it. Each
// goroutine that reads a part of a cluster has a Reporter, and reports with it what keeps it from reading: Fail with each
// error, OK when it can read again or gives up. Logging and sending an event may block, for as long as the log and the receiver
// of events do.
package report
