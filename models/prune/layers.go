package prune

import "espalier/models"

// Layers are the names that targets and exclusions may use: of the layers with
// weights or, where the options remove channels, of those that make channels.
// Of the options it reads method, granularity and branch.
func Layers(net *models.Network, o Options) ([]string, error) {
	method, err := methodNamed(o.Method)
	if err != nil {
		return nil, err
	}
	o = Options{Method: o.Method, Granularity: o.Granularity, ChannelOptions: ChannelOptions{Branch: o.Branch}}
	return layerNames(net, o, method.about().granularity(o))
}

// Takers are the methods that take an option, sorted.
func Takers(option string) []string { return takers(option) }
