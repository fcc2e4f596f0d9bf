package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"espalier/activities"
	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/draw"
	"espalier/models/measure"
	"espalier/workers/runs"
	"espalier/workflows"
)

// layer is what one layer holds and computes.
type layer struct {
	Name          string `json:"name"`
	Op            string `json:"op"`
	Inputs        int    `json:"inputs,omitempty"` // channels or features
	Outputs       int    `json:"outputs,omitempty"`
	Weights       int64  `json:"weights"`
	NonZero       int64  `json:"nonzero"`
	MACs          int64  `json:"macs"`
	EffectiveMACs int64  `json:"effective_macs"`
	DenseBytes    int64  `json:"dense_bytes"`
	CSRBytes      int64  `json:"csr_bytes"`
	CodedBytes    int64  `json:"coded_bytes,omitempty"` // of a quantized network, Huffman-coded
}

// layersOfPass are those of the network that a pass ended with.
type layersOfPass struct {
	Pass       int               `json:"pass"`
	Checkpoint checkpoint.Digest `json:"checkpoint"`
	Layers     []layer           `json:"layers"`
}

// rows are those that a run has reached, or why they are not known.
func (s *Server) rows(ctx context.Context, id string) (rows []workflows.Row, why string, err error) {
	f, err := s.full(ctx, id)
	switch {
	case err != nil:
		return nil, "", err
	case f.Kind == runs.KindSweep:
		return nil, "a sweep has no network of its own; its trials have", nil
	case f.Reached == nil:
		return nil, "no worker answers for what the run has reached; start one with: espalier worker", nil
	case len(f.Reached.Rows) == 0:
		return nil, "no pass has ended yet", nil
	}
	return f.Reached.Rows, "", nil
}

// layers are those of the networks of all passes, the dense one first.
func (s *Server) layers(ctx context.Context, v *runs.View, _ *http.Request) (any, error) {
	passes := []layersOfPass{}
	rows, why, err := s.rows(ctx, v.ID)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		layers, err := s.layersOf(ctx, row.Checkpoint)
		if errors.Is(err, checkpoint.ErrNotFound) {
			why = fmt.Sprintf("checkpoint %s of pass %d is in the store no more", row.Checkpoint.Short(), row.Pass)
			continue
		}
		if err != nil {
			return nil, err
		}
		if row.HuffmanBytes > 0 {
			if layers, err = s.coded(ctx, v, layers); err != nil {
				return nil, err
			}
		}
		passes = append(passes, layersOfPass{row.Pass, row.Checkpoint, layers})
	}
	return map[string]any{"passes": passes, "why": why}, nil
}

// network reads a network. The caller holds heavy, so that memory has one at a
// time.
func (s *Server) network(ctx context.Context, d checkpoint.Digest) (*models.Network, error) {
	if s.Repo == nil {
		return nil, errNoStore
	}
	c, err := s.Repo.Load(ctx, d)
	if err != nil {
		return nil, err
	}
	return c.Network, nil
}

// sizeOfLayer is about what a layer takes in memory, in bytes.
const sizeOfLayer = 200

func (s *Server) layersOf(ctx context.Context, d checkpoint.Digest) ([]layer, error) {
	key := "layers " + string(d)
	if known, ok := s.cache.get(key); ok {
		return known.([]layer), nil
	}
	all, err := s.shared(ctx, key, func(ctx context.Context) (any, error) {
		s.heavy.Lock()
		defer s.heavy.Unlock()
		net, err := s.network(ctx, d)
		if err != nil {
			return nil, err
		}
		cost, err := measure.Costs(net)
		if err != nil {
			return nil, fmt.Errorf("checkpoint %s: %w", d.Short(), err)
		}
		layers := []layer{}
		for _, l := range cost.Layers {
			layers = append(layers, layerOf(net, l))
		}
		s.cache.put(key, layers, sizeOfLayer*len(layers))
		return layers, nil
	})
	if err != nil {
		return nil, err
	}
	return all.([]layer), nil
}

