package tail

import (
	"mktail/tail/report"
)

// notify tells who wants to know.
func (o *Options) notify(e report.Event) {
	if o.Notify != nil {
		o.Notify(e)
	}
}
