// Package checkpoint keeps the places that were reached in containers' logs in a file (--state), so that a later run goes on
// there.
//
// A Store is one run's: Open, Attend, Claim and Track for each container, Run while the run lasts, Close. What is kept is plain
// data. The store never sees who reads a log: it is given a function that returns the place when it asks, and calls that
// from its own goroutine. Only one process at a time has a file open.
//
// The methods of a nil *Store do nothing and find nothing, so that a run without a file needs no second path.
package checkpoint
