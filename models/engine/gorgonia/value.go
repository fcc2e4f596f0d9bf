package gorgonia

// kind says who has a value.
type kind int

const (
	perSample kind = iota // a row for each sample of the batch
	shared                // one for all parts
	replica               // one for each part, all of them equal
	partial               // one for each part: its share of a sum
)

// value is what a program computes, with the memory that it has.
type value struct {
	kind    kind
	width   int  // elements of a sample, or of all
	doubles int  // float64 elements besides
	stage   int  // in which it is computed, or given
	outside bool // has memory that is not the program's
	kept    bool // to the end of the program: somebody asked for it

	root   *buffer   // of perSample and shared values: all of it
	copies []*buffer // of replicas and partial sums, and of rows that live in one stage: a part's
	room   *room
}

// given is the stage of values that are there before the first.
const given = -1

func (c *compiler) newValue(k kind, width, stage int) *value {
	v := &value{kind: k, width: width, stage: stage}
	if k == perSample || k == shared {
		v.root = &buffer{batch: k == perSample, width: width}
		return v
	}
	for range c.threads {
		v.copies = append(v.copies, &buffer{width: width})
	}
	return v
}

// ready is the first stage at which a step of that time can read the value.
func (v *value) ready(t when) int {
	switch {
	case v.stage == given:
		return 0
	case v.kind == perSample && t == chunks, v.kind == replica:
		return v.stage
	default:
		return v.stage + 1 // waits for all parts
	}
}

// when says at which point of a stage a step runs.
type when int

const (
	eachPart when = iota // first, by every part for itself
	chunks               // then, by every part, on its samples chunk by chunk
	shares               // last, divided among the parts by something else than samples
)

// step is a task before it is bound to memory.
type step struct {
	when    when
	reads   []*value
	writes  *value
	inPlace int // of reads, or -1
	weights int // elements that a chunk goes through besides the samples' own

	task  func(v *viewer) task  // of chunks
	share func(v *viewer) share // of the others
}

// viewer gives the steps of a stage a part's view of their values.
type viewer struct {
	part      int
	workspace *buffer
	rows      map[*value]*buffer
	views     []view
}

// view follows the chunks of a batch.
type view struct {
	buffer *buffer
	root   *buffer // nil where the memory holds no more than a chunk
}

func (v view) move(lo, hi int) {
	v.buffer.first = lo
	switch {
	case v.root == nil:
	case v.root.labels != nil:
		v.buffer.labels = v.root.labels[lo:hi]
	default:
		v.buffer.data = v.root.data[lo*v.root.width : hi*v.root.width]
	}
}

// of is the value as tasks over samples see it: rows of the chunk at hand.
func (v *viewer) of(x *value) *buffer {
	if x.kind != perSample {
		return v.whole(x)
	}
	if b := v.rows[x]; b != nil {
		return b
	}
	var w view
	if x.local() {
		w.buffer = x.copies[v.part]
	} else {
		w.buffer, w.root = &buffer{batch: true, width: x.width}, x.root
	}
	v.rows[x] = w.buffer
	v.views = append(v.views, w)
	return w.buffer
}

// whole is the value for all samples, or the part's own copy.
func (v *viewer) whole(x *value) *buffer {
	if x.root != nil {
		return x.root
	}
	return x.copies[v.part]
}

func (v *viewer) all(xs []*value, f func(*value) *buffer) []*buffer {
	out := make([]*buffer, len(xs))
	for i, x := range xs {
		out[i] = f(x)
	}
	return out
}
