// Command mktail follows the logs of pods in many Kubernetes clusters at once, as one stream.
package main

import (
	"os"

	"mktail/cli"
)

func main() { os.Exit(cli.Main()) }
