package activities

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"espalier/config"
	"espalier/models"
	"espalier/models/data"
	"espalier/models/export"
	"espalier/models/zoo"
)

// firstNetwork is the network that a run begins with, for the data's shape and
// classes.
func firstNetwork(n config.Network, set *data.Dataset, seed uint64) (*models.Network, error) {
	if n.File() != "" {
		return importedNetwork(n, set)
	}
	net, err := zoo.Build(n.Options(set.Shape, set.Classes))
	if err != nil {
		return nil, fmt.Errorf("network %s: %w", n.Arch, err)
	}
	zoo.Init(net, seed)
	return net, nil
}

// importedNetwork reads the network, or the weights of arch, from a file.
func importedNetwork(n config.Network, set *data.Dataset) (*models.Network, error) {
	key, build := "network.weights", func() (*models.Network, error) { return zoo.Build(n.Options(set.Shape, set.Classes)) }
	if n.ONNX != "" {
		key, build = "network.onnx", nil
	}
	net, err := fileNetwork(n, build, set)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return net, nil
}

// fileNetwork is importedNetwork with errors that do not name the key.
func fileNetwork(n config.Network, build func() (*models.Network, error), set *data.Dataset) (*models.Network, error) {
	path := n.File()
	if err := checkFile(path, n.FileDigest); err != nil {
		return nil, err
	}
	net, err := export.Network(path, build)
	if err != nil {
		return nil, err
	}
	if build == nil {
		// Not as the file is called: the step's key knows its content alone.
		net.Name = fmt.Sprintf("onnx-%.12s", n.FileDigest)
	}
	shapes, err := net.Shapes()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !slices.Equal(net.Input, set.Shape) {
		return nil, fmt.Errorf("%s reads inputs of shape %v, the samples of data %s are %v", path, net.Input, set.Name, set.Shape)
	}
	if out := shapes[net.Output()]; !slices.Equal(out, models.Shape{set.Classes}) {
		return nil, fmt.Errorf("%s gives outputs of shape %v, data %s has classes: %d", path, out, set.Name, set.Classes)
	}
	return net, nil
}

// checkFile refuses a file that changed since the spec was read: the run's
// identity speaks of its content.
func checkFile(path, digest string) error {
	have, err := export.Digest(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w on this worker; every worker of the queue needs the file at this place", err)
	}
	if err != nil {
		return err
	}
	if have != digest {
		return fmt.Errorf("%s: content has digest %.12s, the run began with %.12s: the file changed; restore it or submit the spec anew", path, have, digest)
	}
	return nil
}
