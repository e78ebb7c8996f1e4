package emit

import "bytes"

// RawOptions says what is written beside the bytes of a line.
type RawOptions struct {
	Timestamps Timestamps
	Prefix     bool // write kubectl's prefix [pod/NAME/CONTAINER] before the line
	Separate   bool // end an unended line, so that each record is a whole line
}

// Raw is the format of the line alone, its bytes unchanged. It writes nothing for a gap.
func Raw(o RawOptions) Format {
	return func(src Source) Encode {
		var head []byte
		if o.Prefix {
			head = append(head, "[pod/"+src.Pod+"/"+src.Container+"] "...)
		}
		return func(dst []byte, r *Record) []byte {
			if r.Gap != nil {
				return dst
			}
			if r.Joined {
				dst = o.appendJoined(dst, head, r)
			} else {
				dst = append(dst, head...)
				dst = o.Timestamps.append(dst, r.Stamp)
				dst = append(dst, r.Line...)
			}
			if r.Unended && !o.Separate {
				return dst
			}
			return append(dst, '\n')
		}
	}
}

// appendJoined appends the lines of a record as they would be alone.
func (o *RawOptions) appendJoined(dst, head []byte, r *Record) []byte {
	for line := range bytes.SplitSeq(r.Line, []byte{'\n'}) {
		dst = append(o.Timestamps.append(append(dst, head...), r.Stamp), line...)
		dst = append(dst, '\n')
	}
	return dst[:len(dst)-1]
}
