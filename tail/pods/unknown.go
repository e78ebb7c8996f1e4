package pods

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mktail/tail/kube"
)

// failure returns the error of what has failed. That there was no answer in time is said in words, of which kube.Describe leaves
// nothing out.
func failure(what string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New(kube.Describe(err))
	}
	return fmt.Errorf("%s: %w", what, err)
}

// WarnUnknown logs what can't be known because err forbids it, and which of the owners asked for need it: once for each.
func (o *Owners) WarnUnknown(what string, needs func(Owner) bool, err error) {
	o.warnOnce(fmt.Sprintf("it can't be known %s (for %s)", what, o.askedThat(needs)), err)
}

// WarnServices logs that it can't be known which pods services select, because err forbids it, once.
func (o *Owners) WarnServices(err error) {
	o.WarnUnknown("which pods services select", Owner.isService, err)
}

// warnOnce logs something and its cause, unless it was logged.
func (o *Owners) warnOnce(what string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.reported[what] {
		return
	}
	o.reported[what] = true
	o.log.Warn().Msgf("%s: %s: %s", o.name, what, kube.Describe(err))
}

// askedThat lists those owners asked for that meet a condition.
func (o *Owners) askedThat(needs func(Owner) bool) string {
	var names []string
	for _, owner := range o.asked {
		if needs(owner) {
			names = append(names, owner.String())
		}
	}
	return strings.Join(names, ", ")
}
