package runs

import (
	"context"

	"espalier/config"
)

// Spec is the spec that a run or a sweep was submitted with.
func (c *Client) Spec(ctx context.Context, id string) (*config.Spec, error) {
	var in struct {
		Spec config.Spec `json:"spec"`
	}
	if err := c.input(ctx, id, &in); err != nil {
		return nil, err
	}
	return &in.Spec, nil
}
