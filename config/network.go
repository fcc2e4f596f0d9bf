package config

import (
	"errors"

	"espalier/models"
	"espalier/models/export"
	"espalier/models/zoo"
)

// Options are the options of package zoo for a network of arch.
func (n Network) Options(input models.Shape, classes int) zoo.Options {
	return zoo.Options{
		Arch: n.Arch, Hidden: n.Hidden, Dropout: n.Dropout, BatchNorm: n.BatchNorm, Width: n.Width,
		Shortcut: n.Shortcut, Growth: n.Growth, Stem: n.Stem, Head: n.Head, ReLU: n.ReLU, Input: input, Classes: classes,
	}
}

// Known is n without the path of a file that its digest stands for: what
// identities and step keys are made of.
func (n Network) Known() Network {
	if n.FileDigest != "" {
		n.Weights, n.ONNX = "", ""
	}
	return n
}

// File is the path of the file that holds the first weights, or the network
// altogether; empty if there is none.
func (n Network) File() string {
	if n.ONNX != "" {
		return n.ONNX
	}
	return n.Weights
}

// seal takes the digest of the network's file.
func (d *decoder) seal(n *Network) {
	path, key := n.File(), "network.weights"
	if n.ONNX != "" {
		key = "network.onnx"
	}
	if path == "" {
		return
	}
	var err error
	if n.FileDigest, err = export.Digest(path); err != nil {
		d.note(key, "%v", err)
	}
}

// completeNetwork leaves out what is the architecture's own value anyway, so
// that saying it does not change a run's identity.
func completeNetwork(n *Network) {
	if n.Width == 1 {
		n.Width = 0
	}
	if n.Shortcut == zoo.ShortcutPad {
		n.Shortcut = ""
	}
	if n.Head == zoo.HeadLinear {
		n.Head = ""
	}
	if n.Growth == 12 {
		n.Growth = 0
	}
	if n.Stem == 16 {
		n.Stem = 0
	}
}

func (d *decoder) checkNetwork(s *Spec) {
	if d.faulty("network") {
		return
	}
	n := s.Network
	switch {
	case n.ONNX != "":
		d.checkImported("onnx", "weights", "checkpoint")
	case n.Checkpoint != "":
		d.checkImported("checkpoint", "weights")
	}
	if n.Fresh && n.Checkpoint == "" {
		d.note("network.fresh", "wants a network in checkpoint, of which it takes the architecture")
	}
	if n.ONNX != "" || n.Checkpoint != "" {
		return
	}
	switch mlp, hidden := n.Arch == "mlp", len(n.Hidden) > 0; {
	case n.Arch == "":
		d.note("network.arch", "missing; want one of %s, or a network in onnx or checkpoint", joined(zoo.Names()))
	case mlp && !hidden:
		d.note("network.hidden", "missing; arch mlp needs the widths of its hidden layers, such as [500, 300]")
	case !mlp && hidden:
		d.note("network.hidden", "arch %s has its own widths; leave hidden out, or use arch mlp", n.Arch)
	default:
		if _, err := outline(n); err != nil {
			d.note("network", "%v", err)
		}
	}
}

// checkImported notes what is given beside the key that holds everything.
func (d *decoder) checkImported(whole string, others ...string) {
	for _, key := range append([]string{"arch", "hidden", "dropout", "batch_norm", "relu", "width", "shortcut", "growth", "stem", "head"}, others...) {
		if d.given("network." + key) {
			d.note("network."+key, "given together with %s, which holds the whole network; want one of the two", whole)
		}
	}
}

// outline is the network's graph with the right names and smallest widths:
// the names do not depend on the widths, and it costs no memory. Of a network
// in a file or in the store nothing is known before it is read.
func outline(n Network) (*models.Network, error) {
	if n.ONNX != "" || n.Checkpoint != "" {
		return nil, errors.New("the network is not known before it is read")
	}
	return zoo.Outline(n.Options(nil, 0))
}
