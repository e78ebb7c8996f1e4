package emit

// Source is where records come from. Its names are the first four keys of each record. The other fields describe the pod as it
// was when it was first seen, and may be empty. The maps are shared and never changed.
type Source struct {
	Cluster, Namespace, Pod, Container string

	Context string // of the kubeconfig
	Node    string
	UID     string // of the pod
	Image   string // of the container, as its pod names it

	Labels, Annotations map[string]string // of the pod

	Given Fields // that its records have whatever is asked for: they were read with them

	ended *[]func() // see onEnd; nil: the source belongs to no stream
}

// Record is one line of a source. It and its slices belong to the caller, and are valid only during the call that gets the record. It is
// passed by address: copies would be a tenth of a line's cost.
type Record struct {
	Stamp     []byte // UTC, RFC 3339, nine digits, Z: 30 bytes that sort by time
	Line      []byte // the text as written, without its last newline
	Number    int    // the line's number in its stream, from 1, counting lines that are left out, too; of a gap: that of the line before. Stream.Add sets it
	Restarts  int    // how often the container had been restarted when the line was written
	Truncated bool   // the line was longer than allowed, and Line is its beginning
	Unended   bool   // the line has no newline, and nothing more of it comes
	Joined    bool   // Line is several lines with newlines between them; see Output.Multiline
	Gap       *Gap   // lines may be missing here; then Line is empty

	text []byte // see Text; nil: not known yet
}

// Text returns the line without escape sequences, which is what patterns and parsers look at. It is known from then on, until Stream.Add is
// given the record again.
func (r *Record) Text() []byte {
	if r.text == nil {
		r.text = Plain(r.Line)
	}
	return r.text
}

// Gap is a part of a source's log in which lines may be missing. From is the stamp of the last line before it, To of the first
// line after it, in the form of Record.Stamp; empty: unknown.
type Gap struct {
	From, To string
	Reason   string
}

// Encode appends the output of one record to dst and returns the result: whole lines, or nothing. Only the newline of an unended
// record may be missing at the end. It may keep neither dst nor the record and its slices, and does not change the record. One goroutine
// at a time uses an Encode.
type Encode func(dst []byte, r *Record) []byte

// Format returns the Encode of a source. Many goroutines may call it at once.
type Format func(Source) Encode
