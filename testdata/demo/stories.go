package main

import (
	"fmt"
	"time"

	"mktail/testdata/sim"
)

// shop is an app of three pods that rolls out a new version, a pod at a time, over and over.
func shop(c *sim.Cluster) {
	web := func(version, pod int) *sim.Pod {
		return c.AddPod(sim.PodSpec{
			Namespace: "shop", Name: fmt.Sprintf("web-v%d-%c", version, 'a'+pod), Labels: map[string]string{"app": "web"},
			Containers: []sim.ContainerSpec{{Name: "app", Rate: 1.3, Lines: func(i int) (string, bool) {
				if i == 0 {
					return fmt.Sprintf("version %d starts, listening on :8080", version), true
				}
				path := []string{"/", "/cart", "/items/42", "/checkout", "/login"}[(i+pod)%5]
				return fmt.Sprintf("GET %s 200 %dms", path, 3+(i*7+pod*5)%40), true
			}}},
		})
	}
	pods := []*sim.Pod{web(1, 0), web(1, 1), web(1, 2)}
	go func() {
		for n := 0; ; n++ {
			time.Sleep(4 * time.Second)
			next := web(2+n/3, n%3)
			pods[n%3].Delete(0)
			pods[n%3] = next
		}
	}()
}

// payments logs JSON.
func payments(c *sim.Cluster) {
	for _, name := range []string{"payments-0", "payments-1"} {
		c.AddPod(sim.PodSpec{
			Namespace: "billing", Name: name, Labels: map[string]string{"app": "payments"},
			Containers: []sim.ContainerSpec{{Name: "app", Rate: 0.9, Lines: func(i int) (string, bool) {
				level, msg := "info", "payment accepted"
				if i%5 == 4 {
					level, msg = "error", "card declined"
				}
				return fmt.Sprintf(`{"level":%q,"msg":%q,"order":%d,"amount":%d.99}`, level, msg, 1000+i, 5+i*13%90), true
			}}},
		})
	}
}

// crash is a container that lives for some lines and dies, next to one that is well.
func crash(c *sim.Cluster) {
	c.AddPod(sim.PodSpec{
		Namespace: "shop", Name: "worker-0", Labels: map[string]string{"app": "worker"},
		Containers: []sim.ContainerSpec{
			{Name: "app", Rate: 1.5, Code: 1, Lines: func(i int) (string, bool) {
				lines := []string{"connecting to queue", "queue: \x1b[33mslow\x1b[0m", "panic: \x1b[31mno route to queue\x1b[0m"}
				return lines[min(i, 2)], i < 3
			}},
			{Name: "metrics", Rate: 0.3, Lines: func(i int) (string, bool) { return fmt.Sprintf("scraped %d series", 120+i), true }},
		},
	})
}
