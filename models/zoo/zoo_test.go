package zoo_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/zoo"
)

func count(net *models.Network) (params, weights int) {
	for _, p := range net.Params {
		params += len(p.Data)
		if p.Role == models.RoleWeight {
			weights += len(p.Data)
		}
	}
	return params, weights
}

func TestBuildCounts(t *testing.T) {
	t.Parallel()
	// The figures are those of the papers: 266,610 for LeNet-300-100 (Han et
	// al. 2015 print 267K), 545,810 for 784-500-300-10 (network slimming).
	for name, c := range map[string]struct {
		options         zoo.Options
		network         string
		params, weights int
	}{
		"lenet-300-100 on images":   {zoo.Options{Arch: "lenet-300-100", Input: models.Shape{1, 28, 28}, Classes: 10}, "lenet-300-100", 266610, 266200},
		"lenet-300-100 on features": {zoo.Options{Arch: "lenet-300-100", Input: models.Shape{784}, Classes: 10}, "lenet-300-100", 266610, 266200},
		"lenet-300-100 elsewhere":   {zoo.Options{Arch: "lenet-300-100", Input: models.Shape{4}, Classes: 3}, "lenet-300-100", 1500 + 30100 + 303, 1200 + 30000 + 300},
		"mlp of slimming":           {zoo.Options{Arch: "mlp", Hidden: []int{500, 300}, Input: models.Shape{28, 28}, Classes: 10}, "mlp-500-300", 545810, 545000},
		"mlp of one hidden layer":   {zoo.Options{Arch: "mlp", Hidden: []int{2}, Input: models.Shape{3}, Classes: 2}, "mlp-2", 14, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net, err := zoo.Build(c.options)
			if err != nil {
				t.Fatal(err)
			}
			if err := net.Validate(); err != nil {
				t.Fatal(err)
			}
			if params, weights := count(net); params != c.params || weights != c.weights {
				t.Errorf("Build(%v): %d parameters, %d weights, want %d, %d", c.options, params, weights, c.params, c.weights)
			}
			if net.Name != c.network {
				t.Errorf("Build(%v).Name = %q, want %q", c.options, net.Name, c.network)
			}
		})
	}
}

func TestBuildGraph(t *testing.T) {
	t.Parallel()
	nodes := func(o zoo.Options) (names []string) {
		net, err := zoo.Build(o)
		if err != nil {
			t.Fatal(err)
		}
		for _, node := range net.Nodes {
			names = append(names, node.Name)
		}
		return names
	}
	images := nodes(zoo.Options{Arch: "mlp", Hidden: []int{5, 4}, Input: models.Shape{1, 2, 2}, Classes: 2, Dropout: 0.5})
	if diff := cmp.Diff([]string{"input", "flatten", "fc1", "relu1", "drop1", "fc2", "relu2", "drop2", "fc3"}, images); diff != "" {
		t.Errorf("with dropout, on images (-want +got):\n%s", diff)
	}
	features := nodes(zoo.Options{Arch: "mlp", Hidden: []int{5}, Input: models.Shape{4}, Classes: 2})
	if diff := cmp.Diff([]string{"input", "fc1", "relu1", "fc2"}, features); diff != "" {
		t.Errorf("without dropout, on features (-want +got):\n%s", diff)
	}
}

func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	good := zoo.Options{Arch: "mlp", Hidden: []int{5}, Input: models.Shape{4}, Classes: 2}
	for name, c := range map[string]struct {
		change func(*zoo.Options)
		want   string
	}{
		"unknown arch":       {func(o *zoo.Options) { o.Arch = "lenet" }, `arch "lenet" is not known; allowed are convnet, densenet-40, lenet-300-100, lenet-5, mlp, resnet-110`},
		"no arch":            {func(o *zoo.Options) { o.Arch = "" }, "allowed are convnet, densenet-40"},
		"fixed widths":       {func(o *zoo.Options) { o.Arch = "lenet-300-100" }, "hidden [5] cannot be set"},
		"no hidden layer":    {func(o *zoo.Options) { o.Hidden = nil }, "hidden is empty"},
		"empty hidden layer": {func(o *zoo.Options) { o.Hidden = []int{5, 0} }, "hidden width 2 is 0; allowed is 1 to"},
		"huge hidden layer":  {func(o *zoo.Options) { o.Hidden = []int{math.MaxInt} }, "hidden width 1 is"},
		"huge network":       {func(o *zoo.Options) { o.Hidden = []int{1 << 15, 1 << 15} }, "more than 1073741824 parameters"},
		"no input":           {func(o *zoo.Options) { o.Input = nil }, "input shape is empty"},
		"empty input":        {func(o *zoo.Options) { o.Input = models.Shape{3, 0} }, "input shape [3 0]"},
		"negative input":     {func(o *zoo.Options) { o.Input = models.Shape{-3, -1} }, "input shape [-3 -1]"},
		"overflowing input":  {func(o *zoo.Options) { o.Input = models.Shape{1 << 28, 1 << 28, 1 << 28} }, "input shape"},
		"one class":          {func(o *zoo.Options) { o.Classes = 1 }, "1 classes; allowed is 2 to"},
		"all dropped":        {func(o *zoo.Options) { o.Dropout = 1 }, "dropout 1 is not in [0, 1)"},
		"dropout NaN":        {func(o *zoo.Options) { o.Dropout = math.NaN() }, "dropout NaN is not in [0, 1)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := good
			c.change(&o)
			if _, err := zoo.Build(o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Build(%v) error %v, want it to say %q", o, err, c.want)
			}
		})
	}
}

func Example() {
	net, err := zoo.Build(zoo.Options{Arch: "lenet-300-100", Input: models.Shape{1, 28, 28}, Classes: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	zoo.Init(net, 1)
	for _, p := range net.Params {
		fmt.Println(p.Name, p.Shape)
	}
	// Output:
	// fc1.weight [300 784]
	// fc1.bias [300]
	// fc2.weight [100 300]
	// fc2.bias [100]
	// fc3.weight [10 100]
	// fc3.bias [10]
}
