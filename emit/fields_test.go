package emit

import (
	"encoding/json"
	"strings"
	"testing"
)

// full makes a source that has everything.
func full() Source {
	return Source{
		Cluster: "eu", Namespace: "shop", Pod: "web-1", Container: "app", Context: "admin@eu", Node: "n1", UID: "u-1", Image: "web:2",
		Labels:      map[string]string{"app.kubernetes.io/name": "web", "a": "\"b\""},
		Annotations: map[string]string{"x/y": "z"},
	}
}

const allFields = FieldNode | FieldUID | FieldLabels | FieldAnnotations | FieldRestarts | FieldContext | FieldImage

func TestParseFields(t *testing.T) {
	for _, tt := range []struct {
		lists []string
		want  Fields
	}{
		{nil, 0},
		{[]string{"uid,node", "node"}, FieldNode | FieldUID},
		{[]string{"labels, annotations"}, FieldLabels | FieldAnnotations},
		{[]string{strings.ReplaceAll(FieldNames, " ", "")}, allFields},
	} {
		if got, err := ParseFields(tt.lists); got != tt.want || err != nil {
			t.Errorf("%q: got %b, %v", tt.lists, got, err)
		}
	}
	for _, list := range []string{"", "nodes", "node,,uid", "Node"} {
		if _, err := ParseFields([]string{list}); err == nil {
			t.Errorf("%q: no error", list)
		}
	}
}

// TestSchemas tests the shape of each schema, with all fields and with none.
func TestSchemas(t *testing.T) {
	for schema, want := range map[string][2]string{
		"mktail": {
			`{"cluster":"eu","ns":"shop","pod":"web-1","container":"app","ts":"` + stamp + `","line":"<x>"}`,
			`{"cluster":"eu","ns":"shop","pod":"web-1","container":"app","ts":"` + stamp + `","line":"<x>","node":"n1","uid":"u-1","labels":{"a":"\"b\"","app.kubernetes.io/name":"web"},"annotations":{"x/y":"z"},"restarts":3,"context":"admin@eu","image":"web:2"}`,
		},
		"otel": {
			`{"k8s.cluster.name":"eu","k8s.namespace.name":"shop","k8s.pod.name":"web-1","k8s.container.name":"app","Timestamp":"` + stamp + `","Body":"<x>"}`,
			`{"k8s.cluster.name":"eu","k8s.namespace.name":"shop","k8s.pod.name":"web-1","k8s.container.name":"app","Timestamp":"` + stamp + `","Body":"<x>","k8s.node.name":"n1","k8s.pod.uid":"u-1","k8s.pod.label.a":"\"b\"","k8s.pod.label.app.kubernetes.io/name":"web","k8s.pod.annotation.x/y":"z","k8s.container.restart_count":3,"context":"admin@eu","container.image.name":"web:2"}`,
		},
		"ecs": {
			`{"orchestrator.cluster.name":"eu","kubernetes.namespace":"shop","kubernetes.pod.name":"web-1","kubernetes.container.name":"app","@timestamp":"` + stamp + `","message":"<x>"}`,
			`{"orchestrator.cluster.name":"eu","kubernetes.namespace":"shop","kubernetes.pod.name":"web-1","kubernetes.container.name":"app","@timestamp":"` + stamp + `","message":"<x>","kubernetes.node.name":"n1","kubernetes.pod.uid":"u-1","kubernetes.labels":{"a":"\"b\"","app.kubernetes.io/name":"web"},"kubernetes.annotations":{"x/y":"z"},"kubernetes.container.status.restarts":3,"context":"admin@eu","container.image.name":"web:2"}`,
		},
		"vector": {
			`{"cluster":"eu","kubernetes":{"pod_namespace":"shop","pod_name":"web-1","container_name":"app"},"timestamp":"` + stamp + `","message":"<x>"}`,
			`{"cluster":"eu","kubernetes":{"pod_namespace":"shop","pod_name":"web-1","container_name":"app","pod_node_name":"n1","pod_uid":"u-1","pod_labels":{"a":"\"b\"","app.kubernetes.io/name":"web"},"pod_annotations":{"x/y":"z"},"container_image":"web:2"},"timestamp":"` + stamp + `","message":"<x>","restarts":3,"context":"admin@eu"}`,
		},
		"fluentbit": {
			`{"cluster":"eu","kubernetes":{"namespace_name":"shop","pod_name":"web-1","container_name":"app"},"time":"` + stamp + `","log":"<x>"}`,
			`{"cluster":"eu","kubernetes":{"namespace_name":"shop","pod_name":"web-1","container_name":"app","host":"n1","pod_id":"u-1","labels":{"a":"\"b\"","app.kubernetes.io/name":"web"},"annotations":{"x/y":"z"},"container_image":"web:2"},"time":"` + stamp + `","log":"<x>","restarts":3,"context":"admin@eu"}`,
		},
		"loki": {
			`{"cluster":"eu","namespace":"shop","pod":"web-1","container":"app","ts":"1767323045000000000","line":"<x>"}`,
			`{"cluster":"eu","namespace":"shop","pod":"web-1","container":"app","ts":"1767323045000000000","line":"<x>","node":"n1","uid":"u-1","labels":{"a":"\"b\"","app.kubernetes.io/name":"web"},"annotations":{"x/y":"z"},"restarts":3,"context":"admin@eu","image":"web:2"}`,
		},
	} {
		for i, fields := range []Fields{0, allFields} {
			encode := JSONOptions{Schema: schema, Fields: fields}.Format(full())
			r := record("<x>")
			r.Restarts = 3
			got := string(encode(nil, r))
			if got != want[i]+"\n" {
				t.Errorf("%s:\ngot  %swant %s", schema, got, want[i])
			}
			if !json.Valid([]byte(got)) {
				t.Errorf("%s: no JSON: %s", schema, got)
			}
			r.Truncated, r.Gap = true, &Gap{Reason: "rotated"}
			more := string(encode(nil, r))
			if want := strings.TrimSuffix(got, "}\n") + `,"truncated":true,"gap":{"from":"","to":"","reason":"rotated"}}` + "\n"; more != want {
				t.Errorf("%s:\ngot  %swant %s", schema, more, want)
			}
			dst := make([]byte, 0, len(more))
			if n := testing.AllocsPerRun(100, func() { encode(dst, r) }); n > 0 {
				t.Errorf("%s: %v allocations", schema, n)
			}
		}
	}
	names := strings.Split(SchemaNames, ",")
	for _, name := range names[1:] {
		if schemaOf(name) == schemaOf(names[0]) {
			t.Errorf("%s is not known", name)
		}
	}
}

