package gorgonia

import "slices"

// room is a piece of memory and the values that have it, one after the other:
// those that are computed in place of their operand.
type room struct {
	local       bool // lives within one stage: no more than a chunk, one for each part
	size        int  // elements; of a sample in local rooms
	first, last int  // stages, or steps of the stage in local rooms
	stage       int  // of a local room
	offset      int
	values      []*value
}

// local says whether the value lives within one stage.
func (v *value) local() bool { return v.room != nil && v.room.local }

// usage is where a value is written and read.
type usage struct {
	first, last place
	whole       int // the last stage in which something other than a chunk reads it, or -1
}

// place is a step's position.
type place struct{ stage, step int }

func (p place) before(q place) bool {
	return p.stage < q.stage || p.stage == q.stage && p.step < q.step
}

// planner lays the values out in memory.
type planner struct {
	prepare []*step
	stages  [][]*step
	batch   int
	threads int
	usages  map[*value]*usage
	values  []*value // in the order of their first use
	rooms   []*room
}

func plan(prepare []*step, stages [][]*step, batch, threads int) *planner {
	p := &planner{prepare: prepare, stages: stages, batch: batch, threads: threads, usages: make(map[*value]*usage)}
	p.use()
	for _, v := range p.values {
		if !v.outside && v.kind != replica {
			p.furnish(v)
		}
	}
	for i, stage := range stages {
		for k, s := range stage {
			p.inPlace(s, place{i, k})
		}
	}
	p.rooms = slices.DeleteFunc(p.rooms, func(r *room) bool { return len(r.values) == 0 })
	return p
}

// use finds out from where to where each value is needed.
func (p *planner) use() {
	for i, s := range p.prepare {
		for _, v := range append(s.reads[:len(s.reads):len(s.reads)], s.writes) {
			p.touch(v, s, place{stage: i - len(p.prepare)})
		}
	}
	for i, stage := range p.stages {
		for k, s := range stage {
			for _, v := range append(s.reads[:len(s.reads):len(s.reads)], s.writes) {
				p.touch(v, s, place{i, k})
			}
		}
	}
}

func (p *planner) touch(v *value, s *step, at place) {
	u := p.usages[v]
	if u == nil {
		u = &usage{first: at, whole: -1}
		p.usages[v] = u
		p.values = append(p.values, v)
	}
	u.last = at
	if s.when != chunks {
		u.whole = at.stage
	}
	if v.kept {
		u.last = place{stage: len(p.stages)}
	}
}

// furnish gives a value a room of its own.
func (p *planner) furnish(v *value) {
	u := p.usages[v]
	r := &room{size: v.width, first: u.first.stage, last: u.last.stage, stage: u.first.stage, values: []*value{v}}
	switch {
	case v.kind == perSample && r.first == r.last && u.whole < 0:
		r.local, r.first, r.last = true, u.first.step, u.last.step
	case v.kind == perSample:
		r.size *= p.batch
	case v.kind == partial:
		r.size = aligned(r.size) * p.threads
	}
	v.room = r
	p.rooms = append(p.rooms, r)
}

// inPlace lets a step's result take over its operand's room where nobody needs
// the operand any more, not even the step itself as another operand. What lives
// within a stage stays in the cache; it is not given a place in the batch's
// memory for it.
func (p *planner) inPlace(s *step, at place) {
	if s.inPlace < 0 {
		return
	}
	a, b := s.reads[s.inPlace], s.writes
	if slices.Contains(s.reads[s.inPlace+1:], a) {
		return
	}
	if a.kind != perSample || a.room == nil || b.room == nil || a.width != b.width || (!a.room.local && b.room.local) {
		return
	}
	for _, v := range a.room.values {
		if u := p.usages[v]; v.kept || at.before(u.last) || u.whole == at.stage {
			return
		}
	}
	p.merge(b.room, a.room)
}

// merge moves the values of one room to another.
func (p *planner) merge(into, from *room) {
	switch {
	case from.local && !into.local: // its stage is within the other's life
		into.first = min(into.first, from.stage)
	default:
		into.first, into.last = min(into.first, from.first), max(into.last, from.last)
	}
	for _, v := range from.values {
		v.room = into
	}
	into.values, from.values = append(from.values, into.values...), nil
}

// pack finds an offset for each room so that no two that are needed at the
// same time overlap, large ones first, and returns the memory that they take.
func pack(rooms []*room, size func(*room) int) int {
	order := slices.Clone(rooms)
	slices.SortStableFunc(order, func(a, b *room) int { return size(b) - size(a) })
	var placed []*room // by offset
	total := 0
	for _, r := range order {
		r.offset = 0
		for _, q := range placed {
			if q.first > r.last || r.first > q.last {
				continue
			}
			if r.offset+size(r) <= q.offset {
				break
			}
			r.offset = max(r.offset, q.offset+size(q))
		}
		at, _ := slices.BinarySearchFunc(placed, r, func(q, r *room) int { return q.offset - r.offset })
		placed = slices.Insert(placed, at, r)
		total = max(total, r.offset+size(r))
	}
	return total
}
