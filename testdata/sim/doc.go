// Package sim runs simulated Kubernetes clusters inside the process: each is an API server on real TLS HTTP (HTTP/2 and
// HTTP/1.1) with a kubelet behind it that runs pods and keeps their logs, so that client-go cannot tell it from a real
// one in what mktail uses: pods (list, watch, get, create, delete), their log with every option, what owns pods (also update
// and status), namespaces, bearer tokens, and through the node proxy (nodes/NODE/proxy/) the kubelet's configz and the log files below logs/.
//
//	c, err := sim.Start(sim.Options{Name: "eu"})
//	defer c.Close()
//	os.WriteFile(path, c.Kubeconfig("prod-eu"), 0o600)      // or c.RESTConfig()
//
//	web := c.AddPod(sim.PodSpec{Namespace: "shop", Name: "web-1"}) // one scripted container, "app"
//	app := web.Container("app")
//	app.Write("hello")                                      // one line, stamped now
//	app.WriteStamped(ts, "hello again")
//	app.CaughtUp(ctx, 1)                                    // one follower has been sent all that was written
//	app.Restart()                                           // a new instance, once it runs
//	app.Exit(1)                                             // once it ended (and was restarted, as the policy says)
//	app.Written(), app.OnDisk()                             // all lines ever, and those that are left in the node's files
//	web.Delete(0)                                           // once it is gone
//	c.AddObject(sim.Object{Group: "apps", Kind: "Deployment", Name: "web"}) // what owns pods, or a service, or custom
//
// A pod made through the API runs what its command names: "/loggen" is testdata/loggen, Options.Programs adds others.
//
// Faults are armed beforehand and strike by what is asked, always at the same byte:
//
//	c.Inject(sim.Fault{Verb: "log", Pod: "web-1", Lines: 10, Bytes: 5, End: sim.Abort, Times: 1})
//	c.Down(); c.Up()                 // the API server dies (every connection is cut) and returns to the same address
//	c.Freeze(); c.Thaw()             // the network carries nothing, and says nothing
//	c.Swallow()                      // the connections that are open carry nothing, new ones do
//	c.KubeletDown(); c.KubeletUp()   // log streams end with a clean EOF while the containers run on
//	app.Rotate(0)                    // the log goes on in a new file; a follower continues; the node keeps Options.MaxLogFiles
//	app.Compressing(false)           // the node dies in the middle of a rotation and leaves a .tmp
//	c.Inject(sim.Fault{Verb: "get", Path: "/proxy/logs/", Bytes: 100, End: sim.Abort}) // reading any file breaks off
//	c.Inject(sim.Fault{Verb: "watch", After: 8 * time.Second, End: sim.EOF})  // a gateway ends each watch after a while,
//	c.Inject(sim.Fault{Verb: "log", Lines: 1000, End: sim.EOF})               // and each log after 1000 lines,
//	c.Inject(sim.Fault{Verb: "list", Times: 3, Status: 502, Page: "<html>"})  // and answers itself
//	c.Node("node-2").SetClock(-time.Hour)                       // the clock of a node is stepped
//	c.Node("node-2").SetKubelet(sim.Kubelet{NoFollow: true})    // its kubelet is not Kubernetes' own
//	c.Inject(sim.Fault{Verb: "log", Redirect: "/login"})  // a proxy answers; likewise Page, Gzip, HangUp
//	c.Compact()                      // every older resourceVersion and continue token is 410 Gone
//	c.RevokeToken("t"); c.AddToken("t", sim.User{...})
//
// A kubelet that has just started knows no pods for a while: Options.KubeletSettle after KubeletUp log requests are 404. For a
// number of requests instead, inject a fault:
//
//	sim.Fault{Verb: "log", Times: 3, Status: 404, Message: "the server could not find the requested resource ( pods/log web-1)"}
//
// Nothing needs a sleep: Wait blocks until a condition on the cluster's counters holds, Requests tells what was asked.
//
//	c.Wait(ctx, func(s sim.Stats) bool { return s.OpenLogs == 3 })
//
// With Options.Memory the connections are in memory, so that a whole cluster runs inside a testing/synctest bubble
// (RESTConfig carries the dialer). Everything stops when Close returns. Methods may be called from any goroutine.
// What makes no sense in a test (an unknown container, a pod that exists already) panics.
package sim
