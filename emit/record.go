// Package emit turns the lines of containers into output: records in a format, through a filter, to one writer.
//
// A Format makes an Encode for each Source; an Output hands out a Stream for each source and writes what the
// streams gather. The work of a record (filter, encode) happens in the goroutine that adds it; what crosses
// goroutines is a batch of whole lines. The package knows nothing of Kubernetes.
package emit

// Source names where records come from: the first four keys of each record. The rest is known of the pod, as it was
// when it was first seen, and may be empty. The maps are shared: nobody changes them.
type Source struct {
	Cluster, Namespace, Pod, Container string

	Context string // of the kubeconfig
	Node    string
	UID     string // of the pod
	Image   string // of the container, as its pod names it

	Labels, Annotations map[string]string // of the pod
}

// Record is one line of a source. The slices belong to the caller and are valid during the call only.
type Record struct {
	Stamp     []byte // UTC, RFC 3339, nine digits, Z: 30 bytes that sort by time
	Line      []byte // the text as written, without its newline
	Number    int    // of the line among those of its stream, from 1, whichever of them are chosen; a gap has that of the line before. Stream.Add sets it
	Restarts  int    // of the container, before the instance that wrote the line
	Truncated bool   // the line was longer than allowed, and Line is its beginning
	Unended   bool   // the line goes on, but nothing more of it comes
	Gap       *Gap   // lines may be missing here; then Line is empty
}

// Gap is a part of a source's lines that may be missing. From and To are in the form of a record's stamp, the last
// line before and the first one after; an empty one is unknown.
type Gap struct {
	From, To string
	Reason   string
}

// Encode appends the output of one record to dst: whole lines, but for the last newline where the line itself has none, or
// nothing. One goroutine at a time uses it.
type Encode func(dst []byte, r Record) []byte

// Format makes the Encode of a source. It may be called by many goroutines at once.
type Format func(Source) Encode
