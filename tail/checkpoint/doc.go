// Package checkpoint keeps the places that were reached in containers' logs in a file (--state), so that a later run resumes
// there.
//
// A Store is one run's: Open, SetClusters, then Claim and Track for each container, Run while the run lasts, Close. What is kept
// is plain data. The store doesn't know who reads a log: it is given a function that returns the place, and calls it from the
// goroutines of Run and Close. Only one process at a time has a file open.
//
// The methods of a nil *Store, but for Run and Close, do nothing and find nothing, so that a run without a file needs no second
// path.
package checkpoint
