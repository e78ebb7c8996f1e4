// Package checkpoint keeps the places that were reached in containers' logs in a file (--state), so that a later run resumes
// there.
//
// A Store is one run's: Open, SetClusters, then Claim, Track and Start for each container, Run while the run lasts, Close.
//
// What the file says of a container was true of the output: all lines up to there were written. So a place is taken, the output is
// waited for, and then the place is kept, which is what the file is written from. Where a container's reading starts is kept at once:
// no line comes before it.
//
// What is kept is plain data. The store doesn't know who reads a log: it is given a function that returns the place, and calls it from the
// goroutines of Run and Close. Only one process at a time has a file open.
//
// The methods of a nil *Store, but for Run and Close, do nothing and find nothing, so that a run without a file needs no second
// path.
package checkpoint
