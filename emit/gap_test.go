package emit

import "testing"

func TestGap(t *testing.T) {
	src := Source{Cluster: "eu", Namespace: "shop", Pod: "web", Container: "app"}
	r := &Record{Stamp: []byte("2026-01-02T03:04:05.000000000Z"), Gap: &Gap{From: "A", To: "B", Reason: "rotated"}}
	for name, tt := range map[string]struct {
		format Format
		want   string
	}{
		"json": {JSON, `{"cluster":"eu","ns":"shop","pod":"web","container":"app","ts":"2026-01-02T03:04:05.000000000Z","line":"","gap":{"from":"A","to":"B","reason":"rotated"}}` + "\n"},
		"text": {Text(TextOptions{}), "eu shop web app ··· lines may be missing from A to B: rotated ···\n"},
		"raw":  {Raw(RawOptions{}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(tt.format(src)(nil, r)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