func layerOf(net *models.Network, l measure.Layer) layer {
	of := layer{
		Name: l.Name, Op: string(l.Op), Weights: l.Weights, NonZero: l.NonZeroWeights, MACs: l.MACs, EffectiveMACs: l.EffectiveMACs,
		DenseBytes: l.Bytes, CSRBytes: l.SparseBytes,
	}
	for _, p := range net.Params {
		if p.Node == l.Name && p.Role == models.RoleWeight && len(p.Shape) >= 2 {
			of.Outputs, of.Inputs = p.Shape[0], p.Shape[1]
			if node, ok := net.Node(l.Name); ok {
				of.Inputs *= max(1, node.Attrs.Groups)
			}
		}
	}
	return of
}

// coded adds what a quantization found that layers take in codes.
func (s *Server) coded(ctx context.Context, v *runs.View, plain []layer) ([]layer, error) {
	steps, err := s.steps(ctx, v)
	if err != nil {
		return nil, err
	}
	bits := map[string]int64{}
	for _, step := range steps {
		if step.Activity != activities.NameQuantize || step.Key == "" {
			continue
		}
		result, err := s.Repo.Result(ctx, step.Key)
		if err != nil {
			return nil, err
		}
		if len(result.Detail) == 0 { // of a portion, which is not coded yet
			continue
		}
		var found []activities.QuantizedLayer
		if err := json.Unmarshal(result.Detail, &found); err != nil {
			return nil, fmt.Errorf("quantization of %s: %w", v.ID, err)
		}
		for _, l := range found {
			bits[l.Layer] = l.Huffman.Total()
		}
	}
	layers := make([]layer, len(plain))
	for i, l := range plain {
		l.CodedBytes = (bits[l.Name] + 7) / 8
		layers[i] = l
	}
	return layers, nil
}

// faster is how much faster a pass made the network, by its operations and by
// the clock.
type faster struct {
	Pass        int     `json:"pass"`
	Latency     float64 `json:"latency_s"` // of one sample
	Measured    float64 `json:"measured"`  // times as fast as the dense network
	Theoretical float64 `json:"theoretical"`
}

// speed compares the time that networks took with what their operations
// promise.
func (s *Server) speed(ctx context.Context, v *runs.View, _ *http.Request) (any, error) {
	all := []faster{}
	rows, why, err := s.rows(ctx, v.ID)
	if err != nil {
		return nil, err
	}
	if len(rows) > 0 && rows[0].Latency == 0 {
		why = "the run does not measure latency"
	}
	for _, row := range rows {
		if row.Latency > 0 && rows[0].Latency > 0 && row.EffectiveMACs > 0 {
			all = append(all, faster{
				row.Pass, row.Latency, rows[0].Latency / row.Latency, float64(rows[0].EffectiveMACs) / float64(row.EffectiveMACs),
			})
		}
	}
	return map[string]any{"measured": all, "why": why}, nil
}

// policyOfPictures lets a picture have its own styles, and nothing else.
const policyOfPictures = "default-src 'none'; style-src 'unsafe-inline'"

// picture draws a network, beside the dense one if that is named.
func (s *Server) picture(w http.ResponseWriter, r *http.Request) (any, error) {
	if _, err := idOf(r); err != nil {
		return nil, err
	}
	after, before := checkpoint.Digest(r.URL.Query().Get("checkpoint")), checkpoint.Digest(r.URL.Query().Get("dense"))
	if !after.Valid() || before != "" && !before.Valid() {
		return nil, badRequest("checkpoint and dense are digests of 64 digits, and dense may be missing")
	}
	key := fmt.Sprintf("picture %s %s", after, before)
	drawn, known := s.cache.get(key)
	if !known {
		var err error
		drawn, err = s.shared(r.Context(), key, func(ctx context.Context) (any, error) { return s.draw(ctx, after, before) })
		if err != nil {
			return nil, err
		}
		s.cache.put(key, drawn, len(drawn.([]byte)))
	}
	w.Header().Set("Content-Security-Policy", policyOfPictures)
	return raw{"image/svg+xml", drawn.([]byte)}, nil
}

func (s *Server) draw(ctx context.Context, after, before checkpoint.Digest) ([]byte, error) {
	s.heavy.Lock()
	defer s.heavy.Unlock()
	net, err := s.network(ctx, after)
	if err != nil {
		return nil, err
	}
	var svg bytes.Buffer
	if before == "" {
		err = draw.SVG(&svg, net)
		return svg.Bytes(), err
	}
	dense, err := s.network(ctx, before)
	if err != nil {
		return nil, err
	}
	err = draw.Beside(&svg, dense, net)
	return svg.Bytes(), err
}
