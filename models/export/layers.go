package export

import (
	"fmt"
	"slices"
	"strings"

	"espalier/models"
)

// group is the parameters of one layer, on either side: in the network or in
// the file.
type group struct {
	name   string
	op     models.Op // conv2d, linear or batch_norm; "" for what is none of them
	params []param
}

// param is one tensor of a group.
type param struct {
	role  models.Role
	name  string // in full
	shape []int
	data  []float32 // of the file; nil on the network's side
}

func (g *group) find(role models.Role) (param, bool) {
	i := slices.IndexFunc(g.params, func(p param) bool { return p.role == role })
	if i < 0 {
		return param{}, false
	}
	return g.params[i], true
}

// first is the group's tensor to show in an error, with its shape.
func (g *group) first() string { return fmt.Sprintf("%s %v", g.params[0].name, g.params[0].shape) }

// size is what must agree where names do not: the shape of the first tensor.
func (g *group) size() []int { return g.params[0].shape }

// wanted are the layers of a network with parameters, in its order.
func wanted(net *models.Network) ([]*group, error) {
	layout, err := net.Layout()
	if err != nil {
		return nil, err
	}
	var groups []*group
	for _, p := range layout {
		if len(groups) == 0 || groups[len(groups)-1].name != p.Node {
			node, _ := net.Node(p.Node)
			groups = append(groups, &group{name: p.Node, op: node.Op})
		}
		g := groups[len(groups)-1]
		g.params = append(g.params, param{role: p.Role, name: p.Name, shape: p.Shape})
	}
	return groups, nil
}

// found are the layers of a state dict in its order. What a tensor is follows
// from its name's last part, its axes and its company: "weight" beside
// "running_mean" is gamma.
func (s *State) found() ([]*group, error) {
	var groups []*group
	byName := map[string]*group{}
	for _, t := range s.Tensors {
		layer, leaf := "", t.Name
		if i := strings.LastIndexByte(t.Name, '.'); i >= 0 {
			layer, leaf = t.Name[:i], t.Name[i+1:]
		}
		g := byName[layer]
		if g == nil {
			g = &group{name: layer}
			byName[layer] = g
			groups = append(groups, g)
		}
		g.params = append(g.params, param{role: models.Role(leaf), name: t.Name, shape: t.Shape, data: t.Data})
	}
	for _, g := range groups {
		g.classify()
		seen := map[models.Role]bool{}
		for _, p := range g.params {
			if seen[p.role] {
				return nil, fmt.Errorf("%s: tensor %q %v: its layer has another %s", s.File, p.name, p.shape, p.role)
			}
			seen[p.role] = true
		}
	}
	return groups, nil
}

// normRole knows the names of batch normalization's tensors in other programs.
func normRole(leaf models.Role) models.Role {
	switch leaf {
	case "weight", "scale":
		return models.RoleGamma
	case "bias", "shift":
		return models.RoleBeta
	case "running_mean", "moving_mean":
		return models.RoleMean
	case "running_var", "var", "running_variance", "moving_variance":
		return models.RoleVariance
	}
	return leaf
}

// classify finds what layer the tensors make and puts them in the order of
// their roles.
func (g *group) classify() {
	for _, p := range g.params {
		switch role := normRole(p.role); {
		case role == models.RoleMean || role == models.RoleVariance || p.role == models.RoleGamma:
			g.op = models.OpBatchNorm
		case p.role == models.RoleWeight && len(p.shape) == 4:
			g.op = models.OpConv2D
		case p.role == models.RoleWeight && len(p.shape) == 2:
			g.op = models.OpLinear
		}
	}
	order := []models.Role{models.RoleWeight, models.RoleBias, models.RoleGamma, models.RoleBeta, models.RoleMean, models.RoleVariance}
	for i := range g.params {
		if g.op == models.OpBatchNorm {
			g.params[i].role = normRole(g.params[i].role)
		}
	}
	slices.SortStableFunc(g.params, func(a, b param) int { return slices.Index(order, a.role) - slices.Index(order, b.role) })
}

// kind is a layer's operation in words.
func kind(op models.Op) string {
	switch op {
	case models.OpConv2D:
		return "convolution"
	case models.OpBatchNorm:
		return "batch normalization"
	case models.OpLinear:
		return "linear layer"
	}
	return "layer"
}
