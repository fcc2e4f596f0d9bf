package measure

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"espalier/models"
	"espalier/models/engine"
)

// LayerLatency is how long a convolution or a linear layer takes by itself.
type LayerLatency struct {
	Name  string       `json:"name"`
	Op    models.Op    `json:"op"`
	In    models.Shape `json:"in"`  // of a sample that it reads
	Out   models.Shape `json:"out"` // of what it makes of it
	Attrs models.Attrs `json:"attrs,omitzero"`
	First bool         `json:"first,omitempty"` // it reads the network's input
	// Weights and MACs are the layer's, for one sample.
	Weights int64 `json:"weights"`
	MACs    int64 `json:"macs"`
	// Latency is 0 where the layer is too short to be told from what is around it.
	Latency
}

// layerTime is how long a turn of one layer takes at least; there are many of
// them.
const layerTime = 5 * time.Millisecond

// LayerLatencies measures for each network its convolutions and linear layers,
// in the network's order.
//
// A layer is a network of its own, with the input's shape that it has in its
// place, its weights, and batch normalization and relu where they follow at
// once and nothing else reads what is between them. Of its time is taken off
// that of a network which does the same around it and not the layer: the call
// itself, and bringing an image into the engine's order. What joins branches is
// in no layer. Weights and samples are nearer at hand than between the other
// layers, so that layers tend to be faster here than there.
//
// Layers of one name in several networks take turns, with the same rounds;
// those of equal shapes are measured once.
func LayerLatencies(ctx context.Context, clock Clock, eng engine.Engine, nets []*models.Network, batch, rounds int) ([][]LayerLatency, error) {
	all := make([][]layerNet, len(nets))
	var names []string
	named := make(map[string][]*layerNet)
	for i, net := range nets {
		var err error
		if all[i], err = layerNets(net); err != nil {
			return nil, err
		}
		for k := range all[i] {
			layer := &all[i][k]
			if named[layer.Name] == nil {
				names = append(names, layer.Name)
			}
			named[layer.Name] = append(named[layer.Name], layer)
		}
	}
	known := make(map[string][]Latency)
	for _, name := range names {
		same := named[name]
		key := ""
		for _, layer := range same {
			key += layer.form + "\n"
		}
		if known[key] == nil {
			var err error
			if known[key], err = layersInTurn(ctx, clock, eng, same, turns{batch, rounds, layerTime}); err != nil {
				return nil, fmt.Errorf("layer %s: %w", name, err)
			}
		}
		for i, layer := range same {
			layer.Latency = known[key][i]
		}
	}
	measured := make([][]LayerLatency, len(nets))
	for i, layers := range all {
		for _, layer := range layers {
			measured[i] = append(measured[i], layer.LayerLatency)
		}
	}
	return measured, nil
}

// layersInTurn measures some layers, and what is around them, in the same rounds.
func layersInTurn(ctx context.Context, clock Clock, eng engine.Engine, layers []*layerNet, t turns) ([]Latency, error) {
	var nets []*models.Network
	at := make(map[string]int) // of those that are measured, by form
	place := func(net *models.Network, form string) int {
		if _, there := at[form]; !there {
			at[form] = len(nets)
			nets = append(nets, net)
		}
		return at[form]
	}
	with, without := make([]int, len(layers)), make([]int, len(layers))
	for i, layer := range layers {
		with[i] = place(layer.net, layer.form)
		around, err := surroundings(layer)
		if err != nil {
			return nil, err
		}
		form, err := formOf(around)
		if err != nil {
			return nil, err
		}
		without[i] = place(around, form)
	}
	rounds, err := takeTurns(ctx, clock, eng, dense(nets), t)
	if err != nil {
		return nil, err
	}
	latencies := make([]Latency, len(layers))
	for i := range layers {
		alone := make([]float64, t.rounds)
		for r := range alone {
			alone[r] = max(0, rounds[with[i]][r]-rounds[without[i]][r])
		}
		latencies[i] = latencyOf(alone, t.batch)
	}
	return latencies, nil
}

// formOf is what the time of a network depends on: all but the values of its
// parameters.
func formOf(net *models.Network) (string, error) {
	form, err := json.Marshal(struct {
		Input models.Shape
		Nodes []models.Node
	}{net.Input, net.Nodes})
	return string(form), err
}
