package prune

import (
	"fmt"
	"strings"

	"espalier/models"
)

// A method decides what stays. To add one, write it in a file of its own and
// name it in [Methods] and methodNamed; options, dead neurons, dropout and
// surgery are shared.
type method interface {
	// check refuses options that make no sense for the method on this graph;
	// it must not look at the parameters' values. Names, scope and ranges are
	// checked before.
	check(net *models.Network, o Options) error
	// plan chooses, for a valid network and checked options. The plan has an
	// entry for every prunable layer, in the network's order.
	plan(net *models.Network, o Options) (*Plan, error)
}

// Methods lists the methods, sorted.
func Methods() []string { return []string{"han"} }

func methodNamed(name string) (method, error) {
	switch name {
	case "han":
		return han{}, nil
	default:
		return nil, fmt.Errorf("method %q is not known; allowed are %s", name, strings.Join(Methods(), ", "))
	}
}
