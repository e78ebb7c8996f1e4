// Package follow reads the log of one container through all its instances, each line once, and reports what it can't read.
//
// A Cluster is what the followers of one cluster share. A Follower is made by New, started with Begin and Run, and told the
// news of its container by Update and PodDeleted, all from one goroutine. Run returns when nothing more can be read, or the follower was
// cancelled, and has handed everything that it read to the output by then. Any goroutine may ask for the place that was reached
// (Place), whether lines may be on their way (Busy), and have the follower compared with its log (Suspect from one goroutine, Compare),
// or have its stream opened again (Doubt).
//
// What is under a follower's lock is private to this package. The lock is released wherever Run waits, so that nobody waits long for
// it; see lock. How a line travels, the words that are used here, and the causes of gaps are in package tail's documentation.
package follow
