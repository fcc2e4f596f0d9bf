package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nlpodyssey/safetensors"

	"espalier/models"
)

// format names the layout of the bytes; docs/checkpoint-format.md describes
// it. A file of another format is refused, and format 1 is read for ever.
const format = "espalier checkpoint 1"

// The names of the file's metadata and the prefixes of its tensors.
const (
	metaFormat   = "format"
	metaNetwork  = "network"
	metaTraining = "training"

	prefixMask      = "mask/"
	prefixOptimizer = "optimizer/"
)

// Encode writes a checkpoint as a safetensors file and answers with its bytes
// and their digest. Equal checkpoints have equal bytes. It fails on a network
// that is not valid, so that nothing is stored that [Decode] would refuse.
func Encode(c *Checkpoint) ([]byte, Digest, error) {
	if err := check(c); err != nil {
		return nil, "", fmt.Errorf("encode checkpoint: %w", err)
	}
	meta, err := metadata(c)
	if err != nil {
		return nil, "", fmt.Errorf("encode checkpoint: %w", err)
	}
	data, err := safetensors.Serialize(views(c), meta)
	if err != nil {
		return nil, "", fmt.Errorf("encode checkpoint: %w", err)
	}
	if size := headerSize(data); size > maxHeader {
		return nil, "", fmt.Errorf("encode checkpoint: the header has %d bytes, at most %d are allowed", size, maxHeader)
	}
	return data, DigestOf(data), nil
}

func metadata(c *Checkpoint) (map[string]string, error) {
	meta := map[string]string{metaFormat: filesFormat}
	if c.Network != nil {
		network, err := json.Marshal(c.Network)
		if err != nil {
			return nil, fmt.Errorf("network: %w", err)
		}
		meta = map[string]string{metaFormat: format, metaNetwork: string(network)}
	}
	if c.Training != nil {
		training, err := json.Marshal(c.Training)
		if err != nil {
			return nil, fmt.Errorf("training: %w", err)
		}
		meta[metaTraining] = string(training)
	}
	return meta, nil
}

func views(c *Checkpoint) map[string]safetensors.View {
	tensors := make(map[string]safetensors.View)
	if c.Network == nil {
		for _, f := range c.Files {
			tensors[f.Name] = fileView(f.Data)
		}
		return tensors
	}
	for _, p := range c.Network.Params {
		tensors[p.Name] = floatView{p.Shape, p.Data}
		if p.Mask != nil {
			tensors[prefixMask+p.Name] = maskView{p.Shape, p.Mask}
		}
	}
	if c.Training != nil {
		for name, data := range c.Training.Tensors {
			tensors[prefixOptimizer+name] = floatView{models.Shape{len(data)}, data}
		}
	}
	return tensors
}

// check says why a checkpoint cannot be stored.
func check(c *Checkpoint) error {
	switch {
	case c == nil || c.Network == nil && c.Files == nil:
		return errors.New("there is no network")
	case c.Network != nil && c.Files != nil:
		return errors.New("there are both a network and files")
	case c.Network == nil && c.Training != nil && len(c.Training.Tensors) > 0:
		return errors.New("files have no optimizer tensors beside them")
	case c.Network == nil:
		return checkFiles(c.Files)
	}
	if err := checkNetwork(c.Network); err != nil {
		return err
	}
	if err := c.Network.Validate(); err != nil {
		return err
	}
	if c.Training == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(c.Training.Tensors)) {
		if name == "" || !utf8.ValidString(name) {
			return fmt.Errorf("optimizer tensor %q: the name is empty or no UTF-8", name)
		}
	}
	return nil
}

// checkNetwork refuses what Validate takes for granted: graphs without nodes,
// sizes that overflow, and names that the file cannot hold.
func checkNetwork(net *models.Network) error {
	if len(net.Nodes) == 0 {
		return fmt.Errorf("network %s has no nodes", net.Name)
	}
	if !utf8.ValidString(net.Name) {
		return fmt.Errorf("network name %q is no UTF-8", net.Name)
	}
	size := 1
	for _, d := range net.Input {
		if d <= 0 || size > maxElements/d {
			return fmt.Errorf("network %s: input shape %v is not of positive sizes up to %d together", net.Name, net.Input, maxElements)
		}
		size *= d
	}
	for _, node := range net.Nodes {
		if !utf8.ValidString(node.Name) || strings.HasPrefix(node.Name, prefixMask) || strings.HasPrefix(node.Name, prefixOptimizer) {
			return fmt.Errorf("network %s: node name %q is no UTF-8 or begins with %q or %q", net.Name, node.Name, prefixMask, prefixOptimizer)
		}
		if node.Attrs.Out > maxElements {
			return fmt.Errorf("network %s: node %s has %d outputs, at most %d are allowed", net.Name, node.Name, node.Attrs.Out, maxElements)
		}
		if err := checkAttrs(node); err != nil {
			return fmt.Errorf("network %s: %w", net.Name, err)
		}
	}
	for i, p := range net.Params {
		if p == nil {
			return fmt.Errorf("network %s: parameter %d is null", net.Name, i)
		}
	}
	return nil
}
