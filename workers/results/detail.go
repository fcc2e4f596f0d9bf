package results

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/compress/esp"
	"espalier/models/engine"
	"espalier/models/measure"
	"espalier/models/report"
)

// mostJournals bounds the journals that are read to tell of machines.
const mostJournals = 500

// detail reads what the rows do not tell: the machines, by the journals of the
// steps, and the layers of the best trial, by its checkpoints.
func (p *part) detail(ctx context.Context) error {
	for _, t := range p.trials {
		if t.data != "" {
			p.Data.Digest = t.data
			break
		}
	}
	if err := p.machines(ctx); err != nil {
		return err
	}
	p.Best = report.Better(p.Trials, p.Objectives)
	if p.Best < 0 || p.spec == nil || p.spec.Exec != nil {
		return nil
	}
	best := &p.Trials[p.Best]
	if best.First() == nil {
		return nil
	}
	return p.layers(ctx, best.First().Checkpoint, best.Last().Checkpoint)
}

// machines tells of what computed the steps.
func (p *part) machines(ctx context.Context) error {
	var keys []string
	seen := map[string]bool{}
	for _, t := range p.trials {
		for _, l := range t.links {
			if l.Key != "" && !seen[l.Key] {
				seen[l.Key], keys = true, append(keys, l.Key)
			}
		}
	}
	p.Steps = len(keys)
	at := map[engine.Fingerprint]int{}
	for _, key := range keys[:min(len(keys), mostJournals)] {
		by, known, err := p.finished(ctx, key)
		if err != nil {
			return err
		}
		if !known {
			continue
		}
		f := by.Fingerprint
		i, ok := at[f]
		if !ok {
			i = len(p.Machines)
			at[f] = i
			p.Machines = append(p.Machines, report.Machine{Engine: f.Engine, CPU: f.CPU, BLAS: f.BLAS, Threads: f.Threads})
		}
		p.Told++
		p.Machines[i].Steps++
		if v := by.Version; v != "" && !slices.Contains(p.Machines[i].Versions, v) {
			p.Machines[i].Versions = append(p.Machines[i].Versions, v)
		}
	}
	for i := range p.Machines {
		slices.Sort(p.Machines[i].Versions)
	}
	slices.SortStableFunc(p.Machines, func(a, b report.Machine) int { return cmp.Compare(b.Steps, a.Steps) })
	return nil
}

// finished is the opening of the attempt that finished a step.
func (p *part) finished(ctx context.Context, key string) (open checkpoint.Entry, known bool, err error) {
	opened := map[int]checkpoint.Entry{}
	for entry, err := range p.source.Repo.History(ctx, key) {
		var bad *checkpoint.CorruptError
		switch {
		case errors.As(err, &bad):
		case err != nil:
			return open, false, err
		case entry.Kind == checkpoint.EntryOpen:
			opened[entry.Number] = entry
		case entry.Kind == checkpoint.EntryResult:
			open, known = opened[entry.Token]
		}
	}
	return open, known, nil
}

// layers tells of the dense and the last network by layer. One that is not in
// the store any more is not told of.
func (p *part) layers(ctx context.Context, first, last string) error {
	dense, err := p.load(ctx, first)
	if err != nil || dense == nil {
		return err
	}
	end, err := p.load(ctx, last)
	if err != nil || end == nil {
		return err
	}
	before, err := measure.Costs(dense)
	if err != nil {
		return err
	}
	after, err := measure.Costs(end)
	if err != nil {
		return err
	}
	packed, total, err := packedBytes(end)
	if err != nil {
		return err
	}
	p.Packed = total
	for _, l := range before.Layers {
		p.Layers = append(p.Layers, report.Layer{Name: l.Name, Op: string(l.Op), Before: l.Amounts})
	}
	for _, l := range after.Layers {
		i := slices.IndexFunc(p.Layers, func(of report.Layer) bool { return of.Name == l.Name })
		if i < 0 {
			i = len(p.Layers)
			p.Layers = append(p.Layers, report.Layer{Name: l.Name, Op: string(l.Op)})
		}
		p.Layers[i].After, p.Layers[i].Packed = l.Amounts, packed[l.Name]
	}
	return nil
}

func (p *part) load(ctx context.Context, digest string) (*models.Network, error) {
	c, err := p.source.Repo.Load(ctx, checkpoint.Digest(digest))
	if errors.Is(err, checkpoint.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return c.Network, nil
}

// packedBytes is what each layer and the whole file take as a packed model.
func packedBytes(net *models.Network) (layers map[string]int64, total int64, err error) {
	data, err := esp.Encode(net, esp.Options{})
	if err != nil {
		return nil, 0, err
	}
	f, err := esp.Open(data)
	if err != nil {
		return nil, 0, err
	}
	sizes, err := f.Sizes()
	if err != nil {
		return nil, 0, err
	}
	layers = map[string]int64{}
	for _, t := range sizes.Tensors {
		layers[t.Layer] += int64(t.Total())
	}
	return layers, int64(len(data)), nil
}
