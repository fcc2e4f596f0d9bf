// Package torch knows what PyTorch calls the tensors of a layer.
package torch

import "espalier/models"

// Leaf is the last part of a tensor's name: gamma, beta, mean and variance of
// a batch normalization are its weight, bias, running_mean and running_var.
func Leaf(role models.Role) string {
	switch role {
	case models.RoleGamma:
		return "weight"
	case models.RoleBeta:
		return "bias"
	case models.RoleMean:
		return "running_mean"
	case models.RoleVariance:
		return "running_var"
	}
	return string(role)
}

// Name is the full name of a parameter: "layer1.0.bn1.running_mean". Two
// parameters of a network never share one.
func Name(p *models.Param) string { return p.Node + "." + Leaf(p.Role) }
