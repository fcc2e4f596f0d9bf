package gorgonia

import "espalier/models/engine/parallel"

// narrow is how a stage of inference computes so few samples that half of the
// threads or more would have none: task by task, the large ones divided by
// columns of their results. All parts see the memory of the first one.
type narrow struct {
	views []view
	tasks []task   // the first part's
	parts [][]task // those of every part; a task of its own for its workspace

	// Of the task in progress.
	task, rows int
}

// shareable is how much work makes a task worth a barrier, which takes some
// microseconds when the processors are free: a task of some 25 microseconds.
const shareable = 1 << 22

// bindNarrow binds the steps of a stage, which all go over samples.
func (p *program) bindNarrow(steps []*step) *narrow {
	s := &narrow{parts: make([][]task, len(p.workspaces))}
	first := &viewer{rows: make(map[*value]*buffer)}
	for part, workspace := range p.workspaces {
		v := &viewer{workspace: workspace, rows: first.rows}
		for _, step := range steps {
			s.parts[part] = append(s.parts[part], step.task(v))
		}
		s.views = append(s.views, v.views...)
	}
	s.tasks = s.parts[0]
	return s
}

// runAll computes n samples, chunk by chunk.
func (s *narrow) runAll(n, chunk int) {
	for _, tasks := range s.parts {
		for i := range tasks {
			if begin := tasks[i].begin; begin != nil && (s.divides(i) || &tasks[0] == &s.tasks[0]) {
				begin(n)
			}
		}
	}
	for lo := 0; lo < n; lo += chunk {
		hi := min(n, lo+chunk)
		for _, v := range s.views {
			v.move(lo, hi)
		}
		for i := range s.tasks {
			if s.divides(i) {
				s.task, s.rows = i, hi-lo
				parallel.Run(len(s.parts), s)
			} else {
				s.tasks[i].run(n, 0, hi-lo)
			}
		}
	}
}

func (s *narrow) divides(i int) bool {
	return s.tasks[i].columns != nil && s.tasks[i].work >= shareable
}

// Part does a part of the task in progress.
func (s *narrow) Part(i int) { s.parts[i][s.task].columns(0, s.rows, i, len(s.parts)) }
