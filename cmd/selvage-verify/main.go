// Command selvage-verify checks evidence bundles and receipts with no network and no
// server code: exit status 0 proved, 1 contradicted, 2 usage, 3 cannot tell.
package main

import (
	"os"

	"selvage/provenance/verifycli"
)

func main() { os.Exit(verifycli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
