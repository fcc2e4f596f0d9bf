package measure

import "espalier/models"

// Activations is the memory that one sample's activations take, in bytes of
// float32. An engine that computes in place or fuses nodes takes less.
type Activations struct {
	Sum  int64 `json:"sum"`  // of all nodes' outputs: what training keeps for the gradients
	Peak int64 `json:"peak"` // at most at one time, if each output is freed behind its last reader
}

// ActivationsOf adds up the outputs of the network's nodes, run in their order.
// Flattening takes no memory. It fails only on a graph that is not valid.
func ActivationsOf(net *models.Network) (Activations, error) {
	shapes, err := net.Shapes()
	if err != nil {
		return Activations{}, err
	}
	// What a flatten puts out is what it reads, so it lives under that name.
	owner, last := map[string]string{}, map[string]int{}
	for i, node := range net.Nodes {
		owner[node.Name] = node.Name
		if node.Op == models.OpFlatten {
			owner[node.Name] = owner[node.Inputs[0]]
		}
		for _, input := range node.Inputs {
			last[owner[input]] = i
		}
	}
	last[owner[net.Output()]] = len(net.Nodes)
	var a Activations
	live := int64(0)
	for i, node := range net.Nodes {
		if owner[node.Name] == node.Name {
			bytes := 4 * int64(shapes[node.Name].Size())
			a.Sum += bytes
			live += bytes
			a.Peak = max(a.Peak, live)
		}
		freed := map[string]bool{}
		for _, name := range append(node.Inputs[:len(node.Inputs):len(node.Inputs)], node.Name) {
			if tensor := owner[name]; last[tensor] <= i && !freed[tensor] {
				freed[tensor] = true
				live -= 4 * int64(shapes[tensor].Size())
			}
		}
	}
	return a, nil
}
