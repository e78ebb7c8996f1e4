package report

// GapReason says in records and on stderr why lines may be missing.
type GapReason string

// The reasons of gaps.
const (
	Rotated        GapReason = "rotated"         // what was read last is no longer in the log, so that lines after it may have gone, too
	RestartsMissed GapReason = "restarts missed" // instances ended, and were removed, before they were read
	LogUnavailable GapReason = "log unavailable" // the kubelet has no log any more, or the pod is gone
)

// GapCause says what has found a gap: each place that reports one has its own. It is in events, and on stderr with -v. The table
// in package tail's documentation says what each means.
type GapCause string

// The causes of gaps.
const (
	NoOverlap              GapCause = "no-overlap"
	NoEnd                  GapCause = "no-end"
	JumpUnexplained        GapCause = "jump"
	AnswersCut             GapCause = "answers-cut"
	LogRefused             GapCause = "log-refused"
	RestartedTwice         GapCause = "restarted-twice"
	InstancesMissed        GapCause = "instances-missed"
	PodDeleted             GapCause = "pod-deleted"
	PodLost                GapCause = "pod-lost"
	FilesUnreadable        GapCause = "files-unreadable"
	FilesNoOverlap         GapCause = "files-no-overlap"
	FileOverwritten        GapCause = "file-overwritten"
	RotatedBeforeEarlyRead GapCause = "rotated-before-early-read"
	UntilUnread            GapCause = "until-unread"
)

// causes are the causes with their reasons and what was found, as the end of a sentence.
var causes = map[GapCause]struct {
	reason GapReason
	found  string
}{
	NoOverlap:              {Rotated, "a reopened stream brought new lines, and none of those that were read last"},
	NoEnd:                  {Rotated, "the log of an instance that has ended does not hold what was read last"},
	JumpUnexplained:        {Rotated, "a stream jumped in time, and the line before the jump is not in the log"},
	AnswersCut:             {LogUnavailable, "the server ends each answer before it comes to anything new"},
	LogRefused:             {LogUnavailable, "the kubelet refuses the log of an instance that has ended"},
	RestartedTwice:         {RestartsMissed, "the log that was served as the previous instance's is a later one's"},
	InstancesMissed:        {RestartsMissed, "the restart count grew by more than the instances that were read, or began at 0 again"},
	PodDeleted:             {LogUnavailable, "the pod was deleted before its log was read to the end"},
	PodLost:                {LogUnavailable, "the pod went between two runs, and the last one had not read its log to the end"},
	FilesUnreadable:        {Rotated, "rotated files could not be read"},
	FilesNoOverlap:         {Rotated, "the rotated files do not hold what was read last"},
	FileOverwritten:        {Rotated, "the kubelet rotated twice within a second, and the second file took the place of the first"},
	RotatedBeforeEarlyRead: {Rotated, "files were rotated before the API knew of the instance that was being read"},
	UntilUnread:            {LogUnavailable, "the log could not be read up to --until-time in time"},
}

// Reason returns the reason that records give for the cause.
func (c GapCause) Reason() GapReason { return causes[c].reason }

// Description returns what was found, as the end of a sentence: "the gap was found because ".
func (c GapCause) Description() string { return causes[c].found }
