package follow

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"

	"mktail/tail/kube"
	"mktail/tail/logline"
)

// scanLog asks for a log that is not to be followed, and passes each whole line to do until that returns false. rest is what comes after
// the last newline. It is called without the lock, and goes over the connection of the lists and watches: it waits for no output, and a
// stream may wait for it. With a limit of 0 ctx has it.
func (f *Follower) scanLog(ctx context.Context, limit time.Duration, o *corev1.PodLogOptions, do func(l logline.Line) bool) (rest logline.Line, err error) {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	s := f.c.Kube.NewLog(ctx)
	defer s.Close()
	defer func() {
		if errors.Is(err, context.DeadlineExceeded) && s.Sent() {
			err = errUnanswered
		}
	}()
	if err := s.Open(kube.LogRequest{Namespace: f.Namespace, Pod: f.Pod, Options: o, Over: kube.Lists, Waiting: f.streamTried}); err != nil {
		return rest, err
	}
	lines := logline.NewScanner(s, f.c.Options.MaxLine+logline.StampRoom+1, f.c.Pool)
	defer lines.Close()
	for {
		if l, ok := lines.Take(); ok {
			if !do(l) {
				return rest, nil
			}
			continue
		}
		switch err := lines.Fill(); {
		case err == io.EOF:
			rest = lines.Rest()
			rest.Text = bytes.Clone(rest.Text)
			return rest, nil
		case err != nil:
			return rest, err
		}
	}
}

// each is scanLog for lines with stamps: do is given the stamp, hash and length of each.
func (f *Follower) each(ctx context.Context, o *corev1.PodLogOptions, do func(ns int64, hash uint64, length int) bool) (rest logline.Line, err error) {
	rest, err = f.scanLog(ctx, f.c.Kube.RequestTimeout(), o, func(l logline.Line) bool {
		ns, text, ok := logline.SplitStamp(l.Text)
		return !ok || do(ns, f.hash(ns, l, text), len(text)+l.Cut)
	})
	if err == nil {
		err = restError(rest)
	}
	return rest, err
}

// askLog is scanLog for a log whose lines may have no stamps. It is called with the lock held, and waits with it released.
func (f *Follower) askLog(ctx context.Context, limit time.Duration, o *corev1.PodLogOptions, do func(l logline.Line) bool) (rest logline.Line, err error) {
	f.mu.idle(func() { rest, err = f.scanLog(ctx, limit, o, do) })
	if err == nil && kubeletWords.Match(rest.Text) {
		err = kube.KubeletError(logline.Trim(rest.Text, maxQuoted))
	}
	return rest, err
}

// askWholeLog is askLog for a log that may be long, on a slow network: the limit is on how long it brings no line.
func (f *Follower) askWholeLog(ctx context.Context, previous bool, do func(l logline.Line) bool) (rest logline.Line, err error) {
	limit := f.c.Kube.RequestTimeout()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(limit, func() { cancel(errUnanswered) })
	defer late.Stop()
	rest, err = f.askLog(ctx, 0, f.allOf(previous, false), func(l logline.Line) bool {
		late.Reset(limit)
		return do(l)
	})
	if err != nil && context.Cause(ctx) == errUnanswered {
		err = errUnanswered
	}
	return rest, err
}
