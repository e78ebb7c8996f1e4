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
//	kube        the connections to one API server            kube/plugin
//	kube/plugin exec credential plugins                      kube/children
//	kube/children what a command has started                 nothing of mktail
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
//	poll       a stream that is not followed, of an instance that runs on a node that can't follow logs
//	read       what a follower does with one stream
//	stamp      the time in front of each line, by the node's clock, in Unix nanoseconds
//	cursor     position.Cursor: what was seen of one log; says which lines of a reopened stream are new
//	overlap    the lines that a reopened stream brings again
//	window     how many of a log's last lines a reopened stream is asked for
//	head       the beginning of a line at the end of a rotated file, whose rest has not been written yet (--rotated)
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
// A follower opens a stream (reading.go), with as many of the last lines as its cursor remembers (request.go, window.go). A
// logline.Scanner splits what comes into lines, and logline.Stamps a line into stamp and text. A lagDetector looks for jumps (lag.go).
// The cursor says whether the line is new or a repeat. A stream that does not begin with lines that were seen is opened again with a
// larger window (assess.go), up to the whole log; if that does not hold them, it is found out what is missing (overlap.go). After rotated
// files were read the whole log is asked for at once, as it begins after them. A new line becomes an emit.Record in sink.go, and goes
// into the batch of the container's emit.Stream. When the follower is about to wait for the network it hands the batch over to the one
// writer. Lines that the stream holds, as others may be joined to them, are not read yet for the state file: a place is taken between
// two records (Follower.between). All this is done in the container's goroutine, under the follower's lock, which is released only where the goroutine waits.
//
// When the stream ends, Follower.continues decides what that means: nothing, so that another is opened after a while; that the
// instance was read to its end, so that the next one is due (instance.go); or that its rest can't be read, which is a gap.
//
// # The life of a pod event
//
// A podWatch gets a pod from a list or an event (watch.go, list.go), and asks whether it is selected (selects.go; pods.Selection, pods.Owners).
// If so, pods.New takes what is needed of it, and syncFollowers (reconcile.go) gives each follower the status of its container
// through Update, and starts the followers that are missing. There is one map of podState by pods.Identity. A pod that is no longer
// selected has its followers cancelled and kept as dropped; one that is deleted has them read to the end (PodDeleted, Linger). A static
// pod, of which only the mirror was deleted, goes on with the next mirror. Of another pod's follower that has ended for good only the place
// is kept.
// PodFound, PodEnded and PodGone are reported there, the last two when all lines of the pod were handed over.
// A log of a pod that has ended may never be readable again, as its node is gone: PodEnded does not wait for it for longer than a follower
// does for one that is refused, and tells of it (follow/unread.go).
//
// Owners that are not known yet are looked up beside the watch (undecided.go). The pods that depend on them wait for that, the others
// do not. PodUndecided and PodDecided report of which pods that is so, for who waits for all pods.
//
// Where the server selects, it does not tell why a pod has left: it was deleted, its labels were changed, or it has ended. So the pod
// is asked for (vanished.go), and its followers go on until the answer is there.
//
// # Jobs and rollouts
//
// Beside pods a podWatch watches other objects, if that is wanted (objects.go): it lists them before the pods, and then has a goroutine
// for each kind watch them, which tells the podWatch's goroutine what it learns.
//
// With Options.NewestRevision those are the Deployments, StatefulSets and DaemonSets that are asked for (rollouts.go). Only the pods of their newest
// revisions are selected. When that changes the pods are listed again, as they are when a rollout is complete, before that is reported.
//
// With Options.Jobs they are the Jobs that are asked for (jobs.go). A Job ends by its own conditions, and JobEnded comes after
// another list of the pods: the watch of Jobs may be ahead of that of pods, and what is decided by the end of a Job is to be decided with all its
// pods known. Whoever is told waits for these, too. JobFound comes before PodFound of the Job's pods; of a Job that a pod names, and that
// is not known, Jobs are listed again. Where Jobs are forbidden nothing is reported of them, and their pods are like any others.
//
// # Causes of gaps
//
// Records and stderr give the reason of a gap; stderr with -v and the events of --status give the cause.
//
//	cause                      reason           found by                          what has happened
//	no-overlap                 rotated          overlap.go, Follower.missing      a reopened stream brought new lines without any that were read last, or the log holds nothing
//	no-end                     rotated          ended.go, Follower.readWhole      the log of an ended instance does not hold what was read last
//	jump                       rotated          suspected.go, reportSuspected     a stream jumped, and the line before the jump is not in the log
//	answers-cut                log unavailable  assess.go, reading.next           the server ends each answer before it comes to anything new
//	                                            assess.go, reading.giveUpStamp    and more lines have one stamp than an answer holds
//	log-refused                log unavailable  run.go, Follower.continues        the kubelet refuses the log of an instance that has ended
//	restarted-twice            restarts missed  reading.go, overlap.go            what was served as previous is a later instance
//	instances-missed           restarts missed  instance.go, Follower.enter       the restart count grew by more than what was read, or began at 0 again
//	pod-deleted                log unavailable  gap.go, drainDeleted, ReportGone  the pod, or a container of a static one, went before its log was read to the end
//	pod-lost                   log unavailable  place.go, Lost                    the pod went between two runs with --state
//	files-unreadable           rotated          backfill.go, goWithout            --rotated: files could not be read, several times
//	files-no-overlap           rotated          backfillfiles.go, readFiles       --rotated: the files do not hold what was read last
//	file-overwritten           rotated          backfillfiles.go, overwritten     --rotated: two rotations within a second gave two files one name
//	rotated-before-early-read  rotated          instance.go, checkRotatedBefore   --rotated: files were rotated during an early read
//	until-unread               log unavailable  until.go, AwaitRead               --until-time: the log could not be read up to there in time
//
// # Known limits
//
//   - The log API serves only the newest file of a log. What is rotated while no stream is open is lost
//     to it, and reported if anything of that instance was read before. If nothing was, as of an instance that began while mktail
//     did not run or could not read, or of which it had saved nothing when it was killed, the API can't tell that lines are missing at its
//     beginning, and nothing is reported.
//   - Instances of a container that have ended before it is first seen, but for the last one, can't be read. They are reported only if the
//     cluster was read all the time.
//   - Where a log is rotated, or an instance ends, within position.Slack of the line that was read last or of the one that comes next, a gap
//     may have no line in it: the API doesn't tell.
//   - Where a node's clock was set back and a container restarts twice within position.Slack, or the manifest of its static pod is taken away
//     and put back, only the times could tell whose lines were read: a gap may have no line in it.
//   - A log that was rotated while no stream was open, and has nothing since, is found follow.Soon after the stream was opened again, or twice that:
//     a run that ends sooner reports nothing, nor reads the rotated file (--rotated). If that stream breaks before a line has come, the
//     next line comes after a second gap. Of a log without stamps the gap comes with the next line, or when the instance ends.
//   - The names of rotated files are times by their node's clock. Where that is set back between two rotations, without a stream that shows it, and
//     the log is rotated once more before the files are listed (--rotated lists them when it looks for lines), they are taken in the order
//     of their names: their lines may come in another order or again, a line that lies in two as two or joined to another, or lines be
//     missing without a gap.
//   - Where pods can only be got by their names, every getEvery, one that comes and goes in between is not seen, and its container that
//     restarts twice in between may have a gap.
//   - A watch that stalls without its connection's being dead is asked for again after ten minutes at most: so late pods are found then.
//   - Of more lines with the same stamp and the same text than are remembered (position.MaxHashes) it can't be told how many are new.
//   - The first stream of a container that ran before has a filter by time (--since): what its node stamps earlier, after its clock was set
//     back that far, is held back until the silent stream is compared with the log. Before a first line came, what is wanted is asked
//     for by the node's clock: a step of it in between moves the beginning.
//   - A jump is looked into only if the lag of the stream grew with it, or much was written since the last one, or the stamps step back.
//   - A line that rotation cuts in two is one record if one stream brings both parts, and with --rotated while the node keeps both files.
//     Otherwise the log API shows the rest as a line: it is a record, after a gap if anything was read before. If such a log is opened
//     again before more has come, the rest is known for what it is if the stream has waited between the parts, and it is not empty,
//     nor the line longer than --max-line; else it comes again, after a gap.
//   - Where a jump leads to a line that rotation cuts in two, a gap may have no line in it; nor may one between the parts of such a line
//     that came late, because the output or a server stalled.
//   - A kubelet that has sent the first part of such a line, and leaves out the rest as the log was rotated again, puts the next line that it
//     sends behind that part: a record comes that is no line, beside the gap or what --rotated brings. What it has left out is reported, unless
//     both came equally long after they were stamped: then it is taken for the rest.
//   - Of a log that is rotated within its first line, and again before the rest of that is read, the beginning comes as a line, without a gap.
//   - Whether a pod that is selected later ran before mktail looked is told by its node's clock, which is taken to be within a minute of ours.
//   - Behind a gateway that ends answers early, more lines of one stamp than it lets through can't be told apart: the rest of them is lost, and
//     a gap is reported. A gap may have no line in it there if the next line has another stamp. Where all lines of a log are equal, or all
//     that --tail or --since ask for, nothing shows that there are more: those are lost without a gap.
//   - Where --tail begins amid equal lines of one stamp, and the stream is opened again before a later one comes, those before them come, too.
//   - Of a log that is rotated amid equal lines of one stamp, and opened again before a later one comes, a gap may be reported that has no line
//     in it; and more lines of that stamp, as of a node that stamps whole seconds, are taken for those that were read.
//   - A node that ignores tailLines, behind a gateway that ends answers early, has lines that can't be reached.
//   - A node that goes on with a log that was not to be followed keeps a run that does not follow from its end, for as long as lines come.
//   - Of a node that stamps lines when it sends them all lines come again, after a gap, whenever a stream is opened again.
//   - What a pod writes between its last stream and its deletion can't be read, if the kubelet removes the log first. It is
//     reported unless the stream ended cleanly and the container at most two seconds later.
//   - A static pod whose mirror in the API is away for longer than mirrorAway is taken for deleted. A run with --state that does not follow takes it
//     for deleted if it is away then.
//   - --rotated does nothing for a log without stamps: its lines can't be told from those of the files.
//   - A log without stamps is known by its number of lines and the last position.MaxLast of them. If lines are removed at its
//     beginning, those that were read last are looked for; where they stand several times, or only a few of them are left, lines may
//     be missing or come twice. A program's own RFC 3339 stamp with nine digits, in a log's first line, is taken for the node's.
//     A message of the kubelet in such a log is a record: nothing tells it from a line.
//   - A node is taken for one that does not follow logs if the containers that are read on it first end soon, and the API tells of that
//     more than five seconds late. That is reported, and its logs are polled: lines come later, but none is lost.
//   - Where lines are all alike and their stamps step back and forth by more than position.Slack, a gap may have no line in it.
//   - A log that is polled, as its node does not follow logs, may be rotated, or its pod deleted, between two reads: a gap is reported. A
//     node that sends the current log as the previous one is known by their equal beginnings: of an instance without stamps that begins as
//     the one before, the rest of that one is not read, which is reported. A node that ignores nothing else is not put to that test: its
//     lines may come twice. A current log that is empty, or has only the beginning of a line, is taken for the previous one in its place.
//     With --rotated, its first lines may come before those of the previous instance, which are then read from the files.
//   - A Job that ends and is deleted while its watch has expired is reported as deleted before it ended.
//   - While a store holds back (checkpoint.Store.Hold), the starting place of each pod that is gone is kept until the run ends.
//   - Pings find a dead connection of HTTP/2 within 45 s. With HTTP/1.1 alone a proxy that swallows a connection hides its end: a watch
//     is reopened when its time is over, a log stream when it has been silent for follow.Silence although its log has gone on, or for
//     follow.Soon if it had brought much before. So is one of a kubelet that has missed a rotation.
//   - Of a credential plugin that may ask the user, the process alone is ended with the run on Unix, but for Linux, not what that has
//     started.
package tail
