package applog

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

var errNoTime = errors.New("this is no time")

// Epoch reads a decimal number since 1970: in seconds up to the year 5138; larger numbers are in milli-, micro- or nanoseconds.
// All digits count.
func Epoch(number string) (time.Time, error) {
	if strings.ContainsAny(number, "eE") {
		f, err := strconv.ParseFloat(number, 64)
		if err != nil || math.Abs(f) > math.MaxInt64 {
			return time.Time{}, errNoTime
		}
		number = strconv.FormatFloat(f, 'f', -1, 64)
	}
	whole, fraction, _ := strings.Cut(number, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, errNoTime
	}
	unit, digits := int64(time.Second), 9 // of a fraction, down to the nanosecond
	for size := n; size >= 1e11 || size <= -1e11; size /= 1000 {
		unit /= 1000
		digits -= 3
		if unit == 1 {
			break
		}
	}
	var nanos int64
	for i := range digits {
		nanos *= 10
		if i < len(fraction) {
			if fraction[i] < '0' || fraction[i] > '9' {
				return time.Time{}, errNoTime
			}
			nanos += int64(fraction[i] - '0')
		}
	}
	if strings.HasPrefix(whole, "-") {
		nanos = -nanos
	}
	perSecond := int64(time.Second) / unit
	return time.Unix(n/perSecond, n%perSecond*unit+nanos), nil
}
