package main

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"espalier/activities"
	"espalier/config"
	"espalier/workers"
)

// A server that takes connections and says nothing costs explain a second, not
// the ten that a command waits which needs one.
func TestPlacementOfASilentServerIsNotKnown(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	t.Setenv("TEMPORAL_ADDRESS", silent.Addr().String())
	l := newLab(t, tinySpec)
	if out := command(t, "explain", l.spec, "--home", l.home, "--json").out.String(); !strings.Contains(out, `"steps"`) || strings.Contains(out, "placement") {
		t.Errorf("explain with a server that says nothing: %s", out)
	}
	a := &app{home: l.home, log: slog.New(slog.DiscardHandler)}
	a.env.Temporal = []string{"TEMPORAL_ADDRESS"}
	began := time.Now()
	if found := a.placement(t.Context(), &config.Spec{}); found != nil {
		t.Errorf("a server that says nothing told of %+v", found)
	}
	if took := time.Since(began); took > dialWithin/2 {
		t.Errorf("explain waited %s for a server that says nothing", took)
	}
}

// The workers that would take the steps come first, and a long list is cut.
func TestPlacementIsPrinted(t *testing.T) {
	t.Parallel()
	var live []workers.Record
	for _, name := range strings.Split("abcdefghij", "") {
		live = append(live, workers.Record{Identity: name, Queues: []workers.Served{{Queue: "x", Slots: 1}, {Queue: "gpu", Slots: 2}}, Has: activities.Capability{Cores: 2}})
	}
	live[9].Has.Cores = 8
	needs := &activities.Needs{Demands: &config.Resources{Cores: 8}}
	var out bytes.Buffer
	p := workers.Place(live, "gpu", needs)
	printPlacement(&out, &p)
	for _, want := range []string{
		"\nqueue      gpu\nworker     j takes the steps, 2 at a time\nworker     a leaves them to others: it has 2 cores of 8\n",
		"\nand 2 more, which this lists: espalier workers\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
	out.Reset()
	p = workers.Place(live[:9], "gpu", needs)
	printPlacement(&out, &p)
	if got := out.String(); !strings.Contains(got, "of e: it has 2 cores of 8; nor have 4 more; start one with: espalier worker --queue gpu, on a machine with 8 cores\n") {
		t.Error(got)
	}
}
