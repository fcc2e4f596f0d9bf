package prune_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/prune"
	"espalier/models/zoo"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	type shares = map[string]float64
	for name, c := range map[string]struct {
		options prune.Options
		want    string // "" is right
	}{
		"sparsity":                    {prune.Options{Method: "han", Scope: "layer", Sparsity: 0.5}, ""},
		"global":                      {prune.Options{Method: "han", Scope: "global", Sparsity: 0.5}, ""},
		"by layer":                    {prune.Options{Method: "han", Scope: "layer", Layers: shares{"fc1": 0.5, "fc2": 0.4}}, ""},
		"by layer, others excluded":   {prune.Options{Method: "han", Scope: "layer", Layers: shares{"fc1": 0.5}, Exclude: []string{"fc2"}}, ""},
		"quality":                     {prune.Options{Method: "han", Scope: "layer", Quality: shares{"default": 1}}, ""},
		"quality by layer":            {prune.Options{Method: "han", Scope: "layer", Quality: shares{"fc1": 1, "fc2": 0.5}}, ""},
		"quality global":              {prune.Options{Method: "han", Scope: "global", Quality: shares{"default": 1}}, ""},
		"unknown method":              {prune.Options{Method: "obd", Scope: "layer", Sparsity: 0.5}, `method "obd" is not known; allowed are apoz, channel-lasso, `},
		"unknown scope":               {prune.Options{Method: "han", Scope: "net", Sparsity: 0.5}, `scope "net" is not known; allowed are global, layer`},
		"no target":                   {prune.Options{Method: "han", Scope: "layer"}, "either a sparsity between 0 and 1 or a quality"},
		"two targets":                 {prune.Options{Method: "han", Scope: "layer", Sparsity: 0.5, Quality: shares{"default": 1}}, "exactly one of the two"},
		"two targets, one by layer":   {prune.Options{Method: "han", Scope: "layer", Layers: shares{"fc1": 0.5}, Quality: shares{"fc2": 1}}, "exactly one of the two"},
		"120 %":                       {prune.Options{Method: "han", Scope: "layer", Sparsity: 1.2}, "sparsity 1.2 is not between 0 and 1"},
		"100 %":                       {prune.Options{Method: "han", Scope: "layer", Sparsity: 1}, "sparsity 1 is not between 0 and 1"},
		"negative":                    {prune.Options{Method: "han", Scope: "layer", Sparsity: -0.1}, "sparsity -0.1 is not between 0 and 1"},
		"NaN":                         {prune.Options{Method: "han", Scope: "layer", Sparsity: math.NaN()}, "sparsity NaN is not between 0 and 1"},
		"layer at 0":                  {prune.Options{Method: "han", Scope: "layer", Sparsity: 0.5, Layers: shares{"fc2": 0}}, "layers: sparsity 0 of fc2 is not between 0 and 1"},
		"layer NaN":                   {prune.Options{Method: "han", Scope: "layer", Sparsity: 0.5, Layers: shares{"fc2": math.NaN()}}, "layers: sparsity NaN of fc2"},
		"layers in global":            {prune.Options{Method: "han", Scope: "global", Sparsity: 0.5, Layers: shares{"fc2": 0.5}}, "layers: sparsities by layer need scope layer"},
		"layer without sparsity":      {prune.Options{Method: "han", Scope: "layer", Layers: shares{"fc1": 0.5}}, "layers: layer fc2 has no sparsity"},
		"unknown layer":               {prune.Options{Method: "han", Scope: "layer", Sparsity: 0.5, Layers: shares{"fc3": 0.5}}, `layers: layer "fc3" is not known; allowed are fc1, fc2`},
		"default is no layer":         {prune.Options{Method: "han", Scope: "layer", Sparsity: 0.5, Layers: shares{"default": 0.5}}, `layers: layer "default" is not known`},
		"unknown excluded":            {prune.Options{Method: "han", Scope: "layer", Sparsity: 0.5, Exclude: []string{"relu1"}}, `exclude: layer "relu1" is not known; allowed are fc1, fc2`},
		"all excluded":                {prune.Options{Method: "han", Scope: "layer", Sparsity: 0.5, Exclude: []string{"fc1", "fc2"}}, "exclude: no layer is left to prune of fc1, fc2"},
		"excluded with sparsity":      {prune.Options{Method: "han", Scope: "layer", Sparsity: 0.5, Layers: shares{"fc1": 0.5}, Exclude: []string{"fc1"}}, "layers: layer fc1 is excluded too"},
		"excluded with quality":       {prune.Options{Method: "han", Scope: "layer", Quality: shares{"default": 1, "fc1": 0.5}, Exclude: []string{"fc1"}}, "quality: layer fc1 is excluded too"},
		"quality of unknown":          {prune.Options{Method: "han", Scope: "layer", Quality: shares{"fc3": 1}}, `quality: layer "fc3" is not known`},
		"quality 0":                   {prune.Options{Method: "han", Scope: "layer", Quality: shares{"default": 0}}, "quality 0 of default is not a positive number"},
		"quality NaN":                 {prune.Options{Method: "han", Scope: "layer", Quality: shares{"fc1": math.NaN()}}, "quality NaN of fc1"},
		"quality infinite":            {prune.Options{Method: "han", Scope: "layer", Quality: shares{"fc1": math.Inf(1)}}, "quality +Inf of fc1"},
		"quality of a layer, global":  {prune.Options{Method: "han", Scope: "global", Quality: shares{"fc1": 1}}, "quality: a value for fc1 needs scope layer"},
		"quality of some":             {prune.Options{Method: "han", Scope: "layer", Quality: shares{"fc1": 1}}, "quality: layer fc2 has none and there is no default"},
		"more than a layer can give":  {prune.Options{Method: "han", Scope: "layer", Sparsity: 0.9}, "at most 3 can go, sparsity 0.75"},
		"more than all can give":      {prune.Options{Method: "han", Scope: "global", Sparsity: 0.86}, "at most 8 can go, sparsity 0.8"},
		"as much as a layer can give": {prune.Options{Method: "han", Scope: "layer", Sparsity: 0.75}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net := mlp(t, 1, 2, 2) // 4 and 6 weights
			err := prune.Check(net, c.options)
			_, planErr := prune.NewPlan(context.Background(), net, c.options, prune.Basis{})
			if c.want == "" {
				if err != nil || planErr != nil {
					t.Errorf("Check error %v, NewPlan error %v, want none", err, planErr)
				}
				return
			}
			if err == nil || planErr == nil || err.Error() != planErr.Error() || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Check error %v, NewPlan error %v, want both to say %q", err, planErr, c.want)
			}
		})
	}
}

func TestMethodsAreKnown(t *testing.T) {
	t.Parallel()
	net, err := zoo.Build(zoo.Options{Arch: "mlp", Hidden: []int{4}, BatchNorm: true, Input: models.Shape{2}, Classes: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range prune.Methods() {
		about, err := prune.Describe(method)
		if err != nil || about.Name != method || about.Paper == "" || about.Doc == "" {
			t.Errorf("method %s: described as %+v, %v", method, about, err)
			continue
		}
		if err := prune.Check(net, prune.Options{Method: method, Scope: about.Scopes[0], Sparsity: 0.5}); err != nil {
			t.Errorf("method %s: %v", method, err)
		}
	}
}

func TestNewPlanRefusesInvalidNetwork(t *testing.T) {
	t.Parallel()
	net := mlp(t, 1, 2, 2)
	p := plan(t, net, han(0.5))
	net.Params = net.Params[:3]
	if _, err := prune.NewPlan(context.Background(), net, han(0.5), prune.Basis{}); err == nil {
		t.Error("NewPlan: a network without its parameters is not refused")
	}
	if _, err := prune.Apply(net, p); err == nil {
		t.Error("Apply: a network without its parameters is not refused")
	}
}
