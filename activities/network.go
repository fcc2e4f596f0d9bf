package activities

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"espalier/config"
	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/data"
	"espalier/models/export"
	"espalier/models/zoo"
)

// firstNetwork is the network that a run begins with, for the data's shape and
// classes. An error of what the user wrote is an *inputError.
func (s *Steps) firstNetwork(ctx context.Context, n config.Network, set *data.Dataset, seed uint64) (*models.Network, error) {
	if n.Checkpoint != "" {
		net, err := s.storedNetwork(ctx, n, set, seed)
		if err != nil {
			return nil, fmt.Errorf("network.checkpoint: %w", err)
		}
		return net, nil
	}
	if err := s.mayRead("network", n.File()); err != nil {
		return nil, err
	}
	net, err := newNetwork(n, set, seed)
	if err != nil {
		return nil, &inputError{err}
	}
	return net, nil
}

// storedNetwork is the network of a checkpoint in the store or, fresh, its
// architecture with other weights.
func (s *Steps) storedNetwork(ctx context.Context, n config.Network, set *data.Dataset, seed uint64) (*models.Network, error) {
	net, err := s.stored(ctx, n.Checkpoint, set)
	if err != nil {
		return nil, err
	}
	if n.Fresh {
		for _, p := range net.Params {
			p.Mask = nil
		}
		zoo.Init(net, seed)
	}
	return net, nil
}

// stored is the network of a checkpoint in the store, which must be one for set.
func (s *Steps) stored(ctx context.Context, digest string, set *data.Dataset) (*models.Network, error) {
	if s.Repo == nil {
		return nil, fmt.Errorf("%.12s is in a store, and none is open here", digest)
	}
	found, err := s.Repo.Load(ctx, checkpoint.Digest(digest))
	var corrupt *checkpoint.CorruptError
	switch {
	case errors.Is(err, checkpoint.ErrNotFound):
		return nil, &inputError{fmt.Errorf("the store has no checkpoint %s", digest)}
	case errors.As(err, &corrupt):
		return nil, &inputError{err}
	case err != nil:
		return nil, err
	}
	if err := checkFits(found.Network, fmt.Sprintf("the network of %.12s", digest), set); err != nil {
		return nil, &inputError{err}
	}
	return found.Network, nil
}

// newNetwork builds the network or reads it from a file.
func newNetwork(n config.Network, set *data.Dataset, seed uint64) (*models.Network, error) {
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
	return net, checkFits(net, path, set)
}

// checkFits refuses a network, called as in from, that was made for other data.
func checkFits(net *models.Network, from string, set *data.Dataset) error {
	shapes, err := net.Shapes()
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	if !slices.Equal(net.Input, set.Shape) {
		return fmt.Errorf("%s reads inputs of shape %v, the samples of data %s are %v", from, net.Input, set.Name, set.Shape)
	}
	if out := shapes[net.Output()]; !slices.Equal(out, models.Shape{set.Classes}) {
		return fmt.Errorf("%s gives outputs of shape %v, data %s has classes: %d", from, out, set.Name, set.Classes)
	}
	return nil
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
