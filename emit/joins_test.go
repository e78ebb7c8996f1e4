package emit

import (
	"strings"
	"testing"
)

// groups returns the lines of a text as they are joined, each group after a line "---".
func groups(text string) string {
	var out []string
	var g group
	last, held := "", false
	for line := range strings.SplitSeq(text, "\n") {
		if more, ok := g.next([]byte(last), []byte(line)); held && ok {
			g = more
		} else {
			g = begin([]byte(line))
			out = append(out, "---")
		}
		held, last = true, line
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// TestGroups tests which lines belong together. "---" stands before each line that begins a group.
func TestGroups(t *testing.T) {
	for name, want := range map[string]string{
		"single lines": `---
one
---
two
---
`,
		"indented": `---
2026-01-02 INFO config:
  a: 1
	b: 2
---
2026-01-02 INFO next`,
		"Java": `---
2026-01-02 ERROR Failed to start
java.lang.IllegalStateException: no bean
	at com.example.App.main(App.java:12)
	at java.base/java.lang.Thread.run(Thread.java:840)
Caused by: java.io.IOException: closed
	at com.example.Db.open(Db.java:7)
	... 12 more
---
2026-01-02 INFO next`,
		"Java, uncaught": `---
all is well
---
Exception in thread "main" java.lang.NullPointerException: x
	at App.main(App.java:3)
---
next`,
		"Java, an exception of its own": `---
all is well
---
java.lang.NullPointerException: x
	at App.main(App.java:3)
---
com.example.App: started`,
		"Python": `---
ERROR:root:request failed
Traceback (most recent call last):
  File "/app/main.py", line 3, in handle
    return db.get(key)
           ^^^^^^^^^^^
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/main.py", line 5, in handle
    raise requests.exceptions.HTTPError("x") from e
requests.exceptions.HTTPError: x
---
INFO:root:next`,
		"Python, alone": `---
all is well
---
Traceback (most recent call last):
  File "x.py", line 1, in <module>
KeyboardInterrupt
---
next`,
		"Python, no exception": `---
Traceback (most recent call last):
---
INFO: x`,
		"Go": `---
panic: runtime error: index out of range [1] with length 1

goroutine 1 [running]:
main.(*server).handle(0xc000012345, {0x1, 0x2})
	/src/main.go:12 +0x1d
main.main()
	/src/main.go:7 +0x25
created by net/http.(*Server).Serve in goroutine 1
	/go/src/net/http/server.go:3285 +0x4b4
exit status 2
---
2026/01/02 next`,
		"Go, a signal": `---
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1]

goroutine 18 gp=0xc1 m=3 mp=0xc2 [running]:
main.f(...)
	/src/main.go:12`,
		"Go, net/http": `---
2026/01/02 03:04:05 http: panic serving 10.0.0.1:1: boom
goroutine 7 [running]:
net/http.(*conn).serve.func1()
	/go/src/net/http/server.go:1898 +0xbe
panic({0x1?, 0x2?})
	/go/src/runtime/panic.go:770 +0x132
---
2026/01/02 03:04:06 next`,
		"Go, a deadlock": `---
fatal error: all goroutines are asleep - deadlock!

goroutine 1 [chan receive]:
main.main()
	/src/main.go:3 +0x1d`,
		".NET": `---
Unhandled exception. System.InvalidOperationException: x
 ---> System.IO.IOException: y
   at App.Open() in /src/App.cs:line 3
   --- End of inner exception stack trace ---
   at App.Main()
--- End of stack trace from previous location ---
   at App.Main2()
---
next`,
		".NET console": `---
fail: App.Worker[0]
      Request failed
      System.Exception: x
         at App.Main()
---
info: App.Worker[0]
      next`,
		"Node": `---
/app/index.js:3
    throw new TypeError('x')
    ^

TypeError: x
    at Object.<anonymous> (/app/index.js:3:11)
    at node:internal/main/run_main_module:28:49 {
  code: 'E_X',
  errno: -2
}

Node.js v22.1.0
---
next`,
		"Node, caught": `---
Error: connect ECONNREFUSED
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16) {
  errno: -111
}
---
{"next":1}`,
		"Ruby":  "---\napp.rb:3:in `open': closed (IOError)\n\tfrom app.rb:7:in `<main>'\n---\nnext",
		"Rails": "---\nArgumentError (wrong number of arguments):\n  \napp/controllers/x.rb:3:in `create'\nlib/y.rb:4:in `call'\n---\nStarted GET",
		"JSON": `---
{
  "level": "error",
  "tags": [
    "a",
    "}"
  ],
  "n": 1
}
---
{
"not": "indented",
"s": "a\"{"
}
---
[
  1,
  2
]
---
{"a":1}
---
{"b":[1,
2]}
---
  indented`,
		"no JSON": `---
[main] INFO x
---
{
---
hello
---
[INFO] [x
---
[2026-01-02 INFO
---
{"a":"unended
---
next`,
		"an object of Node": `---
request {
  headers: {
    a: 1
  }
}
---
next`,
		"an empty line": `---
error: x
---

---
  indented`,
	} {
		text := strings.ReplaceAll(strings.TrimPrefix(want, "---\n"), "\n---\n", "\n")
		if got := groups(text); got != want {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}
