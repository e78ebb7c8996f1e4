// Package tail follows the logs of containers in many clusters and hands each line, once, to an emit.Output.
//
// Run is the whole interface: it is given clusters, options and an output, and returns when all is done. Clusters share nothing
// but the output: what fails in one is reported and retried, and never reaches another. The work is done by packages below this
// one, each of which knows only those named after it:
//
//	tail        Run; watches and their reconciling          all of these
//	follow      one container through all its instances     checkpoint, kube, logline, pods, position, report
//	checkpoint  the state file (--state)                     position
//	report      events, counters, problems, causes of gaps   kube
//	pods        what the API says of pods, and selections    kube
//	kube        the connections to one API server            nothing of mktail
//	position    the exact place in one log                   nothing of mktail, nothing of Kubernetes
//	logline     bytes, lines, stamps, pieces of lines        nothing of mktail, nothing of Kubernetes
//
// # Vocabulary
//
//	cluster    an entry of a kubeconfig with a name of its own
//	watch      podWatch: lists and watches the pods of a namespace, or of all, and reconciles followers to them
//	follower   follow.Follower: reads the log of one container of one pod
//	instance   one life of a container, between a start and an end; it has a container ID
//	previous   the instance before the current one, whose log the kubelet serves with previous=true
//	stream     one log request and the body of its answer; a follower reads one after another
//	read       what a follower does with one stream
//	stamp      the time in front of each line, by the node's clock, in Unix nanoseconds
//	cursor     position.Cursor: what was seen of one log; says which lines of a reopened stream are new
//	overlap    the lines that a reopened stream brings again
//	place      what was reached in a container's log: the instance and its cursor; saved as a checkpoint.Place
//	early read what was read as the log of one instance, but was that of the next: the kubelet knew of a restart before the API
//	jump       a step of over a second in a live stream, after which lines may have been left out
//	backfill   lines read from rotated files on the node (--rotated)
//	gap        a span of time in which lines may be missing; it is always reported
//	cause      what has found a gap
//	problem    what keeps a cluster, or a part of it, from being read
//	slot       one of the streams of a cluster that may be open at once (--max-streams)
//
// # The life of a line
//
// A follower opens a stream (reading.go), from where its cursor says (request.go). A logline.Scanner splits what comes into
// lines, and logline.Stamps a line into stamp and text. A lagDetector looks for jumps (lag.go). The cursor says whether the line
// is new, a repeat, or comes without any overlap; in the last case it is found out what is missing first (overlap.go). A new line
// becomes an emit.Record in sink.go, and goes into the batch of the container's emit.Stream. When the follower is about to wait
// for the network it hands the batch over to the one writer. All this is done in the container's goroutine, under the follower's
// lock, which is released only where the goroutine waits.
//
// When the stream ends, Follower.continues decides what that means: nothing, so that another is opened after a while; that the
// instance was read to its end, so that the next one is due (instance.go); or that its rest can't be read, which is a gap.
//
// # The life of a pod event
//
// A podWatch gets a pod from a list or an event (watch.go, list.go), and asks whether it is selected (pods.Selection, pods.Owners).
// If so, pods.New takes what is needed of it, and syncFollowers (reconcile.go) gives each follower the status of its container
// through Update, and starts the followers that are missing. There is one map of podState by UID. A pod that is no longer
// selected has its followers cancelled and kept as dropped; one that is deleted has them read to the end (PodDeleted, Linger). PodFound,
// PodEnded and PodGone are reported there, the last two when all lines of the pod were handed over.
//
// # Causes of gaps
//
// Records and stderr give the reason of a gap; stderr with -v and the events of --status give the cause.
//
//	cause                      reason           found by                          what has happened
//	no-overlap                 rotated          overlap.go, Follower.missing      a reopened stream brought new lines without any that were read last
//	no-end                     rotated          ended.go, Follower.readWhole      the log of an ended instance does not hold what was read last
//	jump                       rotated          suspected.go, reportSuspected     a stream jumped, and the line before the jump is not in the log
//	log-refused                log unavailable  run.go, Follower.continues        the kubelet refuses the log of an instance that has ended
//	restarted-twice            restarts missed  reading.go, overlap.go            what was served as previous is a later instance
//	instances-missed           restarts missed  instance.go, Follower.enter       the restart count grew by more than what was read
//	pod-deleted                log unavailable  gap.go, drainDeleted              the pod went before its log was read to the end
//	pod-lost                   log unavailable  place.go, Lost                    the pod went between two runs with --state
//	files-unreadable           rotated          backfill.go, goWithout            --rotated: files could not be read, several times
//	files-no-overlap           rotated          backfillfiles.go, readFiles       --rotated: the files do not hold what was read last
//	file-overwritten           rotated          backfillfiles.go, overwritten     --rotated: two rotations within a second gave two files one name
//	rotated-before-early-read  rotated          instance.go, checkRotatedBefore   --rotated: files were rotated during an early read
//
// # Known limits
//
//   - The log API takes whole seconds, and serves only the newest file of a log. What is rotated while no stream is open is lost
//     to it, and reported if anything of that instance was read before. If nothing was, as of an instance that began while mktail
//     did not run or could not read, the API can't tell that lines are missing at its beginning, and nothing is reported.
//   - Of more than position.MaxHashes lines in one second only their number is known: if the log rotates within that second
//     while no stream is open, lines of it may come twice.
//   - A jump is looked into only if the lag of the stream grew with it, or much was written since the last one. A node whose clock
//     steps while a stream is open may hide one.
//   - What a pod writes between its last stream and its deletion can't be read, if the kubelet removes the log first. It is
//     reported unless the stream ended when the container did.
//   - client-go runs credential plugins without the request's context; see kube.Plugins.
package tail