// Times that do not fit into 64 bits of nanoseconds don't become others.
func TestNanosOfFarTimes(t *testing.T) {
	for stamp, want := range map[string]string{
		"2261-12-31T23:59:59.999999999Z": "9214646399999999999",
		"2262-01-01T00:00:00.000000000Z": "9214646400000000000",
		"9999-12-31T23:59:59.000000001Z": "253402300799000000001",
		"1969-12-31T23:59:59.999999999Z": "-1",
		"0001-01-01T00:00:00.000000001Z": "-62135596799999999999",
	} {
		if got := string(appendNanos(nil, []byte(stamp))); got != want {
			t.Errorf("%s: %s, want %s", stamp, got, want)
		}
	}
}

// Each field alone: none drags another along, nor leaves a comma too many. A pod without labels has an empty object.
func TestFieldAlone(t *testing.T) {
	for i, name := range strings.Split(FieldNames, ", ") {
		for schema := range strings.SplitSeq(SchemaNames, ",") {
			var plain, got map[string]any
			for fields, into := range map[Fields]*map[string]any{0: &plain, 1 << i: &got} {
				if err := json.Unmarshal(JSONOptions{Schema: schema, Fields: fields}.Format(Source{})(nil, record("")), into); err != nil {
					t.Errorf("%s of %s: %v", name, schema, err)
				}
			}
			count := func(m map[string]any) int {
				inner, _ := m["kubernetes"].(map[string]any)
				return len(m) + len(inner)
			}
			want := count(plain) + 1
			if schema == "otel" && (name == "labels" || name == "annotations") {
				want--
			}
			if count(got) != want {
				t.Errorf("%s of %s: %v", name, schema, got)
			}
			if schema == "mktail" && name == "labels" && len(got["labels"].(map[string]any)) != 0 {
				t.Errorf("got %v", got)
			}
		}
	}
}
