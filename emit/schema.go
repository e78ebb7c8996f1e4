package emit

import (
	"maps"
	"slices"
	"strings"
)

// SchemaNames are the schemas of JSONOptions, with commas. A schema renames keys. It does not make records into what the tool's own
// API takes: OTLP and Loki's push API have envelopes around many records, and labels or attributes apart from the line.
const SchemaNames = "mktail,otel,ecs,vector,fluentbit,loki"

// schema has the names of the keys of a record. A name "object/key" is that of a key in an object.
type schema struct {
	cluster, ns, pod, container, ts, line string

	node, uid, labels, annotations, restarts, context, image string

	flat  bool // each label and annotation is a key of the record; labels and annotations are the prefixes of these keys
	nanos bool // the stamp is in nanoseconds since 1970, as a string
}

// schemaOf returns the names of a schema; mktail's for an unknown schema, and for keys that a schema has no name for.
func schemaOf(name string) schema {
	s := schema{
		cluster: "cluster", ns: "ns", pod: "pod", container: "container", ts: "ts", line: "line",
		node: "node", uid: "uid", labels: "labels", annotations: "annotations", restarts: "restarts", context: "context", image: "image",
	}
	switch name {
	case "otel": // the semantic conventions' attributes, and the two fields of the log data model
		s.cluster, s.ns, s.pod, s.container = "k8s.cluster.name", "k8s.namespace.name", "k8s.pod.name", "k8s.container.name"
		s.ts, s.line = "Timestamp", "Body"
		s.node, s.uid, s.restarts, s.image = "k8s.node.name", "k8s.pod.uid", "k8s.container.restart_count", "container.image.name"
		s.labels, s.annotations, s.flat = "k8s.pod.label.", "k8s.pod.annotation.", true
	case "ecs": // dotted keys, as ECS loggers write them; the others are named as by Beats
		s.cluster, s.ns, s.pod, s.container = "orchestrator.cluster.name", "kubernetes.namespace", "kubernetes.pod.name", "kubernetes.container.name"
		s.ts, s.line = "@timestamp", "message"
		s.node, s.uid, s.restarts, s.image = "kubernetes.node.name", "kubernetes.pod.uid", "kubernetes.container.status.restarts", "container.image.name"
		s.labels, s.annotations = "kubernetes.labels", "kubernetes.annotations"
	case "vector": // its source kubernetes_logs
		s.ns, s.pod, s.container = "kubernetes/pod_namespace", "kubernetes/pod_name", "kubernetes/container_name"
		s.ts, s.line = "timestamp", "message"
		s.node, s.uid, s.image = "kubernetes/pod_node_name", "kubernetes/pod_uid", "kubernetes/container_image"
		s.labels, s.annotations = "kubernetes/pod_labels", "kubernetes/pod_annotations"
	case "fluentbit": // its filter kubernetes
		s.ns, s.pod, s.container = "kubernetes/namespace_name", "kubernetes/pod_name", "kubernetes/container_name"
		s.ts, s.line = "time", "log"
		s.node, s.uid, s.image = "kubernetes/host", "kubernetes/pod_id", "kubernetes/container_image"
		s.labels, s.annotations = "kubernetes/labels", "kubernetes/annotations"
	case "loki":
		s.ns, s.nanos = "namespace", true
	}
	return s
}

// pair is a key, in an object or not, and its value as JSON.
type pair struct {
	object, key string
	value       []byte
}

func newPair(name string, value []byte) pair {
	if object, key, ok := strings.Cut(name, "/"); ok {
		return pair{object, key, value}
	}
	return pair{"", name, value}
}

// frame returns what all records of a source have in common: head before the stamp, middle between stamp and line, and tail
// after the line; end comes after the number of restarts, if that is one of the fields.
func (k schema) frame(src Source, f Fields) (head, middle, tail, end []byte) {
	text := func(name, value string) pair { return newPair(name, AppendQuoted(nil, []byte(value))) }
	before := []pair{text(k.cluster, src.Cluster), text(k.ns, src.Namespace), text(k.pod, src.Pod), text(k.container, src.Container)}
	var after []pair
	split := -1 // where the number of restarts goes; -1: nowhere
	add := func(field Fields, pairs ...pair) {
		if !f.Has(field) {
			return
		}
		for _, p := range pairs {
			if p.object != "" { // which is written as a whole
				before = append(before, p)
			} else {
				after = append(after, p)
			}
		}
		if field == FieldRestarts {
			split = len(after)
		}
	}
	add(FieldNode, text(k.node, src.Node))
	add(FieldUID, text(k.uid, src.UID))
	add(FieldLabels, k.object(k.labels, src.Labels)...)
	add(FieldAnnotations, k.object(k.annotations, src.Annotations)...)
	add(FieldRestarts, pair{"", k.restarts, nil})
	add(FieldContext, text(k.context, src.Context))
	add(FieldImage, text(k.image, src.Image))

	head = appendPairs(nil, append(before, pair{"", k.ts, []byte{'"'}}))
	head[0] = '{'
	middle = appendPairs([]byte{'"'}, []pair{{"", k.line, nil}})
	if split < 0 {
		return head, middle, appendPairs(nil, after), nil
	}
	return head, middle, appendPairs(nil, after[:split]), appendPairs(nil, after[split:])
}

// object returns the pair of a map or, if flat, the pairs of its entries.
func (k schema) object(name string, m map[string]string) []pair {
	var pairs []pair
	for _, key := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, pair{"", key, AppendQuoted(nil, []byte(m[key]))})
		if k.flat {
			pairs[len(pairs)-1].key = name + key
		}
	}
	if k.flat {
		return pairs
	}
	value := appendPairs(nil, pairs)
	if len(value) == 0 {
		return []pair{newPair(name, []byte("{}"))}
	}
	value[0] = '{'
	return []pair{newPair(name, append(value, '}'))}
}

// appendPairs appends pairs with a comma before each. Pairs of one object must be neighbours.
func appendPairs(dst []byte, pairs []pair) []byte {
	object := ""
	for _, p := range pairs {
		if object != "" && p.object != object {
			dst = append(dst, '}')
		}
		dst = append(dst, ',')
		if p.object != "" && p.object != object {
			dst = append(AppendQuoted(dst, []byte(p.object)), ':', '{')
		}
		object = p.object
		dst = append(AppendQuoted(dst, []byte(p.key)), ':')
		dst = append(dst, p.value...)
	}
	if object != "" {
		dst = append(dst, '}')
	}
	return dst
}
