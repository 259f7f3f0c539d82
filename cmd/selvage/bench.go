package main

import (
	"encoding/json"
	"fmt"

	"selvage/fingerprint"
	"selvage/index/indexbench"
)

type benchCmd struct {
	Index       benchIndexCmd       `cmd:"" help:"Index build, memory, latency and throughput on synthetic codes; one JSON line."`
	Manuscripts benchManuscriptsCmd `cmd:"" help:"What asking about a manuscript costs among many registered pages, its fingerprints made; one JSON line."`
	Hard        benchHardCmd        `cmd:"" help:"Wrong accusations among generated pictures that are hard to tell apart; exit 1 if there is one."`
}

type benchIndexCmd struct {
	N    int    `required:"" help:"How many codes."`
	Kind string `default:"pdq256.v1" help:"Fingerprint kind whose codes are imitated."`
	Seed uint64 `default:"1" help:"Seed of the codes."`
}

func (c *benchIndexCmd) Run(e *env) error {
	if c.Kind != string(fingerprint.PDQ256) {
		return &exit{2, fmt.Sprintf("--kind %q: only %s is searched by an index", c.Kind, fingerprint.PDQ256)}
	}
	if c.N < 1 {
		return &exit{2, fmt.Sprintf("--n %d: use at least 1", c.N)}
	}
	rep, err := indexbench.Run(e.ctx, c.N, c.Kind, c.Seed)
	if err != nil {
		return err
	}
	return json.NewEncoder(e.stdout).Encode(rep)
}
