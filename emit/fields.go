package emit

import (
	"fmt"
	"slices"
	"strings"
)

// Fields is a set of keys that records have beside the six.
type Fields uint8

// The fields, in the order in which they stand in a record.
const (
	FieldNode Fields = 1 << iota
	FieldUID
	FieldLabels
	FieldAnnotations
	FieldRestarts
	FieldContext
	FieldImage
)

// FieldNames are the names that ParseFields takes, in the order in which fields stand in a record.
const FieldNames = "node, uid, labels, annotations, restarts, context, image"

// ParseFields reads lists of names with commas between them. Order and repetition do not matter. The error is about a name that
// is not one of FieldNames.
func ParseFields(lists []string) (f Fields, err error) {
	names := strings.Split(FieldNames, ", ")
	for _, list := range lists {
		for name := range strings.SplitSeq(list, ",") {
			i := slices.Index(names, strings.TrimSpace(name))
			if i < 0 {
				return 0, fmt.Errorf("there is no field %q", name)
			}
			f |= 1 << i
		}
	}
	return f, nil
}

// Has reports whether any of the fields of g is in f.
func (f Fields) Has(g Fields) bool { return f&g != 0 }
