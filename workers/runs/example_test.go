package runs_test

import (
	"context"
	"fmt"
	"log"

	"espalier/config"
	"espalier/workers/runs"
	"espalier/workflows"
)

// A spec is submitted to a server, with or without workers there; the same spec
// again is the same run. What is asked of it waits for a worker.
func ExampleClient_Submit() {
	c, err := sharedServer() // or one of your own: &runs.Client{Temporal: ..., Namespace: "default"}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(submitTwice(context.Background(), c.Client))
	// Output: small-ee3776289263 true running [night] <nil>
}

func submitTwice(ctx context.Context, c *runs.Client) (string, bool, string, []string, error) {
	spec, err := config.Parse("small.yaml", []byte(`
name: small
network: {arch: mlp, hidden: [16]}
data: {name: digits, train: 600, test: 200}
train: {epochs: 2, optimizer: adam}
`))
	if err != nil {
		return "", false, "", nil, err
	}
	id, err := c.Submit(ctx, spec)
	if err != nil {
		return "", false, "", nil, err
	}
	again, err := c.Submit(ctx, spec)
	if err != nil {
		return "", false, "", nil, err
	}
	if err := c.Tag(ctx, id, true, []string{"night"}, workflows.Control{Who: "me"}); err != nil {
		return "", false, "", nil, err
	}
	v, err := c.Look(ctx, id, false)
	if err != nil {
		return "", false, "", nil, err
	}
	err = c.Annotate(ctx, v)
	return id, again == id, v.State, v.Tags, err
}
