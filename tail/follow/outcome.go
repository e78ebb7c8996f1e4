package follow

import "errors"

// outcome is how a read ended that was ended by neither its stream nor an error of it. It is an error so that it passes through
// whatever reads lines; read separates it from those.
type outcome string

// The outcomes.
const (
	streamEnded   outcome = ""                                       // the stream, or an error, has ended the read
	restarted     outcome = "the container has been restarted"       // and the instance was read to its end
	otherInstance outcome = "the stream is that of a later instance" // than was thought
	jumped        outcome = "the stream may have left lines out"     // where the log is opened again it shows
	backfilled    outcome = "lines were read from rotated files"     // the log is to be opened again after them
	missed        outcome = "the stream does not show what comes after what was read last"
	allRead       outcome = "all that is wanted was read"
	outputEnded   outcome = "the output has ended, or failed"
)

// Error returns what has happened.
func (o outcome) Error() string { return string(o) }

// outcomeOf returns the outcome that an error is; streamEnded: it is an error of its own, or none.
func outcomeOf(err error) outcome {
	o, _ := errors.AsType[outcome](err)
	return o
}

// result is what a read has brought.
type result struct {
	fresh   bool // something that was not seen before
	outcome outcome
	err     error // of the stream or its opening; nil: it ended cleanly, or there is an outcome
}

// resultOf separates the outcome of a read from its error.
func resultOf(fresh bool, err error) result {
	if o := outcomeOf(err); o != streamEnded {
		return result{fresh: fresh, outcome: o}
	}
	return result{fresh: fresh, err: err}
}
