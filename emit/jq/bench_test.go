package jq_test

import (
	"fmt"
	"strings"
	"testing"

	"mktail/emit"
	"mktail/emit/jq"
)

// BenchmarkFilter runs jq programs on a record, of which one in ten matches.
func BenchmarkFilter(b *testing.B) {
	pad := strings.Repeat("x", 60)
	for _, program := range []string{
		`.`, `select(.ns=="prod")`, `select(.line|test("ERROR"))`, `.line|fromjson?|select(.level=="error")|.msg`,
		`.line|fromjson?|.level`, `{pod,line}`,
	} {
		b.Run(program, func(b *testing.B) {
			f, err := jq.Compile(program, jq.Options{})
			if err != nil {
				b.Fatal(err)
			}
			encode := f.Format(b.Context(), jq.Shape{}, func(_ emit.Source, _ *emit.Record, err error) bool { b.Error(err); return false })(emit.Source{Cluster: "eu", Namespace: "prod", Pod: "web-1", Container: "app"})
			info, bad := record(`{"level":"info","msg":"INFO `+pad+`"}`), record(`{"level":"error","msg":"ERROR `+pad+`"}`)
			var dst []byte
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%10 == 0 {
					dst = encode(dst[:0], bad)
				} else {
					dst = encode(dst[:0], info)
				}
			}
		})
	}
}

// BenchmarkLength shows that a byte costs the same in short and in long lines, whether a program runs on them or is known to let nothing through.
func BenchmarkLength(b *testing.B) {
	for _, program := range []string{`.`, `select(.line|test("E"))`, `select(.line|contains("E"))`, `.line|fromjson?|select(.level=="error")`, `.line|length`} {
		for _, size := range []int{1 << 10, 100 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("%s/%d", program, size>>10), func(b *testing.B) {
				f, err := jq.Compile(program, jq.Options{})
				if err != nil {
					b.Fatal(err)
				}
				encode := f.Format(b.Context(), jq.Shape{}, func(_ emit.Source, _ *emit.Record, err error) bool { b.Error(err); return false })(emit.Source{})
				r := record(`{"level":"info","msg":"` + strings.Repeat("e", size) + `"}`)
				var dst []byte
				b.SetBytes(int64(size))
				for b.Loop() {
					dst = encode(dst[:0], r)
				}
			})
		}
	}
}
